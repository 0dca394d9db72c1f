"""The bill of materials against the official schema of CycloneDX and against cargo: bill.py BILL PROGRAM TARGET.

Owns what the bill must list. Not here: how it is made (deploy/sbom).
"""

import hashlib
import json
import pathlib
import subprocess
import sys
import tomllib

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import get_spdx_licensing

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = "mailbox-exporter"


def built_in(target: str) -> set[tuple[str, str]]:
    """Name and version of each package that is linked, or expanded, into the program."""
    command = ["cargo", "tree", "--locked", "--target", target, "--edges", "normal", "--prefix", "none", "--format", "{p}"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    packages = {tuple(line.split(" ")[:2]) for line in lines}
    return {(name, version.removeprefix("v")) for name, version in packages if name != PROGRAM}


def faults(text: str, program: pathlib.Path, target: str) -> list[str]:
    refused = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if refused:
        return [f"the schema refuses it: {refused}"]
    bill = json.loads(text)
    found = []
    about = bill["metadata"]["component"]
    if about["hashes"] != [{"alg": "SHA-256", "content": hashlib.sha256(program.read_bytes()).hexdigest()}]:
        found.append(f"it is of another program than {program}")

    listed = {(part["name"], part["version"]): part for part in bill["components"]}
    if len(listed) != len(bill["components"]):
        found.append("a package stands twice")
    wanted = built_in(target)
    found += [f"{name} {version} is built in and not listed" for name, version in sorted(wanted - set(listed))]
    required = {package for package, part in listed.items() if part["scope"] == "required"}
    found += [f"{name} {version} is said to be linked, and is not built in" for name, version in sorted(required - wanted)]
    # The lock has everything that any feature or platform could bring; a bill that repeats it says nothing.
    lock = {(row["name"], row["version"]): row for row in tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]}
    if len(listed) > len(lock) * 0.9:
        found.append(f"it lists {len(listed)} of the {len(lock)} packages of Cargo.lock")
    spdx = get_spdx_licensing()
    for (name, version), part in sorted(listed.items()):
        locked = lock.get((name, version), {}).get("checksum")
        if part.get("hashes") != [{"alg": "SHA-256", "content": locked}]:
            found.append(f"{name} {version}: not the checksum of Cargo.lock")
        expressions = [licence["expression"] for licence in part.get("licenses", [])]
        if not expressions or any(spdx.validate(expression).errors for expression in expressions):
            found.append(f"{name} {version}: not a licence of SPDX: {expressions}")

    edges = {row["ref"]: row["dependsOn"] for row in bill["dependencies"]}
    reached, open_ends = set(), [about["bom-ref"]]
    while open_ends:
        reference = open_ends.pop()
        if reference not in reached:
            reached.add(reference)
            open_ends += edges.get(reference, [])
    unreached = {part["bom-ref"] for part in bill["components"]} - reached
    found += [f"nothing depends on {reference}" for reference in sorted(unreached)]
    return found


def main(bill: str, program: str, target: str) -> int:
    text = pathlib.Path(bill).read_text()
    found = faults(text, pathlib.Path(program), target)
    for fault in found:
        print(f"{bill}: {fault}", file=sys.stderr)
    if not found:
        print(f"bill of materials: {len(json.loads(text)['components'])} packages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
