//! Remedies: what to do about a reason, with this mailbox's and its credential's own values filled in.
//!
//! Owns the texts: tables, one row per reason and, where it differs, per kind of server. Each line is a
//! paragraph, and text between backticks is a command or a value. Several causes are listed where
//! there are several. Not here: what a reason means and who must act; that is `model::Reason`. No
//! secret: the place of one at most.

mod clock;
mod consent;
mod fill;
mod findings;
mod login;
mod mailbox;
mod message;
mod network;
mod said;
mod token;

#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};

use self::fill::Values;
use crate::invocation;
use crate::model::{Access, Check, Claims, Family, Mechanism, Phase, Protocol, Reason, ServerFacts};

pub use consent::{NATIVE_CLIENT, consent_url};
pub use fill::host_of;

/// What is known about the mailbox that failed.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The check that failed.
    pub check: &'a Check,
    /// The claims of the token, if there was one and it can be read.
    pub claims: Option<&'a Claims>,
    /// How far this machine's clock is ahead of the identity provider's, if that was measured.
    pub clock_skew: Option<SignedDuration>,
    /// When it failed, by this machine's clock.
    pub at: Timestamp,
    /// What was learnt about the mail server.
    pub server: &'a ServerFacts,
    /// The server's sentence, scrubbed, or ours.
    pub detail: &'a str,
    /// Another protocol in which the same credential opens the same mailbox right now.
    pub works: Option<Protocol>,
}

/// What is known without a configured mailbox, when a user asks about an answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct Heard<'a> {
    /// The family of the server; if it is unknown, the remedies of all families are listed.
    pub family: Option<Family>,
    /// The protocol of the answer.
    pub protocol: Option<Protocol>,
    /// The step of the answer.
    pub phase: Option<Phase>,
    /// The mechanism by which the login was tried.
    pub mechanism: Option<Mechanism>,
    /// The answer.
    pub text: &'a str,
}

/// Where a remedy applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Everywhere.
    Any,
    /// At servers of this family; of identity providers, at the one that goes with it.
    Only(Family),
}

/// When a remedy applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Always: the last row of a reason, and the row that `explain` shows without a mailbox.
    Always,
    /// The server's sentence holds these words, which are lower case.
    Says(&'static str),
    /// The same credential opens the same mailbox by the other protocol.
    OtherWorks,
    /// In one protocol.
    By(Protocol),
    /// The login is by password.
    Password,
    /// The login is by password, in one protocol.
    PasswordBy(Protocol),
    /// The login is by password at a service that says what a password is there.
    KnownService,
    /// At one of these mail servers, whatever its family.
    Host(&'static [&'static str]),
    /// The token is that of a person who has signed in.
    Delegated,
    /// In one phase.
    In(Phase),
}

/// One row: the first that fits is the remedy.
#[derive(Debug)]
struct Remedy {
    reason: Reason,
    at: At,
    when: When,
    /// Lines with places to fill in; see `fill`.
    text: &'static str,
}

/// Writes a table of [`Remedy`]s.
macro_rules! remedies {
    ($( $reason:ident $(, $family:ident)? $(; $when:ident $(($($what:tt)+))?)? => $text:literal; )+) => {
        &[ $( $crate::diagnosis::remedy::Remedy {
            reason: $crate::model::Reason::$reason,
            at: remedies!(@at $($family)?),
            when: remedies!(@when $($when $(($($what)+))?)?),
            text: $text,
        } ),+ ]
    };
    (@at) => { $crate::diagnosis::remedy::At::Any };
    (@at $family:ident) => { $crate::diagnosis::remedy::At::Only($crate::model::Family::$family) };
    (@when) => { $crate::diagnosis::remedy::When::Always };
    (@when $when:ident $(($($what:tt)+))?) => { $crate::diagnosis::remedy::When::$when $(($($what)+))? };
}
use remedies;

/// What to do about a failed check: a sentence or a few, commands ready to be run if there are any.
pub fn hint(reason: Reason, phase: Phase, subject: &Subject<'_>) -> String {
    let check = subject.check;
    let family = if of_token(reason) { idp_family(check) } else { check.mailbox.provider.family };
    let detail = subject.detail.to_lowercase();
    let fits = |row: &&Remedy| {
        row.reason == reason
            && (row.at == At::Any || row.at == At::Only(family))
            && match row.when {
                When::Always => true,
                When::Says(words) => detail.contains(words),
                When::OtherWorks => subject.works.is_some_and(|works| works != subject.check.protocol()),
                When::By(protocol) => subject.check.protocol() == protocol,
                When::Password => matches!(subject.check.access, Access::Password(_)),
                When::PasswordBy(protocol) => {
                    matches!(subject.check.access, Access::Password(_))
                        && subject.check.protocol() == protocol
                }
                When::KnownService => {
                    matches!(subject.check.access, Access::Password(_))
                        && check.mailbox.provider.service.is_some()
                }
                When::Host(hosts) => hosts.iter().any(|host| check.endpoint.host.eq_ignore_ascii_case(host)),
                When::Delegated => subject.check.mailbox.credential.is_delegated(),
                When::In(wanted) => phase == wanted,
            }
    };
    let values = Values::of(subject, phase);
    let findings = findings::of(reason, phase, subject);
    let row = rows().find(fits).filter(|_| !findings.decisive);
    let lines = row.into_iter().flat_map(|row| row.text.lines()).map(|line| values.fill(line));
    let mut lines: Vec<_> = findings.lines.into_iter().chain(lines).collect();
    if let Some(login) = check.mailbox.provider.cloud.azure_login()
        && lines.iter().any(|line| line.contains("`az "))
    {
        lines.push(format!("The Azure CLI has to be told the cloud first: `{login}`"));
    }
    invocation::complete(&lines.join("\n")).into_owned()
}

/// What to do about a reason if no mailbox is at hand: for one family of servers, or for all that
/// differ, one after the other. Unknown values are placeholders in capitals (`APP_ID`).
pub fn generic_hint(reason: Reason, family: Option<Family>, protocol: Option<Protocol>) -> String {
    hint_unconfigured(reason, &Heard { family, protocol, ..Heard::default() })
}

/// As [`generic_hint`], for one answer: what it says, and where, chooses among the remedies.
pub fn hint_unconfigured(reason: Reason, heard: &Heard<'_>) -> String {
    let values = Values::unknown(heard.protocol);
    let text = heard.text.to_lowercase();
    let fill = |row: &Remedy| row.text.lines().map(|line| values.fill(line)).collect::<Vec<_>>().join("\n");
    let fits = |row: &&Remedy| {
        row.reason == reason
            && match row.when {
                When::Always => true,
                When::By(wanted) => heard.protocol == Some(wanted),
                When::Says(words) => text.contains(words),
                When::In(wanted) => heard.phase == Some(wanted),
                When::Password => heard.mechanism.is_some_and(Mechanism::shows_password),
                When::PasswordBy(wanted) => {
                    heard.mechanism.is_some_and(Mechanism::shows_password) && heard.protocol == Some(wanted)
                }
                When::OtherWorks | When::KnownService | When::Host(_) | When::Delegated => false,
            }
    };
    let of = |family| rows().filter(fits).find(|row| row.at == At::Any || row.at == At::Only(family));
    if let Some(family) = heard.family {
        return of(family).map(fill).unwrap_or_default();
    }
    let special = Family::ALL.iter().filter_map(|family| {
        let row = of(*family).filter(|row| row.at == At::Only(*family))?;
        Some(format!("{}:\n{}", heading(*family, of_token(reason)), fill(row)))
    });
    let mut parts: Vec<_> = special.collect();
    if let Some(rest) = rows().filter(fits).find(|row| row.at == At::Any).map(fill) {
        parts.push(if parts.is_empty() { rest } else { format!("Elsewhere:\n{rest}") });
    }
    parts.join("\n")
}

fn rows() -> impl Iterator<Item = &'static Remedy> {
    [said::TABLE, token::TABLE, login::TABLE, mailbox::TABLE, message::TABLE, network::TABLE]
        .into_iter()
        .flatten()
}

/// Whether a reason is the identity provider's: its family decides then.
fn of_token(reason: Reason) -> bool {
    token::TABLE.iter().any(|row| row.reason == reason)
}

const fn heading(family: Family, of_token: bool) -> &'static str {
    match (family, of_token) {
        (Family::ExchangeOnline, true) => "Microsoft Entra",
        (Family::ExchangeOnline, false) => "Exchange Online",
        (Family::OutlookCom, _) => "Outlook.com",
        (Family::Gmail, true) => "Google",
        (Family::Gmail, false) => "Gmail",
        (Family::Generic, true) => "Other identity providers",
        (Family::Generic, false) => "Other servers",
    }
}

/// Hosts of identity providers, by their ends, and the family whose remedies fit them.
const IDENTITY_PROVIDERS: &[(&str, Family)] = &[
    ("microsoftonline.com", Family::ExchangeOnline),
    ("microsoftonline.us", Family::ExchangeOnline),
    ("microsoftonline.cn", Family::ExchangeOnline),
    ("login.windows.net", Family::ExchangeOnline),
    ("login.live.com", Family::OutlookCom),
    ("googleapis.com", Family::Gmail),
    ("google.com", Family::Gmail),
];

/// Whose identity provider issues the token: an own mail server may well trust Entra.
fn idp_family(check: &Check) -> Family {
    let family = check.mailbox.provider.family;
    let Some(spec) = check.token_spec() else { return family };
    let host = host_of(&spec.url).to_ascii_lowercase();
    let known = IDENTITY_PROVIDERS.iter().find(|(end, _)| {
        host.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    });
    known.map_or(family, |(_, family)| *family)
}
