"""What a dashboard may ask for and the demo does not export: fed to Prometheus, so that those queries run too.

A metric that the demo exports is never fed. Not here: how it is fed (`live`).
"""

DAY = 24 * 60 * 60
STATES = ("decommissioned", "ready", "dual", "at_risk", "blocked", "unknown", "not_expected")


def labels():
    """The labels of each metric."""
    return {metric: set(names) for metric, (names, _) in SERIES.items()}


def lines(checks, exported, now):
    """OpenMetrics text over the ten minutes before `now`, for every metric that is not `exported`.

    `checks` are the label sets of mailbox_check_info, as Prometheus will see them.
    """
    text = []
    for metric, (names, rows) in SERIES.items():
        if metric in exported:
            continue
        text.append(f"# TYPE {metric} gauge")
        for series in sorted({tuple(zip(("job", "instance") + names, row)) + (value,) for row, value in rows(checks, now)}):
            *pairs, value = series
            matchers = ",".join(f'{name}="{content}"' for name, content in pairs)
            text += [f"{metric}{{{matchers}}} {value} {at}" for at in range(now - 600, now + 1, 30)]
    return "\n".join(text) + "\n# EOF\n"


def _places(check):
    return check["job"], check["instance"]


def _spread(checks, states):
    """One state for each check, so that every state occurs."""
    for at, check in enumerate(checks):
        yield check, states[at % len(states)]


def _agents(checks):
    return sorted({_places(check) for check in checks})


def _of_checks(states):
    return lambda checks, now: [
        (_places(check) + (check["mailbox"], check["protocol"], state), 1) for check, state in _spread(checks, states)
    ]


SERIES = {
    "mailbox_readiness": (("mailbox", "protocol", "state"), _of_checks(STATES)),
    "mailbox_basic_auth": (("mailbox", "protocol", "state"), _of_checks(("open", "closed", "unknown"))),
    "mailbox_readiness_score": (
        ("tenant",),
        lambda checks, now: [(_places(check) + (check["tenant"],), 49) for check in checks],
    ),
    "mailbox_readiness_checks": (
        ("tenant", "protocol", "state"),
        lambda checks, now: [
            (_places(check) + (check["tenant"], check["protocol"], state), 4) for check in checks for state in STATES
        ],
    ),
    "mailbox_readiness_evidence_timestamp_seconds": (
        ("mailbox", "protocol", "signal"),
        lambda checks, now: [(_places(check) + (check["mailbox"], check["protocol"], "B"), now - 900) for check in checks],
    ),
    "mailbox_basic_auth_deadline_timestamp_seconds": (
        ("provider", "protocol", "kind"),
        lambda checks, now: [(agent + ("exchange_online", "smtp", "default_off"), now + 37 * DAY) for agent in _agents(checks)],
    ),
    "mailbox_credential_expiry_timestamp_seconds": (
        ("credential", "source"),
        lambda checks, now: [(_places(check) + (check["credential"], "declared"), now + 20 * DAY) for check in checks],
    ),
    "mailbox_exporter_config_last_reload_successful": ((), lambda checks, now: [(agent, 1) for agent in _agents(checks)]),
    "mailbox_exporter_config_last_reload_success_timestamp_seconds": (
        (),
        lambda checks, now: [(agent, now - 3600) for agent in _agents(checks)],
    ),
    "mailbox_exporter_shard_info": (
        ("shard", "shards"),
        lambda checks, now: [(agent + ("0", "1"), 1) for agent in _agents(checks)],
    ),
}
