//! What an observation proves about OAuth, about passwords, and about the server's offer.
//!
//! Not here: the wording of servers (`diagnosis`), and the conclusions (`judge`).

use jiff::Timestamp;

use crate::diagnosis::{self, Proof};
use crate::model::{
    Access, Check, Evidence, Failure, Family, Finding, Mechanism, Observation, Outcome, Phase, Protocol,
    Reason, Signal,
};

/// Maximum length of a note in characters.
const NOTE: usize = 240;

/// Which password was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// The mailbox's real password.
    Real,
    /// The deliberately wrong password.
    Wrong,
}

/// The evidence from an ordinary probe.
pub(super) fn of_probe(seen: &Observation) -> Vec<Evidence> {
    let login = match &seen.check.access {
        Access::Token(_) => oauth(seen),
        Access::Password(_) => of_password(seen, Shown::Real),
    };
    offer(seen).into_iter().chain(login).collect()
}

/// Signal A. An offer before TLS proves nothing, so it counts only if the probe reached the login.
pub(super) fn offer(seen: &Observation) -> Option<Evidence> {
    const TOKENS: [Mechanism; 2] = [Mechanism::Xoauth2, Mechanism::Oauthbearer];
    seen.timings.iter().find(|(phase, _)| *phase == Phase::Auth)?;
    let offered = seen.server.mechanisms.as_ref()?;
    // An unknown mechanism (CRAM-MD5, SCRAM, NTLM, …) may be based on a password.
    let takes = offered.iter().any(|mechanism| !TOKENS.contains(mechanism));
    let finding = if takes || is_host_wide(&seen.check) { Finding::Offered } else { Finding::NotOffered };
    let labels: Vec<&str> = offered.iter().map(|mechanism| mechanism.label()).collect();
    Some(evidence(seen, Signal::Offer, finding, &labels.join(", ")))
}

/// Exchange lists the same mechanisms for all mailboxes of an SMTP host, so the list proves nothing about
/// one of them.
fn is_host_wide(check: &Check) -> bool {
    let family = check.mailbox.provider.family;
    check.protocol() == Protocol::Smtp && matches!(family, Family::ExchangeOnline | Family::OutlookCom)
}

/// Whether an offer of passwords contradicts a calendar that says they are removed. A host of the operator's
/// own may differ from the provider whose preset it extends. The providers' own hosts listed passwords for
/// years after they stopped accepting them, so only a login can contradict the calendar there.
pub(super) fn offer_refutes_calendar(check: &Check) -> bool {
    const PROVIDERS: [&str; 6] =
        ["office365.com", "office365.us", "outlook.com", "office.com", "gmail.com", "partner.outlook.cn"];
    let host = check.endpoint.host.trim_end_matches('.').to_ascii_lowercase();
    let within =
        |name: &&str| host.strip_suffix(*name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !is_host_wide(check) && !PROVIDERS.iter().any(within)
}

/// Whether trials must stop in the tenant: an account is locked, or the password was forwarded to the
/// organisation's own directory, which keeps its own count of failures.
pub(super) fn stops(seen: &Observation, by_password: bool) -> bool {
    seen.outcome.failure().is_some_and(|failure| {
        failure.cause.reason == Reason::AccountLocked
            || by_password && matches!(diagnosis::password_proof(failure), Proof::Locked | Proof::Federated)
    })
}

/// Signal B. A temporary fault, of the network or of a server, says nothing about OAuth.
fn oauth(seen: &Observation) -> Option<Evidence> {
    let (finding, note) = match &seen.outcome {
        Outcome::Up => (Finding::OauthWorks, ""),
        Outcome::Down { failure, .. } => {
            (oauth_failure(failure, seen.check.protocol())?, &*failure.cause.detail)
        }
    };
    let note = match seen.outcome.failure() {
        Some(failure) if finding != Finding::OauthWorks => format!("{}: {note}", failure.cause.reason),
        _ => String::new(),
    };
    Some(evidence(seen, Signal::OauthLogin, finding, &note))
}

fn oauth_failure(failure: &Failure, protocol: Protocol) -> Option<Finding> {
    let reason = failure.cause.reason;
    if reason.row().transient {
        return None;
    }
    match (failure.phase, reason) {
        (_, Reason::SmtpAuthDisabledTenant | Reason::SmtpAuthDisabledMailbox) => Some(Finding::SmtpAuthOff),
        // Our own fault, not the mailbox's.
        (_, Reason::Internal | Reason::ProtocolError) => None,
        (Phase::Token, _) => Some(Finding::OauthFails),
        (phase, _) if phase < Phase::Auth => None,
        // For SMTP an accepted login is the proof; permissions of the sender are a separate matter.
        (phase, _) if phase > Phase::Auth && protocol == Protocol::Smtp => Some(Finding::OauthWorks),
        // The server says so only after a successful login.
        (phase, Reason::FolderMissing | Reason::OverQuota) if phase > Phase::Auth => {
            Some(Finding::OauthWorks)
        }
        _ => Some(Finding::OauthFails),
    }
}

/// Signals C and D: what a password login proves. `None` without a verdict.
pub(super) fn of_password(seen: &Observation, shown: Shown) -> Option<Evidence> {
    let (signal, exchange) = (signal(shown), seen.check.mailbox.provider.family == Family::ExchangeOnline);
    let (finding, note) = match &seen.outcome {
        Outcome::Up => (Finding::Accepted, ""),
        Outcome::Down { failure, .. } => {
            let finding = match diagnosis::password_proof(failure) {
                Proof::Silence => return None,
                Proof::Policy => Finding::PolicyRefuses,
                Proof::SmtpAuthOff => Finding::SmtpAuthOff,
                Proof::Directory | Proof::Federated => Finding::Reached,
                Proof::Incorrect if shown == Shown::Wrong && exchange => Finding::Reached,
                Proof::Incorrect | Proof::Nothing => Finding::Undecided,
                Proof::Locked => Finding::Locked,
            };
            (finding, &*failure.cause.detail)
        }
    };
    Some(evidence(seen, signal, finding, note))
}

pub(super) const fn signal(shown: Shown) -> Signal {
    match shown {
        Shown::Real => Signal::PasswordLogin,
        Shown::Wrong => Signal::Refusal,
    }
}

fn evidence(seen: &Observation, signal: Signal, finding: Finding, note: &str) -> Evidence {
    // Truncated to the stored precision, so that a restart changes nothing.
    let at = Timestamp::from_microsecond(seen.started_at.as_microsecond()).unwrap_or(seen.started_at);
    Evidence { at, finding, signal, until: None, note: note.chars().take(NOTE).collect() }
}
