//! Statements: what programs and people say in words of their own, where no server's answer is at hand.
//!
//! An inner exception outweighs the outer one, a plain statement outweighs a guess or a question, and a
//! client's goodbye is no cause while anything else is known. Not here: the wordings.

use std::borrow::Cow;
use std::collections::HashSet;

use super::clients;
use super::evidence::Statement;
use super::{Reading, Reason};
use crate::diagnosis::network_text;
use crate::diagnosis::text::{fold, nameless};
use crate::model::Mechanism;

/// So many statements are read from either end of a long log.
const MOST: usize = 48;

/// What stands between an outer exception and the one inside it.
const INNER: &[&str] = &[
    "--->",
    "nested exception is",
    "caused by:",
    "inner exception:",
    "[cause]:",
    "root cause:",
    "failed because",
];

/// What a program tells of its progress, in words that failures have too.
const PROGRESS: &[&str] = &[
    "ssl handshake has read",
    "verify return code: 0",
    "verify return:1",
    "no client certificate",
    "secure renegotiation",
    "early data",
    "left intact",
    "immediate connect fail",
    "close notify",
    "closing connection",
    "tls handshake, ",
    "ssl certificate verify ok",
    "verification: ok",
    "timeout : ",
    "timeout   : ",
    "start time:",
    "keep-alive timeout",
    "tls connection established",
];

/// Words of a guess, an advice or a list of possible causes.
const HEDGES: &[&str] = &[
    "usually",
    "may be",
    "may have",
    "might",
    "could be",
    "possibl",
    "perhaps",
    "probably",
    "likely",
    "one or more of",
    "make sure",
    "please check",
    "check your",
    "check that",
    "check the",
    "please verify",
    "ensure",
    "for example",
    "e.g.",
    "if you",
    "if the",
    "in case",
    "common cause",
    "troubleshoot",
    "see also",
    "hint:",
];

/// Words by which people speak of themselves.
const PEOPLE: &[&str] = &[
    "i", "i'm", "i've", "i'd", "my", "we", "we're", "our", "me", "anyone", "thanks", "hello", "hi", "how",
    "help",
];

/// How much a statement weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Plain,
    /// A guess, an advice, one point of a list.
    Guess,
    /// What people tell around it.
    Narrative,
}

/// The reason that a statement gives by itself: a program's dialogue window, or the network.
pub(super) fn reason(text: &str, mechanism: Option<Mechanism>) -> Option<Reason> {
    let folded = fold(text);
    if is_progress(&folded) {
        return None;
    }
    let network = || {
        // "TLS handshake complete": the name of a step is no failure of it.
        let named = |reason: &Reason| {
            *reason == Reason::TlsProtocol && folded.contains("handshake") && !fails(&folded)
        };
        network_text(&without_settings(text)).filter(|reason| !named(reason))
    };
    clients::reason(&folded, mechanism).or_else(network)
}

/// Whether a sentence tells of something that did not come about.
fn fails(folded: &str) -> bool {
    const WORDS: &[&str] = &[
        "alert",
        "eof",
        "unexpected",
        "unsupported",
        "wrong",
        "not ",
        "no ",
        "problem",
        "abort",
        "broken",
        "bad ",
    ];
    COMPLAINTS.iter().chain(WORDS).any(|word| folded.contains(word))
}

/// A text without the limits of time that a program was given: `timeout=300`, `timeout: 30`.
fn without_settings(text: &str) -> String {
    let mut kept = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let lower = word.to_ascii_lowercase();
        let is_limit = lower.contains("timeout")
            && (lower.contains('=')
                || words
                    .peek()
                    .is_some_and(|next| next.starts_with(|c: char| c == '-' || c.is_ascii_digit())));
        if !is_limit {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// How a line begins that only supposes something.
const SUPPOSITIONS: &[&str] = &["perhaps", "maybe", "possibly", "probably"];

/// A text without the lines that only suppose something.
pub(super) fn without_guesses(text: &str) -> Cow<'_, str> {
    let supposes = |line: &str| {
        let first = line.split_whitespace().next().unwrap_or_default();
        SUPPOSITIONS.iter().any(|word| word.eq_ignore_ascii_case(first))
    };
    if !text.lines().any(supposes) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.lines().filter(|line| !supposes(line)).collect::<Vec<_>>().join("\n"))
}

/// Words of somebody who complains, whatever it is about.
const COMPLAINTS: &[&str] = &[
    "error",
    "fail",
    "exception",
    "unable",
    "cannot",
    "can't",
    "could not",
    "couldn't",
    "denied",
    "refused",
    "rejected",
    "invalid",
];

/// Whether a statement complains.
pub(super) fn complains(text: &str) -> bool {
    let folded = nameless(&fold(text));
    !is_progress(&folded)
        && COMPLAINTS.iter().any(|word| folded.contains(word))
        && !folded.contains("rejected: []")
        && !folded.contains("rejected\": []")
        && !folded.contains("0 errors")
        && !folded.contains("no error")
        && !folded.contains("return value 0")
}

/// What is left of a statement that names no cause: that a login failed.
pub(super) fn refusal(text: &str, mechanism: Option<Mechanism>) -> Option<Reason> {
    clients::refusal(&fold(text), mechanism)
}

/// So many lines a server's answer may have.
const ANSWER: usize = 4;

/// What structured logs and those of syslog hold, and no answer does.
const LOGGED: &[&str] = &["=\"", "=<", "]: "];

/// Whether the statements may be a server's answer that somebody copied without its form: a few lines,
/// none of which is a person's or a structured log's.
pub(super) fn may_be_answer(statements: &[Statement]) -> bool {
    statements.len() <= ANSWER
        && statements.iter().all(|statement| {
            let logged = LOGGED.iter().any(|sign| statement.text.contains(sign));
            !logged && weight(&fold(&statement.text)) != Weight::Narrative
        })
}

/// What the statements mean together.
pub(super) fn judge(
    statements: &[Statement],
    client: impl Fn(&str) -> Option<Reading>,
    prose: impl Fn(&str) -> Option<Reading>,
    name: impl Fn(&str) -> Option<Reading>,
) -> Option<Reading> {
    let parts = in_order(statements);
    for weight in [Weight::Plain, Weight::Guess, Weight::Narrative] {
        let these = || parts.iter().filter(|part| part.weight == weight).map(|part| part.text);
        let is_cause = |reading: &Reading| reading.reason() != Some(Reason::ConnectionClosed);
        let cause = |text| {
            let quoted = weight != Weight::Narrative || text_is_quoted(text);
            let first = client(text);
            // A closed connection is told in words of TLS as well.
            let says_more = |reading: &Reading| {
                is_cause(reading) && (first.is_none() || reading.reason() != Some(Reason::TlsProtocol))
            };
            first.filter(is_cause).or_else(|| quoted.then(|| prose(text)).flatten().filter(says_more))
        };
        let goodbye = |text| client(text).or_else(|| prose(text));
        if let Some(reading) = these().find_map(cause).or_else(|| these().find_map(goodbye)) {
            return Some(reading);
        }
    }
    parts.iter().find_map(|part| name(part.text))
}

struct Part<'a> {
    text: &'a str,
    weight: Weight,
}

/// The statements and what is nested in them: the innermost first, then the others as they stand.
fn in_order(statements: &[Statement]) -> Vec<Part<'_>> {
    let mut seen = HashSet::new();
    let (mut inner, mut outer) = (Vec::new(), Vec::new());
    let bounded = statements.iter().take(MOST).chain(statements.iter().skip(MOST).rev().take(MOST).rev());
    for statement in bounded.filter(|statement| seen.insert(statement.text.as_str())) {
        let (head, nested) = split(&statement.text);
        outer.extend(part(head));
        inner.extend(nested.into_iter().filter_map(part));
    }
    inner.reverse();
    inner.into_iter().chain(outer).collect()
}

/// A statement that tells something, weighed.
fn part(text: &str) -> Option<Part<'_>> {
    let folded = fold(text);
    let tells = !folded.is_empty() && !is_progress(&folded) && !is_setting(&folded);
    tells.then(|| Part { text, weight: weight(&folded) })
}

/// A statement up to what is nested in it, and the nested ones.
fn split(text: &str) -> (&str, Vec<&str>) {
    let folded = text.to_ascii_lowercase();
    let mut cuts: Vec<(usize, usize)> = INNER
        .iter()
        .flat_map(|mark| folded.match_indices(mark).map(|(at, mark)| (at, at + mark.len())))
        .collect();
    cuts.sort_unstable();
    let Some((first, _)) = cuts.first() else { return (text, Vec::new()) };
    let ends = cuts.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    let nested = cuts.iter().zip(ends).filter_map(|((_, from), to)| text.get(*from..to)).collect();
    (text.get(..*first).unwrap_or(text), nested)
}

/// Services that refuse logins in the words of mail servers: databases, registries, forges, shells.
const OTHERS: &[&str] = &[
    "mysql",
    "mariadb",
    "sqlstate",
    "psycopg",
    "postgres",
    "pg::",
    "mongo",
    "redis",
    "(using password:",
    "docker login",
    "docker registry",
    "git:",
    "github.com/",
    "gitlab.com/",
    "kubectl",
    "(publickey",
];

/// Whether a statement is about a login that is none at a mail server.
pub(super) fn is_of_another_service(folded: &str) -> bool {
    OTHERS.iter().any(|name| folded.contains(name))
}

/// Whether people speak of themselves, or ask.
pub(super) fn is_narrative(folded: &str) -> bool {
    weight(folded) == Weight::Narrative
}

fn is_progress(folded: &str) -> bool {
    PROGRESS.iter().any(|words| folded.contains(words))
}

/// Whether a line sets a value: `connectionTimeout: 10000,`. A code or a message is no setting.
fn is_setting(folded: &str) -> bool {
    let Some((name, value)) = folded.split_once([':', '=']) else { return false };
    let name = name.trim().trim_matches(['"', '\'']);
    let value = value.trim().trim_end_matches([',', ';']).trim_matches(['"', '\'']);
    let plain = value.bytes().all(|byte| byte.is_ascii_digit())
        || ["true", "false", "null", "none", "undefined"].contains(&value);
    !name.contains(' ')
        && plain
        && !["code", "errno", "error", "status"].iter().any(|word| name.contains(word))
}

fn weight(folded: &str) -> Weight {
    let words = || folded.split(|c: char| !(c.is_alphanumeric() || c == '\''));
    if folded.ends_with('?') || words().any(|word| PEOPLE.contains(&word)) {
        Weight::Narrative
    } else if HEDGES.iter().any(|hedge| folded.contains(hedge)) || is_point(folded) {
        Weight::Guess
    } else {
        Weight::Plain
    }
}

/// One point of a list: `1. The server …`, `- The server …`.
fn is_point(folded: &str) -> bool {
    let first = folded.split(' ').next().unwrap_or_default();
    let number = first.strip_suffix(['.', ')']).unwrap_or_default();
    (!number.is_empty() && number.len() < 3 && number.bytes().all(|byte| byte.is_ascii_digit()))
        || matches!(first, "-" | "•")
}

/// Whether people quote somebody: what stands in their sentence may be an answer.
fn text_is_quoted(text: &str) -> bool {
    text.contains(['"', '\'', '`', ':', '\u{201c}', '\u{ab}'])
}
