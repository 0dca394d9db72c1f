"""The wait of every alert is pinned: a minute more or less, and a unit test of that alert fails.

A minute is how often the unit tests evaluate the rules. promtool says of which alert an expectation failed, so all alerts are
changed at once; of alerts that share a name, one after the other. A run has only the alerts that its unit tests ask for, no
other expectations, and no alert that was noticed before: a fraction of the work. Not here: that the rules as they are pass.
"""

import concurrent.futures
import itertools
import os
import re
import subprocess

ALERT = re.compile(r"^      - alert: (\w+)\n(?:(?: {8}.*)?\n)*", flags=re.M)
WAIT = re.compile(r"^        for: (\d+)([mh])$", flags=re.M)
ASKED = re.compile(r"\balertname: (\w+)\n")
FAILED = re.compile(r"^    alertname: (\w+), time:", flags=re.M)


def changed(rules, names, turn, by):
    """The rules with these alerts alone, and among those of one name the one whose turn it is with another wait."""
    seen = dict.fromkeys(names, -1)

    def alert(match):
        name = match[1]
        if name not in seen:
            return ""
        seen[name] += 1
        return match[0] if seen[name] != turn else WAIT.sub(lambda wait: f"        for: {minutes(wait) + by}m", match[0])

    return ALERT.sub(alert, rules)


def minutes(wait):
    """How long a `for:` is."""
    return int(wait[1]) * (60 if wait[2] == "h" else 1)


def asking(text, names):
    """Of a file of unit tests those that ask for these alerts, with no other expectations. Nothing, if there is none."""
    head, *tests = re.split(r"^(?=  - name: )", text, flags=re.M)
    kept = []
    for test in tests:
        inputs, *expected = re.split(r"^    (?:alert_rule_test|promql_expr_test):\n", test, flags=re.M)
        each = re.split(r"^(?=      - )", "".join(expected), flags=re.M)
        asked = [one for one in each if ASKED.search(one) and ASKED.search(one)[1] in names]
        if asked:
            kept.append(f"{inputs}    alert_rule_test:\n{''.join(asked)}\n")
    return head + "".join(kept) if kept else None


def noticed(folder, rules, files, names, turn, by):
    """The alerts that a unit test asks for at the right moment, and what else promtool complains of."""
    left, complaints = set(names), []
    # The smallest file first: what one file has noticed, the next is not asked for.
    for stem, text in sorted(files.items(), key=lambda file: len(file[1])):
        tests = asking(text, left)
        if tests:
            (folder / "alerts.yaml").write_text(changed(rules, set(ASKED.findall(tests)), turn, by))
            (folder / "tests" / f"{stem}.yaml").write_text(tests)
            answer = subprocess.run(["promtool", "test", "rules", f"tests/{stem}.yaml"], cwd=folder, capture_output=True, text=True, check=False)
            left -= set(FAILED.findall(answer.stdout + answer.stderr))
            if answer.returncode and not FAILED.search(answer.stdout + answer.stderr):
                complaints.append(f"{stem}.yaml, with waits of {by:+} minutes: {answer.stdout}{answer.stderr}")
    return names - left, complaints


def check(source, folder):
    """Alerts whose wait may be changed without a unit test that fails."""
    rules = (source / "alerts.yaml").read_text()
    files = {file.stem: file.read_text() for file in (source / "tests").glob("*.yaml")}
    waits = {}
    for match in ALERT.finditer(rules):
        waits.setdefault(match[1], []).append(WAIT.search(match[0]))
    faults = [f"{name}: its wait is not in whole minutes or hours" for name, of_name in waits.items() if None in of_name]
    if faults:
        return faults

    def unpinned(turn, by):
        place = folder / f"waits{turn}{by:+}"
        (place / "tests").mkdir(parents=True)
        names = {name for name, of_name in waits.items() if len(of_name) > turn}
        pinned, complaints = noticed(place, rules, files, names, turn, by)
        for name in sorted(names - pinned):
            wait = minutes(waits[name][turn])
            complaints.append(f"{name}, number {turn + 1} of its name: no unit test notices {wait + by} instead of {wait} minutes")
        return complaints

    turns = range(max(map(len, waits.values())))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return sum(pool.map(lambda run: unpinned(*run), itertools.product(turns, (-1, 1))), [])
