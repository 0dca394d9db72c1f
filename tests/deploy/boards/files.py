"""The files: the dashboards with their canonical form, and what the README says of metrics and reasons.

Not here: what must hold of them.
"""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# A line of JSON that is no longer than this stands whole: a file of one value a line is read by nobody.
WIDTH = 120


def load():
    """Every dashboard by its path, in the order of the names."""
    return {path: json.loads(path.read_text()) for path in sorted((ROOT / "dashboards").glob("*.json"))}


def panels(board):
    """The panels that show something; rows do not."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def canonical(board):
    """The text of a dashboard as it must lie in the repository."""
    return _form(board, "", 0) + "\n"


def _form(value, indent, used):
    flat = json.dumps(value, ensure_ascii=False)
    if not isinstance(value, (dict, list)) or not value or len(indent) + used + len(flat) <= WIDTH:
        return flat
    inner = indent + "  "
    if isinstance(value, dict):
        keys = {key: json.dumps(key, ensure_ascii=False) + ": " for key in value}
        parts = [keys[key] + _form(part, inner, len(keys[key]) + 1) for key, part in value.items()]
    else:
        parts = [_form(part, inner, 1) for part in value]
    left, right = "{}" if isinstance(value, dict) else "[]"
    return left + "\n" + ",\n".join(inner + part for part in parts) + "\n" + indent + right


def _table(name):
    """The rows of one of the README's tables; another test holds these against the program."""
    text = (ROOT / "README.md").read_text()
    section = text.split(f"<!-- {name}: begin -->")[1].split(f"<!-- {name}: end -->")[0]
    rows = [line.strip().strip("|").split(" | ") for line in section.strip().splitlines()[2:]]
    return [[cell.strip() for cell in row] for row in rows]


def owners():
    """Who acts, for each reason."""
    return {row[0].strip("`"): row[2] for row in _table("reasons")}


def metrics():
    """The labels of every metric that can be asked for; a histogram is three of them."""
    known = {}
    for name, kind, labels, *_ in _table("metrics"):
        name, labels = name.strip("`"), set(re.findall(r"`(\w+)`", labels))
        if kind == "histogram":
            known |= {name + "_bucket": labels | {"le"}, name + "_sum": labels, name + "_count": labels}
        else:
            known[name] = labels
    return known
