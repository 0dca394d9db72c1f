"""The boards with 2,000 mailboxes at twenty agents: every query has an answer, soon enough, and what counts stands on top.

Owns the bounds. The series are `many`'s; that every query has an answer with few mailboxes is `live`'s.
"""

import subprocess
import time

from . import files, live, many

# A panel that takes longer than this is not looked at during an outage; a busy machine has room.
SLOWEST_SECONDS = 30
# Queries without an answer there, and why.
EXCUSED = {
    ("fleet", "Failing checks by reason", "B"): "every agent answers",
    ("mailbox", "Broken now", "A"): "the mailbox that is chosen works",
    ("mailbox", "Reasons over time", "A"): "the mailbox that is chosen works",
    ("mailbox", "Firing alerts", "A"): "the mailbox that is chosen works",
}
# What the tiles of the readiness board count.
EXPECTED = set(many.STATES) - {"not_expected"}
TILES = {
    ("Broken already", "A"): {"blocked"},
    ("Broken already", "Z"): EXPECTED,
    ("Will break", "A"): {"at_risk"},
    ("Will break", "B"): {"dual"},
    ("Will break", "Z"): EXPECTED,
    ("Not known", "A"): {"unknown"},
    ("Not known", "Z"): EXPECTED,
}


class Crowd(live.World):
    """A Prometheus that has scraped twenty agents four times, up to a moment at which everything is asked."""

    def _targets(self):
        self._moment = time.time()
        self.agents, self.checks = many.AGENTS, [many.first_check(self._agent, self._moment)]
        text = self.folder / "many.txt"
        with open(text, "w") as out:
            out.writelines(many.openmetrics(self._agent, self._moment, (90, 60, 30, 0)))
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", text, self.folder / "data"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        text.unlink()
        return []

    def now(self):
        return self._moment


def faults(world, boards):
    """Every query that has no answer or takes too long, and every number that is not what it must be."""
    found = []
    for path, board in boards.items():
        fault, ways = live.selections(world, board)
        found += [f"{path.name}: {fault}"] if fault else []
        for panel in files.panels(board):
            for target in panel["targets"]:
                began = time.monotonic()
                series = live.first_answer(world, panel, target, ways[0][1])
                took = time.monotonic() - began
                key = (path.stem, panel["title"], target["refId"])
                if not series and key not in EXCUSED:
                    found.append(f"{key}: no answer with {many.MAILBOXES} mailboxes")
                if took > SLOWEST_SECONDS:
                    found.append(f"{key}: {took:.1f} s with {many.MAILBOXES} mailboxes")
                if key == ("fleet", "Causes", "A"):
                    found += _causes(series)
                if key == ("readiness", "Score over time", "A"):
                    found += _scores(series)
                if key[0] == "readiness" and key[1:] in TILES:
                    wanted = sum(n for (_, _, state), n in many.standings(range(many.MAILBOXES)).items() if state in TILES[key[1:]])
                    if not series or series[0]["number"] != wanted:
                        found.append(f"{key}: {series}, and not {wanted}")
    return found


def _scores(series):
    """The score of every tenant as it is, under its name."""
    shown = {one["labels"].get("name"): one["number"] for one in series or []}
    wanted = {f"app-{tenant}": many.score(tenant) for tenant in range(many.TENANTS)}
    return [] if shown == wanted else [f"readiness: Score over time: {shown}, and not {wanted}"]


def _causes(series):
    """One expired secret with all its mailboxes is one row, the first; the singles stay in sight below it."""
    share = 2 * many.MAILBOXES // many.TENANTS
    if not series:
        return ["fleet: Causes: nothing"]
    first = series[0]
    if (first["labels"]["reason"], first["number"]) != ("secret_expired", share):
        return [f"fleet: Causes: {first} comes first, and not one row of {share} checks"]
    if not 10 <= len(series) <= 40:
        return [f"fleet: Causes: {len(series)} rows"]
    return []
