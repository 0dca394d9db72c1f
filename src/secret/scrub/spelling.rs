//! The search: whether a reading shares eight letters in a row with a secret, in any of its spellings.
//!
//! Owns what is compared (letters and digits without case, or all that can be seen) and the rule for
//! short secrets, which have to stand there whole. The windows of the text are kept, not those of the
//! secret: a text is short and there for once, a secret is neither.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::zeroize::Zeroizing;

use super::escape::FOREIGN;
use super::ordinary;
use super::reading::{BREAK, Letter, Reading, source};

/// A text that shares this many letters in a row with a secret repeats it.
pub(super) const WINDOW: usize = 8;
/// Shorter secrets are not looked for: every sentence would hold them.
const SHORTEST: usize = 3;
/// Shorter ones are looked for as words of their own.
const SHORTEST_WITHIN_WORDS: usize = 4;
/// How many letters a letter above ASCII may have become on its way.
const WIDEST: usize = 4;

/// How letters are compared. `None`: this letter does not count.
type Fold = fn(char) -> Option<u8>;

/// Letters and digits: whatever was put between them, and however their case was changed.
fn word(char: char) -> Option<u8> {
    u8::try_from(char.to_ascii_lowercase()).ok().filter(u8::is_ascii_alphanumeric)
}

/// Everything that can be seen, signs too.
fn sign(char: char) -> Option<u8> {
    u8::try_from(char.to_ascii_lowercase()).ok().filter(u8::is_ascii_graphic)
}

/// Every eight letters in a row of a text, as one number, with their first and last place.
struct Windows {
    sorted: Vec<(u64, usize, usize)>,
    /// One bit for many numbers: most are told apart without a search.
    seen: Vec<u64>,
}

impl Windows {
    fn of(letters: &[Letter], fold: Fold) -> Self {
        let mut sorted = Vec::with_capacity(letters.len());
        let mut places = [0; WINDOW];
        let (mut number, mut count) = (0, 0);
        for (place, letter) in letters.iter().enumerate() {
            if letter.char == BREAK {
                count = 0;
            } else if let Some(byte) = fold(letter.char) {
                number = number << 8 | u64::from(byte);
                places.rotate_left(1);
                places[WINDOW - 1] = place;
                count += 1;
                if count >= WINDOW {
                    sorted.push((number, places[0], place));
                }
            }
        }
        sorted.sort_unstable();
        let mut seen = vec![0; (sorted.len() / 4).next_power_of_two()];
        for (number, ..) in &sorted {
            let (word, bit) = Self::bit(*number, seen.len());
            seen[word] |= bit;
        }
        Self { sorted, seen }
    }

    /// Where among `words` words of bits a number has its own.
    fn bit(number: u64, words: usize) -> (usize, u64) {
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        // `words` is a power of two; the remainder fits whatever a `usize` is.
        let word = (mixed >> 6) as usize & (words - 1);
        (word, 1 << (mixed & 63))
    }

    /// Tells `found` the places of every window that this spelling of a secret has as well.
    fn shared(&self, spelling: impl Iterator<Item = u8>, mut found: impl FnMut(u64, usize, usize)) {
        let mut number = 0;
        for (count, byte) in spelling.enumerate() {
            number = number << 8 | u64::from(byte);
            let (word, bit) = Self::bit(number, self.seen.len());
            if count + 1 < WINDOW || self.seen[word] & bit == 0 {
                continue;
            }
            let from = self.sorted.partition_point(|(known, ..)| *known < number);
            let equal = self.sorted.iter().skip(from).take_while(|(known, ..)| *known == number);
            equal.for_each(|(_, first, last)| found(number, *first, *last));
        }
    }
}

/// Marks what a reading shares with one of the secrets.
pub(super) fn mark(all: &[Reading], place: usize, secrets: &[&str], marks: &mut [bool]) {
    let Some(reading) = all.get(place) else { return };
    if secrets.is_empty() {
        return;
    }
    let (words, signs) = (Windows::of(&reading.letters, word), Windows::of(&reading.letters, sign));
    let mut found = |number: u64, first: usize, last: usize| {
        let is_plain = source(all, place, first, last).is_some_and(|(first, last)| last - first < WINDOW);
        if is_plain && ordinary::is_part_of_word(number) {
            return;
        }
        let letters = reading.letters.get(first..=last).unwrap_or_default();
        // Across lines what begins a line stays: it tells whose answer it is.
        let is_across = letters.iter().any(|letter| letter.char == '\n');
        for (mark, letter) in marks.get_mut(first..=last).unwrap_or_default().iter_mut().zip(letters) {
            *mark |= !is_across || word(letter.char).is_some();
        }
    };
    for secret in secrets {
        words.shared(secret.chars().filter_map(word), &mut found);
        words.shared(secret.chars().rev().filter_map(word), &mut found);
        for skipped in 0..3 {
            words.shared(base64(secret, skipped).bytes().filter_map(|byte| word(byte.into())), &mut found);
        }
        signs.shared(secret.chars().filter_map(sign), &mut found);
    }
    for secret in secrets.iter().filter(|secret| secret.chars().filter_map(word).count() < WINDOW) {
        mark_whole(all, place, secret, marks);
    }
}

/// The secret in base64 as it stands in a longer text, from a place where `skipped` bytes of a group
/// come before it: without the letters that hold something else as well.
fn base64(secret: &str, skipped: usize) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(vec![0; skipped]);
    plain.extend_from_slice(secret.as_bytes());
    let mut packed = Zeroizing::new(STANDARD_NO_PAD.encode(&*plain));
    if !plain.len().is_multiple_of(3) {
        packed.pop();
    }
    let foreign = [0, 2, 3].get(skipped).copied().unwrap_or_default().min(packed.len());
    packed.drain(..foreign);
    packed
}

/// Marks every place where a short secret occurs as a whole.
fn mark_whole(all: &[Reading], place: usize, secret: &str, marks: &mut [bool]) {
    let Some(reading) = all.get(place) else { return };
    let secret: Zeroizing<Vec<char>> = Zeroizing::new(secret.chars().collect());
    if secret.len() < SHORTEST {
        return;
    }
    let is_word = secret.iter().all(|char| char.is_alphabetic()) || secret.iter().all(char::is_ascii_digit);
    let apart = is_word || secret.len() < SHORTEST_WITHIN_WORDS;
    let plain_word = ordinary::is_word(&secret.iter().collect::<String>());
    let letters = &reading.letters;
    let continues = |place: Option<usize>| {
        place.and_then(|place| letters.get(place)).is_some_and(|letter| letter.char.is_alphanumeric())
    };
    let begins = |letter: &Letter| secret.first().is_some_and(|first| could_be(*first, letter.char));
    for first in (0..letters.len()).filter(|place| letters.get(*place).is_some_and(begins)) {
        let Some(end) = letters.get(first..).and_then(|rest| end_of(&secret, rest)) else { continue };
        let end = first + end;
        if apart && (continues(first.checked_sub(1)) || continues(Some(end))) {
            continue;
        }
        let is_plain =
            source(all, place, first, end - 1).is_some_and(|(first, last)| last - first < secret.len());
        if !(plain_word && is_plain) {
            marks.get_mut(first..end).unwrap_or_default().fill(true);
        }
    }
}

/// Where the secret ends that begins with the first of these letters. A letter of it above ASCII may have
/// become a few signs that replace a letter that some program could not read.
fn end_of(secret: &[char], letters: &[Letter]) -> Option<usize> {
    let mut ends = vec![0];
    for wanted in secret {
        let mut next = Vec::new();
        for end in ends {
            let Some(letter) = letters.get(end) else { continue };
            if !could_be(*wanted, letter.char) {
                continue;
            }
            next.push(end + 1);
            if !wanted.is_ascii() {
                let lost = letters.get(end..).unwrap_or_default().iter().take(WIDEST);
                let lost = lost.take_while(|letter| is_lost(letter.char)).count();
                next.extend((2..=lost).map(|taken| end + taken));
            }
        }
        next.sort_unstable();
        next.dedup();
        ends = next;
    }
    ends.pop()
}

/// Whether a letter of a secret may have come back as this one.
fn could_be(wanted: char, char: char) -> bool {
    wanted.to_lowercase().eq(char.to_lowercase())
        || (wanted.is_whitespace() && (char.is_whitespace() || char == '+'))
        || (!wanted.is_ascii() && is_lost(char))
}

/// Whether this stands for a letter above ASCII that some program could not read, or read otherwise.
fn is_lost(char: char) -> bool {
    char == '?' || char == FOREIGN || (!char.is_ascii() && char != BREAK)
}
