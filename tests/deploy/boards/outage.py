"""What the boards show of a healthy mailbox, of all, and once the agent is gone: none lost, nothing unknown green.

Not here: that the queries have answers at all (`live`).
"""

import re

from . import files, live

HEALTHY = "info@contoso.example"


def faults(world, boards):
    """Every number that is not what it must be. The demo does not run afterwards."""
    found = _lost(world, boards)
    fleet = next(board for path, board in boards.items() if path.stem == "fleet")
    _, ((_, (every,)), _) = live.selections(world, fleet)
    targets = {panel["title"]: panel["targets"][0] for panel in files.panels(fleet)}
    # What is unknown stands behind what fails.
    by_reason = "Failing checks by reason"
    targets[by_reason] = next(panel for panel in files.panels(fleet) if panel["title"] == by_reason)["targets"][1]

    def expect(when, title, choice, holds, wanted):
        numbers = [one["number"] for one in world.answer(targets[title], choice)]
        if not holds(numbers):
            found.append(f"fleet: {title}, {when}: {numbers}, and not {wanted}")

    text = world.metrics
    failing = set(re.findall(r'^mailbox_probe_success\{mailbox="([^"]*)".*\} 0', text, re.M))
    expect("all", "Mailboxes failing", every, lambda n: n == [len(failing)], len(failing))
    expect("all", "Agents missing", every, lambda n: n == [0], 0)
    healthy = every | {"mailbox": [HEALTHY]}
    for title in ("Mailboxes failing", "Checks failing", "Checks unknown", "Checks overdue"):
        expect("a healthy mailbox", title, healthy, lambda n: n == [0], 0)
    expect("a healthy mailbox", "Broken now", healthy, lambda n: n == [], "empty")

    world.stop(world.demo)
    world.wait("the outage", lambda: len(world.answer({"expr": f'up{{job="{live.JOB}"}} == 0', "instant": True})) == world.agents)
    for title in ("Mailboxes failing", "Checks failing", "Credentials failing", "Checks overdue"):
        expect("without an agent", title, every, lambda n: n == [], "no data")
    expect("without an agent", "Agents missing", every, lambda n: n == [world.agents], world.agents)
    for title in ("Checks unknown", by_reason):
        expect("without an agent", title, every, lambda n: n == [len(world.checks)], len(world.checks))
    return found


def _lost(world, boards):
    """Checks that would break and that a join leaves out: those of mailboxes without a team, say."""
    board = next(board for path, board in boards.items() if path.stem == "readiness")
    _, ((_, (every,)), _) = live.selections(world, board)
    panel = next(panel for panel in files.panels(board) if panel["title"] == "What would break")
    shown = world.answer(panel["targets"][0], every)
    asked = {"expr": 'mailbox_readiness{state=~"at_risk|dual|blocked"} == 1', "instant": True}
    if len(shown) == len(world.answer(asked)) and any("team" not in one["labels"] for one in shown):
        return []
    return [f"readiness: What would break: {len(shown)} of {len(world.answer(asked))}, with and without a team"]
