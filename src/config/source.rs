//! Files: found, read within bounds, and parsed.
//!
//! Owns what can be wrong with a file before any key of it is looked at.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Instant;

use super::fault::Faults;
use super::place::{At, Place};
use super::sources::Sources;
use super::tree::{self, Kind, Node};
use crate::files::{self, Fault};

/// Largest file: a hundred thousand mailboxes take a third of it.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// The maximum number of mailbox files: a pattern that finds more is a mistake.
const MAX_FILES: usize = 50_000;

/// How often a pattern may come upon the same files by other links: forty levels of links is what the system follows.
const MAX_AGAIN: usize = 1000;
const CIRCLE: &str = "this pattern takes too long to search, or finds the same files again and again: do links lead back to their own folder?";

/// The byte order mark that some editors put in front of UTF-8.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// A file's bytes.
pub(super) fn bytes(file: &Path) -> Result<Vec<u8>, Fault> {
    content(file).map(|content| content.bytes)
}

/// A file's bytes, and what its file system says about it.
pub(super) fn content(file: &Path) -> Result<files::Content, Fault> {
    files::content(file, MAX_BYTES)
}

/// A file's text; what was read is noted in `sources`. A file that cannot be read is a fault of the place that names
/// it, if that is known.
pub(super) fn read(
    file: &Rc<Path>,
    named: Option<&Place>,
    sources: &mut Sources,
    faults: &Faults,
) -> Option<String> {
    let place = Place::whole(file);
    let read = bytes(file);
    sources.note(file, read.as_deref().ok());
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(fault) => {
            match named {
                Some(named) => faults.add(named, format!("{}: {fault}", file.display())),
                None => faults.add(&place, fault.to_string()),
            }
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(error) => {
            let sound = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let (line, column) = end_of(&String::from_utf8_lossy(sound));
            faults.add(&Place { line, column, ..place }, "not UTF-8 from here on: save the file as UTF-8");
            None
        }
    }
}

/// A file's tree.
pub(super) fn parse(file: &Rc<Path>, text: &str, faults: &Faults) -> Option<Node> {
    match parse_or_empty(file, text, faults) {
        Some(Node { kind: Kind::Null, .. }) => {
            faults.add(&Place::whole(file), "the file is empty");
            None
        }
        parsed => parsed,
    }
}

/// A file's tree; [`Kind::Null`] for a file with only comments.
pub(super) fn parse_or_empty(file: &Rc<Path>, text: &str, faults: &Faults) -> Option<Node> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let complain = |fault: tree::SyntaxFault| {
        let place = Place { line: fault.line, column: fault.column, ..Place::whole(file) };
        faults.add(&place, fault.message);
    };
    tree::parse(text).map_err(complain).ok()
}

/// The files that patterns find, each once with the place of its pattern, sorted within a pattern. Names with a leading dot are left
/// alone: they are editors' and Kubernetes' own.
pub(super) fn expand(patterns: &[At<String>], base: &Path, faults: &Faults) -> Vec<At<PathBuf>> {
    // The folder's own name may hold brackets; only what is written is a pattern.
    let folder = PathBuf::from(glob::Pattern::escape(&base.to_string_lossy()));
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    for pattern in patterns {
        let wanted = folder.join(&pattern.value);
        let place = wanted.clone();
        let found = files::within(&place, files::PATIENCE, move || matching(&wanted.to_string_lossy()));
        match found {
            Ok(Ok(found)) => {
                if !found.any {
                    faults.warn(&pattern.place, "no file matches this pattern");
                }
                for fault in found.faults {
                    faults.add(&pattern.place, fault);
                }
                for path in found.files.into_iter().filter(|path| seen.insert(path.clone())) {
                    if files.len() == MAX_FILES {
                        faults.add(&pattern.place, format!("more than {MAX_FILES} files"));
                        return files;
                    }
                    files.push(At { value: path, place: pattern.place.clone() });
                }
            }
            Ok(Err(fault)) => faults.add(&pattern.place, fault),
            Err(fault) => faults.add(&pattern.place, format!("cannot be searched: {fault}")),
        }
    }
    files
}

/// What one pattern finds.
#[derive(Default)]
struct Matches {
    files: Vec<PathBuf>,
    /// Anything at all, folders included.
    any: bool,
    faults: Vec<String>,
}

/// Looks for files; gives up if links form a circle and the search would never end.
fn matching(pattern: &str) -> Result<Matches, String> {
    let end = Instant::now() + files::PATIENCE;
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let paths = glob::glob_with(pattern, options)
        .map_err(|error| format!("this is not a file pattern: {}", error.msg))?;
    let mut found = Matches::default();
    let (mut places, mut again) = (HashSet::new(), 0);
    for path in paths {
        if Instant::now() > end {
            return Err(CIRCLE.to_owned());
        }
        found.any = true;
        match path {
            Ok(path) if path.is_dir() => {}
            // One file by several links is one file.
            Ok(path) if !places.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) => {
                again += 1;
                if again > MAX_AGAIN {
                    return Err(CIRCLE.to_owned());
                }
            }
            Ok(path) if found.files.len() <= MAX_FILES => found.files.push(path),
            Ok(_) => break,
            Err(error) => {
                let folder = error.path().display();
                found.faults.push(format!("{folder} cannot be searched: {}", error.error()));
            }
        }
    }
    Ok(found)
}

/// The position after a text, from 1.
fn end_of(text: &str) -> (u32, u32) {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let last = text.rsplit('\n').next().unwrap_or_default();
    (number(text.matches('\n').count() + 1), number(last.chars().count() + 1))
}
