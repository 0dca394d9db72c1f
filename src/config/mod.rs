//! Configuration: YAML in, a [`Plan`] out, or every fault of every file at once.
//!
//! Owns the file format and its defaults. Reads no secret and opens no connection: secrets are places, read
//! whenever they are used. Reloading is the business of whoever holds the plan.

mod capacity;
mod credential;
mod cursor;
mod fault;
mod file;
mod keys;
mod lower;
mod place;
mod presets;
mod provider;
mod readiness;
mod source;
mod tree;
mod value;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::model::Plan;

pub use fault::{ConfigError, ConfigErrors, Notice};
pub use value::parse_listen;

use cursor::Cursor;
use fault::Faults;
use file::Mailbox;
use place::Place;

/// A configuration without faults.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it means.
    pub plan: Plan,
    /// Every file that was read or looked for: the configuration first, then the mailbox files, then those of
    /// `readiness`.
    pub files: Vec<PathBuf>,
    /// What is allowed and yet deserves a look.
    pub warnings: Vec<Notice>,
}

/// Reads a configuration with the mailbox files that it names.
///
/// # Errors
///
/// Every fault of all files at once, in reading order. An unreadable file and a syntax fault (of which YAML
/// can tell only the first) hide what else that one file holds, not the faults of the others.
pub fn load(path: &Path) -> Result<Loaded, ConfigErrors> {
    let faults = Faults::default();
    let file: Rc<Path> = path.into();
    let loaded = source::read(&file, &faults).and_then(|text| assemble(&file, &text, &faults));
    let ((plan, files), warnings) = faults.settle(loaded, &Place::whole(&file))?;
    Ok(Loaded { plan, files, warnings })
}

/// `None` only where nothing could be made of the main file, which has been reported.
fn assemble(file: &Rc<Path>, text: &str, faults: &Faults) -> Option<(Plan, Vec<PathBuf>)> {
    let base = file.parent().unwrap_or(Path::new(""));
    let node = source::parse(file, text, faults)?;
    let written = file::read(&Cursor::top(file, &node, faults), base)?;

    let mut files = vec![file.to_path_buf()];
    let mut more: Vec<Vec<Mailbox>> = Vec::new();
    for path in source::expand(written.mailbox_files.value().map_or(&[], Vec::as_slice), base, faults) {
        let path: Rc<Path> = path.into();
        files.push(path.to_path_buf());
        let read = || {
            let text = source::read(&path, faults)?;
            let node = source::parse(&path, &text, faults)?;
            file::mailboxes(&Cursor::top(&path, &node, faults))
        };
        more.extend(read());
    }
    let mailboxes: Vec<&Mailbox> = written.mailboxes.value().into_iter().chain(&more).flatten().collect();
    files.extend(written.readiness.files());
    let top = Place { line: node.line, column: node.column, ..Place::whole(file) };
    let plan = lower::lower(&written, &mailboxes, &top, faults);
    written.readiness.inspect(&plan, faults);
    Some((plan, files))
}
