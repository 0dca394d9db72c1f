//! Diagnosis: what an answer means. Pure functions from what the world said to a [`Reason`], used by
//! the probes, by the token client and by `explain` alike.
//!
//! Owns the wordings: tables, one row per wording or code, each with its reason and its source, in the
//! file of the protocol it belongs to. A new wording is one row. No I/O, no clock, no secret: texts
//! arrive as they were on the wire and leave as a reason; scrubbing them for people is done elsewhere.

use std::time::Duration;

use self::wording::{Says, Situation, Voice};
use crate::model::{Family, Mechanism, Phase, Protocol, Reason};

mod aadsts;
mod challenge;
mod errno;
mod graph;
mod imap;
mod interception;
mod io;
mod manual;
mod oauth;
mod oauth_sentences;
mod offer;
mod passwords;
pub mod paste;
mod pop3;
pub mod remedy;
mod returned;
mod sender;
mod sentences;
mod smtp;
mod text;
mod tls;
mod wording;

#[cfg(test)]
mod tests;

pub use interception::{is_intercepted, is_of_certificate};
pub use io::io;
pub use manual::{Entry, manual};
pub use offer::{Offer, not_offered};
pub use passwords::{Proof, password_proof};
pub use remedy::host_of;
pub use returned::{Returned, returned};
pub use sender::verdicts as sender_verdicts;
pub use tls::tls;

/// A mail server's answer, with the context that is needed to understand it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The step that the client was taking.
    pub phase: Phase,
    /// The protocol of the answer.
    pub protocol: Protocol,
    /// The mechanism by which the login was tried; `None` if none was yet, or if it is not known.
    pub mechanism: Option<Mechanism>,
    /// Whose server it is: the same line means different things at different providers.
    pub family: Family,
    /// Whether TLS is established.
    pub encrypted: bool,
    /// The XOAUTH2 or OAUTHBEARER error challenge, decoded: JSON text.
    pub challenge: Option<&'a str>,
    /// The reply as on the wire. An IMAP tag may precede it or be missing; the lines of an SMTP
    /// reply are joined by newlines.
    pub text: &'a str,
}

/// What an answer means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Why.
    pub reason: Reason,
    /// How long the other side asks us to wait before the next attempt, if it does.
    pub retry_after: Option<Duration>,
}

/// What an identity provider said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenAnswer<'a> {
    /// The HTTP status; `None` if there is only a text, as in `explain`.
    pub status: Option<u16>,
    /// The `Retry-After` header, already a duration.
    pub retry_after: Option<Duration>,
    /// The body, JSON or not.
    pub body: &'a str,
}

/// What a mail server's refusal means.
pub fn reply(answer: &Answer<'_>) -> Verdict {
    interpret(answer, Voice::Server)
}

/// What a sentence means: a server's own, or one that a paste quotes.
fn interpret(answer: &Answer<'_>, voice: Voice) -> Verdict {
    let plain = text::unescape(answer.text);
    let plain = match answer.protocol {
        Protocol::Smtp => smtp::join(&plain),
        Protocol::Imap | Protocol::Pop3 | Protocol::RoundTrip | Protocol::Graph => plain,
    };
    // The letters of a report in base64 must not match a wording, so it is taken out of the text.
    let (report, folded) = match challenge::report_in(&plain) {
        Some((report, word)) => {
            let rest = text::fold(&plain.replace(word, " "));
            (Some(report), rest)
        }
        None => (None, text::fold(&plain)),
    };
    let folded = text::nameless(&folded);
    let challenge = answer.challenge.map(str::to_owned).or(report);
    let at = Situation {
        phase: answer.phase,
        protocol: answer.protocol,
        family: answer.family,
        login: wording::shown(answer.mechanism, challenge.is_some(), &folded),
        voice,
    };
    // Some servers hand on the words of the identity provider that they asked.
    let reason = oauth::entra_number(&folded).unwrap_or_else(|| match answer.protocol {
        // The legs of a round trip are judged in their own protocols; its other answers are IMAP.
        Protocol::Imap | Protocol::RoundTrip => imap::classify(&folded, &at),
        Protocol::Smtp => smtp::classify(&folded, &at),
        Protocol::Pop3 => pop3::classify(&folded, &at),
        Protocol::Graph => graph::classify(&folded, &at),
    });
    let reason = challenge.map_or(reason, |challenge| challenge::refine(reason, &challenge));
    Verdict { reason, retry_after: text::backoff(&folded) }
}

/// What an identity provider's refusal means. A success that is not a token response is a
/// [`Reason::ProtocolError`].
pub fn token(answer: &TokenAnswer<'_>) -> Verdict {
    oauth::classify(answer)
}

/// What a text of a resolver, an operating system or a TLS library means, as somebody pastes it into
/// `explain`; `None` if it is not such a text.
pub fn network_text(text: &str) -> Option<Reason> {
    let folded = text::nameless(&text::fold(&text::unescape(text)));
    // The order matters. Longer messages contain a certificate's fault, so those come first. A failed name
    // lookup is told in words of sockets ("lookup … connection refused"), so resolvers come before sockets.
    // A handshake that a socket's fault ended has the socket's reason.
    let tables = [tls::CERTIFICATES, io::RESOLVERS, io::SOCKETS, tls::FAULTS, tls::HANDSHAKES];
    let find = |table: &[wording::Wording]| match wording::find(table, &folded)? {
        Says::Is(reason) => Some(reason),
        _ => None,
    };
    // A connection that was closed because of a TLS fault has the TLS fault's reason. If one of several
    // addresses was unreachable and another refused or was silent, the other one counts: its network works.
    let fault = |reason: Reason| match reason {
        Reason::ConnectionClosed => find(tls::FAULTS).unwrap_or(reason),
        Reason::NetworkUnreachable => find(io::ATTEMPTS).unwrap_or(reason),
        _ => reason,
    };
    let worded = tables.iter().find_map(|table| find(table)).map(fault);
    let numbered = errno::reason(&folded);
    // A number says more than the name of the call that failed: `[Errno 11001] getaddrinfo failed`.
    match worded {
        Some(Reason::DnsFailure) if numbered == Some(Reason::DnsNotFound) => numbered,
        worded => worded.or(numbered),
    }
}

/// How servers say that a token has expired. Only after these a new token helps.
const TOKEN_HAS_EXPIRED: &[&str] = &[
    // Exchange Online, `* BYE Session invalidated - AccessTokenExpired`.
    "accesstokenexpired",
    // Generic wordings of servers that name the fault.
    "token has expired",
    "token expired",
    "expired token",
    // Graph: `Lifetime validation failed, the token is expired.`
    "the token is expired",
];

/// How Graph says that a token was issued before something changed: a revocation, a policy. A new token helps,
/// unless the policy refuses the app itself.
const TOKEN_IS_OUTDATED: &[&str] = &[
    // Microsoft Learn, Continuous access evaluation: sessions were revoked.
    "tokenissuedbeforerevocationtimestamp",
    // Microsoft Learn, Claims challenges: the 401 after a change of policy.
    "tokencreatedwithoutdatedpolicies",
    // Microsoft Learn, Claims challenges: `WWW-Authenticate: Bearer error="insufficient_claims"`.
    "insufficient_claims",
];

/// Whether a server's words say that the access token has expired, or is outdated.
pub fn token_has_expired(text: &str) -> bool {
    token_is_outdated(text) || says(text, TOKEN_HAS_EXPIRED)
}

/// Whether a server's words say that something has changed since the access token was issued.
pub fn token_is_outdated(text: &str) -> bool {
    says(text, TOKEN_IS_OUTDATED)
}

fn says(text: &str, wordings: &[&str]) -> bool {
    let text = text.to_ascii_lowercase();
    wordings.iter().any(|wording| text.contains(wording))
}
