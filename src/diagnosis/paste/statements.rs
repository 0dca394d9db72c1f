//! Statements: programs and people tell of a failure in their own words, without a server's answer.
//!
//! An inner exception outweighs the outer one, a plain statement outweighs a guess or a question, and a
//! client's goodbye is no cause while anything else is known. Not here: the wordings.

use std::borrow::Cow;
use std::collections::HashSet;

use super::evidence::Statement;
use super::{Reading, Reason};
use super::{clients, files, progress};
use crate::diagnosis::network_text;
use crate::diagnosis::text::{fold, matches, nameless};
use crate::model::Mechanism;

/// How many statements are read at most from either end of a log.
const MOST: usize = 48;

/// Words between an outer exception and the one inside it.
const INNER: &[&str] = &[
    "--->",
    "nested exception is",
    "caused by:",
    "inner exception:",
    "[cause]:",
    "root cause:",
    "failed because",
];

/// Reports of progress whose words also occur in failures.
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
    "maps_find: ",        // postfix -v
    "match_list_match: ", // postfix -v
    "dict_lookup: ",      // postfix -v
    "using getaddrinfo",  // mailsend
    "openssl exception",  // of a licence: offlineimap's banner
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
const PEOPLE: &[&str] =
    &["i", "i'm", "i've", "i'd", "my", "we", "we're", "me", "anyone", "thanks", "hello", "hi", "how", "help"];

/// How much a statement weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Plain,
    /// A guess, an advice, one point of a list.
    Guess,
    /// A person's account.
    Narrative,
}

/// The reason that a statement gives by itself: a program's dialogue window, or the network.
pub(super) fn reason(text: &str, mechanism: Option<Mechanism>) -> Option<Reason> {
    let folded = fold(text);
    if is_progress(&folded) {
        return None;
    }
    let network = || {
        // "TLS handshake complete" names a step that did not fail.
        let named = |reason: &Reason| {
            *reason == Reason::TlsProtocol && folded.contains("handshake") && !fails(&folded)
        };
        network_text(&without_settings(text)).filter(|reason| !named(reason))
    };
    files::reason(&folded).or_else(|| clients::reason(&folded, mechanism)).or_else(network)
}

/// Whether a sentence tells that something failed.
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

/// A text without settings of time limits: `timeout=300`, `timeout: 30`.
pub(super) fn without_settings(text: &str) -> String {
    let mut kept = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let lower = word.to_ascii_lowercase();
        let is_limit = lower.contains("timeout")
            && (lower.contains('=')
                // imapsync: "imap connection timeout is 120 seconds".
                || words.peek().is_some_and(|next| *next == "is")
                || words
                    .peek()
                    .is_some_and(|next| next.starts_with(|c: char| c == '-' || c.is_ascii_digit())));
        if !is_limit {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// First words of a line that only supposes something.
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

/// Words of complaint.
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
    // The same in other languages.
    "fehler",
    "erreur",
    "échec",
    "échoué",
    "errore",
    "erro ",
    "fallo",
    "falha",
    "mislukt",
    "błąd",
    "ошибка",
    "失败",
    "失敗",
    "错误",
    "エラー",
];

/// Whether a statement complains.
pub(super) fn complains(text: &str) -> bool {
    let folded = progress::without_denials(&nameless(&fold(text)));
    !is_progress(&folded) && COMPLAINTS.iter().any(|word| folded.contains(word))
}

/// The reason of a statement that names no cause and tells that a login failed.
pub(super) fn refusal(text: &str, mechanism: Option<Mechanism>) -> Option<Reason> {
    clients::refusal(&fold(text), mechanism)
}

/// How many lines a server's answer has at most.
const ANSWER: usize = 4;

/// Signs of structured logs and of syslog, which no answer has.
const LOGGED: &[&str] = &["=\"", "=<", "]: "];

/// Whether the statements may be a server's answer without its code or tag: a few lines, none of them a
/// person's or a structured log's.
pub(super) fn may_be_answer(statements: &[Statement]) -> bool {
    statements.len() <= ANSWER
        && statements.iter().all(|statement| {
            let logged = LOGGED.iter().any(|sign| statement.text.contains(sign));
            !logged && weight(&fold(&statement.text)) != Weight::Narrative
        })
}

/// Messages of clients that sum up: another line of the same paste tells the cause.
const CONSEQUENCES: &[&str] = &[
    "empty startup greeting",
    // PHPMailer says so, too, when the connection ended before the login.
    "smtp error: could not authenticate",
];

/// The meaning of all statements together.
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
        let cause = |text: &'_ str| {
            let is_cause = |reading: &Reading| {
                let is_unreachable = reading.reason() == Some(Reason::NetworkUnreachable);
                is_cause(reading) && !(is_unreachable && names_ipv6(text))
            };
            if CONSEQUENCES.iter().any(|words| fold(text).contains(words)) {
                return None;
            }
            let quoted = weight != Weight::Narrative || text_is_quoted(text);
            let first = client(text);
            // Words of TLS also describe a closed connection.
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

/// Whether a text names an address of IPv6. A machine without IPv6 cannot reach it, which is no cause while
/// another line tells what became of IPv4.
fn names_ipv6(text: &str) -> bool {
    let digits = |word: &str| word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':');
    let words = text.split(|c: char| c.is_whitespace() || "[](),;".contains(c));
    words.filter(|word| word.matches(':').count() >= 2).any(digits)
}

struct Part<'a> {
    text: &'a str,
    weight: Weight,
}

/// The statements in the order of reading: the innermost nested ones first, then the others as written.
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

/// A statement up to the first nested one, and the nested ones.
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

/// Whether a statement is about a login at a service that is not a mail server.
pub(super) fn is_of_another_service(folded: &str) -> bool {
    OTHERS.iter().any(|name| folded.contains(name))
}

/// Whether a statement speaks of a failed login at a server that was not reached, as Roundcube does.
pub(super) fn is_of_no_connection(folded: &str) -> bool {
    matches(folded, "login failed for*could not connect to")
}

/// Whether a person writes about themselves, or asks.
pub(super) fn is_narrative(folded: &str) -> bool {
    weight(folded) == Weight::Narrative
}

pub(super) fn is_progress(folded: &str) -> bool {
    PROGRESS.iter().any(|words| folded.contains(words))
}

/// Whether a line sets a value: `connectionTimeout: 10000,`. A code or a message is not a setting.
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
    // Ruby's logger begins a line of level INFO by "I, [".
    let folded = folded.strip_prefix("i, [").unwrap_or(folded);
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

/// Whether a person quotes a text, which may be an answer.
fn text_is_quoted(text: &str) -> bool {
    text.contains(['"', '\'', '`', ':', '\u{201c}', '\u{ab}'])
}
