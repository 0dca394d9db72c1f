//! Commands of a client: the step each belongs to, and the mechanism that it names.
//!
//! Not here: the answers to them.

use crate::diagnosis::smtp;
use crate::diagnosis::text::words;
use crate::model::{Mechanism, Phase};

/// A command: its word, the step it belongs to, the mechanism if the word names one, and its number of
/// words (`None`: any).
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
    Command("stat", Some(Phase::Stat), None, Some(1)),
    Command("uidl", Some(Phase::Stat), None, Some(1)),
    Command("mail", Some(Phase::Sender), None, None),
    Command("rcpt", Some(Phase::Sender), None, None),
    Command("data", Some(Phase::Sender), None, Some(1)),
    Command("starttls", Some(Phase::StartTls), None, Some(1)),
    Command("stls", Some(Phase::StartTls), None, Some(1)),
    Command("capability", Some(Phase::Capability), None, Some(1)),
    Command("capa", Some(Phase::Capability), None, Some(1)),
    Command("ehlo", Some(Phase::Capability), None, Some(2)),
    Command("helo", Some(Phase::Capability), None, Some(2)),
    Command("list", Some(Phase::Select), None, None),
    Command("lsub", Some(Phase::Select), None, None),
    Command("fetch", Some(Phase::Select), None, None),
    Command("uid", Some(Phase::Select), None, None),
    Command("search", Some(Phase::Select), None, None),
    Command("retr", Some(Phase::Stat), None, None),
    Command("idle", Some(Phase::Select), None, Some(1)),
    Command("vrfy", Some(Phase::Sender), None, None),
    Command("expn", Some(Phase::Sender), None, None),
    Command("id", None, None, None),
    Command("namespace", None, None, Some(1)),
    Command("enable", None, None, Some(2)),
    Command("compress", None, None, Some(2)),
    Command("noop", None, None, Some(1)),
    Command("rset", None, None, Some(1)),
    Command("quit", None, None, Some(1)),
    Command("logout", None, None, Some(1)),
];

/// A command that was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Said {
    /// The step it belongs to; `None` if the session goes on even if the server refuses.
    pub(super) phase: Option<Phase>,
    /// The mechanism that it names.
    pub(super) mechanism: Option<Mechanism>,
    /// Whether it ends the session.
    pub(super) ends: bool,
}

/// The command in a line that bears the client's mark.
pub(super) fn of_client(folded: &str) -> Option<Said> {
    let mut words = folded.split_whitespace();
    let named = |word: &str| COMMANDS.iter().find(|Command(known, ..)| *known == word);
    let first = words.next()?;
    // Before a command stands at most its tag, and no name with a colon: `POP3S: Auth for user … failed`.
    let tagged = || words.next().filter(|_| !first.ends_with(':')).and_then(named);
    let command = named(first).or_else(tagged)?;
    let argument = words.next();
    Some(said(command, argument))
}

/// The command in a line without a mark: in capitals, with or without a tag.
pub(super) fn unmarked(line: &str) -> Option<Said> {
    let words: Vec<&str> = line.split_whitespace().take(12).collect();
    let tagged = words.first().is_some_and(|word| is_tag(word) && !smtp::is_code(word));
    let words = if tagged { words.get(1..).unwrap_or_default() } else { &words[..] };
    let first = words.first().filter(|word| word.bytes().all(|byte| byte.is_ascii_uppercase()))?;
    let command = COMMANDS.iter().find(|Command(name, _, _, length)| {
        name.eq_ignore_ascii_case(first)
            && match length {
                Some(length) => words.len() == *length && words.last() != Some(&"command"),
                // In prose the next word begins with a small letter: "AUTH command used", "LOGIN failed".
                None => words.get(1).is_some_and(|word| {
                    tagged || (!word.starts_with(char::is_lowercase) && !is_sentence(name, words))
                }),
            }
    })?;
    Some(said(command, words.get(1).copied()))
}

/// Whether more words follow LOGIN than a name and a password: "LOGIN Rate limit hit".
fn is_sentence(name: &str, words: &[&str]) -> bool {
    name == "login" && words.len() > 3 && !words.iter().any(|word| word.contains(['"', '*', '<', '[']))
}

fn said(command: &Command, argument: Option<&str>) -> Said {
    let Command(name, phase, mechanism, _) = *command;
    let named = match name {
        "auth" | "authenticate" => argument.and_then(mechanism_of),
        _ => mechanism,
    };
    Said { phase, mechanism: named, ends: matches!(name, "quit" | "logout") }
}

/// Whether a word is a tag of IMAP: letters and digits, a digit among them.
pub(super) fn is_tag(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_alphanumeric()) && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Mechanisms that show a password, or prove that one is known, and have no name of their own in the model.
const PASSWORDS: &[&str] =
    &["cram-md5", "cram_md5", "digest-md5", "digest_md5", "ntlm", "scram-sha-1", "scram-sha-256", "gssapi"];

/// The mechanism of a name as protocols write it.
pub(super) fn mechanism_of(name: &str) -> Option<Mechanism> {
    let name = name.to_ascii_lowercase();
    Mechanism::from_label(&name)
        .filter(|found| !matches!(found, Mechanism::Other | Mechanism::LoginCommand))
        .or_else(|| PASSWORDS.contains(&name.as_str()).then_some(Mechanism::Other))
}

/// Words before a mechanism's name by which a program tells how it tried to log in.
const INTRODUCTIONS: &[&str] = &[
    "auth",
    "authenticate",
    "authentication",
    "authenticator",
    "mechanism",
    "mech",
    "sasl",
    "method",
    "type",
    "using",
    "authtype",
    "authmethod",
    "auth_type",
    "auth_method",
    "retrying",
    "trying",
    "attempt",
];

/// Words behind a mechanism's name.
const FOLLOWERS: &[&str] = &["authentication", "authenticator"];

/// Names of the way by tokens that stand for no single mechanism, and the words that make a login of them.
const OAUTH: &[&str] = &["oauth", "oauth2"];
const LOGINS: &[&str] = &["auth", "authentication", "authenticate", "login"];

/// Calls of libraries that log in by a password, and advice of programs that do.
const PASSWORD_CALLS: &[&str] = &[
    ".login(",
    "loginplain(",
    "imap_open(",
    "smtp.plainauth",
    "your email and password",
    "your username and password",
];

/// The mechanism that a program's own line names: `auth [PLAIN]`, `AUTHENTICATE('XOAUTH2', …)`.
pub(super) fn named_in(folded: &str) -> Option<Mechanism> {
    if let Some(tried) = tried_first(folded) {
        return Some(tried);
    }
    if is_list(folded) {
        return None;
    }
    let mut words =
        folded.split(|c: char| !(c.is_alphanumeric() || "-_".contains(c))).filter(|word| !word.is_empty());
    let mut before = words.next()?;
    if let Some(found) = token_mechanism(before) {
        return Some(found);
    }
    for word in words {
        // `OAuth2 auth failed`, `OAuth login`.
        if OAUTH.contains(&before) && LOGINS.contains(&word) {
            return Some(Mechanism::Xoauth2);
        }
        // `PLAIN authentication failed`, `SASL LOGIN authentication failed`.
        if FOLLOWERS.contains(&word)
            && let Some(found) = mechanism_of(before)
        {
            return Some(found);
        }
        let introduced = INTRODUCTIONS.contains(&before);
        if let Some(found) =
            token_mechanism(word).or_else(|| introduced.then(|| mechanism_of(word)).flatten())
        {
            return Some(found);
        }
        before = word;
    }
    PASSWORD_CALLS.iter().any(|call| folded.contains(call)).then_some(Mechanism::Plain)
}

/// The authenticator that Symfony Mailer tried first, behind the list of all that it knows:
/// `authenticators: "LOGIN", "XOAUTH2". Authenticator "LOGIN" returned …`.
fn tried_first(folded: &str) -> Option<Mechanism> {
    let (name, rest) = folded.split_once("authenticator \"")?.1.split_once('"')?;
    rest.starts_with(" returned").then(|| mechanism_of(name)).flatten()
}

/// A line that names this many mechanisms only lists them, and does not tell which one the client uses.
const LIST: usize = 3;

fn is_list(folded: &str) -> bool {
    words(folded).filter(|word| mechanism_of(word).is_some()).count() >= LIST
}

/// Tokens have names that no other word has.
fn token_mechanism(word: &str) -> Option<Mechanism> {
    mechanism_of(word).filter(|found| !found.shows_password())
}
