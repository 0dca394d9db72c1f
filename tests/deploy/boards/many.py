"""What twenty agents with 2,000 mailboxes would show, as text for Prometheus: made up, with faults as they come in numbers.

Owns the series. Which metrics and labels there are, the program's own table says. Not here: what must hold of the boards
(`crowd`).
"""

import collections
import re

import reference

MAILBOXES, AGENTS, TENANTS = 2000, 20, 4
PROVIDERS = ("exchange_online", "exchange_online", "gmail", "lab")
SERVERS = {
    "exchange_online": {"imap": "outlook.office365.com:993", "smtp": "smtp.office365.com:587"},
    "gmail": {"imap": "imap.gmail.com:993", "smtp": "smtp.gmail.com:587"},
    "lab": {"imap": "mail.lab.example:993", "smtp": "mail.lab.example:587"},
}
PHASES = {"imap": ("token", "connect", "tls", "auth", "select"), "smtp": ("token", "connect", "tls", "auth")}
# One expired secret with all mailboxes of its tenant, and about fifty singles.
SHARED = {3: ("token", "secret_expired")}
SINGLES = [("select", "folder_missing"), ("auth", "mailbox_not_connected"), ("auth", "smtp_auth_disabled_mailbox"),
           ("auth", "over_quota"), ("connect", "timeout"), ("auth", "token_rejected")]
STATES = ("decommissioned", "ready", "dual", "at_risk", "blocked", "unknown", "not_expected")
# What is read besides the probes: an imported report, and a directory, whose log of sign-ins gives nothing.
SOURCES = {"usage/usage.csv": 1800, "directory/contoso/expiry": 4, "directory/contoso/sign_ins": 0}
JOB = "mailboxes"
TARGETS = [{"cluster": "west", "job": JOB, "instance": f"agent-{shard}:9993"} for shard in range(AGENTS)]
# What Prometheus itself adds: that it can scrape, and an alert of each kind that the boards ask for.
ALERTS = {"MailboxCredentialRefused": "identity", "MailboxNotProbed": "exporter", "MailboxAtRisk": "identity"}
ALERT_OF = {"credential": "app-3", "provider": "lab", "tenant": "44111111-2222-3333-4444-555555555555",
            "server": "", "mailbox": "", "protocol": ""}
ALERTED = {"alertname", "severity", "owner", "alertstate", *ALERT_OF}
BUCKETS = (0.01, 0.1, 1.0, 10.0, 90.0)


def _failure(n, tenant, protocol):
    """Phase and reason of the failure of a mailbox, or nothing."""
    if tenant in SHARED:
        return SHARED[tenant]
    if n % 31 == 7 and protocol == ("imap", "smtp")[n % 2]:
        return SINGLES[n // 31 % len(SINGLES)]
    return None


class Series:
    """The series of one agent: name, labels, value now, and what it grows by in a second."""

    def __init__(self, known):
        self._known, self._rows = known, []

    def add(self, name, value, growth=0.0, **labels):
        unlisted = set(labels) - self._known[name] - ({"team"} if name == "mailbox_info" else set())
        assert not unlisted and self._known[name] <= set(labels), f"{name}: {unlisted or self._known[name] - set(labels)}"
        text = ",".join(f'{label}="{value}"' for label, value in labels.items() if value != "")
        self._rows.append((name, text, value, growth))

    def histogram(self, name, mean, growth, **labels):
        for bound in BUCKETS:
            share = min(1.0, bound / (2 * mean))
            self.add(f"{name}_bucket", share, share * growth, **labels, le=f"{bound:g}")
        self.add(f"{name}_bucket", 1.0, growth, **labels, le="+Inf")
        self.add(f"{name}_sum", mean, mean * growth, **labels)
        self.add(f"{name}_count", 1.0, growth, **labels)

    def text(self, elapsed, at, target):
        """Every series at a moment, under the labels of the agent as a target."""
        own = ",".join(f'{label}="{value}"' for label, value in target.items())
        rows = [(f"{name}{{{own}{',' if text else ''}{text}}}", value + growth * elapsed) for name, text, value, growth in self._rows]
        return "".join(f"{series} {value:.17g} {at:.3f}\n" for series, value in rows)


def _mailbox(s, n, now):
    tenant = n % TENANTS
    provider, credential = PROVIDERS[tenant], f"app-{tenant}"
    mailbox = f"box-{n:04}@tenant-{tenant}.example"
    s.add("mailbox_info", 1, alert_path="false", mailbox=mailbox, address=mailbox, provider=provider, credential=credential, team=f"team-{n % 12}")
    s.add("mailbox_folder_messages", n % 300, mailbox=mailbox, folder="INBOX")
    s.add("mailbox_folder_unread_messages", n % 7, mailbox=mailbox, folder="INBOX")
    for protocol, server in SERVERS[provider].items():
        check = {"mailbox": mailbox, "protocol": protocol}
        why = _failure(n, tenant, protocol)
        s.add("mailbox_check_info", 1, **check, server=server, provider=provider, credential=credential, tenant=_uuid(tenant))
        s.add("mailbox_probe_success", int(not why), **check)
        s.add("mailbox_probe_duration_seconds", 30.0 if why else 0.2 + n % 40 / 20, **check)
        s.add("mailbox_probe_last_run_timestamp_seconds", now - n % 300, 1.0, **check)
        s.add("mailbox_probe_last_success_timestamp_seconds", now - (86400 if why else n % 300), **check)
        s.add("mailbox_probe_outcome_changed_timestamp_seconds", now - (7200 + 60 * (n % 90) if why else 864000), **check)
        s.add("mailbox_check_interval_seconds", 300, **check)
        for outcome in ("success", "failure"):
            s.add("mailbox_probes_total", 100, 1 / 300 * ((outcome == "failure") == bool(why)), **check, outcome=outcome)
        for phase in PHASES[protocol]:
            s.add("mailbox_probe_phase_seconds", 0.05, **check, phase=phase)
        if why:
            s.add("mailbox_probe_failure_info", 1, **check, phase=why[0], reason=why[1])
            s.add("mailbox_probe_failures_total", 5, 1 / 300, **check, phase=why[0], reason=why[1])
        standing = _standing(n, why)
        for state in STATES:
            s.add("mailbox_readiness", int(state == standing), **check, state=state)
        for state in ("open", "closed", "unknown"):
            s.add("mailbox_basic_auth", int(state == ("open", "closed", "unknown")[n % 3]), **check, state=state)
        s.add("mailbox_readiness_evidence_timestamp_seconds", now - 3600 * (n % 99), **check, signal="oauth_login")
        if n % 5 == 0:
            s.add("mailbox_readiness_evidence_timestamp_seconds", now - 3600 * (n % 700), **check, signal="usage")


def _standing(n, why):
    """How far a check is from doing without passwords."""
    return "blocked" if why else "unknown" if n % 9 == 0 else STATES[n // TENANTS % 4]


def standings(mailboxes):
    """How many checks are in each state, by tenant and protocol."""
    return collections.Counter(
        (n % TENANTS, protocol, _standing(n, _failure(n, n % TENANTS, protocol)))
        for n in mailboxes
        for protocol in SERVERS[PROVIDERS[n % TENANTS]]
    )


def score(tenant):
    """A score that tells the tenants apart."""
    return 20 * tenant


def _uuid(tenant):
    return f"{tenant + 1}{tenant + 1}111111-2222-3333-4444-555555555555"


def agent(known, reasons, shard, now):
    """What one of the agents shows."""
    s = Series(known | {"up": set()} | dict.fromkeys(("ALERTS", "ALERTS_FOR_STATE"), ALERTED))
    s.add("up", 1)
    if shard == 0:
        for name, owner in ALERTS.items():
            labels = {"alertname": name, "severity": "critical", "owner": owner} | ALERT_OF
            s.add("ALERTS", 1, **labels, alertstate="firing")
            s.add("ALERTS_FOR_STATE", now - 5400, **labels, alertstate="")
    mine = range(shard, MAILBOXES, AGENTS)
    for n in mine:
        _mailbox(s, n, now)
    for name, row in reasons.items():
        s.add("mailbox_reason_info", 1, reason=name, owner=row["owners"][0]["name"], transient=str(row["transient"]).lower())
    for provider, servers in SERVERS.items():
        for protocol, server in servers.items():
            at = {"server": server, "protocol": protocol}
            s.add("mailbox_server_certificate_expiry_timestamp_seconds", now + 86400 * (9 if provider == "lab" else 60), **at)
            for mechanism in ("xoauth2", "plain", "login"):
                s.add("mailbox_server_mechanism_offered", int(mechanism == "xoauth2"), **at, mechanism=mechanism)
            for phase in PHASES[protocol]:
                s.histogram("mailbox_server_phase_duration_seconds", 0.4, 0.3, **at, phase=phase, outcome="success")
            if protocol == "smtp":
                continue
            deadline = {"provider": provider, "protocol": "smtp", "kind": "default_off"}
            s.add("mailbox_basic_auth_deadline_timestamp_seconds", now + 86400 * (32 if provider != "gmail" else -200), **deadline)
    counts = standings(mine)
    for tenant in range(TENANTS):
        credential = {"credential": f"app-{tenant}"}
        of = credential | {"resource": "outlook.office365.com"}
        failing = tenant in SHARED
        s.add("mailbox_credential_success", int(not failing), **credential)
        s.add("mailbox_credential_expiry_timestamp_seconds", now + 86400 * (40 * tenant - 1), **credential, source="declared")
        s.add("mailbox_credential_expiry_timestamp_seconds", now + 86400 * (40 * tenant - 1), **credential, source="directory")
        s.add("mailbox_token_expiry_timestamp_seconds", now + 1800, **of)
        s.add("mailbox_token_permission", 1, **credential, permission="IMAP.AccessAsApp")
        if failing:
            s.add("mailbox_credential_failure_info", 1, **credential, reason=SHARED[tenant][1])
        for outcome in ("success", "failure"):
            s.add("mailbox_token_requests_total", 50, 0.002, **of, outcome=outcome)
            s.histogram("mailbox_token_request_duration_seconds", 0.3, 0.002, **of, outcome=outcome)
        s.add("mailbox_readiness_score", score(tenant), tenant=_uuid(tenant))
        for protocol in SERVERS[PROVIDERS[tenant]]:
            for state in STATES:
                s.add("mailbox_readiness_checks", counts[tenant, protocol, state], tenant=_uuid(tenant), protocol=protocol, state=state)
    for source, rows in SOURCES.items():
        s.add("mailbox_readiness_source_rows", rows, source=source)
        s.add("mailbox_readiness_source_last_success_timestamp_seconds", now - 3600, source=source)
    s.add("mailbox_exporter_build_info", 1, version="0.1.0", revision="0123456789abcdef0123456789abcdef01234567", os="linux", arch="x86_64")
    s.add("mailbox_exporter_shard_info", 1, shard=shard, shards=AGENTS)
    s.add("mailbox_exporter_checks", 2 * len(mine))
    s.add("mailbox_exporter_probes_in_flight", shard)
    s.add("mailbox_exporter_config_last_reload_successful", 1)
    s.add("mailbox_exporter_config_last_reload_success_timestamp_seconds", now - 86400 - 3600 * shard)
    s.add("mailbox_exporter_probes_skipped_total", 0, 0.01)
    s.histogram("mailbox_exporter_probe_lateness_seconds", 0.2, 0.7)
    for name, value, growth in [("process_start_time_seconds", now - 90000 * (shard + 1), 0.0), ("process_open_fds", 40 + shard, 0.0),
                                ("process_max_fds", 20000, 0.0), ("process_threads", 4, 0.0), ("process_cpu_seconds_total", 9, 0.002),
                                ("process_resident_memory_bytes", 4e7 + 1e6 * shard, 0.0)]:
        s.add(name, value, growth)
    return s


def openmetrics(program, now, spans):
    """The text of every agent, at each of `spans` seconds before `now`, as promtool makes blocks of."""
    known, reasons = reference.metrics(program), reference.reasons(program)
    agents = [agent(known, reasons, shard, now) for shard in range(AGENTS)]
    for series, target in zip(agents, TARGETS, strict=True):
        for span in spans:
            yield series.text(-span, now - span, target)
    yield "# EOF\n"


def first_check(program, now):
    """The labels of one check and of its agent, as a board's choices need them."""
    text = agent(reference.metrics(program), reference.reasons(program), 0, now).text(0, now, TARGETS[0])
    labels = re.search(r"^mailbox_check_info\{(.*)\} 1", text, re.M)[1]
    return dict(re.findall(r'(\w+)="([^"]*)"', labels))
