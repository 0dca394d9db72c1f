"""What the program says of its own metrics and reasons: `mailbox-exporter reference --output json`.

Owns the one way in which the tests of rules and dashboards learn them. Not here: what must hold of them.
"""

import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def program():
    """The agent to run: the one that the environment names, or this source, built now.

    By way of a test, not by `cargo build`: the tests turn on features of dependencies, so that `cargo build` would compile
    half of them and the whole program once more, for minutes.
    """
    named = os.environ.get("MAILBOX_EXPORTER")
    if named:
        return pathlib.Path(named)
    build = ["cargo", "test", "--no-run", "--locked", "--quiet", "--test=house", "--message-format=json"]
    built = subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    artifacts = [json.loads(line) for line in built.splitlines()]
    return pathlib.Path(next(artifact["executable"] for artifact in artifacts if artifact.get("target", {}).get("kind") == ["bin"]))


def tables(agent):
    """The tables `metrics`, `reasons` and `routes` of this program."""
    command = [agent, "reference", "--output", "json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, timeout=10).stdout)


def metrics(agent):
    """The labels of every metric that can be asked for; a histogram is three of them."""
    known = {}
    for row in tables(agent)["metrics"]:
        name, labels = row["name"], set(row["labels"])
        if row["type"] == "histogram":
            known |= {name + "_bucket": labels | {"le"}, name + "_sum": labels, name + "_count": labels}
        else:
            known[name] = labels
    return known


def reasons(agent):
    """Every reason by its name: the owners, of whom the first acts first, and whether it passes by itself."""
    return {row["name"]: row for row in tables(agent)["reasons"]}
