//! Evidence: what each line of a paste is, with the step and the mechanism of the command before it.
//!
//! Not here: the meaning of a piece, and which piece decides.

use std::borrow::Cow;

use super::commands::{self, Said, is_tag};
use super::guess;
use super::inside;
use super::lines::{Line, lines};
use super::marks::Speaker;
use super::session::{self, is_prompt};
use super::statements::complains;
use crate::diagnosis::text::{fold, leading_number};
use crate::diagnosis::{challenge, smtp};
use crate::model::{Mechanism, Phase, Protocol};

/// What a server's answer is, by its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A final answer that refuses: tagged NO or BAD, a reply of class 4 or 5, `-ERR`.
    Refusal,
    /// The error report that a server sends in place of a refusal when it rejects a token.
    Report,
    /// The server ends the session: `* BYE`.
    Farewell,
    /// An answer that reports no fault.
    Success,
    /// A greeting that a client calls an error: it expected another protocol.
    Foreign,
    /// The exception of a library, of a class whose message is the server's answer.
    Wrapped,
    /// `NO` or `BAD` at the head of a line without tag or code: a library cut the tag off, or the line
    /// is a sentence ("NO ROUTE TO HOST").
    Untagged,
}

/// A server's answer.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) kind: Kind,
    pub(super) protocol: Option<Protocol>,
    /// The answer alone, without the words of a log or a library around it.
    pub(super) text: String,
    /// The step of the last command before it.
    pub(super) phase: Option<Phase>,
    /// The mechanism of the last login before it.
    pub(super) mechanism: Option<Mechanism>,
    /// Whether the session goes on even if this answer refuses.
    pub(super) optional: bool,
    /// Whether the client had asked to end the session.
    pub(super) ended: bool,
    /// The index of its line.
    pub(super) line: usize,
}

/// Words of a program or a person.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    /// The index of its line.
    pub(super) line: usize,
    /// Where it begins in the text, in bytes.
    pub(super) at: usize,
}

/// What a paste holds, in the order of its lines.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    pub(super) pieces: Vec<Piece>,
    pub(super) statements: Vec<Statement>,
    /// The mechanism that a program's own words name.
    pub(super) mechanism: Option<Mechanism>,
    /// The step and the mechanism of the last command.
    pub(super) asked: Said,
}

/// The kind of the last line: an indented line continues it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Piece,
    Statement,
}

impl Evidence {
    pub(super) fn of(text: &str) -> Self {
        let lines = lines(text);
        let mut evidence = Self::default();
        let mut optional = false;
        let mut last = Last::Nothing;
        let mut indented = false;
        // The mail comes between the reply 354 and the next one. Its words are not evidence.
        let mut in_mail = false;
        for (index, line) in lines.iter().enumerate() {
            if line.frame {
                evidence.note_mechanism(&fold(&line.text));
                continue;
            }
            let (answer, shape) = answer_of(line);
            // `BAD COMMANDS.` in an indented line is the rest of a refusal.
            let is_rest = line.indented && last == Last::Piece && evidence.last_refuses();
            let shape = shape.filter(|(kind, _)| *kind != Kind::Untagged || !is_rest);
            in_mail &= shape.is_none();
            if in_mail {
                continue;
            }
            // A line that continues a sentence may begin with the word of a command.
            let after_refusal = last == Last::Piece && evidence.last_refuses() && !indented;
            let continues_sentence = line.indented
                && (last == Last::Statement || after_refusal)
                && line.speaker == Speaker::Unmarked;
            indented = line.indented;
            let command = if shape.is_some() || continues_sentence { None } else { command(line) };
            if let Some(said) = command {
                optional = said.phase.is_none();
                evidence.asked.phase = said.phase.or(evidence.asked.phase);
                evidence.asked.mechanism = said.mechanism.or(evidence.asked.mechanism);
                evidence.asked.ends |= said.ends;
                last = Last::Nothing;
            } else if let Some((kind, protocol)) = shape {
                last = Last::Piece;
                in_mail = kind == Kind::Success && answer.starts_with("354");
                let kind = session::taken(kind, line, &answer);
                if kind != Kind::Success {
                    evidence.note_mechanism(&fold(&line.whole));
                }
                evidence.add_answer(kind, protocol, answer.into_owned(), optional, index);
            } else if (line.indented && evidence.append(last, &line.whole))
                || (is_rest_of_wrapped(line) && !complains(&line.text) && evidence.append(last, &line.text))
                || (line.speaker == Speaker::Server
                    && last == Last::Piece
                    && evidence.last_refuses()
                    && evidence.append(last, &line.text))
            {
            } else if let Some(words) = words_of(line) {
                let folded = fold(words);
                evidence.note_mechanism(&folded);
                last = evidence.add_statement(words, &folded, index, line.at);
            }
        }
        evidence
    }

    /// Keeps the first mechanism that a program's own words name.
    fn note_mechanism(&mut self, folded: &str) {
        self.mechanism = self.mechanism.or_else(|| commands::named_in(folded));
    }

    fn add_answer(
        &mut self,
        kind: Kind,
        protocol: Option<Protocol>,
        text: String,
        optional: bool,
        line: usize,
    ) {
        // The lines of one reply, and the report before a refusal, belong together.
        if let Some(last) = self.pieces.last_mut().filter(|last| continues(last, kind, &text)) {
            last.kind = kind;
            last.protocol = protocol.or(last.protocol);
            last.text.push('\n');
            last.text += &text;
            return;
        }
        let Said { phase, mechanism, ends } = self.asked;
        // The next answer belongs to another step, which its own words show.
        if kind == Kind::Success && !optional && !is_prompt(&text) {
            self.asked.phase = None;
        }
        self.pieces.push(Piece { kind, protocol, text, phase, mechanism, optional, ended: ends, line });
    }

    fn add_statement(&mut self, words: &str, folded: &str, line: usize, at: usize) -> Last {
        if let Some((protocol, message)) = inside::wrapped(words) {
            self.add_answer(Kind::Wrapped, protocol, message.to_owned(), false, line);
            return Last::Piece;
        }
        if folded.is_empty() {
            return Last::Nothing;
        }
        self.statements.push(Statement { text: words.to_owned(), line, at });
        Last::Statement
    }

    /// Whether the last answer refuses: its sentence may continue in the next line.
    fn last_refuses(&self) -> bool {
        self.pieces.last().is_some_and(|piece| piece.kind == Kind::Refusal)
    }

    /// Appends a line to the answer or statement that it continues; false if there is none.
    fn append(&mut self, last: Last, text: &str) -> bool {
        let before = match last {
            Last::Piece => self.pieces.last_mut().map(|piece| &mut piece.text),
            Last::Statement => self.statements.last_mut().map(|statement| &mut statement.text),
            Last::Nothing => None,
        };
        let Some(before) = before else { return false };
        before.push(' ');
        before.push_str(text);
        self.note_mechanism(&fold(text));
        true
    }
}

/// Whether an answer continues the piece before it.
fn continues(last: &Piece, kind: Kind, text: &str) -> bool {
    match (last.kind, kind) {
        (Kind::Report, Kind::Refusal | Kind::Report) => true,
        (Kind::Refusal, Kind::Refusal) | (Kind::Success, Kind::Success) => {
            let hyphen = last.text.lines().next_back().and_then(|line| line.trim().split_at_checked(3));
            hyphen.is_some_and(|(code, rest)| rest.starts_with('-') && text.trim().starts_with(code))
        }
        _ => false,
    }
}

/// The answer in a line and its form. It is looked for after the mark first, then in the whole line.
fn answer_of(line: &Line) -> (Cow<'_, str>, Option<(Kind, Option<Protocol>)>) {
    let marked = inside::answer(&line.text);
    if let Some(shape) = shape(&marked) {
        return (marked, Some(shape));
    }
    let whole = inside::answer(&line.whole);
    let shape = shape(&whole);
    (whole, shape)
}

/// The words of a line that is neither answer nor command, so that its mark was part of a sentence. `None` if the
/// mark clearly says that the client sent the line: that may be a secret or a mail.
fn words_of(line: &Line) -> Option<&str> {
    match line.speaker {
        Speaker::Unmarked => Some(&line.text),
        Speaker::Server if line.whole.starts_with('<') => Some(&line.text),
        Speaker::Client if line.whole.starts_with('>') => Some(&line.text),
        Speaker::Client if is_head(line) => None,
        Speaker::Server | Speaker::Client => Some(&line.whole),
    }
}

/// Whether several blanks follow a server's mark: the line is the rest of one that a log has wrapped.
fn is_rest_of_wrapped(line: &Line) -> bool {
    let mark = line.whole.strip_suffix(line.text.as_str()).unwrap_or_default();
    line.speaker == Speaker::Server && mark.ends_with("  ")
}

/// Whether the mark is at the beginning of its line.
fn is_head(line: &Line) -> bool {
    let mark = line.whole.strip_suffix(line.text.as_str()).unwrap_or_default();
    mark.split_whitespace().count() < 2
}

/// The command in a line, which its mark or its form shows.
fn command(line: &Line) -> Option<Said> {
    match line.speaker {
        Speaker::Client => commands::of_client(&fold(&line.text)),
        Speaker::Server | Speaker::Unmarked => commands::unmarked(&line.text),
    }
}

/// Untagged answers of IMAP that report no fault.
const UNTAGGED: &[&str] = &[
    "ok",
    "preauth",
    "capability",
    "flags",
    "list",
    "lsub",
    "id",
    "search",
    "status",
    "namespace",
    "enabled",
    "noop",
    "esearch",
    "quota",
    "quotaroot",
];

/// The kind and the protocol of an answer by its form; `None` if the text is not a server's answer.
pub(super) fn shape(answer: &str) -> Option<(Kind, Option<Protocol>)> {
    let answer = answer.trim();
    let mut words = answer.split_whitespace();
    let mut next = || words.next().unwrap_or_default();
    let (first, second, third) = (next(), next(), next());
    let status = second.to_ascii_lowercase();
    let imap = |kind| Some((kind, Some(Protocol::Imap)));
    if matches!(first, "+" | "334")
        || challenge::OPENINGS.iter().any(|opening| first.starts_with(opening))
        || first.starts_with('{')
    {
        let protocol = match first {
            "+" => Some(Protocol::Imap),
            "334" => Some(Protocol::Smtp),
            _ => None,
        };
        let prompt = protocol.map(|protocol| (Kind::Success, Some(protocol)));
        return if challenge::report_in(answer).is_some() { Some((Kind::Report, protocol)) } else { prompt };
    }
    if answer.starts_with("no response: code:") || answer.starts_with("bad response: code:") {
        return imap(Kind::Refusal);
    }
    match first {
        "*" => match status.as_str() {
            "no" | "bad" if second != status || third.starts_with('[') => imap(Kind::Refusal),
            "bye" => imap(Kind::Farewell),
            other if UNTAGGED.contains(&other) || is_count(second, third) => imap(Kind::Success),
            _ => None,
        },
        "NO" | "BAD" if second.starts_with('[') => imap(Kind::Refusal),
        "NO" | "BAD" if !second.is_empty() => imap(Kind::Untagged),
        "BYE" => imap(Kind::Farewell),
        "CAPABILITY" if status.starts_with("imap4") => imap(Kind::Success),
        _ if first.eq_ignore_ascii_case("-ERR") => Some((Kind::Refusal, Some(Protocol::Pop3))),
        _ if first.eq_ignore_ascii_case("+OK") => Some((Kind::Success, Some(Protocol::Pop3))),
        _ if is_response_code(first) => imap(Kind::Refusal),
        _ if guess::is_http(answer) => None,
        _ => tagged(first, second, third).or_else(|| reply(first, second)),
    }
}

/// Whether the words after `*` are a number and a longer word, as in `* 3 EXISTS`.
fn is_count(second: &str, third: &str) -> bool {
    second.bytes().all(|byte| byte.is_ascii_digit())
        && third.len() > 3
        && third.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// A tagged answer of IMAP.
fn tagged(first: &str, second: &str, third: &str) -> Option<(Kind, Option<Protocol>)> {
    // Three digits are a code of SMTP; "2 no" alone is prose.
    let lettered = first.bytes().any(|byte| byte.is_ascii_alphabetic());
    let looks_tagged =
        second.bytes().all(|byte| byte.is_ascii_uppercase()) || third.starts_with('[') || lettered;
    if !is_tag(first) || smtp::is_code(first) || !looks_tagged {
        return None;
    }
    let kind = match second.to_ascii_uppercase().as_str() {
        "NO" | "BAD" => Kind::Refusal,
        "OK" if !(first.len() == 3 && first.starts_with('2')) => Kind::Success,
        _ => return None,
    };
    Some((kind, Some(Protocol::Imap)))
}

/// Replies of SMTP that report no fault (RFC 5321 section 4.2.3, RFC 4954).
const SUCCESSES: &[u16] = &[211, 214, 220, 221, 235, 250, 251, 252, 334, 354];

/// A reply of SMTP by its code, or by an enhanced code if a library has cut the basic one off.
fn reply(first: &str, second: &str) -> Option<(Kind, Option<Protocol>)> {
    let smtp = |kind| Some((kind, Some(Protocol::Smtp)));
    if smtp::is_enhanced(first) {
        return smtp(Kind::Refusal);
    }
    // Roundcube puts the code between brackets: `SMTP Error (454): Authentication failed`.
    let first = first.trim_end_matches([')', ':']);
    let (code, continued) = first.split_once('-').map_or((first, false), |(code, _)| (code, true));
    let number: u16 = leading_number(code).filter(|_| code.len() == 3)?;
    match number {
        400..=599 if smtp::is_code(code) || continued || smtp::is_enhanced(second) => smtp(Kind::Refusal),
        400..=599 if !second.is_empty() => smtp(Kind::Refusal),
        // A server that ends an idle session calls it a success.
        221 if ["timeout", "idle", "timed"]
            .iter()
            .any(|word| second.to_ascii_lowercase().starts_with(word)) =>
        {
            smtp(Kind::Farewell)
        }
        _ if SUCCESSES.contains(&number) => smtp(Kind::Success),
        _ => None,
    }
}

/// Whether a line begins with a response code of IMAP (`[AUTHENTICATIONFAILED]`), because a library cut the status off.
fn is_response_code(first: &str) -> bool {
    let code = first.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or_default();
    code.len() > 4
        && code.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'/'))
        && !["ERROR", "DEBUG", "WARNING", "TRACE", "FATAL", "NOTICE", "CRITICAL", "ALERT-"].contains(&code)
        && crate::diagnosis::imap::is_code(&code.to_ascii_lowercase())
}
