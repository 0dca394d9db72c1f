//! Remedies: what to do about a reason, with this mailbox's and its credential's own values filled in.
//!
//! Not here: what a reason means and who must act; that is `model::Reason`. No secret: the place of
//! one at most.

use crate::model::{Check, Claims, Phase, Protocol, Reason};

/// What is known of the mailbox that failed.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The check that failed.
    pub check: &'a Check,
    /// What the token says of itself, where there was one and it can be read.
    pub claims: Option<&'a Claims>,
    /// The server's sentence, scrubbed, or ours.
    pub detail: &'a str,
    /// Another protocol in which the same credential opens the same mailbox right now.
    pub works: Option<Protocol>,
}

/// What to do about a failed check: a sentence or a few, commands ready to be run where there are any.
pub fn hint(reason: Reason, _phase: Phase, _subject: &Subject<'_>) -> String {
    generic_hint(reason).to_owned()
}

/// What to do about a reason where no mailbox is at hand; placeholders are in capitals (`APP_ID`).
pub fn generic_hint(reason: Reason) -> &'static str {
    reason.row().meaning
}
