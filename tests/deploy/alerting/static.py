"""The rules against the program and the documents: every metric, label, reason and owner exists, every alert is explained.

Reads the rules as Prometheus has parsed them, and the tables that the program prints. Not here: what the rules do.
"""

import re

import reference

# What Prometheus adds, by its configuration or its operator, and what the rules do.
SITE = ("cluster", "namespace", "job")
OF_TARGETS = {*SITE, "instance"}
OF_RULES = {"owner", "le"}
OWNERS = {"identity", "messaging", "network", "exporter"}
SEVERITIES = {"critical", "warning"}
RUNBOOK = "deploy/prometheus/README.md"
BASE = f"https://mailbox-exporter.example/{RUNBOOK}#"
WORDS = re.compile(r"\b(?:mailbox|process)_[a-z0-9_]+\b|\bmailbox:[a-z0-9_:]+|\bup\b")


def expressions(rule):
    """Every query of a rule: its own, and those in its texts."""
    yield rule["query"]
    for text in rule.get("annotations", {}).values():
        for query in re.findall(r'query (?:\(printf )?"((?:[^"\\]|\\.)*)"', text):
            yield query.replace('\\"', '"').replace("%q", '"x"').replace("%s", ", ".join(f'{label}="x"' for label in SITE))


def of_names(rules, known):
    """Metrics and labels that do not exist."""
    recorded = {rule["name"] for rule in rules if rule["type"] == "recording"}
    labels = set().union(*known.values()) | OF_TARGETS | OF_RULES
    for rule in rules:
        for query in expressions(rule):
            bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', query)
            for metric in set(WORDS.findall(bare)) - {"up"} - recorded - set(known):
                yield f"{rule['name']}: no component exports {metric}"
            for clause in re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right) ?\(([^)]*)\)", bare):
                for label in set(filter(None, re.split(r"[\s,]+", clause))) - labels:
                    yield f"{rule['name']}: nothing has the label {label}"
            for metric, matchers in re.findall(r"([a-z0-9_:]+)\{([^}]*)\}", bare):
                own = labels if metric in recorded else known.get(metric, set()) | OF_TARGETS | OF_RULES
                for label in set(re.findall(r"(\w+) ?(?:=~|!~|!=|=)", matchers)) - (own if metric != "up" else OF_TARGETS):
                    yield f"{rule['name']}: {metric} has no label {label}"


def of_sites(rules):
    """Rules that mix sites: an aggregation, a join or a question of a text that leaves one of a site's labels out."""
    for rule in rules:
        for operator, clause in re.findall(r"\b(by|on) ?\(([^)]*)\)", rule["query"]):
            if not set(SITE) <= set(re.split(r"[\s,]+", clause)):
                yield f"{rule['name']}: {operator} ({clause}) mixes sites"
        for text in rule.get("annotations", {}).values():
            for query in re.findall(r'query (?:\(printf )?"((?:[^"\\]|\\.)*)"', text):
                for metric, matchers in re.findall(r"\b((?:mailbox|process)[_:][a-z0-9_:]+)(\{%s[,}])?", query):
                    if not matchers:
                        yield f"{rule['name']}: the text asks every site for {metric}"


def of_reasons(rules, table):
    """Reasons that do not exist."""
    for rule in rules:
        for query in expressions(rule):
            for alternatives in re.findall(r'\breason ?(?:=~|!~|!=|=) ?"([^"]*)"', query):
                for word in alternatives.split("|"):
                    if word != "x" and not any(re.fullmatch(word, reason) for reason in table):
                        yield f"{rule['name']}: there is no reason {word}"


def of_documents(root, rules):
    """Alerts without what the person on call needs."""
    section = (root / RUNBOOK).read_text().split("\n## When an alert fires\n")
    if len(section) != 2:
        yield f"{RUNBOOK} has no section `When an alert fires`"
        return
    anchors = re.findall(r'<a id="(\w+)"></a>`(\w+)`', section[1].split("\n## ")[0])
    alerts = [rule for rule in rules if rule["type"] == "alerting"]
    names = {rule["name"] for rule in alerts}
    for anchor, name in anchors:
        if anchor != name.lower() or name not in names or anchors.count((anchor, name)) > 1:
            yield f"{RUNBOOK}: anchor {anchor} of {name}: wrong, twice, or no such alert"
    for name in names - {name for _, name in anchors}:
        yield f"{RUNBOOK} says nothing of {name}"
    for rule in alerts:
        labels, texts = rule["labels"], rule["annotations"]
        if labels.get("severity") not in SEVERITIES:
            yield f"{rule['name']}: severity {labels.get('severity')}"
        owner = labels.get("owner")
        told = set(re.findall(r'"owner", "(\w+)"', rule["query"])) if owner == "{{ $labels.owner }}" else {owner}
        if not told or not told <= OWNERS:
            yield f"{rule['name']}: owner {told}"
        if set(texts) != {"summary", "description", "runbook_url"} or "First: " not in texts["description"]:
            yield f"{rule['name']}: summary, description with the first action, runbook_url; nothing else"
        elif texts["runbook_url"] != BASE + rule["name"].lower():
            yield f"{rule['name']}: runbook_url {texts['runbook_url']}"


def of_tests(root, rules):
    """Alerts without a unit test in which they fire, or without one in which they do not."""
    text = "".join(file.read_text() for file in (root / "deploy/prometheus/tests").glob("*.yaml"))
    asked = re.findall(r"alertname: (\w+)\n\s+exp_alerts:( \[\])?", text)
    for rule in rules:
        if rule["type"] == "alerting":
            for wanted, what in (("", "fires"), (" []", "is silent")):
                if (rule["name"], wanted) not in asked:
                    yield f"{rule['name']}: no unit test in which it {what}"


def of_files(root):
    """The two lists of inhibition differ, or the rules are more than groups."""
    folder = root / "deploy/prometheus"
    if not (folder / "alertmanager.yaml").read_text().endswith((folder / "inhibition.yaml").read_text()):
        yield "alertmanager.yaml does not end with inhibition.yaml"
    rules = (folder / "alerts.yaml").read_text()
    if re.findall(r"^[^\s#].*", rules, flags=re.M) != ["groups:"]:
        yield "alerts.yaml is more than one document of groups, and the chart wraps it as that"


def check(root, rules, agent):
    """Every fault of names and documents; `agent` is the program that exports the metrics."""
    faults = list(of_files(root))
    faults += of_names(rules, reference.metrics(agent))
    faults += of_sites(rules)
    faults += of_reasons(rules, reference.reasons(agent))
    faults += of_documents(root, rules)
    return faults + list(of_tests(root, rules))
