//! Lists of capabilities as evidence: the login that the client wants and the server does not list.

use super::Case;
use crate::diagnosis::paste::Reading;
use crate::diagnosis::paste::evidence::{Kind, Piece};
use crate::diagnosis::text::fold;
use crate::diagnosis::wording::Voice;
use crate::diagnosis::{imap, smtp};
use crate::model::{Phase, Protocol, Reason};

impl Case<'_> {
    /// The reading of a paste without any refusal, in which the server does not offer the login that the client
    /// wants.
    pub(super) fn missing_login(&self) -> Option<Reading> {
        let by_token = self.evidence.mechanism.filter(|mechanism| !mechanism.shows_password());
        let wanted = self.paste.mechanism.or(self.evidence.asked.mechanism).or(by_token);
        if wanted.is_none() && self.paste.phase != Some(Phase::Capability) {
            return None;
        }
        if self.evidence.pieces.iter().any(|piece| piece.kind != Kind::Success) {
            return None;
        }
        // A list that a server sends after the login offers no logins.
        let is_offer = |piece: &&Piece| {
            (imap::is_offer(&fold(&piece.text)) && !is_tagged_ok(&piece.text)) || smtp::is_offer(&piece.text)
        };
        let offer = self.evidence.pieces.iter().rfind(is_offer)?;
        let protocol = self.given().or(offer.protocol)?;
        if protocol == Protocol::Imap && imap::is_offered(&fold(&offer.text), wanted) {
            return None;
        }
        let reading = self.answer(&offer.text, protocol, Some(Phase::Capability), wanted, Voice::Server);
        reading.reason().filter(|reason| OF_AN_OFFER.contains(reason)).map(|_| reading)
    }

    /// Whether the client wants to log in by a token and the server lists its logins: the list then outweighs the
    /// client's complaint that the login failed.
    pub(super) fn lists_logins_beside_token(&self) -> bool {
        let lists = |piece: &Piece| smtp::is_offer(&piece.text) && fold(&piece.text).contains("auth ");
        let by_token = self.mechanism(None).is_some_and(|mechanism| !mechanism.shows_password());
        by_token && self.evidence.pieces.iter().any(lists)
    }
}

/// Whether an answer of IMAP is a tagged OK.
fn is_tagged_ok(text: &str) -> bool {
    !text.starts_with('*') && text.split_whitespace().nth(1) == Some("OK")
}

/// Reasons that a list of capabilities can give.
const OF_AN_OFFER: &[Reason] =
    &[Reason::MechanismUnsupported, Reason::EncryptionRequired, Reason::BasicAuthDisabled];
