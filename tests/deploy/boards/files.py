"""The files: the dashboards with their canonical form.

Not here: what must hold of them.
"""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
# A line of JSON that is no longer than this stands whole: a file of one value a line is hard to read.
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
