//! The state directory: who may write there, and the journal that is only ever appended to and now and then written
//! anew.
//!
//! Owns the files under it: their lock, their permissions, their place. A crash at any moment costs at most the line
//! that was being written; a full disk, or a folder that was removed, costs what cannot be written until it can.

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

/// Where the next one is made.
const NEXT: &str = "readiness.journal.next";
/// Where a journal goes that cannot be read at all.
const ASIDE: &str = "readiness.journal.unreadable";
/// Held by the process that writes.
const LOCK: &str = "readiness.lock";

/// The journal is written anew when it has grown to so many times what it was then, …
const GROWTH: u64 = 4;
/// … but not below this size, in bytes.
const SMALL: u64 = 1024 * 1024;

/// How long the disk may take to give back a large journal, …
const OPEN: Duration = Duration::from_secs(120);
/// … and to take what is written.
const WRITE: Duration = Duration::from_secs(10);

/// Why the memory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process writes there.
    #[error(
        "state_dir {}: another process holds it; one agent a state directory, stop the other or give this one its own",
        .0.display()
    )]
    Busy(PathBuf),
    /// The system says no.
    #[error("state_dir: {}: {error}; it must exist or be creatable, and belong to this user", .path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file system does not answer.
    #[error("state_dir: {}: {fault}", .path.display())]
    Silent {
        /// The state directory.
        path: PathBuf,
        /// How.
        fault: Fault,
    },
    /// A later version wrote it.
    #[error(
        "state_dir: {} has format {version}, this version knows {VERSION}: use the newer program, or move the file away",
        .path.display()
    )]
    Newer {
        /// The journal.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
}

/// The state directory, taken by this process.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    /// Nothing where the disk was full at the start, or the folder is gone.
    held: Option<Held>,
    /// The journal's size, and what it was when it was last written anew.
    size: u64,
    base: u64,
    /// What is on the disk is behind what is known, and its last line may be cut off.
    behind: bool,
}

/// What is open in the folder.
#[derive(Debug, Clone)]
pub(super) struct Held {
    journal: Arc<File>,
    /// Locked for as long as it is open.
    lock: Arc<File>,
}

/// Which checks are of the plan: strangers in a journal are bounded.
pub(super) type Planned = Arc<dyn Fn(&CheckName) -> bool + Send + Sync>;

/// What was found in the state directory.
pub(super) struct Opened {
    pub(super) store: Store,
    pub(super) contents: Contents,
    pub(super) damage: Damage,
    /// Why nothing can be written there for now.
    pub(super) full: Option<io::Error>,
}

impl Store {
    /// Takes the state directory for this process and reads what is there. A full disk is no obstacle.
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
            // Written anew at once: what was torn must not stand in front of what comes.
            let (file, size) = write(&folder, &contents.snapshot()).map_err(fault)?;
            Ok((Held { journal: Arc::new(file), lock: Arc::new(lock) }, size))
        });
        Self::opened(folder, (contents, damage), written)
    }

    /// What was read, and whether it could be written anew: a full disk is no obstacle, what else is in the way is a
    /// mistake that somebody has to mend.
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

    /// Adds entries and waits until they are on the disk.
    ///
    /// # Errors
    /// The system's, or that the journal is no longer in its place. What was to be added is then missing, and
    /// [`Store::is_due`] says so.
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

    /// Whether the journal has grown, or failed, so that it should be written anew.
    pub(super) fn is_due(&self) -> bool {
        self.behind || self.size > SMALL.max(self.base.saturating_mul(GROWTH))
    }

    /// Writes the journal anew; also the folder where it is gone.
    ///
    /// # Errors
    /// The system's; the old one then stands as it stood.
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

    /// On a thread that may hang.
    fn at_work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        files::within(&self.folder.join(JOURNAL), WRITE, work)
            .unwrap_or_else(|fault| Err(io::Error::other(fault)))
    }
}

/// No room, for everybody or for this user.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Whether an open file still is the one of that name: what is written to a removed one is lost.
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

/// Makes the folder where there is none, and locks it for this process.
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

/// Reads what is remembered without taking the state directory: another process may be writing it.
///
/// # Errors
/// As [`journal::read`], and [`StoreError::Silent`].
pub(super) fn look(folder: &Path, planned: Planned) -> Result<Contents, StoreError> {
    let owned = folder.to_owned();
    let read = files::within(folder, OPEN, move || journal::read(&owned, &*planned));
    let read = read.unwrap_or_else(|fault| Err(StoreError::Silent { path: folder.to_owned(), fault }));
    read.map(|(contents, _)| contents)
}

/// Makes a new journal beside the old one, and puts it in its place in one step.
fn write(folder: &Path, entries: &[Entry]) -> io::Result<(File, u64)> {
    let next = folder.join(NEXT);
    // Whatever an earlier crash left there is not ours to reuse: its permissions may be others'.
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
        // Half a journal is of no use, and takes room on a disk that has none. The first fault is the one to tell.
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

/// For this user alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}
