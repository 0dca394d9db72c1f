"""What the fleet board shows of a healthy mailbox, of all, and once the agent is gone: never green for what nobody knows.

Not here: that the queries have answers at all (`live`).
"""

import re

from . import files, live

HEALTHY = "info@contoso.example"


def faults(world, boards):
    """Every number that is not what it must be. The demo does not run afterwards."""
    fleet = next(board for path, board in boards.items() if path.stem == "fleet")
    _, ((_, (every,)), _) = live.selections(world, fleet)
    targets = {panel["title"]: panel["targets"][-1] for panel in files.panels(fleet)}
    found = []

    def expect(when, title, choice, holds, wanted):
        numbers = [one["number"] for one in world.answer(targets[title], choice)]
        if not holds(numbers):
            found.append(f"fleet: {title}, {when}: {numbers}, and not {wanted}")

    text = world.metrics
    failing = set(re.findall(r'^mailbox_probe_success\{mailbox="([^"]*)".*\} 0', text, re.M))
    expect("all", "Mailboxes failing", every, lambda n: n == [len(failing)], len(failing))
    expect("all", "Agents down", every, lambda n: n == [0], 0)
    healthy = every | {"mailbox": [HEALTHY]}
    for title in ("Mailboxes failing", "Checks failing", "Checks unknown", "Checks overdue"):
        expect("a healthy mailbox", title, healthy, lambda n: n == [0], 0)
    expect("a healthy mailbox", "Broken now", healthy, lambda n: n == [], "empty")

    world.stop(world.demo)
    world.wait("the outage", lambda: len(world.answer({"expr": f'up{{job="{live.JOB}"}} == 0', "instant": True})) == 2)
    for title in ("Mailboxes failing", "Checks failing", "Credentials failing", "Checks overdue"):
        expect("without an agent", title, every, lambda n: n == [], "no data")
    expect("without an agent", "Agents down", every, lambda n: n == [2], 2)
    for title in ("Checks unknown", "Failing checks by reason"):
        expect("without an agent", title, every, lambda n: n == [len(world.checks)], len(world.checks))
    return found
