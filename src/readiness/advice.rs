//! The next step for one mailbox in one protocol: one line, with a command if there is one.
//!
//! Commands: Exchange Online PowerShell (MicrosoftDocs/office-docs-powershell), after `Connect-ExchangeOnline`.
//! Not here: what a failure's reason means and how to fix it (`diagnosis::remedy`, shown on the mailbox's
//! page).

use crate::invocation;
use crate::model::{Basic, Family, Finding, Oauth, Protocol, Signal, Standing, State, Use};
use crate::safe;

/// The name of the authentication policy in the suggested commands.
const POLICY: &str = "OAuth only";

pub(super) fn advice(standing: &Standing) -> String {
    invocation::complete(&step(standing)).into_owned()
}

fn step(standing: &Standing) -> String {
    let exchange = standing.mailbox.provider.family == Family::ExchangeOnline;
    let smtp = standing.name.protocol == Protocol::Smtp;
    match standing.state {
        State::NotExpected => "Nothing to do: this protocol is not expected here.".to_owned(),
        State::Decommissioned => {
            "Nothing to do but to watch: passwords are closed and OAuth works.".to_owned()
        }
        State::Ready if exchange && smtp => switch_off(standing),
        State::Ready => other_switch_off(standing),
        State::Dual => dual(standing),
        State::AtRisk | State::Blocked if smtp_is_off(standing) => smtp_on(standing),
        State::AtRisk | State::Blocked if is_password(standing) => replace_password(standing),
        State::AtRisk | State::Blocked => mend(standing),
        State::Unknown => unknown(standing),
    }
}

fn is_password(standing: &Standing) -> bool {
    standing.mailbox.credential.auth.token().is_none()
}

/// For a mailbox with a password no OAuth is tried, so there is no OAuth to mend.
fn replace_password(standing: &Standing) -> String {
    let (name, password) = (&standing.mailbox.name, &standing.mailbox.credential.name);
    let closed = if standing.basic == Basic::Closed {
        format!("{name} logs in by password, which is closed here. ")
    } else {
        String::new()
    };
    format!(
        "{closed}Give the mailbox a credential with a token (`type: client_secret`, for example) in the place of the password {password}."
    )
}

/// Whether the latest evidence says that SMTP submission is switched off entirely.
fn smtp_is_off(standing: &Standing) -> bool {
    let off = |finding| matches!(finding, Finding::SmtpAuthOff | Finding::SwitchedOff);
    standing.name.protocol == Protocol::Smtp
        && standing.oauth == Oauth::NotOk
        && standing.evidence.iter().any(|exhibit| exhibit.fresh && off(exhibit.evidence.finding))
}

/// How to switch off passwords and keep OAuth. Only for protocols other than this one does the documentation
/// say that OAuth survives the policy.
fn switch_off(standing: &Standing) -> String {
    let user = safe::powershell(&standing.mailbox.address);
    format!(
        "Refuse passwords and keep OAuth: `New-AuthenticationPolicy -Name '{POLICY}' -AllowBasicAuthSmtp:$false; \
         Set-User -Identity {user} -AuthenticationPolicy '{POLICY}'; \
         Set-CASMailbox -Identity {user} -SmtpClientAuthenticationDisabled $false`, then watch the next probes. \
         Do not switch SMTP AUTH off for that: it stops OAuth too."
    )
}

fn other_switch_off(standing: &Standing) -> String {
    let (protocol, name) = (standing.name.protocol, &standing.mailbox.name);
    match standing.mailbox.provider.family {
        Family::Gmail => {
            format!("Have the app passwords of {name} revoked at https://myaccount.google.com/apppasswords.")
        }
        Family::Generic => format!(
            "Switch passwords off for {protocol} at the server (Dovecot: `auth_mechanisms = xoauth2 oauthbearer`), then watch the next probes."
        ),
        Family::ExchangeOnline | Family::OutlookCom => {
            format!("Nothing to switch for {protocol}: the provider has done it; the evidence will follow.")
        }
    }
}

/// Whether sign-ins were seen that may all have been by token.
fn is_only_signed_in(standing: &Standing) -> bool {
    let said = |finding| {
        standing.evidence.iter().any(|exhibit| exhibit.fresh && exhibit.evidence.finding == finding)
    };
    said(Finding::SignedIn) && !said(Finding::Used) && !said(Finding::Accepted)
}

fn dual(standing: &Standing) -> String {
    let exchange = standing.mailbox.provider.family == Family::ExchangeOnline;
    let (name, protocol) = (&standing.mailbox.name, standing.name.protocol);
    let (address, app) = (&standing.mailbox.address, protocol.mail().map_or("", |mail| mail.client_app));
    match standing.usage {
        Use::Seen if exchange && is_only_signed_in(standing) => format!(
            "Somebody signs in by {protocol}, and nothing says whether with a password or a token: find the client in Entra > Sign-in logs of {address} \
             filtered on client app {app}, and move it to OAuth if it shows a password."
        ),
        Use::Seen if is_only_signed_in(standing) => format!(
            "Somebody signs in to {name} by {protocol}, and nothing says whether with a password or a token: find the client in the server's log, \
             and move it to OAuth if it shows a password."
        ),
        Use::Seen if exchange => format!(
            "Move what still logs in by password to OAuth: Entra > Sign-in logs of {address} filtered on client app {app} names it."
        ),
        Use::Seen => {
            format!("Move what still logs in to {name} by password to OAuth; the server's log names it.")
        }
        Use::None => {
            let record = standing.record;
            format!(
                "Wait: OAuth must have worked for seven days (95 %, the last 24 h clean); so far {} of {} logins, {} refused in the last 24 h{}.",
                record.successes,
                record.successes + record.failures,
                record.failures_today,
                record.since.map_or_else(String::new, |since| format!(
                    ", counted since {}",
                    since.strftime("%F %H:%M UTC")
                ))
            )
        }
        Use::Unknown if exchange && protocol == Protocol::Smtp => format!(
            "Find out whether anything still uses a password: Exchange admin center > Reports > Mail flow > SMTP AUTH clients, exported into readiness.usage; \
             or say so there: `{name},{protocol},unused`."
        ),
        Use::Unknown => format!(
            "Find out whether anything still uses a password, and say so in readiness.usage: `{name},{protocol},unused`."
        ),
    }
}

fn smtp_on(standing: &Standing) -> String {
    format!(
        "SMTP AUTH is off, which stops OAuth as well: `Set-CASMailbox -Identity {} -SmtpClientAuthenticationDisabled $false` \
         (to keep passwords out use an authentication policy with AllowBasicAuthSmtp:$false), or declare `not_expected: [smtp]`.",
        safe::powershell(&standing.mailbox.address)
    )
}

fn mend(standing: &Standing) -> String {
    let (name, protocol) = (&standing.mailbox.name, standing.name.protocol);
    let only = if standing.basic == Basic::Closed { ", the only way in" } else { "" };
    let why = standing
        .reason
        .map_or_else(|| "OAuth fails".to_owned(), |reason| format!("OAuth fails with {reason}"));
    format!(
        "Mend OAuth{only}: {why}; `mailbox-exporter check --config FILE {} --protocol {protocol}` says what to do.",
        safe::shell(name)
    )
}

fn unknown(standing: &Standing) -> String {
    let tried = standing.evidence.iter().any(|exhibit| exhibit.evidence.signal == Signal::OauthLogin);
    let (name, protocol) = (&standing.mailbox.name, standing.name.protocol);
    if tried {
        format!(
            "No fresh OAuth login: see what stops the probes, `mailbox-exporter check --config FILE {} --protocol {protocol}`.",
            safe::shell(name)
        )
    } else {
        format!(
            "No OAuth login has been seen yet: wait for the first probe that reaches the server, or `mailbox-exporter check --config FILE {} --protocol {protocol}`.",
            safe::shell(name)
        )
    }
}
