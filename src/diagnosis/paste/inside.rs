//! Finds a server's answer in a line: libraries and logs write words of their own before and after it.
//!
//! Not here: the answer's meaning.

use crate::model::Protocol;
use std::borrow::Cow;

use super::commands::is_tag;
use crate::diagnosis::{imap, smtp};

/// Status words of IMAP that report no success.
const STATUS: &[&str] = &["NO", "BAD", "BYE"];

/// How Python writes a value of bytes, and the quotation mark that ends it.
const BYTES: &[(&str, char)] = &[("b'", '\''), ("b\"", '"')];

/// The form of an answer is visible within this many bytes.
const WINDOW: usize = 120;

/// How many bytes before an answer or a status are searched for the words that introduce it.
const LOOK_BACK: usize = 40;

/// Signs that may stand right before an answer.
const OPENINGS: &[char] = &[
    '"', '\'', '(', '[', '>', ':', '=', '|', ',', '`', '\u{201c}', '\u{201e}', '\u{ab}', '\u{2500}',
    '\u{2502}', '\u{2192}',
];

/// Words that a code follows.
const INTRODUCTIONS: &[&str] =
    &["responded with", "replied with", "answered with", "rejected with", "refused with", "failed with"];

/// Words after which a client quotes an answer of IMAP without its tag: mbsync, offlineimap, c-client.
const QUOTING: &[&str] =
    &["returned an error:", "command error:", "server said:", "server response:", "server replied:"];

/// Exceptions whose message is the server's answer, without its code or tag.
const CLASSES: &[(&str, Option<Protocol>)] = &[
    ("imaplib.imap4.error", Some(Protocol::Imap)),
    ("imaplib.imap4.readonly", Some(Protocol::Imap)),
    ("imaplib.error", Some(Protocol::Imap)),
    ("imap4.error", Some(Protocol::Imap)),
    ("imapclient.exceptions.loginerror", Some(Protocol::Imap)),
    ("imapclient.exceptions.imapclienterror", Some(Protocol::Imap)),
    ("mailboxloginerror", Some(Protocol::Imap)),
    ("net::imap::noresponseerror", Some(Protocol::Imap)),
    ("net::imap::badresponseerror", Some(Protocol::Imap)),
    ("net::imap::byeresponseerror", Some(Protocol::Imap)),
    ("poplib.error_proto", Some(Protocol::Pop3)),
    ("net::popauthenticationerror", Some(Protocol::Pop3)),
    ("smtpauthenticationerror", Some(Protocol::Smtp)),
    ("smtpsenderrefused", Some(Protocol::Smtp)),
    ("net::smtpauthenticationerror", Some(Protocol::Smtp)),
    ("net::smtpfatalerror", Some(Protocol::Smtp)),
    ("mailkit.net.smtp.smtpcommandexception", Some(Protocol::Smtp)),
    ("mailkit.net.imap.imapcommandexception", Some(Protocol::Imap)),
    ("mailkit.security.authenticationexception", None),
    ("authenticationfailedexception", None),
];

/// The answer in a line, or the whole line if none is found.
pub(super) fn answer(line: &str) -> Cow<'_, str> {
    find(line).unwrap_or(Cow::Borrowed(line))
}

/// The message of an exception whose class says that a server refused, and the protocol.
pub(super) fn wrapped(line: &str) -> Option<(Option<Protocol>, &str)> {
    let folded = line.to_ascii_lowercase();
    let (at, class, protocol) =
        CLASSES.iter().find_map(|(class, protocol)| Some((folded.find(class)?, *class, *protocol)))?;
    let rest = line.get(at + class.len()..)?;
    let message = match rest.strip_prefix([':', '(']).or_else(|| rest.strip_prefix(" (")) {
        Some(message) => message,
        // Ruby names the place first and the class last: ``imap.rb:9:in `get': System error (Net::IMAP::NoResponseError)``.
        None if rest.trim_end() == ")" => {
            let message = line.get(..at)?.trim_end().strip_suffix('(')?;
            message.split_once("': ").map_or(message, |(_, message)| message)
        }
        None => return None,
    };
    let message = message.trim_matches(|c: char| c.is_whitespace() || "'\"()[]".contains(c));
    (!message.is_empty()).then_some((protocol, message))
}

fn find(line: &str) -> Option<Cow<'_, str>> {
    if let Some(at) = ["no response: code:", "bad response: code:"].iter().find_map(|head| line.find(head)) {
        return line.get(at..).map(Cow::Borrowed);
    }
    python_bytes(line)
        .or_else(|| separate_status(line))
        .or_else(|| word_list(line))
        .or_else(|| offered(line))
        .or_else(|| report(line).map(Cow::Borrowed))
        .or_else(|| {
            let at = starts(line).find(|at| is_answer(line, *at))?;
            Some(Cow::Borrowed(unquoted(line, at)))
        })
}

/// An answer that Python shows as bytes, with the code or status before them: `(535, b'5.7.3 …')`.
fn python_bytes(line: &str) -> Option<Cow<'_, str>> {
    let (at, quote) = BYTES.iter().find_map(|(open, quote)| Some((line.find(open)?, *quote)))?;
    let (before, inner) = (line.get(..at)?, line.get(at + 2..)?);
    // Not the end of a word: `club's`.
    if before.ends_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let inner = inner.split_once(quote).map_or(inner, |(inner, _)| inner);
    let before = before.trim_end_matches([' ', '[', '(']);
    let last = before.trim_end_matches(',').rsplit(['(', ' ', '[']).next().unwrap_or_default();
    Some(match last.trim_matches(['\'', '"']) {
        code if smtp::is_code(code) => Cow::Owned(format!("{code} {inner}")),
        // imaplib: `command: SELECT => ('NO', [b'…'])`, `LOGIN command error: BAD [b'…']`.
        status if STATUS.contains(&status) => Cow::Owned(format!("{status} {inner}")),
        "OK" => Cow::Owned(format!("* OK {inner}")),
        _ => Cow::Borrowed(inner),
    })
}

/// Some libraries put this between the status and the sentence: `replied … with a 'BAD' response: …`.
const RESPONSE: &str = " response: ";

/// An answer whose status a library quotes separately from its sentence.
fn separate_status(line: &str) -> Option<Cow<'_, str>> {
    let (before, sentence) = line.split_once(RESPONSE)?;
    let status = before.split_whitespace().next_back()?;
    let bare = status.trim_matches(['\'', '"']);
    (bare != status && STATUS.contains(&bare)).then(|| Cow::Owned(format!("{bare} {sentence}")))
}

/// An answer that K-9 Mail shows as a list of its words: `response: #5# [NO, [ALERT], Invalid …]`.
fn word_list(line: &str) -> Option<Cow<'_, str>> {
    let (_, list) = line.split_once("# [")?;
    let (status, sentence) = list.split_once(',')?;
    let status = STATUS.iter().find(|row| row.eq_ignore_ascii_case(status))?;
    let sentence = sentence.trim_end_matches([')', '`', ' ']);
    Some(Cow::Owned(format!("{status} {}", sentence.strip_suffix(']').unwrap_or(sentence).trim_start())))
}

/// How PHPMailer logs what a server offers: `Auth methods available on the server: PLAIN,LOGIN`.
const OFFER: &str = "Auth methods available on the server: ";

/// The offer in a log line, written as a reply to EHLO again.
fn offered(line: &str) -> Option<Cow<'_, str>> {
    let (_, methods) = line.split_once(OFFER)?;
    Some(Cow::Owned(format!("250 AUTH {}", methods.replace(',', " "))))
}

/// A decoded token error report in a line of a log.
fn report(line: &str) -> Option<&str> {
    let from = line.find("{\"status\"")?;
    let report = line.get(from..)?;
    let (report, _) = report.split_once('}')?;
    report.contains("\"schemes\"").then(|| line.get(from..=from + report.len())).flatten()
}

/// The places in a line at which an answer may begin.
fn starts(line: &str) -> impl Iterator<Item = usize> {
    let mut open = true;
    line.char_indices().filter_map(move |(at, character)| {
        let here = open && (character.is_ascii_alphanumeric() || matches!(character, '*' | '-' | '+' | '['));
        open = character.is_whitespace() || OPENINGS.contains(&character);
        here.then_some(at)
    })
}

/// The answer at a place. If a quotation mark stands before it, the answer ends at the closing one.
fn unquoted(line: &str, at: usize) -> &str {
    let (before, rest) = line.split_at_checked(at).unwrap_or((line, ""));
    let Some(quote) = before.chars().next_back().filter(|c| matches!(c, '"' | '\'' | '`')) else {
        return value_end(rest).and_then(|end| rest.get(..end)).unwrap_or(rest);
    };
    let end = rest.match_indices(quote).find(|(at, _)| {
        let after = rest.get(at + 1..).and_then(|after| after.chars().next());
        !after.is_some_and(char::is_alphanumeric)
    });
    end.and_then(|(end, _)| rest.get(..end)).unwrap_or(rest)
}

/// Where a value of a structured log ends: at a quotation mark before the next `name=`.
fn value_end(text: &str) -> Option<usize> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    let ends = |rest: &str| {
        let name_ends = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        name_ends > 0 && rest.get(name_ends..).is_some_and(|rest| rest.starts_with('='))
    };
    text.match_indices("\" ")
        .find(|(at, mark)| text.get(at + mark.len()..).is_some_and(ends))
        .map(|(at, _)| at)
}

/// Whether an answer begins here. After a tag, its status is in capitals, as servers write it, or a code follows
/// the status: "2 no" alone is prose.
fn is_answer(line: &str, at: usize) -> bool {
    let Some((before, rest)) = line.split_at_checked(at) else { return false };
    let rest = rest.get(..rest.floor_char_boundary(WINDOW)).unwrap_or(rest);
    let before = before.trim_end();
    let mut words = rest.split_whitespace();
    let mut next = || words.next().unwrap_or_default();
    let (first, second, third) = (next(), next(), next());
    let tag = first == "*" || is_tag(first);
    let lettered = is_tag(first) && first.bytes().any(|byte| byte.is_ascii_alphabetic());
    let quoted = lettered && before.ends_with(OPENINGS);
    let any_letter_case = (first == "*" || quoted || third.starts_with('['))
        && STATUS.iter().any(|status| status.eq_ignore_ascii_case(second));
    // A success counts if a library quotes it whole, or writes it behind its prefix.
    if before.ends_with(['"', '\'', ':', ']', '=']) && (first == "+OK" || (tag && second == "OK")) {
        return true;
    }
    // Without its tag an answer can only begin the line.
    if STATUS.contains(&first) && before.is_empty() {
        return true;
    }
    let head = before.get(before.len().saturating_sub(LOOK_BACK)..).unwrap_or_default().to_ascii_lowercase();
    let quotes = before.ends_with(['"', '\'', '(']) || QUOTING.iter().any(|words| head.ends_with(words));
    if first == "BYE" || (STATUS.contains(&first) && (second.starts_with('[') || quotes)) {
        return true;
    }
    if first.eq_ignore_ascii_case("-ERR") || (tag && (any_letter_case || STATUS.contains(&second))) {
        return true;
    }
    if let Some(code) = first.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
        return (before.is_empty() || before.ends_with(OPENINGS))
            && code.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'-' | b'/'))
            && imap::is_code(&code.to_ascii_lowercase());
    }
    // postfix logs the code of every delivery as `dsn=4.7.0`; the answer itself is elsewhere.
    if smtp::is_enhanced(first.trim_end_matches([':', ',', ')'])) {
        return !before.ends_with('=');
    }
    // A bracket may end the word that a code is in: `(535)`.
    let bare = first.trim_end_matches([')', ':']);
    let code = bare.split('-').next().is_some_and(smtp::is_code);
    // A number within prose is not a code, unless an enhanced code follows or a sign before it opens a quotation.
    let web = ["http", "status code", "statuscode"].iter().any(|word| head.contains(word));
    let introduced = before.is_empty()
        || before.ends_with(OPENINGS)
        || before.ends_with([']', ')', '-'])
        || INTRODUCTIONS.iter().any(|words| head.ends_with(words));
    // `status=500 time=67`: the value of a structured log.
    let value = before.ends_with('=') && second.contains('=');
    code && !web && !value && (introduced || smtp::is_enhanced(second))
}
