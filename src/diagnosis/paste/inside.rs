//! Where in a line the answer stands: libraries and logs write words of their own before and around it.
//!
//! Not here: what it means.

use std::borrow::Cow;

use crate::diagnosis::smtp;

/// What follows a tag or a star in an answer that is no success.
const STATUS: &[&str] = &["NO", "BAD", "BYE"];

/// How Python shows bytes.
const BYTES: &[(&str, char)] = &[("b'", '\''), ("b\"", '"')];

/// The answer of a line, or the whole line where none is seen in it.
pub(super) fn answer(line: &str) -> Cow<'_, str> {
    find(line).unwrap_or(Cow::Borrowed(line))
}

/// Whether the line holds an answer behind other words, or in a form that only answers have.
pub(super) fn holds(line: &str) -> bool {
    line.contains("no response: code:") || find(line).is_some()
}

fn find(line: &str) -> Option<Cow<'_, str>> {
    bytes(line).or_else(|| starts(line).find(|rest| is_answer(line, rest)).map(Cow::Borrowed))
}

/// What stands in Python's bytes, with the code before them: `(535, b'5.7.3 …')`.
fn bytes(line: &str) -> Option<Cow<'_, str>> {
    let (at, quote) = BYTES.iter().find_map(|(open, quote)| Some((line.find(open)?, *quote)))?;
    let (before, inner) = (line.get(..at)?, line.get(at + 2..)?);
    // Not the end of a word: `club's`.
    if before.ends_with(|c: char| c.is_alphanumeric()) {
        return None;
    }
    let inner = inner.split_once(quote).map_or(inner, |(inner, _)| inner);
    let code = before.trim_end().strip_suffix(',').and_then(|before| before.rsplit(['(', ' ']).next());
    Some(match code.filter(|code| smtp::is_code(code)) {
        Some(code) => Cow::Owned(format!("{code} {inner}")),
        None => Cow::Borrowed(inner),
    })
}

/// The line from each of its words on.
fn starts(line: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(line.trim_start());
    std::iter::from_fn(move || {
        let here = rest.filter(|rest| !rest.is_empty())?;
        rest = here.split_once(char::is_whitespace).map(|(_, after)| after.trim_start());
        Some(here)
    })
}

/// Whether an answer begins here. Behind a tag its status is in capitals, as servers write it, or has a
/// code after it: "2 no" alone is prose.
fn is_answer(line: &str, rest: &str) -> bool {
    let mut words = rest.split_whitespace();
    let mut next = || words.next().unwrap_or_default();
    let (first, second, third) = (next(), next(), next());
    let tag = first == "*"
        || (first.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && first.bytes().any(|byte| byte.is_ascii_digit()));
    let loose = (first == "*" || third.starts_with('['))
        && STATUS.iter().any(|status| status.eq_ignore_ascii_case(second));
    // Without its tag an answer can only begin the line.
    if STATUS.contains(&first) && line == rest {
        return true;
    }
    if first == "BYE" || (STATUS.contains(&first) && second.starts_with('[')) {
        return true;
    }
    if first.eq_ignore_ascii_case("-ERR") || (tag && (loose || STATUS.contains(&second))) {
        return true;
    }
    if smtp::is_enhanced(first) {
        return true;
    }
    let code = first.split('-').next().is_some_and(smtp::is_code);
    // A number within prose is none, unless an enhanced code follows, or what is before it ends there.
    let before = line.strip_suffix(rest).unwrap_or_default().trim_end();
    code && (before.is_empty()
        || before.ends_with([':', ']', ')', '>', '|', '"', '\'', '-'])
        || smtp::is_enhanced(second))
}
