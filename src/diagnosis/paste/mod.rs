//! Pasted texts: a reply, a dialogue, a log, a library's message, a number, a reason's name.
//!
//! Owns the steps from such a text to a reading of it. The lines of the text become evidence: commands,
//! answers of servers, statements of programs or persons. The kind of a piece decides its weight. The text is
//! not kept. Not here: the tables of wordings.

mod apple;
mod clients;
mod commands;
mod evidence;
mod files;
mod guess;
mod inside;
mod judge;
mod languages;
mod layout;
mod lines;
mod marks;
mod names;
mod progress;
mod records;
mod session;
mod statements;

#[cfg(test)]
mod tests;

use super::Verdict;
use crate::model::{Family, Mechanism, Phase, Protocol, Reason};

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A mail server.
    Mail(Protocol),
    /// An identity provider's token endpoint.
    Token,
    /// A resolver, an operating system or a TLS library.
    Network,
}

/// A text and its circumstances. Unknown circumstances are guessed from the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paste<'a> {
    pub text: &'a str,
    /// Who said it.
    pub source: Option<Source>,
    /// At which step.
    pub phase: Option<Phase>,
    /// By which mechanism the login was tried.
    pub mechanism: Option<Mechanism>,
    /// Whose server it is; `None` if the text itself has to tell.
    pub family: Option<Family>,
}

/// How a text was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Who said it; `None` if that is unknown, or if the text is a reason's name.
    pub source: Option<Source>,
    /// At which step.
    pub phase: Option<Phase>,
    /// By which mechanism, if the caller named it or the text shows it.
    pub mechanism: Option<Mechanism>,
    /// What it means; `None` if the text reports no failure.
    pub verdict: Option<Verdict>,
    /// Whether the text was a reason's name alone.
    pub by_name: bool,
}

impl Reading {
    const fn of(reason: Reason) -> Self {
        let verdict = Some(Verdict { reason, retry_after: None });
        Self { source: None, phase: None, mechanism: None, verdict, by_name: false }
    }

    /// The reason; `None` if there is no failure.
    pub fn reason(&self) -> Option<Reason> {
        self.verdict.map(|verdict| verdict.reason)
    }

    /// This reading, unless no table knew the text.
    fn found(self) -> Option<Self> {
        (self.reason() != Some(Reason::Unexpected)).then_some(self)
    }
}

/// What a pasted text means; [`Reason::Unexpected`] if no table knows any of it.
pub fn read(paste: &Paste<'_>) -> Reading {
    // Tickets and chats put a text between backticks.
    let text = paste.text.trim().trim_matches('`').trim();
    if let Some(reason) = Reason::from_label(&text.to_ascii_lowercase()) {
        return Reading { by_name: true, ..Reading::of(reason) };
    }
    judge::judge(paste, &layout::restored(text))
}

/// Whose server speaks, if its answers bear a mark.
pub fn family(text: &str) -> Option<Family> {
    guess::family(text)
}
