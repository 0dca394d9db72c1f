"""A real Prometheus with the rules, on the demo: every rule evaluates, and the demo's faults are found.

Only the times are shortened: the demo probes every fifteen seconds. Not here: what the rules are called and say.
"""

import re

from .process import free_port, get, running, within

# What the demo suffers from, by alert and the labels that tell which mailbox or credential it is.
EXPECTED = [
    ("MailboxCredentialRefused", {"owner": "identity"}, 2),  # a secret that is wrong, and one that has expired
    ("MailboxConditionalAccess", {}, 1),
    ("MailboxSignInLost", {}, 1),
    ("MailboxRoleMissing", {"protocol": "imap"}, 1),
    ("MailboxRefused", {"owner": "identity"}, 1),  # a token that is rejected
    ("MailboxRefused", {"owner": "exporter"}, 2),  # a folder that is missing, a closed port
    ("MailboxNotConnected", {}, 1),
    ("MailboxSmtpAuthOffTenant", {}, 1),
    ("MailboxSmtpAuthOff", {"protocol": "smtp"}, 1),
    ("MailboxServerCertificateExpired", {"protocol": "imap"}, 1),
    ("MailboxThrottled", {"severity": "warning"}, 1),
    ("MailboxUnusable", {}, 20),
]
# The demo's first round takes fifteen seconds, the second as long; a busy machine is slower.
PATIENCE_SECONDS = 120


def shortened(rules):
    """The rules with waits of one second, evaluated at the pace of the configuration."""
    rules = re.sub(r"^(\s+for:) \w+$", r"\1 1s", rules, flags=re.M)
    rules = re.sub(r"^    interval: \w+\n", "", rules, flags=re.M)
    assert rules.count(" for: 1s") == rules.count("- alert: "), "not every wait was shortened"
    return rules


def missing(rules):
    """Which of the expected alerts are not there yet."""
    active = [
        alert["labels"]
        for rule in rules
        if rule["type"] == "alerting"
        for alert in rule["alerts"]
        if alert["state"] in ("pending", "firing")
    ]
    lacking = []
    for name, labels, count in EXPECTED:
        wanted = dict(labels, alertname=name)
        found = sum(wanted.items() <= labels.items() for labels in active)
        if found < count:
            lacking.append(f"{name} {labels}: {found} of {count}")
    return lacking


def check(source, folder, agent):
    """Faults, and the rules as Prometheus has read them."""
    folder = folder / "live"
    folder.mkdir()
    (folder / "alerts.yaml").write_text(shortened((source / "alerts.yaml").read_text()))
    agent_port, port = free_port(), free_port()
    (folder / "prometheus.yaml").write_text(
        "global: { scrape_interval: 1s, evaluation_interval: 1s }\n"
        "rule_files: [alerts.yaml]\n"
        "scrape_configs:\n"
        "  - job_name: mailbox-exporter\n"
        f"    static_configs: [{{ targets: ['127.0.0.1:{agent_port}'] }}]\n"
    )
    demo = [agent, "demo", "--listen", f"127.0.0.1:{agent_port}"]
    prometheus = [
        "prometheus",
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with running(folder / "demo.log", *demo), running(folder / "prometheus.log", *prometheus):
        url = f"http://127.0.0.1:{port}/api/v1/rules"
        seen = {}

        def rules():
            answer = get(url) or {"data": {"groups": []}}
            return [rule for group in answer["data"]["groups"] for rule in group["rules"]]

        def complete():
            seen["rules"] = rules()
            seen["missing"] = missing(seen["rules"])
            return seen["rules"] and not seen["missing"]

        faults = []
        if not within(PATIENCE_SECONDS, complete):
            logs = [(folder / name).read_text()[-2000:] for name in ("demo.log", "prometheus.log")]
            faults.append(f"on the demo not found: {seen['missing']}\n{logs[0]}\n{logs[1]}")
        for rule in seen["rules"]:
            if rule["health"] != "ok":
                faults.append(f"{rule['name']}: {rule['health']}: {rule.get('lastError')}")
            # A template that fails leaves its error in the text.
            for alert in rule.get("alerts", []):
                for key, text in alert["annotations"].items():
                    if "<error expanding" in text or "<no value>" in text or "%!" in text:
                        faults.append(f"{rule['name']}: {key}: {text}")
        return faults, seen["rules"]
