//! The course of a session: how the client took an answer, what came after a refusal, how far the session
//! got, how it ended.
//!
//! Not here: the meaning of an answer.

use super::evidence::{Evidence, Kind, Piece, Statement};
use super::lines::Line;
use super::{inside, progress, statements};
use crate::diagnosis::smtp;
use crate::diagnosis::text::fold;
use crate::model::Phase;

/// Whether the server asks for the next step of a login: that is no success yet.
pub(super) fn is_prompt(text: &str) -> bool {
    text.starts_with("334") || text.starts_with("+ ") || text == "+"
}

/// How greetings begin.
const GREETINGS: &[&str] = &["* OK", "220", "+OK"];

/// Words of a client right before a greeting that it did not expect.
const UNEXPECTED: &[&str] = &[
    "error",
    "error:",
    "exception:",
    "invalid greeting. response=",
    "invalid greeting:",
    "unexpected greeting:",
];

/// An answer's kind, as the client took it: some call a greeting an error, and a prompt as an exception's
/// message is one that the client could not answer.
pub(super) fn taken(kind: Kind, line: &Line, answer: &str) -> Kind {
    match kind {
        _ if is_foreign(line, answer) => Kind::Foreign,
        Kind::Success if is_prompt(answer) && inside::wrapped(&line.whole).is_some() => Kind::Refusal,
        kind => kind,
    }
}

/// Whether a client calls a server's greeting an error.
fn is_foreign(line: &Line, answer: &str) -> bool {
    let greets = GREETINGS.iter().any(|greeting| answer.starts_with(greeting));
    let before = || line.whole.split(answer).next().unwrap_or_default().trim_end().to_ascii_lowercase();
    greets && UNEXPECTED.iter().any(|words| before().ends_with(words))
}

impl Evidence {
    /// Whether the session went on after a refusal: another way to log in succeeded, or the session does not
    /// need the refused command.
    pub(super) fn is_overcome(&self, at: usize) -> bool {
        let Some((piece, later)) = self.pieces.get(at..).and_then(<[_]>::split_first) else {
            return false;
        };
        let phase = piece.phase.or_else(|| is_of_login(&piece.text).then_some(Phase::Auth));
        let repeatable = matches!(phase, Some(Phase::Auth | Phase::Capability));
        let last =
            later.iter().rfind(|other| !other.optional && other.phase == phase && !is_prompt(&other.text));
        let succeeded = |other: &Piece| other.kind == Kind::Success;
        (repeatable && last.is_some_and(succeeded))
            || (piece.optional && later.iter().any(succeeded))
            || (later.is_empty() && self.worked_after(piece))
    }

    /// Whether a program reports work in the mailbox after an answer, and no trouble: it has logged in by
    /// another way.
    fn worked_after(&self, piece: &Piece) -> bool {
        let mut after = self.statements.iter().filter(|statement| statement.line > piece.line);
        let worked = after.clone().any(|statement| progress::is_work(&statement.text));
        worked && after.all(|statement| !statements::complains(&statement.text))
    }

    /// Whether the server agreed to STARTTLS, and the client complains in place of its next command: the
    /// handshake failed.
    pub(super) fn broke_at_tls(&self) -> bool {
        let agreed = |piece: &Piece| piece.kind == Kind::Success && piece.phase == Some(Phase::StartTls);
        let Some(at) = self.pieces.iter().rposition(agreed) else { return false };
        let Some((agreement, later)) = self.pieces.get(at..).and_then(<[_]>::split_first) else {
            return false;
        };
        let complains =
            |statement: &Statement| statement.line > agreement.line && statements::complains(&statement.text);
        self.statements.iter().any(complains) && later.iter().all(|piece| piece.ended)
    }

    /// Whether the session ended while the client waited for an answer to a command.
    pub(super) fn broke_off(&self) -> bool {
        const ENDS: &[&str] = &["closed", "disconnected", "connection ended", "connection lost"];
        let waits = self.asked.phase.is_some() && !self.asked.ends;
        let last = self.pieces.last().map_or(0, |piece| piece.line);
        let mut after = self.statements.iter().filter(|statement| statement.line > last);
        waits && after.any(|statement| ENDS.iter().any(|words| fold(&statement.text).contains(words)))
    }

    /// Whether the session came to the end that the client wanted.
    pub(super) fn ended(&self) -> bool {
        let last = self.pieces.last();
        last.is_some_and(|piece| {
            piece.kind == Kind::Success && (piece.ended || piece.text.starts_with("221"))
        })
    }

    /// Whether a login succeeded, and no refusal came after it.
    pub(super) fn logged_in(&self) -> bool {
        let last = self.pieces.iter().rfind(|piece| !is_prompt(&piece.text) && !piece.optional);
        last.is_some_and(|piece| {
            piece.kind == Kind::Success && (piece.phase >= Some(Phase::Auth) || piece.text.starts_with("235"))
        })
    }
}

/// Whether an answer can only be one to a login, by its code.
fn is_of_login(text: &str) -> bool {
    smtp::is_of_login(text) || text.to_ascii_lowercase().contains("[authenticationfailed]")
}
