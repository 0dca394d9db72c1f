//! What somebody pastes: a reply, a dialogue, a log, a library's message, a number, a reason's name.
//!
//! Owns the way from such a text to an answer that the tables can read: who speaks, in which protocol,
//! at which step, and which lines carry a meaning. Nothing of the text is kept. Not here: the tables.

mod guess;
mod inside;
mod lines;

#[cfg(test)]
mod tests;

use self::lines::Dialogue;
use super::text::{fold, unescape};
use super::{Answer, Dialect, TokenAnswer, Verdict, imap, network_text, pop3, reply, smtp, token};
use crate::model::{Family, Mechanism, Phase, Reason};

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A mail server.
    Mail(Dialect),
    /// An identity provider's token endpoint.
    Token,
    /// A resolver, an operating system or a TLS library.
    Network,
}

/// A text, and what is known besides; what is not known is guessed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paste<'a> {
    /// Any text at all.
    pub text: &'a str,
    /// Who said it.
    pub source: Option<Source>,
    /// At which step.
    pub phase: Option<Phase>,
    /// By which mechanism the login was tried.
    pub mechanism: Option<Mechanism>,
    /// Whose server it is.
    pub family: Family,
}

/// How a text was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Who said it; `None` where nothing but a reason's name was there.
    pub source: Option<Source>,
    /// At which step.
    pub phase: Option<Phase>,
    /// By which mechanism, where it was told or is seen.
    pub mechanism: Option<Mechanism>,
    /// What it means.
    pub verdict: Verdict,
    /// Whether the text was nothing but a reason's name.
    pub by_name: bool,
}

impl Reading {
    const fn of(reason: Reason) -> Self {
        let verdict = Verdict { reason, retry_after: None };
        Self { source: None, phase: None, mechanism: None, verdict, by_name: false }
    }

    fn found(self) -> Option<Self> {
        (self.verdict.reason != Reason::Unexpected).then_some(self)
    }
}

/// What a pasted text means; [`Reason::Unexpected`] where nothing in it is known.
pub fn read(paste: &Paste<'_>) -> Reading {
    // As it stands in a ticket or a chat.
    let text = paste.text.trim().trim_matches('`').trim();
    if let Some(reason) = Reason::from_label(&text.to_ascii_lowercase()) {
        return Reading { by_name: true, ..Reading::of(reason) };
    }
    match paste.source.or_else(|| guess::source(text)) {
        Some(Source::Token) => {
            by_token(paste, text).found().or_else(|| by_network(paste, text)).unwrap_or(Reading {
                source: Some(Source::Token),
                phase: Some(Phase::Token),
                ..Reading::of(Reason::Unexpected)
            })
        }
        Some(Source::Mail(dialect)) => {
            // What is no server's answer may be a library's word about the network.
            let first = if answers(text) { None } else { by_network(paste, text) };
            first.unwrap_or_else(|| {
                let read = by_server(paste, text, dialect);
                read.found().or_else(|| by_network(paste, text)).unwrap_or(read)
            })
        }
        Some(Source::Network) | None => by_network(paste, text)
            .or_else(|| Dialect::ALL.iter().find_map(|dialect| by_server(paste, text, *dialect).found()))
            .or_else(|| by_token(paste, text).found())
            .unwrap_or_else(|| Reading::of(Reason::Unexpected)),
    }
}

/// Whose server speaks, where its answers bear a mark.
pub fn family(text: &str) -> Option<Family> {
    guess::family(text)
}

/// Whether any line is an answer in a mail protocol.
fn answers(text: &str) -> bool {
    unescape(text).lines().map(lines::bare).any(|line| {
        let folded = fold(line);
        inside::holds(line)
            || imap::is_answer(&folded)
            || smtp::is_answer(&folded)
            || pop3::is_answer(&folded)
    })
}

fn by_token(paste: &Paste<'_>, text: &str) -> Reading {
    let verdict = token(&TokenAnswer { status: None, retry_after: None, body: text });
    Reading {
        source: Some(Source::Token),
        phase: Some(Phase::Token),
        mechanism: paste.mechanism,
        verdict,
        by_name: false,
    }
}

fn by_network(paste: &Paste<'_>, text: &str) -> Option<Reading> {
    let reason = network_text(text)?;
    let phase = paste.phase;
    Some(Reading { source: Some(Source::Network), phase, mechanism: paste.mechanism, ..Reading::of(reason) })
}

fn by_server(paste: &Paste<'_>, text: &str, dialect: Dialect) -> Reading {
    let dialogue = Dialogue::of(text);
    let told = paste.phase.or(dialogue.phase);
    let phase = told.unwrap_or_else(|| guess::phase(&dialogue.said, dialect));
    let mechanism = paste.mechanism.or(dialogue.mechanism);
    let at = |phase| {
        reply(&Answer {
            phase,
            protocol: dialect,
            mechanism,
            family: paste.family,
            encrypted: true,
            challenge: None,
            text: &dialogue.said,
        })
    };
    let mut verdict = at(phase);
    // That a wordless "no" is the login's is known only where somebody said that it was a login.
    if told.is_none() && at(Phase::Select).reason == Reason::Unexpected {
        verdict.reason = Reason::Unexpected;
    }
    let source = Some(Source::Mail(dialect));
    Reading { source, phase: Some(phase), mechanism, verdict, by_name: false }
}
