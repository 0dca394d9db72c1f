"""A real Alertmanager with the shipped configuration: one cause, one page.

Alerts are posted with the labels that the rules give them, as the unit tests of the rules have them. Only the addresses of
the receivers and the wait before a message are changed. Not here: when the rules fire.
"""

import concurrent.futures
import datetime
import http.server
import json
import re
import threading

from .process import free_port, get, running, within

CHECK = {"server": "outlook.office365.com:993", "provider": "exchange_online", "credential": "contoso", "tenant": "contoso-tenant"}
MAILBOXES = ("invoices", "orders", "payroll")
CREDENTIAL = {"credential": "contoso", "tenant": "contoso-tenant", "severity": "critical", "owner": "identity"}
SERVER = {"provider": "exchange_online", "server": "outlook.office365.com:993", "protocol": "imap"}
AGENT = {"job": "mailbox-exporter", "instance": "agent-0:9993"}


def alert(name, *labels, **more):
    """An alert with its labels, of the one site that most scenarios have."""
    merged = {"alertname": name, "job": "mailbox-exporter"}
    for some in labels:
        merged.update(some)
    return {**merged, **more}


def of_mailbox(name, mailbox="invoices", **more):
    """The alert of one check."""
    base = {"mailbox": mailbox, "protocol": "imap", "severity": "critical", "owner": "messaging"}
    return alert(name, CHECK, base, more)


def every(name, **more):
    """The same alert of three mailboxes."""
    return [of_mailbox(name, mailbox, **more) for mailbox in MAILBOXES]


CRITICAL, WARNING = {"severity": "critical"}, {"severity": "warning"}
FABRIKAM = {"credential": "fabrikam", "tenant": "fabrikam-tenant", "server": "imap.gmail.com:993", "provider": "gmail"}

# What is going on; what is told; what is not.
SCENARIOS = [
    (
        "a broken credential with three mailboxes is one page",
        [alert("MailboxCredentialRefused", CREDENTIAL)],
        [*every("MailboxUnusable"), alert("MailboxCredentialExpired", credential="contoso", severity="critical", owner="identity")],
    ),
    (
        "another credential's mailbox, and a refusal that has nothing to do with the token, are told besides",
        [
            alert("MailboxCredentialRefused", CREDENTIAL),
            of_mailbox("MailboxUnusable", "sales", **FABRIKAM),
            of_mailbox("MailboxRefused", "scans", owner="exporter"),
        ],
        [of_mailbox("MailboxUnusable")],
    ),
    (
        "a server stands for its mailboxes, and a refusal of one is told besides",
        [alert("MailboxServerFailing", SERVER, CRITICAL, owner="messaging"), of_mailbox("MailboxRefused", "scans", owner="identity")],
        [
            *every("MailboxUnusable"),
            of_mailbox("MailboxRefused", owner="exporter"),
            alert("MailboxServerSlow", server=SERVER["server"], protocol="imap", phase="auth", severity="warning", owner="messaging"),
        ],
    ),
    (
        "a provider stands for its servers and their mailboxes",
        [alert("MailboxProviderFailing", CRITICAL, provider="exchange_online", owner="messaging")],
        [
            alert("MailboxServerFailing", SERVER, CRITICAL, owner="messaging"),
            alert("MailboxServerFailing", SERVER, CRITICAL, owner="messaging", server="smtp.office365.com:587", protocol="smtp"),
            *every("MailboxUnusable"),
            of_mailbox("MailboxRefused", owner="exporter"),
        ],
    ),
    (
        "no resolver stands for everything behind it",
        [alert("MailboxDnsFailing", CRITICAL, job="mailbox-exporter", owner="network"), of_mailbox("MailboxNotConnected", "scans")],
        [
            alert("MailboxServerFailing", SERVER, CRITICAL, owner="messaging"),
            alert("MailboxTokensRunningOut", CRITICAL, provider="exchange_online", owner="identity"),
            of_mailbox("MailboxUnusable"),
        ],
    ),
    (
        "tokens that run out stand for the identity provider and the mailboxes",
        [alert("MailboxTokensRunningOut", CRITICAL, provider="exchange_online", owner="identity")],
        [alert("MailboxIdentityProviderUnavailable", WARNING, provider="exchange_online", owner="identity"), *every("MailboxUnusable")],
    ),
    (
        "a missing role stands for what it costs",
        [
            alert("MailboxRoleMissing", CREDENTIAL, protocol="imap"),
            alert("MailboxPermissionRevoked", WARNING, credential="contoso", permission="IMAP.AccessAsApp", owner="identity"),
        ],
        every("MailboxUnusable"),
    ),
    (
        "a credential that opens nothing stands for its mailboxes",
        [alert("MailboxCredentialShutOut", CREDENTIAL, protocol="imap")],
        [of_mailbox("MailboxRefused", owner="identity"), of_mailbox("MailboxNotConnected", "orders"), *every("MailboxUnusable")],
    ),
    (
        "SMTP AUTH off for a tenant stands for its senders",
        [
            alert("MailboxSmtpAuthOffTenant", CRITICAL, provider="exchange_online", tenant="contoso-tenant", owner="messaging"),
            of_mailbox("MailboxUnusable", "orders"),
        ],
        [of_mailbox("MailboxUnusable", protocol="smtp", server="smtp.office365.com:587")],
    ),
    (
        "the reason stands for the fact, and both for what they mean for the end of passwords",
        [of_mailbox("MailboxNotConnected")],
        [of_mailbox("MailboxUnusable"), of_mailbox("MailboxBlocked"), of_mailbox("MailboxOAuthLost", owner="identity")],
    ),
    (
        "the mailbox that sends the alarm is told without mail, whatever the cause, and stands for its other alerts",
        [
            alert("MailboxCredentialRefused", CREDENTIAL),
            alert("MailboxServerFailing", SERVER, CRITICAL, owner="messaging"),
            of_mailbox("MailboxAlertPathDown", "alerts", alert_path="true"),
        ],
        [of_mailbox("MailboxRefused", "alerts", owner="identity"), of_mailbox("MailboxUnusable", "alerts")],
    ),
    (
        "an expired or intercepted certificate stands for the mailboxes behind it",
        [
            alert("MailboxServerCertificateExpired", CRITICAL, server="mail.contoso.example:993", protocol="imap", owner="messaging"),
            alert("MailboxTlsIntercepted", SERVER, CRITICAL, owner="network"),
        ],
        [
            of_mailbox("MailboxUnusable", server="mail.contoso.example:993", provider="own"),
            of_mailbox("MailboxUnusable", "orders"),
            of_mailbox("MailboxRefused", "orders"),
        ],
    ),
    (
        "the page stands for the ticket on the same thing, not for that on another",
        [
            alert("MailboxCredentialExpiring", CRITICAL, credential="contoso", owner="identity"),
            alert("MailboxCredentialExpiring", WARNING, credential="fabrikam", owner="identity"),
        ],
        [alert("MailboxCredentialExpiring", WARNING, credential="contoso", owner="identity")],
    ),
    (
        "throttling is told once",
        [alert("MailboxThrottled", SERVER, WARNING, tenant="contoso-tenant", owner="exporter")],
        every("MailboxUnusable"),
    ),
    (
        "an agent that is down stands for what it does not do",
        [alert("MailboxExporterDown", AGENT, CRITICAL, owner="exporter")],
        [
            alert("MailboxNotProbed", AGENT, WARNING, owner="exporter"),
            alert("MailboxExporterLate", AGENT, WARNING, owner="exporter"),
            alert("MailboxExporterShardMissing", CRITICAL, job="mailbox-exporter", shards="3", owner="exporter"),
        ],
    ),
    (
        "a cause at one site silences nothing at another",
        [
            alert("MailboxCredentialRefused", CREDENTIAL, job="oslo"),
            alert("MailboxDnsFailing", CRITICAL, job="oslo", owner="network"),
            *every("MailboxUnusable", job="bergen"),
            of_mailbox("MailboxUnusable", job="oslo", cluster="west"),
        ],
        [*every("MailboxUnusable", job="oslo"), alert("MailboxServerFailing", SERVER, CRITICAL, job="oslo", owner="messaging")],
    ),
]
# Posted a moment after the others: when it is told, they have had their turn.
SENTINEL = alert("Sentinel", CRITICAL, owner="exporter")


class Sink(http.server.BaseHTTPRequestHandler):
    """Every receiver of every scenario: remembers what it was told, by the path it was told at."""

    told = []

    def do_POST(self):  # noqa: N802: the name is the library's
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.told.extend((self.path, one["labels"]) for one in message["alerts"] if one["status"] == "firing")
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Nothing to say."""


def labels_in_tests(source):
    """By alert, the sets of label names that it has in the unit tests."""
    found = {}
    for file in (source / "tests").glob("*.yaml"):
        for name, block in re.findall(r"alertname: (\w+)\n(.*?)(?=\n      - eval_time|\n    promql|\n  - name|\Z)", file.read_text(), re.S):
            for labels in re.findall(r"exp_labels: \{ (.*) \}", block):
                found.setdefault(name, set()).add(frozenset(re.findall(r"(\w+): '", labels)))
    return found


def post(url, alerts):
    """Hands alerts to the Alertmanager as new ones: what is older than the wait before a message is told at once."""
    now = datetime.datetime.now(datetime.timezone.utc)
    ends = now + datetime.timedelta(hours=1)
    body = [{"labels": labels, "startsAt": now.isoformat(), "endsAt": ends.isoformat()} for labels in alerts]
    assert get(f"{url}/api/v2/alerts", body) is not None, "the Alertmanager does not answer"


def states(url):
    """Labels and state of every alert the Alertmanager knows."""
    return [(one["labels"], one["status"]["state"]) for one in get(f"{url}/api/v2/alerts") or []]


def scenario(url, mark, told, silent):
    """What differs from what should be told; the receivers' paths begin with the mark."""

    def messages():
        return [(path.removeprefix(mark), labels) for path, labels in list(Sink.told) if path.startswith(mark)]

    post(url, told + silent)
    wanted = [(labels, "active") for labels in told] + [(labels, "suppressed") for labels in silent]

    def settled():
        now = states(url)
        return len(now) == len(wanted) and all(one in now for one in wanted)

    faults = []
    if not within(10, settled):
        faults += [f"{state}, not as it should be: {labels}" for labels, state in states(url) if (labels, state) not in wanted]
        faults = faults or ["not every alert arrived"]
    within(20, lambda: all(labels in [one for _, one in messages()] for labels in told))
    post(url, [SENTINEL])
    if not within(20, lambda: SENTINEL in [labels for _, labels in messages()]):
        faults.append("the Alertmanager sends no message")
    faults += [f"a message was sent for {labels}" for _, labels in messages() if labels not in [*told, SENTINEL]]
    for labels in told:
        paths = {path for path, one in messages() if one == labels}
        kind = labels["owner"] if labels["severity"] == "critical" else "alerts"
        kind = "without-mail" if "alert_path" in labels else kind
        if paths != {kind}:
            faults.append(f"{labels} was told to {sorted(paths)}, not to {kind}")
    return faults


def alone(source, folder, port, number):
    """One scenario, with an Alertmanager of its own."""
    name, told, silent = SCENARIOS[number]
    mark = f"/{number}/"
    text = (source / "alertmanager.yaml").read_text()
    text = re.sub(r"http://(?:pager|tickets)\.example/", f"http://127.0.0.1:{port}{mark}", text)
    # Long enough for a busy machine to see the cause before the first message.
    text, waits = re.subn(r"group_wait: 1m\n", "group_wait: 2s\n", text)
    assert waits == 1 and ".example" not in text, "the configuration would send messages away from this machine"
    folder = folder / f"alertmanager-{number}"
    folder.mkdir()
    (folder / "alertmanager.yaml").write_text(text)
    address = f"127.0.0.1:{free_port()}"
    command = [
        "prometheus-alertmanager",
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--cluster.listen-address=",
    ]
    with running(folder / "log", *command):
        if not within(20, lambda: get(f"http://{address}/-/ready")):
            return [(folder / "log").read_text()]
        return [f"{name}: {fault}" for fault in scenario(f"http://{address}", mark, told, silent)]


def check(source, folder):
    """Every scenario, a few at a time."""
    faults = []
    shapes = labels_in_tests(source)
    for name, told, silent in SCENARIOS:
        for labels in told + silent:
            if frozenset(labels) - {"alertname"} not in shapes.get(labels["alertname"], set()):
                faults.append(f"{name}: no rule gives {labels['alertname']} the labels {sorted(labels)}")
    sink = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        for found in pool.map(lambda number: alone(source, folder, sink.server_port, number), range(len(SCENARIOS))):
            faults += found
    sink.shutdown()
    return faults
