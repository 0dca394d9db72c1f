//! What is wrong with a configuration: collected to the end, so that nobody mends a file fault by fault.
//!
//! Owns the public error types and the collection. Does not decide what is a fault.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use super::place::{MAX_QUOTE, Place, Quoted};
use crate::report::text;
use crate::safe;

/// More complaints than this help nobody; the rest is counted.
const MAX_FAULTS: usize = 10_000;

/// Comparisons spent on "did you mean" in one load. A file with twenty thousand wrong names and as
/// many right ones must not cost minutes; past this bound complaints come without the hint.
const MAX_COMPARISONS: usize = 200_000;

/// One fault of a configuration: where it is, what is wrong, and what was expected.
///
/// Never repeats a value in whose place a secret might have been written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct ConfigError {
    /// The file, as it was named on the command line or found by a pattern.
    pub file: PathBuf,
    /// The line, from 1; 0 where the fault is of the file as a whole.
    pub line: u32,
    /// The column in characters, from 1; 0 where the fault is of the file as a whole.
    pub column: u32,
    /// The way to the value (`mailboxes[3].imap.port`); empty at the top of a file.
    pub path: String,
    /// What is wrong, what was expected, and the remedy where it is not obvious.
    pub message: String,
}

/// `config.yaml:12:5: mailboxes[3].imap.port: expected …`; one line whatever the file's name is.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", safe::path(&self.file))?;
        if self.line > 0 {
            write!(f, "{}:{}:", self.line, self.column)?;
        }
        if !self.path.is_empty() {
            write!(f, " {}:", safe::line(&self.path))?;
        }
        write!(f, " {}", safe::line(&self.message))
    }
}

/// Something that is allowed and yet deserves a look; written like a fault.
pub type Notice = ConfigError;

/// Every fault of every file, in the order of files and lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors(pub(super) Vec<ConfigError>);

impl ConfigErrors {
    /// The faults, in reading order.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.0.iter()
    }

    /// How many there are.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One line a fault.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

/// The collection. Shared by every cursor of a load, hence the cells.
#[derive(Debug, Default)]
pub(super) struct Faults {
    found: RefCell<Vec<ConfigError>>,
    notices: RefCell<Vec<Notice>>,
    uncounted: Cell<usize>,
    comparisons: Cell<usize>,
    hints: RefCell<HashMap<(&'static str, String), Option<String>>>,
}

impl Faults {
    pub(super) fn add(&self, place: &Place, message: impl Into<String>) {
        let mut found = self.found.borrow_mut();
        if found.len() < MAX_FAULTS {
            found.push(entry(place, message.into()));
        } else {
            self.uncounted.set(self.uncounted.get() + 1);
        }
    }

    pub(super) fn warn(&self, place: &Place, message: impl Into<String>) {
        let mut notices = self.notices.borrow_mut();
        if notices.len() < MAX_FAULTS {
            notices.push(entry(place, message.into()));
        }
    }

    /// ` (did you mean "contoso"?)` where one of the right words is near, otherwise nothing.
    ///
    /// `kind` keeps the words of different lists apart in the memory of earlier answers.
    pub(super) fn hint<'a>(
        &self,
        kind: &'static str,
        word: &str,
        right: impl Iterator<Item = &'a str>,
    ) -> String {
        if word.chars().count() > MAX_QUOTE {
            return String::new();
        }
        let mut hints = self.hints.borrow_mut();
        let near = hints.entry((kind, word.to_owned())).or_insert_with(|| self.nearest(word, right));
        near.as_deref().map(|near| format!(" (did you mean {}?)", Quoted(near))).unwrap_or_default()
    }

    fn nearest<'a>(&self, word: &str, right: impl Iterator<Item = &'a str>) -> Option<String> {
        let (before, limit) = (self.comparisons.get(), MAX_COMPARISONS);
        let compared = right.take(limit.saturating_sub(before)).inspect(|_| {
            self.comparisons.set(self.comparisons.get() + 1);
        });
        text::nearest(word, compared).first().map(|name| (*name).to_owned())
    }

    /// What was made of the files, with the notices, where no fault was found; otherwise the faults.
    pub(super) fn settle<T>(self, made: Option<T>, top: &Place) -> Result<(T, Vec<Notice>), ConfigErrors> {
        let mut faults = in_order(self.found.into_inner());
        match made {
            Some(made) if faults.is_empty() => return Ok((made, in_order(self.notices.into_inner()))),
            // Cannot happen, and must not pass in silence if it does.
            None if faults.is_empty() => {
                faults.push(entry(top, "nothing could be made of this file".to_owned()));
            }
            _ => {}
        }
        let uncounted = self.uncounted.get();
        if uncounted > 0
            && let Some(last) = faults.last()
        {
            let message = format!("and {uncounted} more faults");
            faults.push(ConfigError { message, path: String::new(), ..last.clone() });
        }
        Err(ConfigErrors(faults))
    }
}

/// Sorted by file and position. What was said twice of one place (a wrong default meets every
/// mailbox) is said once.
fn in_order(mut all: Vec<ConfigError>) -> Vec<ConfigError> {
    all.sort();
    all.dedup();
    all
}

pub(super) fn entry(place: &Place, message: String) -> ConfigError {
    ConfigError {
        file: place.file.to_path_buf(),
        line: place.line,
        column: place.column,
        path: place.trail.to_string(),
        message,
    }
}
