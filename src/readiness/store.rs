//! The state directory and its journal, which is appended to, and rewritten now and then.
//!
//! Owns the files in it: their lock, permissions and location. A crash costs at most the line that was being
//! written. A full disk or a removed folder costs only what cannot be written until it recovers.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::contents::{Contents, Entry};
use super::journal::{self, Damage, JOURNAL, VERSION, line};
use crate::files::{self, Fault};
use crate::model::CheckName;

/// The name of a new journal while it is being written.
const NEXT: &str = "readiness.journal.next";
/// An unreadable journal is renamed to this.
const ASIDE: &str = "readiness.journal.unreadable";
/// Locked by the process that writes.
const LOCK: &str = "readiness.lock";

/// The journal is rewritten once it has grown to this many times its size after the last rewrite, …
const GROWTH: u64 = 4;
/// … but not below this size, in bytes.
const SMALL: u64 = 1024 * 1024;

/// Time limit for reading the journal, …
const OPEN: Duration = Duration::from_secs(120);
/// … and for writing.
const WRITE: Duration = Duration::from_secs(10);

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process uses it.
    #[error(
        "state_dir {}: another process holds it; one agent a state directory, stop the other or give this one its own",
        .0.display()
    )]
    Busy(PathBuf),
    /// A file operation failed.
    #[error("state_dir: {}: {error}; it must exist or be creatable, and belong to this user", .path.display())]
    Io { path: PathBuf, error: io::Error },
    /// The file system does not respond.
    #[error("state_dir: {}: {fault}", .path.display())]
    Silent { path: PathBuf, fault: Fault },
    /// A newer version wrote the journal.
    #[error(
        "state_dir: {} has format {version}, this version knows {VERSION}: use the newer program, or move the file away",
        .path.display()
    )]
    Newer { path: PathBuf, version: u32 },
}

/// The state directory, locked by this process.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    /// `None` if the disk was full at the start, or the folder is gone.
    held: Option<Held>,
    /// The journal's size in bytes, now and after the last rewrite.
    size: u64,
    base: u64,
    /// The file misses entries, and its last line may be incomplete.
    behind: bool,
}

/// The open files.
#[derive(Debug, Clone)]
pub(super) struct Held {
    journal: Arc<File>,
    /// Locked while it is open.
    lock: Arc<File>,
}

/// Whether a check is in the plan; others in a journal are limited in number.
pub(super) type Planned = Arc<dyn Fn(&CheckName) -> bool + Send + Sync>;

/// The result of opening a state directory.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) contents: Contents,
    pub(super) damage: Damage,
    /// Why nothing can be written at present.
    pub(super) full: Option<io::Error>,
}

impl Store {
    /// Locks the state directory for this process and loads its contents. A full disk is tolerated.
    pub(super) fn open(folder: &Path, planned: Planned) -> Result<Opened, StoreError> {
        let owned = folder.to_owned();
        files::within(folder, OPEN, move || Self::open_now(owned, &*planned))
            .unwrap_or_else(|fault| Err(StoreError::Silent { path: folder.to_owned(), fault }))
    }

    fn open_now(folder: PathBuf, planned: &dyn Fn(&CheckName) -> bool) -> Result<Opened, StoreError> {
        let taken = match take(&folder) {
            Err(StoreError::Io { error, path }) if !is_full(&error) => {
                return Err(StoreError::Io { error, path });
            }
            Err(error @ (StoreError::Busy(_) | StoreError::Silent { .. } | StoreError::Newer { .. })) => {
                return Err(error);
            }
            taken => taken,
        };
        let (contents, damage) = journal::read(&folder, planned)?;
        let written = taken.and_then(|lock| {
            let journal = folder.join(JOURNAL);
            let fault = |error| StoreError::Io { path: journal.clone(), error };
            if damage.lost {
                fs::rename(&journal, folder.join(ASIDE)).map_err(fault)?;
            }
            // Rewritten at once, because nothing may be appended after an incomplete line.
            let (file, size) = write(&folder, &contents.snapshot()).map_err(fault)?;
            Ok((Held { journal: Arc::new(file), lock: Arc::new(lock) }, size))
        });
        Self::opened(folder, (contents, damage), written)
    }

    /// Combines the loaded contents with the result of the first rewrite. A full disk is tolerated; any
    /// other error needs an operator.
    pub(super) fn opened(
        folder: PathBuf,
        (contents, damage): (Contents, Damage),
        written: Result<(Held, u64), StoreError>,
    ) -> Result<Opened, StoreError> {
        let store = Self { held: None, size: 0, base: 0, behind: true, folder };
        match written {
            Ok((held, size)) => {
                let store = Self { held: Some(held), size, base: size, behind: false, ..store };
                Ok(Opened { store, contents, damage, full: None })
            }
            Err(StoreError::Io { error, .. }) if is_full(&error) => {
                Ok(Opened { store, contents, damage, full: Some(error) })
            }
            Err(error) => Err(error),
        }
    }

    /// Appends entries, and returns once they are on disk.
    ///
    /// # Errors
    /// The system's error, or that the journal was removed or replaced. The entries are then missing, and
    /// [`Store::is_due`] returns true.
    pub(super) fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut text = Vec::new();
        for entry in entries {
            line(entry, &mut text)?;
        }
        let written = match &self.held {
            Some(held) if !self.behind => {
                let (held, folder, size) = (held.clone(), self.folder.clone(), text.len());
                let append = move || {
                    in_place(&held.journal, &folder.join(JOURNAL))?;
                    if !text.is_empty() {
                        (&*held.journal).write_all(&text).and_then(|()| held.journal.sync_data())?;
                    }
                    Ok(size as u64)
                };
                self.at_work(append)
            }
            _ => Err(io::Error::other("the journal has to be written anew first")),
        };
        self.behind |= written.is_err();
        self.size += written.as_ref().copied().unwrap_or(0);
        written.map(drop)
    }

    /// Whether a rewrite is needed, because the journal has grown or a write has failed.
    pub(super) fn is_due(&self) -> bool {
        self.behind || self.size > SMALL.max(self.base.saturating_mul(GROWTH))
    }

    /// Rewrites the journal, and recreates the folder if it is gone.
    ///
    /// # Errors
    /// The system's error; the old journal is then unchanged.
    pub(super) fn rewrite(&mut self, contents: Vec<Entry>) -> io::Result<()> {
        let (held, folder) = (self.held.take(), self.folder.clone());
        let lock = held.map(|held| held.lock);
        let rewrite = move || {
            let held = lock.filter(|lock| in_place(lock, &folder.join(LOCK)).is_ok());
            let lock = match held {
                Some(lock) => lock,
                None => Arc::new(take(&folder).map_err(io::Error::other)?),
            };
            let (journal, size) = write(&folder, &contents)?;
            Ok((Held { journal: Arc::new(journal), lock }, size))
        };
        self.behind = true;
        let (held, size) = self.at_work(rewrite)?;
        (self.held, self.size, self.base, self.behind) = (Some(held), size, size, false);
        Ok(())
    }

    /// Runs file operations on a thread that may hang.
    fn at_work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        files::within(&self.folder.join(JOURNAL), WRITE, work)
            .unwrap_or_else(|fault| Err(io::Error::other(fault)))
    }
}

/// Whether the disk is full, or this user's quota.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Fails unless the open file is still the one with that name: writes to a removed file are lost.
fn in_place(file: &File, path: &Path) -> io::Result<()> {
    let identity = |about: &fs::Metadata| (about.dev(), about.ino());
    let named = fs::metadata(path).map_err(|error| {
        io::Error::new(error.kind(), format!("{} was removed while the agent runs", path.display()))
    })?;
    if identity(&named) != identity(&file.metadata()?) {
        return Err(io::Error::other(format!("{} was replaced while the agent runs", path.display())));
    }
    Ok(())
}

/// Creates the folder if necessary, and locks it for this process.
fn take(folder: &Path) -> Result<File, StoreError> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| StoreError::Io { path, error }
    };
    if !folder.is_dir() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(at(folder))?;
    }
    let path = folder.join(LOCK);
    let lock = private().read(true).append(true).create(true).open(&path).map_err(at(&path))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Busy(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(at(&path)(error)),
    }
}

/// Loads the contents without locking the state directory: another process may be writing there.
///
/// # Errors
/// See [`journal::read`]; also [`StoreError::Silent`].
pub(super) fn look(folder: &Path, planned: Planned) -> Result<Contents, StoreError> {
    let owned = folder.to_owned();
    let read = files::within(folder, OPEN, move || journal::read(&owned, &*planned));
    let read = read.unwrap_or_else(|fault| Err(StoreError::Silent { path: folder.to_owned(), fault }));
    read.map(|(contents, _)| contents)
}

/// Writes a new journal next to the old one, and replaces the old one in one step.
fn write(folder: &Path, entries: &[Entry]) -> io::Result<(File, u64)> {
    let next = folder.join(NEXT);
    // A leftover of a crash is not reused: its permissions may be wrong.
    match fs::remove_file(&next) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut text = Vec::new();
    line(&Entry::Journal { version: VERSION }, &mut text)?;
    for entry in entries {
        line(entry, &mut text)?;
    }
    let made = put(folder, &next, &text);
    if made.is_err() {
        // An incomplete journal is useless and takes up space. The first error is the one to report.
        let _ = fs::remove_file(&next);
    }
    made.map(|file| (file, text.len() as u64))
}

fn put(folder: &Path, next: &Path, text: &[u8]) -> io::Result<File> {
    let mut file = private().append(true).create_new(true).open(next)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(next, folder.join(JOURNAL))?;
    File::open(folder)?.sync_all()?;
    Ok(file)
}

/// Readable by this user only.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}
