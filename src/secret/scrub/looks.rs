//! Finds what looks like a token, even without a name next to it.
//!
//! Owns the beginnings by which tokens are known and the measure of randomness for all others: host
//! names, paths, identifiers and fingerprints have to pass.

use super::reading::Letter;

/// Beginnings of tokens: JWT and other JSON, Google (access, refresh, client secret), Entra and personal
/// Microsoft accounts.
const BEGINNINGS: [(&str, Mixed); 9] = [
    ("eyJ", Mixed::Any),
    ("ya29.", Mixed::Any),
    ("1//0", Mixed::Any),
    ("GOCSPX-", Mixed::Any),
    ("0.A", Mixed::All),
    ("1.A", Mixed::All),
    ("EwA", Mixed::All),
    ("EwB", Mixed::All),
    ("M.C", Mixed::All),
];
/// How the challenge of a refused login begins, `{"status"` in base64: it is not a token.
const CHALLENGE: &str = "eyJzdGF0dXMi";
/// A token that is known by its beginning is at least this long.
const SHORTEST: usize = 16;

/// Other tokens are at least this long …
const SHORTEST_RANDOM: usize = 40;
/// … and of ten neighbours in it this many are of different kinds. In random base64 it is more than
/// six, in names and paths two or three.
const CHANGES_OF_TEN: usize = 4;

/// Words that precede the proof of a login in a header.
const SCHEMES: [&str; 2] = ["Bearer ", "Basic "];
/// The minimum length of a text after one of them that is a token and not a word.
const SHORTEST_PROOF: usize = 12;

/// What else a text with one of these beginnings needs to count as a token.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mixed {
    /// Nothing: no word or name begins so.
    Any,
    /// Both cases and a digit.
    All,
}

/// Marks whatever looks like a token.
pub(super) fn mark(letters: &[Letter], marks: &mut [bool]) {
    let mut begin = 0;
    while begin < letters.len() {
        let rest = letters.get(begin..).unwrap_or_default();
        let continues = begin.checked_sub(1).and_then(|before| letters.get(before)).is_some_and(is_word);
        let length = if continues { 0 } else { known(rest).or_else(|| random(rest)).unwrap_or(0) };
        if length > 0 && !begins(CHALLENGE, rest) {
            marks.get_mut(begin..begin + length).unwrap_or_default().fill(true);
        }
        let (skipped, proof) = after_scheme(rest);
        if proof > 0 {
            marks.get_mut(begin + skipped..begin + skipped + proof).unwrap_or_default().fill(true);
        }
        begin += length.max(1);
    }
}

fn is_word(letter: &Letter) -> bool {
    letter.char.is_ascii_alphanumeric()
}

/// The number of letters in one run of these signs.
fn run(letters: &[Letter], signs: &str) -> usize {
    letters.iter().take_while(|letter| is_word(letter) || signs.contains(letter.char)).count()
}

fn begins(beginning: &str, letters: &[Letter]) -> bool {
    beginning.chars().zip(letters).all(|(char, letter)| char == letter.char)
}

/// The length of a token that begins here and is known by its beginning.
fn known(letters: &[Letter]) -> Option<usize> {
    let (beginning, mixed) = BEGINNINGS.iter().find(|(beginning, _)| begins(beginning, letters))?;
    let length = run(letters, "+/=_.~-!*$");
    let token = letters.get(beginning.len()..length)?;
    (length >= SHORTEST && (*mixed == Mixed::Any || is_mixed(token))).then_some(length)
}

/// The length of a run that begins here and is random. A host name has dots and does not count.
fn random(letters: &[Letter]) -> Option<usize> {
    let length = run(letters, "+/_-");
    let token = letters.get(..length)?;
    let pairs = token.iter().zip(token.get(1..)?);
    let changes = pairs.filter(|(one, next)| kind(one.char) != kind(next.char)).count();
    let random = length >= SHORTEST_RANDOM && is_mixed(token) && changes * 10 >= length * CHANGES_OF_TEN;
    random.then(|| length + run(letters.get(length..).unwrap_or_default(), "=").min(2))
}

fn is_mixed(letters: &[Letter]) -> bool {
    [char::is_ascii_digit, char::is_ascii_lowercase, char::is_ascii_uppercase]
        .iter()
        .all(|is_kind| letters.iter().any(|letter| is_kind(&letter.char)))
}

fn kind(char: char) -> u8 {
    match char {
        'a'..='z' => 0,
        'A'..='Z' => 1,
        '0'..='9' => 2,
        _ => 3,
    }
}

/// Where a proof begins after its scheme, and its length: both 0 without a scheme.
fn after_scheme(letters: &[Letter]) -> (usize, usize) {
    let same = |scheme: &&&str| {
        let mut pairs = scheme.chars().zip(letters);
        letters.len() > scheme.len() && pairs.all(|(char, letter)| char.eq_ignore_ascii_case(&letter.char))
    };
    let Some(scheme) = SCHEMES.iter().find(same) else { return (0, 0) };
    let proof = letters.get(scheme.len()..).unwrap_or_default();
    let length = run(proof, "+/_.~-");
    let has_digit = proof.iter().take(length).any(|letter| letter.char.is_ascii_digit());
    if length < SHORTEST_PROOF || !has_digit {
        return (0, 0);
    }
    (scheme.len(), length + run(proof.get(length..).unwrap_or_default(), "=").min(2))
}
