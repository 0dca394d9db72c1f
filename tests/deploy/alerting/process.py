"""Programs that run while something is asked of them, on free ports of loopback, and waiting on conditions.

Not here: what is asked.
"""

import contextlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.request


def free_port():
    """A port without a listener."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(log, *command):
    """A program, until the block ends; it is asked to stop, and made to after ten seconds."""
    with open(log, "wb") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def within(seconds, ask):
    """The first answer that is not nothing, asked for until the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer or time.monotonic() > end:
            return answer
        time.sleep(0.2)


def get(url, body=None):
    """The JSON at an address, `None` while no server answers there or it is not ready. With a body it is posted."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            text = answer.read()
            return json.loads(text) if text.strip().startswith((b"{", b"[")) else text.decode() or True
    except urllib.error.HTTPError as error:
        if error.code == 503:
            return None
        raise AssertionError(f"{url}: {error.code} {error.read().decode()}") from error
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None
