"""Every query of the dashboards, asked: the demo runs, a real Prometheus scrapes it, each panel must have an answer.

Prometheus scrapes the demo three times: under two instances of one cluster, as while a mailbox moves between two agents, and
as an agent of another cluster. No query may break on it. Not here: the form of the files (`lint`), and what they show in an outage (`outage`).
"""

import json
import math
import re
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from . import files, promql

JOB = "mailboxes"
# The first round takes 15 s, the second, which rates need, 15 s more, and what is asked by the minute a minute; a busy
# machine takes several times as long.
PATIENCE_SECONDS = 240
SCRAPE_SECONDS = 2
# How far a query looks back: longer than the test lasts.
SPAN_SECONDS = 300

# Alerts that fire at once: those of deploy/prometheus wait for longer than the test lasts. With every label of a check.
_CHECK = "on (cluster, job, instance, mailbox, protocol)"
_BROKEN = f"(mailbox_probe_success == 0) * {_CHECK} group_left (server, provider, credential, tenant) mailbox_check_info"
ALERTS = {
    "groups": [
        {
            "name": "at-once",
            "interval": "1s",
            "rules": [
                {"alert": name, "expr": expression, "labels": {"severity": "critical", "owner": owner}}
                for name, owner, expression in [
                    ("MailboxUnusable", "messaging", _BROKEN),
                    ("MailboxBlocked", "messaging", f"{_BROKEN} or mailbox_check_info"),
                    ("MailboxExporterLate", "exporter", "mailbox_exporter_build_info"),
                ]
            ],
        }
    ]
}

# Queries that may be empty though all is well, and why.
EXCUSED = {
    ("fleet", "Failing checks by reason", "B"): "nothing is unknown while the agent runs; `outage` asks it",
    ("readiness", "Next deadline", "A"): "the calendar may hold no date ahead",
    ("readiness", "Passwords open", "A"): "no password of the demo need be open",
}


class World:
    """The demo and Prometheus, from the first scrape to the last answer."""

    def __init__(self, agent):
        self._agent = agent
        self._folder = tempfile.TemporaryDirectory(prefix="mailbox-exporter-dashboards-")
        self.folder = Path(self._folder.name)
        self._running = []

    def __enter__(self):
        try:
            targets = self._targets()
            self._prometheus(targets)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for process in reversed(self._running):
            self.stop(process)
        self._folder.cleanup()

    def stop(self, process):
        """Ends a process of ours, by its id."""
        # What was ended is not missed, however it took it.
        self._running = [other for other in self._running if other is not process]
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, name, command):
        with open(self.folder / f"{name}.out", "wb") as out, open(self.folder / f"{name}.err", "wb") as err:
            process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        self._running.append(process)
        return process

    def wait(self, what, condition):
        """Waits for a condition; its value."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (value := condition()):
            for process in self._running:
                if process.poll() not in (None, 0):
                    raise SystemExit(f"{process.args[0]} ended while waiting for {what}")
            if time.monotonic() > end:
                raise SystemExit(f"{what}: not within {PATIENCE_SECONDS} s")
            time.sleep(0.25)
        return value

    def _targets(self):
        """Starts what is scraped; its targets with their labels. Sets `agents`, their number, and `checks`."""
        self.demo = self._start("demo", [self._agent, "demo", "--listen", "127.0.0.1:0"])
        out = self.folder / "demo.out"
        found = self.wait("the demo's address", lambda: re.search(r"http://(\S+?)/metrics", out.read_text()))
        self.address = found[1]
        self.metrics = self.wait("a first round of the demo", self._probed)
        agents = [
            {"cluster": "west", "instance": self.address},
            {"cluster": "west", "instance": "moved:9993"},
            {"cluster": "east", "instance": "far:9993"},
        ]
        self.agents = len(agents)
        self.checks = [
            {"job": JOB} | agent | dict(re.findall(r'(\w+)="([^"]*)"', labels))
            for labels in re.findall(r"^mailbox_check_info\{(.*)\} 1", self.metrics, re.M)
            for agent in agents
        ]
        return [{"targets": [self.address], "labels": agent} for agent in agents]

    def _probed(self):
        """The demo's metrics once every check has its verdict."""
        text = _get(f"http://{self.address}/metrics")
        checks = re.search(r"^mailbox_exporter_checks (\d+)", text, re.M)
        return text if checks and len(re.findall(r"^mailbox_probe_success\{", text, re.M)) == int(checks[1]) else None

    def _prometheus(self, targets):
        config = {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "scrape_timeout": f"{SCRAPE_SECONDS}s"},
            "scrape_configs": [{"job_name": JOB, "static_configs": targets}],
            "rule_files": ["rules.yml"],
        }
        (self.folder / "rules.yml").write_text(json.dumps(ALERTS))
        # JSON is YAML.
        (self.folder / "prometheus.yml").write_text(json.dumps(config))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.url = "http://127.0.0.1:%d" % free.getsockname()[1]
        self._start(
            "prometheus",
            [
                "prometheus",
                f"--config.file={self.folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={self.folder / 'data'}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
            ],
        )
        self.wait("Prometheus's scrapes", lambda: self.answer({"expr": f'up{{job="{JOB}"}} == 1', "instant": True}))

    def now(self):
        """The moment at which everything is asked."""
        return time.time()

    def answer(self, target, values=None):
        """The series of a panel's target with at least one number, as {labels, number}; an error ends the test."""
        now = self.now()
        scoped = {"__interval": "15s", "__rate_interval": "1m", "__range": f"{SPAN_SECONDS}s"}
        ask = {"query": promql.replaced(target["expr"], scoped | (values or {}))}
        if target.get("instant"):
            path, ask = "query", ask | {"time": now}
        else:
            path, ask = "query_range", ask | {"start": now - SPAN_SECONDS, "end": now, "step": 5}
        series = []
        for result in self._api(path, ask) or []:
            numbers = [float(number) for _, number in result.get("values") or [result["value"]]]
            numbers = [number for number in numbers if not math.isnan(number)]
            if numbers:
                series.append({"labels": result["metric"], "number": numbers[-1]})
        return series

    def offered(self, query, pattern):
        """What a query variable offers, by the values that go into queries."""
        asked = re.fullmatch(r"query_result\((.+)\)", query)
        if not asked:
            return self._label_values(*re.fullmatch(r"label_values\((.+), (\w+)\)", query).groups())
        found = set()
        for series in self._api("query", {"query": asked[1], "time": self.now()}) or []:
            # A line of text for each series, as Grafana writes it.
            labels = ",".join(f'{label}="{value}"' for label, value in series["metric"].items())
            match = re.search(pattern.strip("/").replace("(?<", "(?P<"), f"{{{labels}}} {series['value'][1]}")
            if match and match["text"]:
                found.add(match["value"])
        return found

    def _label_values(self, selector, label):
        now = self.now()
        return self._api(f"label/{label}/values", {"match[]": selector, "start": now - SPAN_SECONDS, "end": now}) or []

    def _api(self, path, ask):
        try:
            answer = json.loads(_get(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(ask)}"))
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            if error.code in (503,):
                return None
            raise SystemExit(f"Prometheus refuses {ask}: {said}") from error
        except OSError:
            return None  # not up yet
        return answer["data"]["result"] if isinstance(answer["data"], dict) else answer["data"]


def _get(url):
    # Nothing between us and the loopback interface.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=90) as answer:
        return answer.read().decode()


def selections(world, board):
    """Two ways to choose: All wherever it is offered, and one of everything; each as the values to try in turn."""
    every, single, offered = {}, [], {}
    for variable in board["templating"]["list"]:
        if variable["type"] != "query":
            continue
        # Asked with the choices before it, as Grafana does; one that has no All is taken as any.
        asked = promql.replaced(variable["query"]["query"], every).replace(f'="${single[0]}"' if single else "\0", '!=""')
        found = sorted(world.offered(asked, variable["regex"]))
        if not found:
            return f"the variable {variable['name']} has no value: {asked}", []
        offered[variable["name"]] = found
        if not variable["multi"]:
            single.append(variable["name"])
        elif variable["includeAll"]:
            every[variable["name"]] = variable.get("allValue") or found
    # What a check is known by, so that the choices go together; else what is offered, one after the other: of a
    # provider whose dates are past the board has nothing to say.
    strange = [len(found) for name, found in offered.items() if not any(name in check for check in world.checks)]
    ones = [
        every
        | {name: check[name] for name in single}
        | {name: [check.get(name, found[turn % len(found)])] for name, found in offered.items() if name in every}
        for turn in range(max(strange, default=1))
        for check in world.checks
    ]
    alls = [every | {name: check[name] for name in single} for check in world.checks] if single else [every]
    return None, [("All", alls), ("one of each", ones)]


def faults(world, boards):
    """Every query without an answer, and every field or legend that no answer has."""
    found, waiting = [], {}
    for path, board in boards.items():
        fault, ways = selections(world, board)
        if fault:
            found.append(f"{path.name}: {fault}")
        for panel in files.panels(board):
            for target in panel["targets"]:
                for way, choices in ways:
                    waiting[path.stem, panel["title"], target["refId"], way] = (panel, target, choices)
    columns = {}
    end = time.monotonic() + PATIENCE_SECONDS
    while waiting and time.monotonic() < end and not found:
        for key, (panel, target, choices) in list(waiting.items()):
            series = first_answer(world, panel, target, choices)
            if series:
                name = "Value" if len(panel["targets"]) == 1 else f"Value #{target['refId']}"
                fields = {label for one in series for label in one["labels"]} | {"Time", name}
                columns[key[:2]] = columns.get(key[:2], set()) | fields
                missing = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) - fields
                if missing:
                    found.append(f"{key}: the legend names {missing}, the answer has {sorted(fields)}")
                del waiting[key]
        if any(key[:3] not in EXCUSED for key in waiting):
            time.sleep(1)
        else:
            break
    for path, board in boards.items():
        _, ((_, choices), _) = selections(world, board)
        for note in board["annotations"]["list"]:
            if not world.answer({"expr": note["expr"], "instant": True}, choices[0]):
                found.append(f"{path.name}: annotation {note['name']}: no answer")
    for key, (_, target, choices) in waiting.items():
        if key[:3] not in EXCUSED:
            found.append(f"{key}: no answer to {promql.replaced(target['expr'], choices[0])}")
    for path, board in boards.items():
        for panel in files.panels(board):
            known = columns.get((path.stem, panel["title"]))
            if known:
                found += [f"{path.name}: {panel['title']}: no column {name}" for name in _fields(panel) - known]
    return found


def first_answer(world, panel, target, choices):
    """The series of the first choice that has any."""
    for choice in choices:
        repeated = choice.get(panel.get("repeat"), [])
        for values in [choice | {panel["repeat"]: value} for value in repeated] if repeated else [choice]:
            series = world.answer(target, values)
            if series:
                return series
    return None


def _fields(panel):
    """The columns a panel names: of a table all, elsewhere those in links."""
    named = set(re.findall(r"__data\.fields\.(\w+)", str(panel["fieldConfig"])))
    if panel["type"] == "table":
        for override in panel["fieldConfig"]["overrides"]:
            if override["matcher"]["id"] == "byName":
                named.add(override["matcher"]["options"])
        for step in panel.get("transformations", []):
            for part in ("excludeByName", "indexByName", "renameByName"):
                named |= set(step["options"].get(part, {}))
    return named
