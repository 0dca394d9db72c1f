"""The mixin as jsonnet evaluates it: mixin.py, by the Python of the tests' tools.

It must hold every shipped rule and board as it stands, with the address of the runbook that its user has set.
"""

import json
import pathlib
import sys

import _jsonnet
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
MIXIN = ROOT / "deploy" / "mixin" / "mixin.libsonnet"
# As in the shipped rules, and as a user of the mixin may set it.
SHIPPED, OURS = "https://mailbox-exporter.example/", "https://runbooks.contoso.example/mail/"
# What tools of mixins ask for: the fields are hidden, since a mixin is imported and never printed.
ASKED = """
local mixin = (import '%s')%s;
{ alerts: mixin.prometheusAlerts, folder: mixin.grafanaDashboardFolder, boards: mixin.grafanaDashboards }
"""


def evaluated(more: str = "") -> dict:
    return json.loads(_jsonnet.evaluate_snippet("user.jsonnet", ASKED % (MIXIN, more)))


def main() -> int:
    rules = (ROOT / "deploy" / "prometheus" / "alerts.yaml").read_text()
    boards = {file.name: json.loads(file.read_text()) for file in (ROOT / "dashboards").glob("*.json")}
    plain = evaluated()
    own = evaluated(f" + {{ _config+:: {{ runbookUrl: '{OURS}' }} }}")
    faults = []
    if SHIPPED not in rules:
        faults.append("the rules have no address of a runbook that could be set")
    if plain["alerts"] != yaml.safe_load(rules):
        faults.append("other rules than the shipped ones")
    if own["alerts"] != yaml.safe_load(rules.replace(SHIPPED, OURS)):
        faults.append("the address of the runbook is not taken")
    if plain["boards"] != boards:
        faults.append(f"boards {sorted(plain['boards'])}, shipped are {sorted(boards)}")
    if not plain["folder"]:
        faults.append("no folder for the boards")
    for fault in faults:
        print(f"{MIXIN.relative_to(ROOT)}: {fault}", file=sys.stderr)
    if not faults:
        groups = plain["alerts"]["groups"]
        print(f"mixin: {sum(len(group['rules']) for group in groups)} rules, {len(boards)} boards")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
