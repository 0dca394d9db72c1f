//! Files: found, read within bounds, and parsed.
//!
//! Owns what can be wrong with a file before any key of it is looked at.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::fault::Faults;
use super::place::{At, Place};
use super::sources::Sources;
use super::tree::{self, Kind, Node};

/// Largest file: a hundred thousand mailboxes take a third of it.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Most mailbox files: a pattern that finds more has gone astray.
const MAX_FILES: usize = 50_000;

/// The byte order mark that some editors put in front of UTF-8.
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

/// A file's bytes, and one more than is allowed where it is too large.
pub(super) fn bytes(file: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A file's text; what was read is noted in `sources`.
pub(super) fn read(file: &Rc<Path>, sources: &mut Sources, faults: &Faults) -> Option<String> {
    let place = Place::whole(file);
    let read = bytes(file);
    sources.note(file, read.as_deref().ok());
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(error) => {
            let message = match error.kind() {
                ErrorKind::NotFound => "there is no such file".to_owned(),
                ErrorKind::IsADirectory => "this is a folder, a file was expected".to_owned(),
                ErrorKind::PermissionDenied => "may not be read by this user: permission denied".to_owned(),
                _ => format!("cannot be read: {error}"),
            };
            faults.add(&place, message);
            return None;
        }
    };
    if u64::try_from(bytes.len()).is_ok_and(|len| len > MAX_BYTES) {
        faults.add(&place, format!("too large: at most {} MiB are read", MAX_BYTES / (1024 * 1024)));
        return None;
    }
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
    let place = Place::whole(file);
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    match tree::parse(text) {
        Ok(Node { kind: Kind::Null, .. }) => {
            faults.add(&place, "the file is empty");
            None
        }
        Ok(node) => Some(node),
        Err(fault) => {
            faults.add(&Place { line: fault.line, column: fault.column, ..place }, fault.message);
            None
        }
    }
}

/// The files that patterns find, each once, sorted within a pattern. Names with a leading dot are left
/// alone: they are editors' and Kubernetes' own.
pub(super) fn expand(patterns: &[At<String>], base: &Path, faults: &Faults) -> Vec<PathBuf> {
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    // The folder's own name may hold brackets; only what is written is a pattern.
    let folder = PathBuf::from(glob::Pattern::escape(&base.to_string_lossy()));
    let mut seen = HashSet::new();
    let mut files = Vec::new();
    for pattern in patterns {
        let found = match glob::glob_with(&folder.join(&pattern.value).to_string_lossy(), options) {
            Ok(found) => found,
            Err(error) => {
                faults.add(&pattern.place, format!("this is no pattern for files: {}", error.msg));
                continue;
            }
        };
        let mut any = false;
        for path in found {
            any = true;
            match path {
                Ok(path) if path.is_dir() || seen.contains(&path) => {}
                Ok(_) if files.len() == MAX_FILES => {
                    faults.add(&pattern.place, format!("more than {MAX_FILES} files"));
                    return files;
                }
                Ok(path) => {
                    seen.insert(path.clone());
                    files.push(path);
                }
                Err(error) => {
                    let folder = error.path().display();
                    faults.add(&pattern.place, format!("{folder} cannot be searched: {}", error.error()));
                }
            }
        }
        if !any {
            faults.warn(&pattern.place, "no file matches this pattern");
        }
    }
    files
}

/// The position behind a text, from 1.
fn end_of(text: &str) -> (u32, u32) {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let last = text.rsplit('\n').next().unwrap_or_default();
    (number(text.matches('\n').count() + 1), number(last.chars().count() + 1))
}
