//! The faults of a configuration. All of them are collected, so that one run shows everything there is to fix.
//!
//! Owns the public error types and the collection. Does not decide what is a fault.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use super::place::{MAX_QUOTE, Place, Quoted};
use crate::report::text;
use crate::safe;

/// How many faults are listed. Any further ones are only counted.
const MAX_FAULTS: usize = 10_000;

/// How many comparisons one load may spend on "did you mean". A file with twenty thousand wrong names and as many
/// right ones must not take minutes; beyond this bound, faults are reported without the hint.
const MAX_COMPARISONS: usize = 200_000;

/// One fault of a configuration: where it is, what is wrong, and what was expected.
///
/// Never repeats a value that may be a secret in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub struct ConfigError {
    /// The file, as it was named on the command line or found by a pattern.
    pub file: PathBuf,
    /// The line, from 1; 0 if the fault concerns the whole file.
    pub line: u32,
    /// The column in characters, from 1; 0 if the fault concerns the whole file.
    pub column: u32,
    /// The path of the value (`mailboxes[3].imap.port`); empty at the top of a file.
    pub path: String,
    /// What is wrong, what was expected, and the remedy if it is not obvious.
    pub message: String,
}

/// `config.yaml:12:5: mailboxes[3].imap.port: expected …`. Always one line, even if the file's name has line breaks.
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

/// A warning: something that is allowed but probably not intended. It has the form of a fault.
pub type Notice = ConfigError;

/// All faults of all files, in the order of files and lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigErrors {
    faults: Vec<ConfigError>,
    notices: Vec<Notice>,
}

impl ConfigErrors {
    /// The faults, in reading order.
    pub fn iter(&self) -> std::slice::Iter<'_, ConfigError> {
        self.faults.iter()
    }

    /// How many there are.
    #[allow(clippy::len_without_is_empty)] // never empty
    pub fn len(&self) -> usize {
        self.faults.len()
    }

    /// The warnings that hold whatever becomes of the faults, in reading order.
    pub fn notices(&self) -> &[Notice] {
        &self.notices
    }
}

impl<'a> IntoIterator for &'a ConfigErrors {
    type Item = &'a ConfigError;
    type IntoIter = std::slice::Iter<'a, ConfigError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One line per fault.
impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

/// The faults and notices found so far. All cursors of a load share it, hence the cells.
#[derive(Debug, Default)]
pub(super) struct Faults {
    found: RefCell<Vec<ConfigError>>,
    notices: RefCell<Vec<Notice>>,
    notices_of_whole: RefCell<Vec<Notice>>,
    uncounted: Cell<usize>,
    comparisons: Cell<usize>,
    hints: RefCell<HashMap<(&'static str, String), Option<String>>>,
}

impl Faults {
    pub(super) fn add(&self, place: &Place, message: impl Into<String>) {
        let mut found = self.found.borrow_mut();
        if found.len() < MAX_FAULTS {
            found.push(error_at(place, message.into()));
        } else {
            self.uncounted.set(self.uncounted.get() + 1);
        }
    }

    /// Warns of what is written at one place.
    pub(super) fn warn(&self, place: &Place, message: impl Into<String>) {
        note(&self.notices, place, message.into());
    }

    /// Warns of what is missing in, or too much for, the plan as a whole. It says nothing where faults have left parts
    /// of the plan out, and is dropped then.
    pub(super) fn warn_of_whole(&self, place: &Place, message: impl Into<String>) {
        note(&self.notices_of_whole, place, message.into());
    }

    /// ` (did you mean "contoso"?)` if one of the right words is similar, otherwise the empty string.
    ///
    /// Earlier answers are remembered by `kind`, the name of the list that the words belong to.
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

    /// The value that was read from the files, with the notices, if no fault was found; otherwise the faults.
    pub(super) fn settle<T>(self, made: Option<T>, top: &Place) -> Result<(T, Vec<Notice>), ConfigErrors> {
        let mut faults = in_order(self.found.into_inner());
        let mut notices = self.notices.into_inner();
        match made {
            Some(made) if faults.is_empty() => {
                notices.extend(self.notices_of_whole.into_inner());
                return Ok((made, in_order(notices)));
            }
            // This cannot happen, but must not go unnoticed if it does.
            None if faults.is_empty() => {
                faults.push(error_at(top, "nothing could be made of this file".to_owned()));
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
        Err(ConfigErrors { faults, notices: in_order(notices) })
    }
}

fn note(notices: &RefCell<Vec<Notice>>, place: &Place, message: String) {
    let mut notices = notices.borrow_mut();
    if notices.len() < MAX_FAULTS {
        notices.push(error_at(place, message));
    }
}

/// Sorted by file and position. The same fault at the same place is reported once, for example a wrong default, which
/// every mailbox would report.
fn in_order(mut all: Vec<ConfigError>) -> Vec<ConfigError> {
    all.sort();
    all.dedup();
    all
}

pub(super) fn error_at(place: &Place, message: String) -> ConfigError {
    ConfigError {
        file: place.file.to_path_buf(),
        line: place.line,
        column: place.column,
        path: place.trail.to_string(),
        message,
    }
}
