"""The chart's entry in Artifact Hub: hub.py, by the Python of the tests' tools.

Owns what the annotations of Chart.yaml must say; their form is that of Artifact Hub's "Helm annotations".
"""

import pathlib
import re
import sys
import tomllib

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy" / "helm" / "mailbox-exporter" / "Chart.yaml"
KINDS = {"added", "changed", "deprecated", "removed", "fixed", "security"}
CATEGORIES = {
    "ai-machine-learning", "database", "integration-delivery", "monitoring-logging", "networking", "security", "storage",
    "streaming-messaging", "skip-prediction",
}
FLAGS = {"true", "false"}


def main() -> int:
    chart = yaml.safe_load(CHART.read_text())
    program = tomllib.loads((ROOT / "Cargo.toml").read_text())["package"]
    prefix = "artifacthub.io/"
    said = {key.removeprefix(prefix): value for key, value in chart["annotations"].items() if key.startswith(prefix)}
    faults = [f"{key} is no text" for key, value in said.items() if not isinstance(value, str)]
    if said.get("license") != program["license"]:
        faults.append(f"the licence is {said.get('license')}, and the program's {program['license']}")
    if said.get("category") not in CATEGORIES:
        faults.append(f"there is no category {said.get('category')}")
    early = program["version"].startswith("0.") or "-" in program["version"]
    if said.get("prerelease") != str(early).lower():
        faults.append(f"version {program['version']} is prerelease: {said.get('prerelease')}")
    if said.get("operator") not in FLAGS:
        faults.append("operator is neither true nor false")
    changes, links = (yaml.safe_load(said.get(key, "")) or [] for key in ("changes", "links"))
    if not changes or any(change.get("kind") not in KINDS or not change.get("description") for change in changes):
        faults.append(f"changes are not kind and description: {changes}")
    for link in links:
        path = str(link.get("url", "")).removeprefix(chart["home"])
        if not link.get("name") or not re.fullmatch(r"[\w./-]+", path) or not (ROOT / path).is_file():
            faults.append(f"a link leads to no document of this repository: {link}")
    if len(links) < 2:
        faults.append("fewer than two links")
    for fault in faults:
        print(f"{CHART.relative_to(ROOT)}: {fault}", file=sys.stderr)
    if not faults:
        print(f"Artifact Hub: {len(said)} annotations")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
