//! The lines of a paste: who speaks in each, and which of the server's carry a meaning.
//!
//! Not here: where in a line the answer stands, and what it means.

use std::borrow::Cow;

use super::inside::answer;
use crate::diagnosis::text::{fold, leading_number, unescape};
use crate::diagnosis::{challenge, smtp};
use crate::model::{Mechanism, Phase};

/// How programs mark the server's lines: mail libraries, proxies, curl, swaks, Python's smtplib.
const SERVER: &[&str] = &[
    "s:",
    "<",
    "<-",
    "<--",
    "<<",
    "<<<",
    "<<-",
    "<**",
    "<~",
    "<~*",
    "reply:",
    "server:",
    "recv:",
    "received:",
];

/// And the client's.
const CLIENT: &[&str] = &["c:", ">", "->", "-->", ">>", ">>>", "->>", "~>", "send:", "client:", "sent:"];

/// A mark stands among the first words of a line: behind a time, a level, a name.
const MARK_WITHIN: usize = 8;

/// What a client says: the word, the step it belongs to, the mechanism where the word is one, and with
/// how many words (none: any number).
#[derive(Debug)]
struct Command(&'static str, Option<Phase>, Option<Mechanism>, Option<usize>);

const COMMANDS: &[Command] = &[
    Command("login", Some(Phase::Auth), Some(Mechanism::LoginCommand), None),
    Command("authenticate", Some(Phase::Auth), None, None),
    Command("auth", Some(Phase::Auth), None, None),
    Command("user", Some(Phase::Auth), Some(Mechanism::Other), Some(2)),
    Command("pass", Some(Phase::Auth), Some(Mechanism::Other), Some(2)),
    Command("apop", Some(Phase::Auth), Some(Mechanism::Other), Some(3)),
    Command("select", Some(Phase::Select), None, None),
    Command("examine", Some(Phase::Select), None, None),
    Command("status", Some(Phase::Select), None, None),
    Command("append", Some(Phase::Select), None, None),
    Command("stat", Some(Phase::Select), None, Some(1)),
    Command("uidl", Some(Phase::Select), None, Some(1)),
    Command("mail", Some(Phase::Sender), None, None),
    Command("rcpt", Some(Phase::Sender), None, None),
    Command("data", Some(Phase::Sender), None, Some(1)),
    Command("starttls", Some(Phase::StartTls), None, Some(1)),
    Command("stls", Some(Phase::StartTls), None, Some(1)),
    Command("capability", Some(Phase::Capability), None, Some(1)),
    Command("capa", Some(Phase::Capability), None, Some(1)),
    Command("ehlo", Some(Phase::Capability), None, Some(2)),
    Command("helo", Some(Phase::Capability), None, Some(2)),
    Command("id", None, None, None),
    Command("noop", None, None, Some(1)),
    Command("rset", None, None, Some(1)),
    Command("quit", None, None, Some(1)),
    Command("logout", None, None, Some(1)),
];

/// Untagged answers of IMAP that report no fault.
const REPORTS: &[&str] = &[
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
];

/// What was said, as far as it carries a meaning, and what had been asked before it.
#[derive(Debug, Default)]
pub(super) struct Dialogue {
    /// The server's lines, joined by line ends; successes only where there is nothing else.
    pub(super) said: String,
    /// The step of the last command before the fault.
    pub(super) phase: Option<Phase>,
    /// The mechanism of the last login before it.
    pub(super) mechanism: Option<Mechanism>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Server,
    Client,
    /// Nobody is named.
    Unmarked,
}

/// What the line before was: an indented one goes on with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Kept,
    Passed,
}

impl Dialogue {
    pub(super) fn of(text: &str) -> Self {
        let text = unescape(text);
        let lines: Vec<&str> =
            text.lines().filter(|line| !is_frame(line) && !line.trim().is_empty()).collect();
        if let [line] = lines[..] {
            return Self { said: answer(marked(line).1).into_owned(), ..Self::default() };
        }
        // Where only the client is marked, what bears no mark is the server's.
        let marks = lines.iter().any(|line| marked(line).0 == Speaker::Server);
        let mut dialogue = Self::default();
        let (mut phase, mut mechanism, mut last) = (None, None, Last::Nothing);
        let (mut kept, mut passed) = (Vec::new(), Vec::new());
        for line in lines {
            let (speaker, rest) = marked(line);
            let indented = speaker == Speaker::Unmarked && line.starts_with(char::is_whitespace);
            let rest = if indented { rest.into() } else { answer(rest) };
            match speaker {
                _ if indented && last == Last::Kept => go_on(&mut kept, &rest),
                _ if indented && last == Last::Passed => go_on(&mut passed, &rest),
                Speaker::Unmarked if marks && last != Last::Kept => {}
                Speaker::Server | Speaker::Unmarked if is_success(&rest) => {
                    last = Last::Passed;
                    passed.push(rest);
                }
                Speaker::Server => {
                    last = Last::Kept;
                    dialogue.asked(phase, mechanism);
                    kept.push(rest);
                }
                Speaker::Unmarked if marks || !is_command(&rest) => {
                    last = Last::Kept;
                    dialogue.asked(phase, mechanism);
                    kept.push(rest);
                }
                Speaker::Client | Speaker::Unmarked => {
                    last = Last::Nothing;
                    if let Some((step, named)) = command(&fold(&rest)) {
                        phase = step.or(phase);
                        mechanism = named.or(mechanism);
                    }
                }
            }
        }
        kept.dedup();
        if kept.is_empty() {
            dialogue.asked(phase, mechanism);
            // Nothing failed: what is offered is all there is to judge.
            let offers: Vec<_> = passed.iter().filter(|line| is_offer(line)).cloned().collect();
            kept = if offers.is_empty() { passed } else { offers };
        }
        dialogue.said = kept.join("\n");
        dialogue
    }

    /// What had been asked when a fault was told. Commands after it have nothing to do with it.
    fn asked(&mut self, phase: Option<Phase>, mechanism: Option<Mechanism>) {
        self.phase = phase.or(self.phase);
        self.mechanism = mechanism.or(self.mechanism);
    }
}

/// An indented line belongs to the one before it.
fn go_on(lines: &mut [Cow<'_, str>], rest: &str) {
    if let Some(last) = lines.last_mut() {
        let last = last.to_mut();
        last.push(' ');
        last.push_str(rest);
    }
}

/// A line without the mark of its speaker.
pub(super) fn bare(line: &str) -> &str {
    marked(line).1
}

fn marked(line: &str) -> (Speaker, &str) {
    let line = line.trim();
    let mut rest = line;
    for _ in 0..MARK_WITHIN {
        let Some((word, after)) = rest.split_once(char::is_whitespace) else { break };
        // mutt: `4< a0001 NO`.
        let word = word.trim_start_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase();
        let speaker = match word.as_str() {
            word if SERVER.contains(&word) => Speaker::Server,
            word if CLIENT.contains(&word) => Speaker::Client,
            _ => {
                rest = after.trim_start();
                continue;
            }
        };
        return (speaker, after.trim());
    }
    (Speaker::Unmarked, line)
}

/// Lines of a stack trace, which tell about a program and not about a server.
fn is_frame(line: &str) -> bool {
    let line = line.trim_start();
    ["at ", "File \"", "Traceback ", "... ", "self."].iter().any(|head| line.starts_with(head))
}

/// Whether a line of the server reports no fault.
fn is_success(line: &str) -> bool {
    let folded = fold(line);
    let mut words = folded.split([' ', '[']);
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match first {
        "." | "+ok" => true,
        "+" | "334" => challenge::inside(line).is_none(),
        "*" => REPORTS.contains(&second) || second.bytes().all(|byte| byte.is_ascii_digit()),
        _ if second == "ok" => is_tag(first),
        _ => {
            let code: Option<u16> = first.split('-').next().and_then(leading_number);
            code.is_some_and(|code| (200..400).contains(&code)) && first.len() >= 3
        }
    }
}

/// Whether a line lists what a server offers.
fn is_offer(line: &str) -> bool {
    line.starts_with("250") || fold(line).contains("capability")
}

/// Whether a line without a mark is a command: in capitals, as everybody writes them, behind a tag or not.
fn is_command(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let tagged = words.first().is_some_and(|word| is_tag(word) && !smtp::is_code(word));
    let words = if tagged { words.get(1..).unwrap_or_default() } else { &words[..] };
    let Some(first) = words.first().filter(|word| word.bytes().all(|byte| byte.is_ascii_uppercase())) else {
        return false;
    };
    COMMANDS.iter().any(|Command(name, _, _, length)| {
        name.eq_ignore_ascii_case(first)
            && match length {
                Some(length) => words.len() == *length && words.last() != Some(&"command"),
                // In prose the word after it is written small: "AUTH command used", "LOGIN failed".
                None => words.get(1).is_some_and(|word| tagged || !word.starts_with(char::is_lowercase)),
            }
    })
}

fn is_tag(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphanumeric()) && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// The step and the mechanism of a command.
fn command(folded: &str) -> Option<(Option<Phase>, Option<Mechanism>)> {
    let mut words = folded.split_whitespace();
    let Command(name, phase, mechanism, _) =
        words.by_ref().take(2).find_map(|word| COMMANDS.iter().find(|Command(known, ..)| *known == word))?;
    let named = match *name {
        "auth" | "authenticate" => words.next().and_then(Mechanism::from_label),
        _ => *mechanism,
    };
    Some((*phase, named))
}
