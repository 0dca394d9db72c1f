"""The licences of what is linked against the bill of materials and the sources of the packages: notices.py NOTICES BILL.

Owns what the file must hold. Not here: how it is made (deploy/licences).
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ENTRY = re.compile(r"^(?P<title>\S[^\n]*)\n  (?P<licence>[^\n:]+): (?P<numbers>\[\d+\](?:, \[\d+\])*)$", re.M)
RULE = "-=" * 40
# The shortest licence, ISC, has 700 characters. Some packages have a file beside it that only says which may be chosen.
SHORTEST = 500
# After so many faults the cause is clear.
MOST_FAULTS = 20
# What is linked and is no package.
LIBRARIES = ("the Rust standard library", "the GNU C Library")


def words(text: str) -> str:
    return " ".join(text.split())


def top_files(target: str) -> dict[tuple[str, str], list[str]]:
    """What each package says of its licence beside its Cargo.toml."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    packages = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)["packages"]
    texts = {}
    for package in packages:
        folder = pathlib.Path(package["manifest_path"]).parent
        files = [file for kind in ("LICENSE*", "COPYRIGHT*", "NOTICE*") for file in folder.glob(kind) if file.is_file()]
        taken = [file.read_text(errors="replace") for file in files if "GPL" not in file.name]
        texts[package["name"], package["version"]] = taken
    return texts


def faults(notices: str, bill: dict) -> list[str]:
    list_, *rest = notices.split(f"\n{RULE}\n")
    heads, texts = rest[::2], rest[1::2]
    entries = {match["title"]: match for match in ENTRY.finditer(list_)}
    target = {row["name"]: row["value"] for row in bill["metadata"]["properties"]}["mailbox-exporter:target"]
    sources = top_files(target)
    found = []
    if [head.split("]")[0].strip() for head in heads] != [f"[{place + 1}" for place in range(len(texts))]:
        found.append("the texts are not numbered in turn")
    linked = [part for part in bill["components"] if part["scope"] == "required"]
    for part in linked:
        title = f"{part['name']} {part['version']}"
        entry = entries.get(title)
        if not entry or not re.search(rf"^{re.escape(title)}$", list_, re.M):
            found.append(f"{title} is linked and not named")
            continue
        if entry["licence"] != part["licenses"][0]["expression"]:
            found.append(f"{title} is said to be under {entry['licence']}")
        numbers = [int(number) for number in re.findall(r"\d+", entry["numbers"])]
        own = [words(texts[number - 1]) for number in numbers if number <= len(texts)]
        if max(map(len, own), default=0) < SHORTEST:
            found.append(f"{title} has no text that is a licence")
        for text in sources[part["name"], part["version"]]:
            if words(text) not in own:
                found.append(f"{title}: the text that begins {words(text)[:60]!r} is missing")
        found += [f"{title} is no user of text [{number}]" for number in numbers if title not in words(heads[number - 1])]
    for part in bill["components"]:
        if part["scope"] != "required" and f"{part['name']} {part['version']}" in entries:
            found.append(f"{part['name']} {part['version']} is named, and is not linked")
    found += [f"{name} is not named" for name in LIBRARIES if not any(title.startswith(name) for title in entries)]
    if str(pathlib.Path.home()) in notices or str(ROOT) in notices:
        found.append("it names a folder of this machine")
    return found


def main(notices: str, bill: str) -> int:
    text, about = pathlib.Path(notices).read_text(), json.loads(pathlib.Path(bill).read_text())
    found = faults(text, about)
    for fault in found[:MOST_FAULTS]:
        print(f"{notices}: {fault}", file=sys.stderr)
    if not found:
        print(f"licences: {len(ENTRY.findall(text))} packages and libraries, {len(text)} characters")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
