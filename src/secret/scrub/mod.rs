//! Removes secrets from text that servers and proxies wrote, before it is shown.
//!
//! Owns the [`Scrubber`] and its principle. A text is read in every way in which it can be read
//! (`reading`). Cut out is whatever shares eight letters in a row with a secret (`spelling`), whatever
//! looks like a token (`looks`), and the value of every member that is never shown (`members`).
//! Reading secrets is the parent's; what acts on its reader is `safe`'s.
//!
//! No secret: user names, addresses, identifiers. They go only where a secret contains them.

mod escape;
mod looks;
mod members;
mod ordinary;
mod reading;
mod spelling;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use secrecy::ExposeSecret;

use self::reading::{Kind, Letter};
use crate::model::Redacted;
use crate::safe;

/// The text that replaces a secret.
const BLANK: &str = "<redacted>";
/// The text that replaces the rest of an answer that repeats our request.
const REPEATS: &str = "… (what follows repeats the request and is not shown)";
/// Letters of such an answer that are shown.
const FIRST_WORDS: usize = 80;

/// Letters of a text that are looked at. The rest of a longer one is not shown.
const LONGEST: usize = 64 * 1024;

/// Values of one text that are taken for secrets of their own.
const MOST_LEARNT: usize = 16;
/// The length of values that may be a token or a secret.
const LEARNT_LENGTH: std::ops::RangeInclusive<usize> = spelling::WINDOW..=8192;

/// Takes secrets out of text that others wrote.
///
/// Short secrets are found only as whole words; an ordinary word is not a finding, see `ordinary`.
/// Clones share the secrets.
#[derive(Clone, Default)]
pub struct Scrubber {
    secrets: Vec<Arc<Redacted>>,
    /// Names that were found to hold no secret. Clones share them, so that a name costs one search for each token.
    clean_names: Arc<Mutex<HashSet<Box<str>>>>,
}

/// How many names are remembered, and how many bytes each may have.
const NAMES: usize = 1024;
const LONGEST_NAME: usize = 100;

/// Which letters of a text have to be hidden.
struct Found {
    hidden: Vec<bool>,
    /// Where the text begins to repeat a token request.
    request: Option<usize>,
}

impl Scrubber {
    /// A scrubber that knows these secrets besides everything that looks like one.
    pub fn knowing<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let secrets = secrets.into_iter().map(|secret| Arc::new(Redacted::from(secret))).collect();
        Self { secrets, ..Self::default() }
    }

    /// The same for a secret that others hold as well: there is no second copy of it.
    pub fn sharing(secret: Arc<Redacted>) -> Self {
        Self { secrets: vec![secret], ..Self::default() }
    }

    /// Adds a secret.
    pub fn learn(&mut self, secret: &str) {
        self.secrets.push(Arc::new(Redacted::from(secret)));
        self.clean_names = Arc::default();
    }

    /// Whether a name can be shown as it is. Servers give the same few names again and again: the answer is
    /// remembered.
    pub fn leaves(&self, name: &str) -> bool {
        let known = || self.clean_names.lock().unwrap_or_else(PoisonError::into_inner);
        if known().contains(name) {
            return true;
        }
        let is_clean = name.len() <= LONGEST_NAME && self.clean(name, LONGEST_NAME) == name;
        if is_clean {
            let mut known = known();
            if known.len() >= NAMES {
                known.clear();
            }
            known.insert(name.into());
        }
        is_clean
    }

    /// The text without secrets, in one line, and cut to `limit` characters.
    ///
    /// Only the first words are shown of a text that repeats a token request.
    pub fn clean(&self, text: &str, limit: usize) -> String {
        let text = within(text);
        let Found { hidden, request } = self.examine(text);
        match request {
            None => shown(text.chars().zip(hidden), limit),
            Some(begin) => {
                let words = shown(text.chars().zip(hidden).take(begin), FIRST_WORDS.min(limit));
                words.trim_end_matches('…').to_owned() + REPEATS
            }
        }
    }

    /// The same for lines that belong together: a secret may be split over two of them.
    pub fn clean_lines<'a>(&self, lines: impl IntoIterator<Item = &'a str>, limit: usize) -> Vec<String> {
        // A line end within a line would make two of it.
        let lines: Vec<String> = lines.into_iter().map(|line| line.replace('\n', " ")).collect();
        let text = lines.join("\n");
        let text = within(&text);
        let mut hidden = self.examine(text).hidden.into_iter();
        let mut clean = |line: &str| {
            // The last mark is the line end's.
            let marks: Vec<bool> = hidden.by_ref().take(line.chars().count() + 1).collect();
            shown(line.chars().zip(marks), limit)
        };
        lines.iter().map(|line| clean(line)).collect()
    }

    /// Looks at a text in all its readings.
    fn examine(&self, text: &str) -> Found {
        let all = reading::readings(text);
        let mut marks: Vec<Vec<bool>> =
            all.iter().map(|reading| vec![false; reading.letters.len()]).collect();
        let mut learnt: Vec<Redacted> = Vec::new();
        let mut request: Option<usize> = None;
        for (place, (reading, marks)) in all.iter().zip(&mut marks).enumerate() {
            if reading.kind == Kind::Text {
                looks::mark(&reading.letters, marks);
            }
            if reading.kind == Kind::Joined {
                continue;
            }
            let members = members::of(&reading.letters);
            for value in members.hidden {
                learnt
                    .extend(value_of(&reading.letters[value.clone()]).filter(|_| learnt.len() < MOST_LEARNT));
                marks.get_mut(value).unwrap_or_default().fill(true);
            }
            let begin = members.request.and_then(|at| reading::source(&all, place, at, at));
            request = request.into_iter().chain(begin.map(|(first, _)| first)).min();
        }
        let secrets: Vec<&str> = self.secrets.iter().map(|secret| secret.expose_secret()).collect();
        let learnt = learnt.iter().map(ExposeSecret::expose_secret);
        let secrets: Vec<&str> = secrets.into_iter().chain(learnt).collect();
        for (place, marks) in marks.iter_mut().enumerate() {
            spelling::mark(&all, place, &secrets, marks);
        }
        let mut hidden = reading::trace_back(&all, marks);
        widen(&text.chars().collect::<Vec<_>>(), &mut hidden);
        Found { hidden, request }
    }
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} secrets)", self.secrets.len())
    }
}

/// The part of a text that is examined.
fn within(text: &str) -> &str {
    text.char_indices().nth(LONGEST).and_then(|(end, _)| text.get(..end)).unwrap_or(text)
}

/// The value of a member as a secret to be looked for elsewhere: a token that came in the same answer. Words,
/// sentences and addresses are none.
fn value_of(letters: &[Letter]) -> Option<Redacted> {
    let value: String = letters.iter().map(|letter| letter.char).collect();
    let is_secret = LEARNT_LENGTH.contains(&letters.len())
        && !value.contains(char::is_whitespace)
        && !value.contains("://")
        && !ordinary::is_word(&value);
    is_secret.then(|| Redacted::from(value))
}

/// Takes along what is left of a word in which something is hidden.
fn widen(text: &[char], hidden: &mut [bool]) {
    let ends = |place: usize| text.get(place).is_none_or(|char| is_edge(*char));
    let mut reached = false;
    for (place, hidden) in hidden.iter_mut().enumerate() {
        // Signs of equality fill up base64; elsewhere they part a name from its value.
        let fills = text.get(place) == Some(&'=') && ends(place + 1);
        *hidden |= reached && (fills || !ends(place));
        reached = *hidden;
    }
    for (place, hidden) in hidden.iter_mut().enumerate().rev() {
        *hidden |= reached && !ends(place);
        reached = *hidden;
    }
    // Lines of one secret: nothing is left between them but their ends.
    let is_end = |place: &usize| matches!(text.get(*place), Some('\r' | '\n'));
    for place in 1..hidden.len() {
        let gap = (place..hidden.len()).take_while(is_end).count();
        let joins = gap > 0 && hidden.get(place - 1) == Some(&true) && hidden.get(place + gap) == Some(&true);
        if joins {
            hidden.get_mut(place..place + gap).unwrap_or_default().fill(true);
        }
    }
}

/// The signs between words, values and markup.
fn is_edge(char: char) -> bool {
    char.is_whitespace() || "\"'`<>(){}[],;|&=:@".contains(char)
}

/// The text with a blank for everything hidden, in one line, cut to `limit` characters.
fn shown(text: impl Iterator<Item = (char, bool)>, limit: usize) -> String {
    let mut clean = String::new();
    let mut was_hidden = false;
    for (char, hidden) in text {
        match hidden {
            false => clean.push(char),
            true if !was_hidden => clean += BLANK,
            true => {}
        }
        was_hidden = hidden;
    }
    let mut clean = safe::line(&clean).into_owned();
    if let Some((end, _)) = clean.char_indices().nth(limit) {
        clean.truncate(end);
        clean.push('…');
    }
    clean.truncate(clean.trim_end().len());
    clean
}
