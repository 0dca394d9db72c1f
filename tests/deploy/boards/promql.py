"""PromQL as far as the dashboards need it: what an expression names, and its variables replaced as Grafana does.

Not here: whether Prometheus takes it; it is asked.
"""

import re

# What a query may name besides metrics and labels.
WORDS = {"and", "or", "unless", "bool", "offset"}
ALL = "$__all"


def uses(expression):
    """The metrics with the labels matched on each, and the labels grouped or joined by."""
    text = expression
    grouping = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)"
    grouped = {label for labels in re.findall(grouping, text) for label in re.findall(r"\w+", labels)}
    text = re.sub(grouping, " ", text)
    selectors = []
    for name, matchers in re.findall(r"([a-zA-Z_]\w*)\{([^}]*)\}", text):
        selectors.append((name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', matchers)))))
    text = re.sub(r"[a-zA-Z_]\w*\{[^}]*\}", " ", text)
    text = re.sub(r'"[^"]*"|\[[^\]]*\]', " ", text)
    for name, call in re.findall(r"([a-zA-Z_]\w*)\s*(\(?)", text):
        if not call and name not in WORDS:
            selectors.append((name, set()))
    return selectors, grouped


def variables(text):
    """The variables a text names: `$name`, `${name}`, `${name:format}`; not the fields of a link."""
    names = set(re.findall(r"\$\{?([a-zA-Z_]\w*)", text))
    return {name for name in names if not name.startswith("__")}


def replaced(text, values):
    """The text with every variable of `values` in its place; a list is a choice of several, to be matched by `=~`."""

    def value(match):
        name = match[1] or match[2]
        if name not in values:
            return match[0]
        chosen = values[name]
        if isinstance(chosen, str):
            return chosen
        chosen = [_escaped(one) for one in chosen]
        return chosen[0] if len(chosen) == 1 else "(" + "|".join(chosen) + ")"

    return re.sub(r"\$\{(\w+)(?::\w+)?\}|\$([a-zA-Z_]\w*)", value, text)


def _escaped(value):
    # Twice: once for the regular expression, once for the string it stands in.
    return re.sub(r"([\\^$*+?.()|{}\[\]'])", r"\\\\\1", value)
