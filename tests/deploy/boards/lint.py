"""What must hold of a dashboard's file, with nothing running.

Not here: whether a query has an answer (`live`), or what the server of Grafana would say.
"""

import re

import reference

from . import files, promql

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
TAG = "mailbox-exporter"
# Drawn alike by every version of Grafana in use.
KINDS = {"stat", "timeseries", "table", "row", "state-timeline"}
# Labels that Prometheus adds, by its configuration or its operator, and those that a query makes.
ADDED = {"cluster", "namespace", "job", "instance"}
MADE = {"when", "urgency", "remedy", "name"}
# What Prometheus makes of alerts: the labels of every alert, and its own.
ALERTS = {"ALERTS", "ALERTS_FOR_STATE"}
ALERTED = {"alertname", "alertstate", "severity", "owner"}
# Who acts, in the words of the alerts: phase, first owner and reason by the program's table, then the word.
ACTS = {
    "token:admin:tls_name_mismatch": "network",
    "token:app:secret_expired": "identity",
    "token:owner:password_expired": "identity",
    "token:wait:idp_unavailable": "identity",
    "token:ops:scope_invalid": "exporter",
    "auth:app:token_rejected": "identity",
    "auth:admin:mailbox_not_connected": "messaging",
    "auth:admin:role_missing": "identity",
    "auth:admin:conditional_access": "identity",
    "auth:owner:over_quota": "messaging",
    "greeting:wait:server_unavailable": "messaging",
    "connect:net:timeout": "network",
    "select:ops:folder_missing": "exporter",
}
# Prometheus's own metric, and the label of the configuration that the readiness board groups by.
KNOWN = {"up": set()}
CONFIGURED = {"mailbox_info": {"team"}}


def faults(boards, agent):
    """Every fault of the form, as lines for people; `agent` is the program that exports the metrics."""
    metrics = reference.metrics(agent) | KNOWN
    metrics |= dict.fromkeys(ALERTS, set().union(ALERTED, *metrics.values()))
    owners = {row["owners"][0]["name"] for row in reference.reasons(agent).values()}
    shown = {}
    found = []
    uids = {board.get("uid") for board in boards.values()}
    if len(uids) != len(boards):
        found.append("two dashboards have the same uid")
    for path, board in boards.items():
        say = lambda text, path=path: found.append(f"{path.name}: {text}")
        if path.read_text() != files.canonical(board):
            say("not in its canonical form; run: tests/deploy/dashboards format")
        _board(board, path.stem, say)
        _variables(board, metrics, say)
        for note in board["annotations"]["list"]:
            _note(note, metrics, lambda text, note=note: say(f"annotation {note.get('name')}: {text}"))
        for panel in files.panels(board):
            _panel(panel, metrics, shown, lambda text, panel=panel: say(f"{panel.get('title') or panel.get('id')}: {text}"))
            _links(panel, boards, say)
    if unknown := owners - {key.split(":")[1] for key in ACTS}:
        found.append(f"the boards do not know who acts for {unknown}")
    return found


def _board(board, name, say):
    if board.get("uid") != f"{TAG}-{name}":
        say(f"its uid is not {TAG}-{name}")
    if board.get("schemaVersion") not in (41, 42):
        say("its schemaVersion is neither 41 nor 42")
    if board.get("editable") is not False:
        say("editable is not false: a change in the browser would be lost at the next import")
    if TAG not in board.get("tags", []) or not any(link.get("tags") == [TAG] for link in board.get("links", [])):
        say(f"it does not link to the others by the tag {TAG}")
    if not board.get("description"):
        say("no description")
    identities = [panel["id"] for panel in board["panels"]]
    if len(identities) != len(set(identities)):
        say("two panels have the same id")
    cells = {}
    for panel in board["panels"]:
        if panel["type"] not in KINDS:
            say(f"{panel.get('title')}: a panel of type {panel['type']}")
        place = panel["gridPos"]
        if place["x"] + place["w"] > 24:
            say(f"{panel['title']}: reaches beyond the 24 columns")
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                other = cells.setdefault((x, y), panel)
                if other is not panel:
                    say(f"{panel['title']} lies over {other['title']}")
                    return


def _variables(board, metrics, say):
    defined = board["templating"]["list"]
    names = [variable["name"] for variable in defined]
    if names[:3] != ["datasource", "cluster", "job"] or len(names) != len(set(names)):
        say("the variables do not begin with datasource, cluster and job, or one stands twice")
    text = str(board["panels"]) + str(board["annotations"]) + "".join(str(variable.get("query")) for variable in defined)
    for name in promql.variables(text) - set(names):
        say(f"the variable {name} is used and not defined")
    for variable in defined:
        if variable["name"] not in promql.variables(text):
            say(f"the variable {variable['name']} is defined and not used")
        if not variable.get("label") or not variable.get("description"):
            say(f"the variable {variable['name']} has no label or no description")
        if variable["type"] != "query":
            continue
        if variable.get("datasource") != SOURCE:
            say(f"the variable {variable['name']} does not ask the chosen data source")
        if variable.get("refresh") not in (1, 2):
            say(f"the variable {variable['name']} is never refreshed: its panels would stay empty")
        asks = variable["query"]["query"]
        if selector := re.fullmatch(r"label_values\((.+), (\w+)\)", asks):
            _names(selector[1], metrics, say, more={selector[2]})
        elif named := re.fullmatch(r"query_result\((.+)\)", asks):
            # One name on the screen, another in the query.
            _expression(named[1], metrics, say)
            if not all(f"(?<{group}>" in variable["regex"] for group in ("text", "value")):
                say(f"the variable {variable['name']} does not say what is shown and what is asked with")
        else:
            say(f"the variable {variable['name']} is neither label_values(selector, label) nor query_result(query)")


def _note(note, metrics, say):
    if note.get("datasource") != SOURCE:
        say("does not ask the chosen data source")
    if not note.get("titleFormat") or not note.get("useValueForTime") or not note["expr"].startswith("1000 * "):
        say("no title, or its time is not the value in milliseconds")
    _expression(note["expr"], metrics, say)


def _panel(panel, metrics, shown, say):
    for key in ("title", "description"):
        if not panel.get(key):
            say(f"no {key}")
    defaults = panel["fieldConfig"]["defaults"]
    if not defaults.get("unit"):
        say("no unit")
    overrides = [p["value"] for o in panel["fieldConfig"]["overrides"] for p in o["properties"] if p["id"] == "thresholds"]
    for thresholds in [defaults.get("thresholds")] + overrides:
        _thresholds(thresholds, say)
    if panel.get("datasource") != SOURCE or any(target.get("datasource") != SOURCE for target in panel["targets"]):
        say("does not ask the chosen data source")
    references = [target.get("refId") for target in panel["targets"]]
    if None in references or len(references) != len(set(references)):
        say("a target has no refId of its own")
    for target in panel["targets"]:
        if not target.get("legendFormat"):
            say("a target without legendFormat")
        _expression(target["expr"], metrics, say)
    _columns(panel, say)
    for override in panel["fieldConfig"]["overrides"]:
        for part in override["properties"]:
            if part["id"] == "mappings" and override["matcher"]["options"] == "owner":
                _owners(part["value"], shown, say)


def _columns(panel, say):
    """Two columns of one name show one of them twice; an override of what does not exist changes nothing."""
    overrides = [(o["matcher"]["options"], o["properties"]) for o in panel["fieldConfig"]["overrides"] if o["matcher"]["id"] == "byName"]
    renamed = {name: p["value"] for name, properties in overrides for p in properties if p["id"] == "displayName"}
    names = list(renamed.values()) + [name for name, _ in overrides if name not in renamed]
    for name in {name for name in names if names.count(name) > 1}:
        say(f"two columns are called {name}")
    legends = {target.get("legendFormat", "") for target in panel["targets"]}
    if panel["type"] != "table" and "{{" not in str(legends):
        for name in {name for name, _ in overrides} - legends:
            say(f"an override of {name}, which no legend is called")


def _thresholds(thresholds, say):
    steps = (thresholds or {}).get("steps") or [{}]
    values = [step.get("value") for step in steps]
    if values[0] is not None or any(value is None for value in values[1:]) or values[1:] != sorted(set(values[1:])):
        say("thresholds do not rise from a base")
    if steps[0].get("color") == "green":
        say("what has no value would be green")


def _expression(expression, metrics, say):
    _names(expression, metrics, say)
    for inner, window in re.findall(r"\brate\(([^()\[\]]*)\[([^\]]*)\]", expression):
        if window != "$__rate_interval":
            say(f"rate over {window}, not $__rate_interval")
        if not re.match(r"\w+_(total|bucket|sum|count)\b", inner):
            say(f"rate of what is no counter: {inner}")
    # A join that leaves the instance out is many-to-many as soon as two agents know a mailbox; one that leaves the site out
    # mixes what two of them see.
    for labels, many in re.findall(r"\bon\s*\(([^()]*)\)\s*(group_(?:left|right))?", expression):
        wanted = ADDED if many else ADDED - {"instance"}
        if not wanted <= set(re.findall(r"\w+", labels)):
            say(f"joined on ({labels}), without {', '.join(sorted(wanted))}")
    for selector in re.findall(r"\b(?:mailbox_\w+|up)\{([^}]*)\}", expression):
        if not {'cluster=~"$cluster"', 'job=~"$job"'} <= set(re.split(r",\s*", selector)):
            say(f"asks beyond the chosen cluster and job: {selector}")
    if re.search(r"localhost|127\.0\.0\.1|\b(?:instance|job)=~?\"[^$]", expression):
        say("names an instance or a job")


def _names(expression, metrics, say, more=frozenset()):
    selectors, grouped = promql.uses(expression)
    every = set().union(*metrics.values(), *CONFIGURED.values()) | ADDED | MADE
    for metric, labels in selectors:
        if metric not in metrics:
            say(f"{metric} is no metric of this program")
            continue
        for label in labels - metrics[metric] - ADDED - CONFIGURED.get(metric, set()):
            say(f"{metric} has no label {label}")
    for label in (grouped | more) - every:
        say(f"no metric has a label {label}")


def _owners(mappings, shown, say):
    """One word and one colour for each owner, everywhere the same. Where there is no phase, it is the token's."""
    plain = {word: result["color"] for m in mappings if m["type"] == "value" for word, result in m["options"].items()}
    rules = [(m["options"]["pattern"], m["options"]["result"]) for m in mappings if m["type"] == "regex"]
    for key, word in ACTS.items():
        phase, owner, reason = key.split(":")
        keys = [key] if any(re.match(pattern, key) for pattern, _ in rules) else []
        if phase == "token" and not keys:
            keys = [f":{owner}:{reason}"]
        result = next((r for k in keys for pattern, r in rules if re.match(pattern, k)), None)
        if rules and keys and (result is None or result["text"] != word):
            say(f"who acts on {key} is not {word}")
    colours = plain | {result["text"]: result["color"] for _, result in rules if "color" in result}
    for word, colour in colours.items():
        if shown.setdefault(word, colour) != colour:
            say(f"{word} has another colour than elsewhere")
    for word in set(ACTS.values()) - set(colours) if plain else ():
        say(f"{word} has no colour")


# Where people reach the agent's pages, and where Prometheus does: with shards, or without a proxy, that is the better way.
PUBLIC, SCRAPED = "${agent:raw}", "http://${__data.fields.instance}/"


def _links(panel, boards, say):
    text = str(panel["fieldConfig"])
    pages = [url for url in re.findall(r"'url': '([^']*)'", text) if not url.startswith("/")]
    for public, scraped in zip(pages[::2], pages[1::2] + [""] * (len(pages) % 2)):
        if not public.startswith(PUBLIC) or SCRAPED + public.removeprefix(PUBLIC) != scraped:
            say(f"{panel['title']}: a page of the agent is not linked by its public address first, then the scraped one: {public}")
    for uid, query in re.findall(r"'url': '/d/([^?']*)\?([^']*)'", text):
        target = next((board for board in boards.values() if board.get("uid") == uid), None)
        if target is None:
            say(f"{panel['title']}: links to no dashboard {uid}")
            continue
        names = {variable["name"] for variable in target["templating"]["list"]}
        for name in set(re.findall(r"var-(\w+)=", query)) | set(re.findall(r"\$\{(\w+):queryparam\}", query)):
            if name not in names:
                say(f"{panel['title']}: {uid} has no variable {name}")
    for field in re.findall(r"var-\w+=\$\{__data\.fields\.([^}]*)\}", text):
        if not field.endswith(":percentencode"):
            say(f"{panel['title']}: the field {field} goes into a URL as it is")
