"""Every reason reaches somebody: a unit test that is written from the program's own table of reasons, and run by promtool.

One mailbox and one credential fail for each reason of the table, and for reasons that the rules cannot know: one of every
owner, lasting and passing, and one that no agent explains. Not here: what else the rules do, see deploy/prometheus/tests.
"""

import itertools
import json
import subprocess

# First who must act by the program's table, then the alert's owner: where a mail server has refused, and where the identity
# provider has.
AT_THE_SERVER = {"app": "identity", "admin": "messaging", "owner": "messaging", "wait": "messaging", "ops": "exporter", "net": "network"}
AT_THE_PROVIDER = {**AT_THE_SERVER, "admin": "identity", "owner": "identity", "wait": "identity"}
# Lasting reasons that are left to another alert: of a mailbox, and of a credential.
MAILBOX_ALERTS = {
    "role_missing": "MailboxRoleMissing",
    "smtp_auth_disabled_tenant": "MailboxSmtpAuthOffTenant",
    "smtp_auth_disabled_mailbox": "MailboxSmtpAuthOff",
    "mailbox_not_connected": "MailboxNotConnected",
    "conditional_access": "MailboxConditionalAccess",
    "mfa_required": "MailboxConditionalAccess",
    "tls_certificate_expired": "MailboxServerCertificateExpired",
}
CREDENTIAL_ALERTS = {
    "conditional_access": "MailboxConditionalAccess",
    "mfa_required": "MailboxConditionalAccess",
    "refresh_token_expired": "MailboxSignInLost",
    "federated_identity_mismatch": "MailboxFederatedIdentityRefused",
    "clock_skew": "MailboxClockSkew",
}
# Somebody between the agent and the identity provider; a provider at which nobody listens is out.
INTERCEPTED = ("tls_certificate_expired", "tls_certificate_untrusted", "tls_name_mismatch")
PROVIDER_OUT = ("connection_refused",)
UNEXPLAINED = "reason_of_tomorrow"
# During an upgrade two agents may name different owners; the first in the order of the rules is told, once.
DISPUTED = ("new_app_lasts", "ops")


def explained(table):
    """Owner and transience by reason: the table's, and those of reasons that the rules cannot know."""
    known = {reason: (row["owners"][0]["name"], row["transient"]) for reason, row in table.items()}
    for owner, transient in itertools.product(AT_THE_SERVER, (False, True)):
        known[f"new_{owner}_{'passes' if transient else 'lasts'}"] = (owner, transient)
    return known


def of_mailbox(reason, owner, transient):
    """The alerts of a mailbox that has failed for twenty minutes, and who they are for."""
    if reason in MAILBOX_ALERTS:
        return {(MAILBOX_ALERTS[reason], None)}
    return set() if owner is None or transient else {("MailboxRefused", AT_THE_SERVER[owner])}


def of_credential(reason, owner, transient):
    """The alerts of a credential that has got no token for twenty minutes."""
    if reason in CREDENTIAL_ALERTS:
        return {(CREDENTIAL_ALERTS[reason], None)}
    if transient or reason in PROVIDER_OUT:
        return {("MailboxIdentityProviderUnavailable", "identity")}
    if reason in INTERCEPTED:
        return {("MailboxCredentialRefused", "network")}
    return {("MailboxCredentialRefused", AT_THE_PROVIDER.get(owner, "exporter"))}


def series(reason):
    """What an agent exports of one mailbox and one credential that fail for a reason, from the second minute on."""
    agent = 'job="mailbox-exporter", instance="agent-0:9993"'
    check = f'{agent}, mailbox="{reason}", protocol="imap"'
    yield f'mailbox_check_info{{{check}, server="{reason}:993", provider="at-{reason}", credential="{reason}", tenant="{reason}"}}', "1+0x40"
    yield f"mailbox_check_interval_seconds{{{check}}}", "60+0x40"
    yield f"mailbox_probe_success{{{check}}}", "_ 1 0+0x38"
    yield f'mailbox_probe_failure_info{{{check}, phase="auth", reason="{reason}"}}', "_x2 1+0x38"
    yield f'mailbox_probes_total{{{check}, outcome="failure"}}', "0 0 1+1x38"
    yield f"mailbox_probe_last_run_timestamp_seconds{{{check}}}", "_ 60+60x39"
    yield f"mailbox_probe_last_success_timestamp_seconds{{{check}}}", "_ 60+0x39"
    yield f'mailbox_credential_success{{{agent}, credential="{reason}"}}', "1 1 0+0x38"
    yield f'mailbox_credential_failure_info{{{agent}, credential="{reason}", reason="{reason}"}}', "_x2 1+0x38"


def samples(wanted):
    """Alerts as promtool expects them of a query that counts by these labels."""
    return [
        {"labels": "{%s}" % ", ".join(f'{key}="{value}"' for key, value in labels.items() if value), "value": 1}
        for labels in sorted(wanted, key=str)
    ]


def case(table, rules):
    """The unit test, as promtool reads it: JSON is YAML."""
    known = explained(table)
    everything = {**known, UNEXPLAINED: (None, None)}
    inputs = [{"series": name, "values": values} for reason in everything for name, values in series(reason)]
    said = [("agent-0", reason, *row) for reason, row in known.items()]
    for agent, reason, owner, transient in [*said, ("agent-1", *DISPUTED, False)]:
        labels = f'job="mailbox-exporter", instance="{agent}:9993", reason="{reason}", owner="{owner}", transient="{str(transient).lower()}"'
        inputs.append({"series": f"mailbox_reason_info{{{labels}}}", "values": "1+0x40"})

    def asked(query, minutes, wanted):
        return {"expr": query, "eval_time": f"{minutes}m", "exp_samples": samples(wanted)}

    firing = 'ALERTS{alertstate="firing", alertname=~"%s"}'
    mailboxes = [
        {"alertname": alert, "mailbox": reason, "owner": owner}
        for reason, row in everything.items()
        for alert, owner in of_mailbox(reason, *row)
        if owner
    ]
    credentials = [
        {"alertname": alert, "credential": reason, "owner": owner}
        for reason, row in everything.items()
        for alert, owner in of_credential(reason, *row)
        if alert == "MailboxCredentialRefused"
    ]
    providers = [
        {"provider": f"at-{reason}"}
        for reason, row in everything.items()
        for alert, _ in of_credential(reason, *row)
        if alert == "MailboxIdentityProviderUnavailable"
    ]
    own = {(alert, reason) for alerts in (MAILBOX_ALERTS, CREDENTIAL_ALERTS) for reason, alert in alerts.items()}
    # Each by the label that says which mailbox, credential, tenant or server it is of; all are called by their reason here.
    of = 'label_replace(label_replace(label_replace(label_replace(%s, "of", "$1", "server", "(.+):993"), "of", "$1", "tenant", "(.+)"), "of", "$1", "credential", "(.+)"), "of", "$1", "mailbox", "(.+)")'
    by_reason = of % (firing % "|".join(sorted({alert for alert, _ in own})))
    test = {
        "name": "every reason reaches somebody",
        "interval": "1m",
        "input_series": inputs,
        "promql_expr_test": [
            asked(f"count by (alertname, mailbox, owner) ({firing % 'MailboxRefused'})", 22, mailboxes),
            asked(f"count by (alertname, credential, owner) ({firing % 'MailboxCredentialRefused'})", 22, credentials),
            asked(f"count by (provider) ({firing % 'MailboxIdentityProviderUnavailable'})", 22, providers),
            asked(f"count by (alertname, of) ({by_reason})", 22, [{"alertname": alert, "of": reason} for alert, reason in own]),
            # And whatever the reason, nobody forgets the mailbox.
            asked(f"count by (mailbox) ({firing % 'MailboxUnusable'})", 38, [{"mailbox": reason} for reason in everything]),
        ],
    }
    return {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [test]}


def check(source, folder, table):
    """What promtool says against it."""
    file = folder / "reasons.yaml"
    file.write_text(json.dumps(case(table, source / "alerts.yaml")))
    answer = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    return [] if answer.returncode == 0 else [answer.stdout + answer.stderr]
