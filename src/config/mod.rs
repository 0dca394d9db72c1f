//! Configuration: YAML in, a [`Plan`] out, or every fault of every file at once.
//!
//! Owns the file format and its defaults. Reads no secret and opens no connection: secrets are places, read
//! whenever they are used. The owner of the plan decides when to read again.

mod azure;
mod capacity;
mod cloud_keys;
mod credential;
mod cursor;
mod directory;
mod fault;
mod file;
mod graph;
mod keys;
mod login;
mod lower;
mod outside;
mod place;
mod presets;
mod provider;
mod readiness;
mod rhythm;
mod round_trip;
mod section;
mod server;
mod services;
mod source;
mod sources;
mod token_endpoint;
mod tree;
mod value;
mod web;
mod web_keys;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::model::{Credential, Plan, Web};

pub use fault::{ConfigError, ConfigErrors, Notice};
pub use outside::{parse_external_url, parse_route_prefix};
pub use sources::Sources;
pub use value::parse_listen;

use cursor::Cursor;
use fault::Faults;
use file::Mailbox;
use place::{At, Place, Written};

/// A configuration without faults.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The plan that it describes.
    pub plan: Plan,
    /// Every file that was read or looked for: the configuration first, then the mailbox files, then those of
    /// `readiness`.
    pub files: Vec<PathBuf>,
    /// Warnings: things that are allowed but probably not intended.
    pub warnings: Vec<Notice>,
}

/// A credential and its place.
#[derive(Debug, Clone)]
pub struct Described {
    /// The credential.
    pub credential: Arc<Credential>,
    place: Notice,
}

impl Described {
    /// Something about it that deserves a look.
    pub fn notice(&self, message: String) -> Notice {
        Notice { message, ..self.place.clone() }
    }
}

/// A configuration as it was read: the files it came from, and the plan or its faults.
#[derive(Debug)]
pub struct Reading {
    /// Which files, with which content: to find out whether reading again is worth while.
    pub sources: Sources,
    /// What it means, or what is wrong with it.
    pub outcome: Result<Loaded, ConfigErrors>,
    /// The credentials without faults, whatever else is wrong, and where each is described: for what is found out about
    /// its secret.
    pub credentials: Vec<Described>,
    /// Where the state is kept, if that is written.
    pub state_dir: Option<PathBuf>,
}

/// Reads a configuration with the mailbox files that it names.
///
/// # Errors
///
/// Every fault of all files at once, in reading order. An unreadable file and a syntax fault (of which YAML
/// can tell only the first) hide what else that one file holds, not the faults of the others.
pub fn load(path: &Path) -> Result<Loaded, ConfigErrors> {
    read(path).outcome
}

/// The same, with what is needed to notice a change.
pub fn read(path: &Path) -> Reading {
    read_with_web(path, None)
}

/// The same with this web configuration instead of the one that `http.web_config` names.
pub fn read_with_web(path: &Path, web: Option<&Path>) -> Reading {
    let faults = Faults::default();
    let file: Rc<Path> = path.into();
    let mut sources = Sources::relative_to(file.parent().unwrap_or(Path::new("")));
    // What the command line names is read even if the main file cannot be.
    let web = web.map(|path| web::read(path, None, &mut sources, &faults));
    let text = source::read(&file, None, &mut sources, &faults);
    let made = text.and_then(|text| assemble(&file, &text, web, &mut sources, &faults));
    let credentials = made.as_ref().map(Made::described).unwrap_or_default();
    let state_dir = made.as_ref().and_then(|made| made.plan.policy.state_dir.clone());
    let settled = faults.settle(made, &Place::whole(&file));
    let outcome = settled.map(|(made, warnings)| made.loaded(warnings));
    Reading { sources, outcome, credentials, state_dir }
}

/// Reads a web configuration by itself, as it is read again while the program runs.
///
/// # Errors
///
/// Every fault of the file at once; of the files that it names the first of each.
pub fn load_web(path: &Path) -> Result<Web, ConfigErrors> {
    let faults = Faults::default();
    let read = web::read(path, None, &mut Sources::default(), &faults);
    Ok(faults.settle(read, &Place::whole(&path.into()))?.0)
}

/// The result of reading the files.
struct Made {
    plan: Plan,
    files: Vec<PathBuf>,
    credentials: Vec<(Arc<Credential>, Place)>,
}

impl Made {
    fn described(&self) -> Vec<Described> {
        let described = |(credential, place): &(Arc<Credential>, Place)| Described {
            credential: Arc::clone(credential),
            place: fault::error_at(place, String::new()),
        };
        self.credentials.iter().map(described).collect()
    }

    fn loaded(self, warnings: Vec<Notice>) -> Loaded {
        Loaded { plan: self.plan, files: self.files, warnings }
    }
}

/// `web` is the web configuration of the command line, if it names one. `None` only if the main file could not be used at all, which has been reported.
fn assemble(
    file: &Rc<Path>,
    text: &str,
    web: Option<Option<Web>>,
    sources: &mut Sources,
    faults: &Faults,
) -> Option<Made> {
    let base = file.parent().unwrap_or(Path::new(""));
    let node = source::parse(file, text, faults)?;
    let written = file::read(&Cursor::top(file, &node, faults), base, sources)?;

    let web = web.unwrap_or_else(|| match &written.web_config {
        Written::Is(at) => web::read(&at.value, Some(&at.place), sources, faults),
        Written::Absent | Written::Faulty => None,
    });
    let web = web.map(Arc::new);
    let patterns = written.mailbox_files.value().map_or(&[][..], Vec::as_slice);
    sources.note_patterns(patterns);
    let mut files = vec![file.to_path_buf()];
    let mut more: Vec<Vec<Mailbox>> = Vec::new();
    for At { value: path, place } in source::expand(patterns, base, faults) {
        let path: Rc<Path> = path.into();
        files.push(path.to_path_buf());
        let mut read = || {
            let text = source::read(&path, Some(&place), sources, faults)?;
            let node = source::parse(&path, &text, faults)?;
            file::mailboxes(&Cursor::top(&path, &node, faults))
        };
        more.extend(read());
    }
    let mailboxes: Vec<&Mailbox> = written.mailboxes.value().into_iter().chain(&more).flatten().collect();
    files.extend(written.readiness.files().filter(|file| sources.holds(file)));
    let top = Place { line: node.line, column: node.column, ..Place::whole(file) };
    let plan = lower::lower(&written, &mailboxes, &top, faults);
    let mut plan = Plan { web, ..plan };
    plan.policy.imports = written.readiness.imports(&plan, faults);
    Some(Made { plan, files, credentials: written.credential_places })
}
