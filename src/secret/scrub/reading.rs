//! The ways in which a text can be read: as it is, unescaped, unfolded, unpacked.
//!
//! Owns the decoders and the way back: every letter of a reading knows the letters it was made of, so
//! that what is found in a reading can be cut out of the text. Not here: what is looked for.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::escape;

/// Parts what does not belong together: no secret reaches across it.
pub(super) const BREAK: char = '\u{ffff}';

/// Escapes within escapes are read this deep.
const DEEPEST: usize = 3;
/// All readings of a text together have at most this many letters for one of the text …
const GROWTH: usize = 16;
/// … and this many more.
const ROOM: usize = 4096;

/// Packed text is looked at from this many letters on.
const SHORTEST_PACKED: usize = 4;
/// Unpacked text is kept if it has this many readable letters in a row; anything else is noise.
const SHORTEST_READABLE: usize = 3;

/// Takes base64 with and without its padding, whatever its last bits.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A letter of a reading; `first` to `last` are the letters that it was made of, one reading before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Letter {
    pub(super) char: char,
    first: usize,
    last: usize,
}

/// One way to read a text.
pub(super) struct Reading {
    pub(super) letters: Vec<Letter>,
    /// The reading it was made of; none for the text as it is.
    parent: Option<usize>,
    pub(super) kind: Kind,
}

/// How a reading was obtained, which decides what counts as a secret in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Text, with or without its escapes: what looks like a token is one.
    Text,
    /// Unpacked parts of the text, possibly with noise. Names of members count here as well.
    Unpacked,
    /// Lines that may not belong together: nothing else.
    Joined,
}

type Decoder = fn(&[Letter]) -> Option<Vec<Letter>>;

/// Each with what it makes of text.
const DECODERS: [(Decoder, Kind); 5] = [
    (unescaped, Kind::Text),
    (unquoted, Kind::Unpacked),
    (unfolded, Kind::Joined),
    (from_base64, Kind::Unpacked),
    (from_hexadecimal, Kind::Unpacked),
];

/// Every way to read this text, the text itself first.
pub(super) fn readings(text: &str) -> Vec<Reading> {
    let own = text.chars().enumerate().map(|(place, char)| Letter { char, first: place, last: place });
    let letters: Vec<Letter> = own.collect();
    let mut room = letters.len() * GROWTH + ROOM;
    let mut all = vec![Reading { letters, parent: None, kind: Kind::Text }];
    let mut done = 0;
    for _ in 0..DEEPEST {
        let known = all.len();
        for parent in done..known {
            for (decode, kind) in DECODERS {
                let decoded = all.get(parent).and_then(|reading: &Reading| {
                    decode(&reading.letters).map(|letters| (letters, reading.kind.max(kind)))
                });
                let Some((letters, kind)) = decoded else { continue };
                if letters.len() > room {
                    return all;
                }
                room -= letters.len();
                all.push(Reading { letters, parent: Some(parent), kind });
            }
        }
        done = known;
    }
    all
}

/// The places of the text that the letters `first` to `last` of a reading were made of.
pub(super) fn source(all: &[Reading], reading: usize, first: usize, last: usize) -> Option<(usize, usize)> {
    let here = all.get(reading)?;
    let (first, last) = (here.letters.get(first)?.first, here.letters.get(last)?.last);
    match here.parent {
        None => Some((first, last)),
        Some(parent) => source(all, parent, first, last),
    }
}

/// Marks in the text what is marked in its readings.
pub(super) fn trace_back(all: &[Reading], mut marks: Vec<Vec<bool>>) -> Vec<bool> {
    for (place, reading) in all.iter().enumerate().rev() {
        let Some(parent) = reading.parent else { continue };
        let found = marks.get_mut(place).map(std::mem::take).unwrap_or_default();
        let Some(above) = marks.get_mut(parent) else { continue };
        for (letter, _) in reading.letters.iter().zip(found).filter(|(_, marked)| *marked) {
            above.get_mut(letter.first..=letter.last).unwrap_or_default().fill(true);
        }
    }
    marks.into_iter().next().unwrap_or_default()
}

/// Percent signs, entities and backslashes undone; `None` if there are none.
fn unescaped(letters: &[Letter]) -> Option<Vec<Letter>> {
    replaced(letters, escape::of_web)
}

/// Quoted-printable undone (RFC 2045 section 6.7).
fn unquoted(letters: &[Letter]) -> Option<Vec<Letter>> {
    replaced(letters, escape::of_mail)
}

/// `escape` tells what stands at the beginning of some letters, and how many of them it takes.
fn replaced(
    letters: &[Letter],
    escape: impl Fn(&[Letter]) -> Option<(Option<char>, usize)>,
) -> Option<Vec<Letter>> {
    let mut plain = Vec::new();
    let mut changed = false;
    let mut place = 0;
    while let Some(letter) = letters.get(place) {
        match escape(letters.get(place..).unwrap_or_default()) {
            Some((char, taken)) => {
                changed = true;
                let (first, last) = (place, place + taken.max(1) - 1);
                plain.extend(char.map(|char| Letter { char, first, last }));
                place = last + 1;
            }
            None => {
                plain.push(Letter { char: letter.char, first: place, last: place });
                place += 1;
            }
        }
    }
    changed.then_some(plain)
}

/// The lines joined, without what a mail protocol puts before each of them.
fn unfolded(letters: &[Letter]) -> Option<Vec<Letter>> {
    replaced(letters, |rest| match rest {
        [end, following @ ..] if end.char == '\n' => Some((None, 1 + escape::line_start(following))),
        [end, line, ..] if end.char == '\r' && line.char == '\n' => Some((None, 1)),
        _ => None,
    })
}

/// The content of base64 in either alphabet, from each of the places where it may begin.
fn from_base64(letters: &[Letter]) -> Option<Vec<Letter>> {
    let is_packed = |letter: &Letter| letter.char.is_ascii_alphanumeric() || "+/-_".contains(letter.char);
    let mut unpacked = Vec::new();
    let mut begin = 0;
    for run in letters.split(|letter| !is_packed(letter)) {
        if run.len() >= SHORTEST_PACKED {
            let standard = |letter: &Letter| match letter.char {
                '-' => b'+',
                '_' => b'/',
                // Nothing but ASCII is in the run.
                other => u8::try_from(other).unwrap_or_default(),
            };
            let bytes: Vec<u8> = run.iter().map(standard).collect();
            for skipped in 0..4.min(run.len()) {
                let packed = bytes.get(skipped..).unwrap_or_default();
                // One letter alone holds no byte.
                let whole = if packed.len() % 4 == 1 { packed.len() - 1 } else { packed.len() };
                let decoded = BASE64.decode(packed.get(..whole).unwrap_or_default()).unwrap_or_default();
                let at = |byte: usize| begin + skipped + byte / 3 * 4;
                let last = begin + skipped + whole;
                let of = |byte| (at(byte), (at(byte) + 3).min(last.saturating_sub(1)));
                keep_readable(&mut unpacked, &decoded, of);
            }
        }
        begin += run.len() + 1;
    }
    (!unpacked.is_empty()).then_some(unpacked)
}

/// The bytes of pairs of hexadecimal digits, close together or with one sign between them.
fn from_hexadecimal(letters: &[Letter]) -> Option<Vec<Letter>> {
    let mut unpacked = Vec::new();
    let mut run: Vec<(usize, u8)> = Vec::new();
    let mut parted = false;
    for (place, letter) in letters.iter().enumerate() {
        if let Some(digit) = letter.char.to_digit(16).and_then(|digit| u8::try_from(digit).ok()) {
            run.push((place, digit));
            parted = false;
        } else if " :-,".contains(letter.char) && !parted {
            parted = true;
        } else {
            unpack(&mut unpacked, &run);
            run.clear();
        }
    }
    unpack(&mut unpacked, &run);
    (!unpacked.is_empty()).then_some(unpacked)
}

fn unpack(unpacked: &mut Vec<Letter>, digits: &[(usize, u8)]) {
    if digits.len() < 2 * SHORTEST_READABLE {
        return;
    }
    for skipped in 0..2 {
        let digits = digits.get(skipped..).unwrap_or_default();
        let (pairs, _) = digits.as_chunks::<2>();
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high.1 << 4 | low.1).collect();
        keep_readable(unpacked, &bytes, |byte| pairs.get(byte).map_or((0, 0), |[high, low]| (high.0, low.0)));
    }
}

/// Appends bytes as letters if people could read some of them; `of` tells what each was made of.
fn keep_readable(unpacked: &mut Vec<Letter>, bytes: &[u8], of: impl Fn(usize) -> (usize, usize)) {
    let readable = bytes.split(|byte| !byte.is_ascii_graphic()).any(|run| run.len() >= SHORTEST_READABLE);
    if !readable {
        return;
    }
    let letters = bytes.iter().enumerate().map(|(place, byte)| {
        let (first, last) = of(place);
        Letter { char: escape::letter(*byte), first, last }
    });
    unpacked.extend(letters);
    let (first, last) = of(0);
    unpacked.push(Letter { char: BREAK, first, last });
}
