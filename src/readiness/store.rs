//! The journal: one file of checksummed lines that is only ever appended to, and now and then written anew.
//!
//! Owns the files under the state directory: their lock, their permissions, their bounds. A crash at any
//! moment costs at most the line that was being written. Not here: what the lines say (`contents`).

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::contents::{Contents, Entry};

/// The journal's name in the state directory.
const JOURNAL: &str = "readiness.journal";
/// Where the next one is made.
const NEXT: &str = "readiness.journal.next";
/// Where a journal goes that cannot be read at all.
const ASIDE: &str = "readiness.journal.unreadable";
/// Held by the process that writes.
const LOCK: &str = "readiness.lock";

/// The version of the format.
const VERSION: u32 = 1;
/// A longer line is none of ours, in bytes.
const LONGEST: u64 = 64 * 1024;
/// The journal is written anew when it has grown to so many times what it was then, …
const GROWTH: u64 = 4;
/// … but not below this size, in bytes.
const SMALL: u64 = 1024 * 1024;

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

/// What was found in a journal that was not as it should be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Damage {
    /// The last line was cut off, as by a crash: nothing that had been finished is lost.
    pub(super) torn: bool,
    /// Lines in the middle that cannot be read.
    pub(super) rotten: usize,
    /// The whole file could not be read, and was set aside.
    pub(super) lost: bool,
}

impl Damage {
    /// Whether something that had been finished may be lost.
    pub(super) fn is_loss(self) -> bool {
        self.rotten > 0 || self.lost
    }
}

/// The journal, open for writing.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    journal: File,
    /// Its size, and what it was when it was last written anew.
    size: u64,
    base: u64,
    /// An append has failed: what is on the disk is behind, and its last line may be cut off.
    behind: bool,
    /// Held for as long as the store is open.
    _lock: File,
}

impl Store {
    /// Takes the state directory for this process and reads what is there.
    pub(super) fn open(folder: &Path) -> Result<(Self, Contents, Damage), StoreError> {
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
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Busy(folder.to_owned())),
            Err(TryLockError::Error(error)) => return Err(at(&path)(error)),
        }
        let (contents, damage) = read(folder)?;
        let journal = folder.join(JOURNAL);
        if damage.lost {
            fs::rename(&journal, folder.join(ASIDE)).map_err(at(&journal))?;
        }
        // Written anew at once: what was torn must not stand in front of what comes.
        let (file, size) = write(folder, &contents.snapshot()).map_err(at(&journal))?;
        let store =
            Self { folder: folder.to_owned(), journal: file, size, base: size, behind: false, _lock: lock };
        Ok((store, contents, damage))
    }

    /// Adds entries and waits until they are on the disk.
    ///
    /// # Errors
    /// The system's. What was to be added is then missing, and [`Store::is_behind`] says so.
    pub(super) fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        let mut text = Vec::new();
        for entry in entries {
            line(entry, &mut text)?;
        }
        let written = if self.behind {
            Err(io::Error::other("the journal has to be written anew first"))
        } else {
            self.journal.write_all(&text).and_then(|()| self.journal.sync_data())
        };
        self.behind |= written.is_err();
        self.size += text.len() as u64;
        written
    }

    /// Whether the journal has grown, or failed, so that it should be written anew.
    pub(super) fn is_due(&self) -> bool {
        self.behind || self.size > SMALL.max(self.base * GROWTH)
    }

    /// Writes the journal anew.
    ///
    /// # Errors
    /// The system's; the old one then stands as it stood.
    pub(super) fn rewrite(&mut self, contents: &[Entry]) -> io::Result<()> {
        let (journal, size) = write(&self.folder, contents)?;
        (self.journal, self.size, self.base, self.behind) = (journal, size, size, false);
        Ok(())
    }
}

/// Reads a journal without taking it: another process may be writing it.
///
/// # Errors
/// [`StoreError::Io`] and [`StoreError::Newer`]; a journal that is not there is an empty one.
pub(super) fn read(folder: &Path) -> Result<(Contents, Damage), StoreError> {
    let path = folder.join(JOURNAL);
    let fault = |error| StoreError::Io { path: path.clone(), error };
    let (mut contents, mut damage) = (Contents::default(), Damage::default());
    let mut reader = match File::open(&path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((contents, damage)),
        Err(error) => return Err(fault(error)),
    };
    let mut bytes = Vec::new();
    // A journal is never without its first line: one that is empty was emptied.
    let (mut first, mut bad) = (true, 0);
    loop {
        bytes.clear();
        if reader.by_ref().take(LONGEST).read_until(b'\n', &mut bytes).map_err(fault)? == 0 {
            break;
        }
        match (parse(&bytes), first) {
            (Some(Entry::Journal { version: VERSION }), true) => {}
            (Some(Entry::Journal { version }), true) => return Err(StoreError::Newer { path, version }),
            (_, true) => return Ok((contents, Damage { lost: true, ..damage })),
            (Some(entry), false) => {
                // What came before this line was not the end.
                damage.rotten += std::mem::take(&mut bad);
                if !contents.take(entry) {
                    damage.rotten += 1;
                }
            }
            (None, false) => bad += 1,
        }
        first = false;
    }
    if first {
        return Ok((contents, Damage { lost: true, ..damage }));
    }
    // One bad line at the end is what a crash leaves; more are not.
    damage.torn = bad == 1;
    damage.rotten += bad.saturating_sub(1);
    Ok((contents, damage))
}

/// Makes a new journal beside the old one, and puts it in its place in one step.
fn write(folder: &Path, entries: &[Entry]) -> io::Result<(File, u64)> {
    let next = folder.join(NEXT);
    // Whatever an earlier crash left there is not ours to reuse: its permissions may be others'.
    match fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut text = Vec::new();
    line(&Entry::Journal { version: VERSION }, &mut text)?;
    for entry in entries {
        line(entry, &mut text)?;
    }
    let mut file = private().append(true).create_new(true).open(&next)?;
    file.write_all(&text)?;
    file.sync_all()?;
    fs::rename(&next, folder.join(JOURNAL))?;
    File::open(folder)?.sync_all()?;
    Ok((file, text.len() as u64))
}

/// For this user alone.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// `checksum entry`, in one line.
fn line(entry: &Entry, text: &mut Vec<u8>) -> io::Result<()> {
    let json = serde_json::to_vec(entry)?;
    write!(text, "{:08x} ", crc32fast::hash(&json))?;
    text.extend(json);
    text.push(b'\n');
    Ok(())
}

/// The entry of a line; `None` where it is cut off, altered or none of ours.
fn parse(line: &[u8]) -> Option<Entry> {
    let (sum, json) = line.strip_suffix(b"\n")?.split_at_checked(9)?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?.strip_suffix(' ')?, 16).ok()?;
    (crc32fast::hash(json) == sum).then(|| serde_json::from_slice(json).ok())?
}
