//! The lines of a paste: who speaks in each, and which of the server's carry a meaning.
//!
//! Not here: what they mean.

use crate::diagnosis::challenge;
use crate::diagnosis::text::{fold, leading_number, unescape};
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

/// What a client says: the word, the step it belongs to, and the mechanism where the word is one.
const COMMANDS: &[(&str, Option<Phase>, Option<Mechanism>)] = &[
    ("login", Some(Phase::Auth), Some(Mechanism::LoginCommand)),
    ("authenticate", Some(Phase::Auth), None),
    ("auth", Some(Phase::Auth), None),
    ("user", Some(Phase::Auth), Some(Mechanism::Other)),
    ("pass", Some(Phase::Auth), Some(Mechanism::Other)),
    ("apop", Some(Phase::Auth), Some(Mechanism::Other)),
    ("select", Some(Phase::Select), None),
    ("examine", Some(Phase::Select), None),
    ("status", Some(Phase::Select), None),
    ("append", Some(Phase::Select), None),
    ("stat", Some(Phase::Select), None),
    ("uidl", Some(Phase::Select), None),
    ("mail", Some(Phase::Sender), None),
    ("rcpt", Some(Phase::Sender), None),
    ("data", Some(Phase::Sender), None),
    ("starttls", Some(Phase::StartTls), None),
    ("stls", Some(Phase::StartTls), None),
    ("capability", Some(Phase::Capability), None),
    ("capa", Some(Phase::Capability), None),
    ("ehlo", Some(Phase::Capability), None),
    ("helo", Some(Phase::Capability), None),
    ("id", None, None),
    ("noop", None, None),
    ("rset", None, None),
    ("quit", None, None),
    ("logout", None, None),
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
    /// The mechanism of the last login.
    pub(super) mechanism: Option<Mechanism>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaker {
    Server,
    Client,
    /// Nobody is named.
    Unmarked,
}

impl Dialogue {
    pub(super) fn of(text: &str) -> Self {
        let text = unescape(text);
        let lines: Vec<(Speaker, &str)> = text
            .lines()
            .filter(|line| !is_frame(line))
            .map(marked)
            .filter(|(_, line)| !line.is_empty())
            .collect();
        if let [(_, line)] = lines[..] {
            return Self { said: line.to_owned(), ..Self::default() };
        }
        let marked = lines.iter().any(|(speaker, _)| *speaker != Speaker::Unmarked);
        let mut dialogue = Self::default();
        // The step whose command was last, and what the last kept line was: lines without a mark go on with it.
        let (mut phase, mut within) = (None, false);
        let mut kept: Vec<&str> = Vec::new();
        let mut rest: Vec<&str> = Vec::new();
        for (speaker, line) in lines {
            let folded = fold(line);
            match speaker {
                Speaker::Unmarked if marked && !within => {}
                Speaker::Server | Speaker::Unmarked if is_success(&folded) => {
                    within = false;
                    rest.push(line);
                }
                Speaker::Server => {
                    within = true;
                    dialogue.phase = phase.or(dialogue.phase);
                    kept.push(line);
                }
                Speaker::Unmarked if marked || !is_command(line) => {
                    dialogue.phase = phase.or(dialogue.phase);
                    kept.push(line);
                }
                Speaker::Client | Speaker::Unmarked => {
                    within = false;
                    if let Some((step, mechanism)) = command(&folded) {
                        phase = step.or(phase);
                        dialogue.mechanism = mechanism.or(dialogue.mechanism);
                    }
                }
            }
        }
        kept.dedup();
        dialogue.said = if kept.is_empty() { rest.join("\n") } else { kept.join("\n") };
        dialogue
    }
}

/// A line without the mark of its speaker and without a language's quotes.
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
        return (speaker, unquoted(after.trim()));
    }
    (Speaker::Unmarked, unquoted(line))
}

/// What stands in the quotes of a whole line: `b'-ERR …'`.
fn unquoted(line: &str) -> &str {
    ["b'", "b\"", "'", "\""]
        .iter()
        .find_map(|open| line.strip_prefix(open)?.strip_suffix(open.trim_start_matches('b')))
        .map_or(line, str::trim)
}

/// Lines of a stack trace, which tell about a program and not about a server.
fn is_frame(line: &str) -> bool {
    let line = line.trim_start();
    ["at ", "File \"", "Traceback ", "... ", "self."].iter().any(|head| line.starts_with(head))
}

/// Whether a line of the server reports no fault.
fn is_success(folded: &str) -> bool {
    let mut words = folded.split([' ', '[']);
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match first {
        "." | "+ok" => true,
        "+" => challenge::inside(folded).is_none(),
        "*" => REPORTS.contains(&second) || second.bytes().all(|byte| byte.is_ascii_digit()),
        "334" => second.is_empty() || challenge::inside(folded).is_none(),
        _ if second == "ok" => is_tag(first),
        _ => {
            let code: Option<u16> = first.split('-').next().and_then(leading_number);
            code.is_some_and(|code| (200..400).contains(&code)) && first.len() >= 3
        }
    }
}

/// Whether a line without a mark is a command: in capitals, as everybody writes them, behind a tag or not.
fn is_command(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let known = |word: &str| {
        word.bytes().all(|byte| byte.is_ascii_uppercase())
            && COMMANDS.iter().any(|(command, _, _)| command.eq_ignore_ascii_case(word))
    };
    known(first) || (is_tag(first) && known(second))
}

fn is_tag(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphanumeric()) && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// The step and the mechanism of a command.
fn command(folded: &str) -> Option<(Option<Phase>, Option<Mechanism>)> {
    let mut words = folded.split_whitespace();
    let found = words.by_ref().take(2).find_map(|word| COMMANDS.iter().find(|(known, _, _)| *known == word));
    let (name, phase, mechanism) = found?;
    let named = match *name {
        "auth" | "authenticate" => words.next().and_then(Mechanism::from_label),
        _ => *mechanism,
    };
    Some((*phase, named))
}
