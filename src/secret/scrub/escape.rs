//! What an escape stands for: in URLs, HTML, JSON and mail.
//!
//! Each function looks at the beginning of some letters and tells what they stand for, and how many
//! of them it took. Everything above ASCII is [`FOREIGN`]: its encoding is not known.

use super::reading::Letter;

/// A letter above ASCII that came in an encoding of its own.
pub(super) const FOREIGN: char = char::REPLACEMENT_CHARACTER;

/// The named entities of ASCII signs (HTML 5 section 13.5).
const ENTITIES: [(&str, char); 36] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("nbsp", ' '),
    ("tab", '\t'),
    ("newline", '\n'),
    ("excl", '!'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("lpar", '('),
    ("rpar", ')'),
    ("ast", '*'),
    ("midast", '*'),
    ("plus", '+'),
    ("comma", ','),
    ("period", '.'),
    ("sol", '/'),
    ("colon", ':'),
    ("semi", ';'),
    ("equals", '='),
    ("quest", '?'),
    ("commat", '@'),
    ("lsqb", '['),
    ("lbrack", '['),
    ("bsol", '\\'),
    ("rsqb", ']'),
    ("rbrack", ']'),
    ("hat", '^'),
    ("lowbar", '_'),
    ("grave", '`'),
    ("lcub", '{'),
    ("verbar", '|'),
    ("rcub", '}'),
];
/// No name of an entity that matters is longer.
const LONGEST_NAME: usize = 10;

/// A byte as a letter.
pub(super) const fn letter(byte: u8) -> char {
    if byte.is_ascii() { byte as char } else { FOREIGN }
}

/// `%7E`, `%u007e`, `&amp;`, `&#126;`, `\u007e`, `\x7e`, `\176`, `\"`.
pub(super) fn of_web(letters: &[Letter]) -> Option<(Option<char>, usize)> {
    let (char, taken) = match letters.first()?.char {
        '%' => match at(letters, 1)? {
            'u' | 'U' => (code(letters, 2, 4, 16)?, 6),
            _ => (code(letters, 1, 2, 16)?, 3),
        },
        '&' => entity(letters)?,
        '\\' => backslash(letters)?,
        _ => return None,
    };
    Some((Some(char), taken))
}

/// `=7E`, and `=` at the end of a line.
pub(super) fn of_mail(letters: &[Letter]) -> Option<(Option<char>, usize)> {
    if at(letters, 0)? != '=' {
        return None;
    }
    match (at(letters, 1)?, at(letters, 2)) {
        ('\r', Some('\n')) => Some((None, 3)),
        ('\n', _) => Some((None, 2)),
        _ => Some((Some(code(letters, 1, 2, 16)?), 3)),
    }
}

/// How many letters at the start of a line belong to the protocol: `535-5.7.8 `, `* NO [ALERT] `, `a1 BAD `,
/// `-ERR [AUTH] `, `X-Reason: `, blanks.
pub(super) fn line_start(letters: &[Letter]) -> usize {
    let line: String = letters.iter().take(80).map(|letter| letter.char).collect();
    let line = line.split(['\r', '\n']).next().unwrap_or_default();
    let mut rest = line.trim_start_matches([' ', '\t']);
    let after = |rest: &'_ str, word: fn(&str) -> bool| {
        let (first, behind) = rest.split_once(' ').unwrap_or((rest, ""));
        word(first).then(|| rest.len() - behind.len())
    };
    if rest.get(..3).is_some_and(is_number) && matches!(rest.as_bytes().get(3), Some(b' ' | b'-')) {
        rest = rest.get(4..).unwrap_or_default();
        let enhanced = |word: &str| word.contains('.') && word.split('.').all(is_number);
        rest = rest.get(after(rest, enhanced).unwrap_or(0)..).unwrap_or_default();
    } else if let Some(tag) = after(rest, |word| word == "*" || word == "+" || is_tag(word)) {
        rest = rest.get(tag..).unwrap_or_default();
        let status = |word: &str| ["OK", "NO", "BAD", "BYE"].contains(&word);
        rest = rest.get(after(rest, status).unwrap_or(0)..).unwrap_or_default();
    } else if let Some(start) = after(rest, |word| ["+OK", "-ERR"].contains(&word) || is_header(word)) {
        rest = rest.get(start..).unwrap_or_default();
    }
    // A response code: RFC 3501 section 7.1, RFC 2449 section 8.
    if rest.starts_with('[')
        && let Some((_, behind)) = rest.split_once("] ")
    {
        rest = behind;
    }
    line.chars().count() - rest.chars().count()
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The name of a header: `X-Reason:`.
fn is_header(word: &str) -> bool {
    let name = word.strip_suffix(':').unwrap_or_default();
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A tag as ours are: `a1`.
fn is_tag(word: &str) -> bool {
    word.strip_prefix('a').is_some_and(is_number)
}

fn at(letters: &[Letter], place: usize) -> Option<char> {
    letters.get(place).map(|letter| letter.char)
}

/// The letter whose number stands in `digits` digits from `from` on.
fn code(letters: &[Letter], from: usize, digits: usize, radix: u32) -> Option<char> {
    let digits = letters.get(from..from.checked_add(digits)?)?;
    let number = digits.iter().try_fold(0, |number: u32, digit| {
        number.checked_mul(radix)?.checked_add(digit.char.to_digit(radix)?)
    })?;
    Some(u8::try_from(number).map_or(FOREIGN, letter))
}

fn entity(letters: &[Letter]) -> Option<(char, usize)> {
    let (from, radix) = match (at(letters, 1)?, at(letters, 2)) {
        ('#', Some('x' | 'X')) => (3, 16),
        ('#', _) => (2, 10),
        _ => return named(letters),
    };
    let is_digit = |letter: &&Letter| letter.char.is_digit(radix);
    let digits = letters.get(from..)?.iter().take(8).take_while(is_digit).count();
    let end = from + digits;
    let closed = usize::from(at(letters, end) == Some(';'));
    (digits > 0).then_some((code(letters, from, digits, radix)?, end + closed))
}

fn named(letters: &[Letter]) -> Option<(char, usize)> {
    let name = letters.get(1..)?.iter().map(|letter| letter.char);
    let name: String = name.take(LONGEST_NAME).take_while(char::is_ascii_alphanumeric).collect();
    let end = 1 + name.len();
    if name.len() < 2 || at(letters, end) != Some(';') {
        return None;
    }
    let known = ENTITIES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known));
    // `&auml;` and all the others.
    Some((known.map_or(FOREIGN, |(_, char)| *char), end + 1))
}

fn backslash(letters: &[Letter]) -> Option<(char, usize)> {
    Some(match at(letters, 1)? {
        'u' if at(letters, 2) == Some('{') => {
            let digits = letters.get(3..)?.iter().take(8).take_while(|letter| letter.char != '}').count();
            (code(letters, 3, digits, 16)?, 4 + digits)
        }
        'u' => (code(letters, 2, 4, 16)?, 6),
        'x' => (code(letters, 2, 2, 16)?, 4),
        '0'..='7' if code(letters, 1, 3, 8).is_some() => (code(letters, 1, 3, 8)?, 4),
        'n' | 'r' | 't' | 'b' | 'f' | '0' => (' ', 2),
        sign if sign.is_ascii_punctuation() => (sign, 2),
        _ => return None,
    })
}
