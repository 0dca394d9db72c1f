"""What the fleet board shows when targets leave discovery: they take their series along, and nothing is down.

Owns series made for it, which promtool puts behind the board's own queries. Not here: agents that are known and do not answer
(`outage`).
"""

import json
import subprocess
import tempfile
from pathlib import Path

from . import files, promql

# Every choice at its All.
EVERY = {"__interval": "15s", "__rate_interval": "1m", "__range": "6h"} | {
    name: ".*" for name in ("cluster", "job", "tenant", "provider", "server", "credential", "mailbox")
}
STAYS, GOES = "1+0x400", "1+0x20 stale"


def _agent(cluster, shard, shards, values, mailbox):
    """The series of one agent with one mailbox."""
    target = f'cluster="{cluster}", job="mailboxes", instance="agent-{shard}:9993"'
    check = f'{target}, mailbox="{mailbox}", protocol="imap"'
    rests = 'server="imap.contoso.example:993", provider="lab", credential="contoso", tenant="contoso"'
    return {
        f"up{{{target}}}": values,
        f'mailbox_exporter_build_info{{{target}, version="1"}}': values,
        f'mailbox_exporter_shard_info{{{target}, shard="{shard}", shards="{shards}"}}': values,
        f"mailbox_check_info{{{check}, {rests}}}": values,
        f"mailbox_probe_success{{{check}}}": values,
    }


# What happens after twenty minutes; what the two tiles show before, soon after, and hours later.
STORIES = {
    "one of three shards leaves, and another site has all three": (
        [_agent("west", n, 3, GOES if n == 2 else STAYS, f"w{n}") | _agent("east", n, 3, STAYS, f"w{n}") for n in range(3)],
        {"Agents missing": (0, 1, 1), "Checks unknown": (0, 1, 1)},
    ),
    "the only agent of a site leaves": (
        [_agent("west", 0, 1, GOES, "w0"), _agent("east", 0, 1, STAYS, "w0")],
        {"Agents missing": (0, 1, 1), "Checks unknown": (0, 1, 1)},
    ),
    "the only agent there is leaves": (
        [_agent("west", 0, 1, GOES, "w0")],
        {"Agents missing": (0, 1, 1), "Checks unknown": (0, 1, 1)},
    ),
    "a mailbox is taken out of the configuration": (
        [_agent("west", 0, 1, STAYS, "w0"), {k: GOES for k in _agent("west", 0, 1, GOES, "old") if "old" in k}],
        {"Agents missing": (0, 0, 0), "Checks unknown": (0, 0, 0)},
    ),
}
MOMENTS = ("15m", "40m", "300m")


def faults(boards):
    """Every number that is not what it must be."""
    fleet = next(board for path, board in boards.items() if path.stem == "fleet")
    asked = {panel["title"]: panel["targets"][0]["expr"] for panel in files.panels(fleet)}
    tests = []
    for name, (agents, shown) in STORIES.items():
        series = {key: values for agent in agents for key, values in agent.items()}
        expected = [
            {
                "expr": promql.replaced(asked[title], EVERY),
                "eval_time": moment,
                "exp_samples": [{"labels": "{}", "value": number}],
            }
            for title, numbers in shown.items()
            for moment, number in zip(MOMENTS, numbers)
        ]
        tests.append(
            {
                "name": name,
                "interval": "1m",
                "input_series": [{"series": key, "values": values} for key, values in series.items()],
                "promql_expr_test": expected,
            }
        )
    with tempfile.TemporaryDirectory(prefix="mailbox-exporter-vanished-") as folder:
        file = Path(folder) / "tests.yaml"
        # JSON is YAML.
        file.write_text(json.dumps({"tests": tests}))
        answer = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    return [] if answer.returncode == 0 else [f"fleet: {answer.stdout}{answer.stderr}"]
