//! Where something is written: file, line, column and path, and what is known about a key's value.
//!
//! Owns positions only. `cursor` reads a tree, and `fault` collects complaints.

use std::fmt;
use std::path::Path;
use std::rc::Rc;

/// Longest piece of the user's own text that a message or a path repeats, in characters.
pub(super) const MAX_QUOTE: usize = 64;

/// The way from the top of a file to a value: `mailboxes[3].imap.port`.
///
/// A chain towards the top. It becomes text only for a fault: a large file has a hundred thousand values and, usually, no
/// fault.
#[derive(Debug, Clone, Default)]
pub(super) struct Trail(Option<Rc<Step>>);

#[derive(Debug)]
struct Step {
    parent: Trail,
    name: Name,
}

#[derive(Debug)]
enum Name {
    Key(Box<str>),
    Index(usize),
}

impl Trail {
    pub(super) fn key(&self, key: &str) -> Self {
        self.step(Name::Key(key.into()))
    }

    pub(super) fn index(&self, index: usize) -> Self {
        self.step(Name::Index(index))
    }

    fn step(&self, name: Name) -> Self {
        Self(Some(Rc::new(Step { parent: self.clone(), name })))
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = Vec::new();
        let mut trail = self;
        while let Some(step) = &trail.0 {
            steps.push(&step.name);
            trail = &step.parent;
        }
        for (position, name) in steps.iter().rev().enumerate() {
            match name {
                Name::Index(index) => write!(f, "[{index}]")?,
                Name::Key(key) if !is_plain(key) => write!(f, "[{}]", Quoted(key))?,
                Name::Key(key) if position == 0 => f.write_str(key)?,
                Name::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= MAX_QUOTE
        && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '@'))
}

/// A piece of the user's text in a message: quoted, escaped and cut.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(MAX_QUOTE) {
            None => write!(f, "{:?}", self.0),
            Some((end, _)) => write!(f, "{:?}…", self.0.get(..end).unwrap_or_default()),
        }
    }
}

/// A position in one of the files, counted from 1.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) file: Rc<Path>,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) trail: Trail,
}

impl Place {
    /// The top of a file; line 0 stands for the file as a whole.
    pub(super) fn whole(file: &Rc<Path>) -> Self {
        Self { file: Rc::clone(file), line: 0, column: 0, trail: Trail::default() }
    }
}

/// For sentences that name a second place: `config.yaml:12:5`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// A value and where it was written.
#[derive(Debug, Clone)]
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) place: Place,
}

/// What the file says about one key.
///
/// `Faulty` differs from `Absent` so that one mistake is reported once: later code must not replace a misspelt value
/// with a default and complain about that.
#[derive(Debug, Clone, Default)]
pub(super) enum Written<T> {
    /// The key is not there.
    #[default]
    Absent,
    /// It is there, and its fault has been reported.
    Faulty,
    /// It is there.
    Is(At<T>),
}

impl<T> Written<T> {
    /// This, or what a weaker layer says.
    pub(super) fn or<'a>(&'a self, weaker: &'a Self) -> &'a Self {
        match self {
            Self::Absent => weaker,
            Self::Faulty | Self::Is(_) => self,
        }
    }

    /// The value, if one is written.
    pub(super) fn value(&self) -> Option<&T> {
        match self {
            Self::Is(at) => Some(&at.value),
            Self::Absent | Self::Faulty => None,
        }
    }

    /// The value or the default; `None` if the value is faulty.
    pub(super) fn or_default(&self, default: T) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Self::Is(at) => Some(at.value.clone()),
            Self::Absent => Some(default),
            Self::Faulty => None,
        }
    }

    /// The value where one stands, for what may be left out; nothing where it is faulty.
    pub(super) fn optional(&self) -> Option<Option<T>>
    where
        T: Clone,
    {
        match self {
            Self::Is(at) => Some(Some(at.value.clone())),
            Self::Absent => Some(None),
            Self::Faulty => None,
        }
    }

    pub(super) const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }
}
