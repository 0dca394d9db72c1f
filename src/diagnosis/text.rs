//! Makes texts comparable (cuts, unescapes, folds whitespace and case), matches patterns, and finds codes.
//!
//! Not here: what any text or code means.

use std::str::FromStr;
use std::time::Duration;

/// How much of a text is read, in bytes: no meaningful sentence begins later.
const BOUND: usize = 8 * 1024;

/// The text up to the bound.
pub(super) fn cut(text: &str) -> &str {
    text.get(..text.floor_char_boundary(BOUND)).unwrap_or(text)
}

/// The text, cut, with escaped line ends and quotes (`\r\n` as four characters) turned into real ones.
pub(super) fn unescape(text: &str) -> String {
    cut(text).replace("\\r\\n", "\n").replace("\\n", "\n").replace("\\r", "\n").replace("\\\"", "\"")
}

/// One line in lower case. Each run of whitespace becomes one space, and typographic quotes become plain ones.
pub(super) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        for character in word.chars() {
            match character {
                '\u{2018}' | '\u{2019}' => folded.push('\''),
                '\u{201c}' | '\u{201d}' => folded.push('"'),
                _ => folded.extend(character.to_lowercase()),
            }
        }
    }
    folded
}

/// A folded answer without addresses and host names, because those may contain any word (`busy.example.net`).
pub(super) fn nameless(folded: &str) -> String {
    let words = folded.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
        if is_address(bare) || is_host(bare) { "…" } else { word }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn is_address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(user, domain)| !user.is_empty() && domain.contains('.'))
        && !word.contains(['/', '(', '{', '\\'])
}

/// How the names of exception classes end: `aioimaplib.aioimaplib.CommandTimeout`.
const EXCEPTIONS: &[&str] = &["exception", "error", "timeout", "abort", "refused", "failed", "disconnected"];

/// Whether a word is a host name: three labels or more, the last in letters. Names of exception classes look alike,
/// so they are left out.
fn is_host(word: &str) -> bool {
    let mut labels = word.split('.');
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    word.starts_with(|c: char| c.is_ascii_alphabetic())
        && word.matches('.').count() >= 2
        && labels.all(label)
        && word.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_lowercase()))
        && !EXCEPTIONS.iter().any(|end| word.ends_with(end))
}

/// After `*`, a piece of at most this many letters must be a whole word: "not" does not match "notify".
const PARTICLE: usize = 3;

/// `*` stands for at most this many bytes, because words that are further apart belong to two sentences.
const REACH: usize = 240;

/// Whether the folded text contains the pattern's pieces, which `*` divides, in their order. A piece that begins with
/// a letter matches at the start of a word only (`eof` not in `thereof`), and a short word only as a whole (`parse` not
/// in `parser.js`).
pub(super) fn matches(text: &str, pattern: &str) -> bool {
    let whole = is_short_word(pattern);
    let (first, others) = pattern.split_once('*').unwrap_or((pattern, ""));
    // Most rows do not match, and this search is several times faster than the one that looks at words.
    if !text.contains(first) {
        return false;
    }
    texts_after(text, text, first, whole).any(|after| others.is_empty() || follow(text, after, others, whole))
}

/// Whether the pieces follow each other in `rest`, the end of `text`, each within [`REACH`] of the one before.
fn follow<'a>(text: &'a str, mut rest: &'a str, pieces: &'a str, whole: bool) -> bool {
    pieces.split('*').all(|piece| {
        let whole = whole || piece.len() <= PARTICLE;
        let Some(after) = texts_after(text, rest, piece, whole).next() else { return false };
        let near = rest.len() - after.len() - piece.len() <= REACH;
        rest = after;
        near
    })
}

/// A word of at most this many letters means something only as a whole word.
const SHORT_WORD: usize = 6;

fn is_short_word(pattern: &str) -> bool {
    pattern.len() <= SHORT_WORD && pattern.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Whether a letter is of a script that puts no blanks between words: Chinese, Japanese, Thai.
const fn is_unspaced(letter: char) -> bool {
    matches!(letter, '\u{0e00}'..='\u{0e7f}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}')
}

/// Finds the piece as a word in `rest`, the end of `text`, and returns the text after each place.
fn texts_after<'a>(
    text: &'a str,
    rest: &'a str,
    piece: &'a str,
    whole: bool,
) -> impl Iterator<Item = &'a str> + use<'a> {
    let is_word = piece.starts_with(|c: char| c.is_alphanumeric());
    let offset = text.len() - rest.len();
    rest.match_indices(piece).filter_map(move |(at, _)| {
        let before = text.get(..offset + at).and_then(|before| before.chars().next_back());
        let after = rest.get(at + piece.len()..)?;
        let stands = (!is_word || !before.is_some_and(|c| c.is_alphanumeric() && !is_unspaced(c)))
            && (!whole || !after.starts_with(char::is_alphanumeric));
        stands.then_some(after)
    })
}

/// The numbers that follow a marker, in their order: `aadsts70002: … aadsts50012: …`.
pub(super) fn numbers(text: &str, marker: &str) -> Vec<u32> {
    let number = |at: usize| {
        let rest = text.get(at + marker.len()..)?;
        leading_number(rest.trim_start_matches([' ', '-', '#']))
    };
    text.match_indices(marker).filter_map(|(at, _)| number(at)).collect()
}

/// The number that a text begins with, if no letter follows its digits.
pub(super) fn leading_number<N: FromStr>(text: &str) -> Option<N> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, rest) = text.split_at_checked(digits)?;
    if rest.starts_with(|c: char| c.is_alphanumeric()) { None } else { number.parse().ok() }
}

/// Splits the text at the characters that no code contains. Dots, hyphens and slashes stay within the words.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "\"'()[]{}<>,;:=#|".contains(c)).filter(|word| !word.is_empty())
}

/// The pause that Exchange Online asks for: `Suggested Backoff Time: 299910 milliseconds`.
pub(super) fn backoff(folded: &str) -> Option<Duration> {
    let (_, rest) = folded.split_once("backoff time: ")?;
    let number = leading_number(rest)?;
    let unit = rest.split_whitespace().nth(1)?;
    if unit.starts_with("millisecond") {
        Some(Duration::from_millis(number))
    } else if unit.starts_with("second") {
        Some(Duration::from_secs(number))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_one_row_stand_within_reach_of_each_other() {
        let apart = " and so on".repeat(REACH / 8);
        assert!(matches("the client secret you sent has expired", "secret*expired"));
        assert!(!matches(&format!("client secret{apart} token expired"), "secret*expired"));
        assert!(matches(&format!("secret{apart} the secret has expired"), "secret*expired"), "a later place");
        assert!(!matches("starttls source=notify.go", "starttls*not"), "a short piece is a whole word");
        assert!(!matches("secrets expired", "secret"), "a short word is the whole word");
    }
}
