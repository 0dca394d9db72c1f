//! Reads files of other programs: only regular files, within limits of size and time.
//!
//! `workers` owns the threads that wait for a disk, `shared_reads` the reads that several tasks share, `hashes` what
//! is remembered of files that every probe depends on, `replace` the writing of the few files that others read as
//! well. Not here: what a file means.

mod hashes;
mod replace;
mod shared_reads;
mod workers;

use std::collections::BTreeSet;
use std::fs::{self, File, FileType, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::OFlags;

use self::hashes::HASHES;
pub use self::hashes::Hash;
pub use self::replace::{Lock, can_replace, lock, replace, replace_with};
use self::shared_reads::SHARED_READS;
use self::workers::{WORKERS, Workers};

/// How long a file may take to be read. A file system that needs longer has lost its server.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Why a file was not read. The sentence follows the file's name and a colon.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Nothing has that name.
    #[error("there is no such file")]
    Missing,
    /// The user of this process may not read it.
    #[error("may not be read by this user: permission denied")]
    Denied,
    /// A folder.
    #[error("this is a folder, a file was expected")]
    Folder,
    /// A FIFO, a socket or a device: reading it may never end.
    #[error("this is {0}: only regular files are read")]
    NotRegular(&'static str),
    /// Larger than the caller takes.
    #[error("too large: at most {} are read", size(*.0))]
    TooLarge(u64),
    /// The read has not ended.
    #[error("no answer within {} s: the file system does not respond (is its NFS or FUSE server reachable?)", .0.as_secs())]
    Hangs(Duration),
    /// Other reads in the same folder, or too many anywhere, have not ended; this one was not begun.
    #[error(
        "not read: earlier reads from the same file system have not ended (is its NFS or FUSE server reachable?)"
    )]
    Blocked,
    /// What else the system says.
    #[error("cannot be read: {0}")]
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Missing,
            ErrorKind::PermissionDenied => Self::Denied,
            ErrorKind::IsADirectory => Self::Folder,
            _ => Self::Io(error),
        }
    }
}

/// A size as people say it.
fn size(bytes: u64) -> String {
    const MEBI: u64 = 1024 * 1024;
    if bytes >= MEBI && bytes.is_multiple_of(MEBI) {
        return format!("{} MiB", bytes / MEBI);
    }
    format!("{bytes} bytes")
}

/// A file's content, and its metadata.
#[derive(Debug)]
pub struct Content {
    /// All of it.
    pub bytes: Vec<u8>,
    /// As of the moment at which it was opened.
    pub about: fs::Metadata,
}

/// Reads a regular file of at most `most` bytes. Blocks for [`PATIENCE`] at most.
///
/// # Errors
/// As [`Fault`] has them.
pub fn read(path: &Path, most: u64) -> Result<Vec<u8>, Fault> {
    content(path, most).map(|content| content.bytes)
}

/// [`read`], with the file's metadata.
///
/// # Errors
/// As [`Fault`] has them.
pub fn content(path: &Path, most: u64) -> Result<Content, Fault> {
    let file = path.to_owned();
    // The outer error is the workers', the inner one the file's.
    within(path, PATIENCE, move || read_now(&file, most))?
}

/// [`read`] for tasks. No thread waits: those that ask for the same file together share one read, which began after
/// each of them asked.
///
/// # Errors
/// As [`Fault`] has them.
pub async fn read_async(path: &Path, most: u64) -> Result<Vec<u8>, Arc<Fault>> {
    SHARED_READS.read(path, most).await.map(|bytes| bytes.to_vec())
}

/// [`read_async`] for a file whose name another program chose: a symbolic link is refused, and the read is not shared.
///
/// # Errors
/// As [`Fault`] has them.
pub async fn read_unlinked(path: &Path, most: u64) -> Result<Vec<u8>, Fault> {
    let file = path.to_owned();
    let content = within_async(path, PATIENCE, move || read_through(&file, most, Links::Refused)).await??;
    Ok(content.bytes)
}

/// The hash of a regular file of at most `most` bytes, at most a second old. It costs no read while it is fresh.
///
/// # Errors
/// As [`Fault`] has them. They are not remembered.
pub async fn hash(path: &Path, most: u64) -> Result<Hash, Arc<Fault>> {
    HASHES.of(path, most).await
}

/// Has the hashes of these files read anew, because they have changed.
pub fn have_changed(files: &BTreeSet<PathBuf>) {
    HASHES.forget(files);
}

/// The content without the byte order mark that editors put in front of UTF-8. In front of `-----BEGIN` it would hide
/// the first certificate of a file.
pub fn without_mark(mut bytes: Vec<u8>) -> Vec<u8> {
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    bytes
}

/// Does something with a place in the file system on a thread of its own, and waits `bound` for it at most. A job
/// that has not ended by then goes on in the background, and nothing else is begun at the same place until it ends.
///
/// # Errors
/// [`Fault::Hangs`] and [`Fault::Blocked`]; [`Fault::Io`] if no thread can be started.
pub fn within<T: Send + 'static>(
    place: &Path,
    bound: Duration,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    Workers::run(&WORKERS, place, bound, job)
}

/// [`within`] for tasks, which hold no thread while they wait.
///
/// # Errors
/// As [`within`].
pub async fn within_async<T: Send + 'static>(
    place: &Path,
    bound: Duration,
    job: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Fault> {
    Workers::run_for_task(&WORKERS, place, bound, job).await
}

/// How many jobs have not ended within their bound.
pub fn hanging() -> usize {
    WORKERS.hanging()
}

/// What happens if the file itself is a symbolic link. Links among the folders above it are followed in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    Followed,
    Refused,
}

fn read_now(path: &Path, most: u64) -> Result<Content, Fault> {
    read_through(path, most, Links::Followed)
}

fn read_through(path: &Path, most: u64, links: Links) -> Result<Content, Fault> {
    // Looked at first: opening a device may already act on it.
    let kind = match links {
        Links::Followed => fs::metadata(path)?.file_type(),
        Links::Refused => fs::symlink_metadata(path)?.file_type(),
    };
    refuse(kind)?;
    let file = open_through(path, links)?;
    let about = file.metadata()?;
    refuse(about.file_type())?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > most {
        return Err(Fault::TooLarge(most));
    }
    Ok(Content { bytes, about })
}

/// Opens a regular file for reading. Blocks as long as its file system pleases: a job for [`within`].
///
/// # Errors
/// The system's; a FIFO, device or socket is refused.
pub fn open(path: &Path) -> Result<File, Fault> {
    open_through(path, Links::Followed)
}

fn open_through(path: &Path, links: Links) -> Result<File, Fault> {
    // Where a FIFO has taken the file's place since it was looked at, the open must not wait for a writer.
    let flags = match links {
        Links::Followed => OFlags::NONBLOCK,
        Links::Refused => OFlags::NONBLOCK | OFlags::NOFOLLOW,
    };
    let file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    refuse(file.metadata()?.file_type())?;
    Ok(file)
}

fn refuse(kind: FileType) -> Result<(), Fault> {
    let rows = [
        (kind.is_symlink(), "a symbolic link"),
        (kind.is_fifo(), "a FIFO"),
        (kind.is_socket(), "a socket"),
        (kind.is_char_device() || kind.is_block_device(), "a device"),
    ];
    if kind.is_dir() {
        return Err(Fault::Folder);
    }
    match rows.into_iter().find(|(is_it, _)| *is_it) {
        Some((_, what)) => Err(Fault::NotRegular(what)),
        None if kind.is_file() => Ok(()),
        None => Err(Fault::NotRegular("no regular file")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should say so at once
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    use std::process::Command;

    use super::*;

    #[test]
    fn only_a_regular_file_is_read_and_everything_else_is_named() {
        let folder = std::env::temp_dir().join(format!("files-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let at = |name: &str| folder.join(name);
        assert!(Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        let _socket = UnixListener::bind(at("socket")).unwrap();
        symlink("/dev/zero", at("device")).unwrap();
        symlink("loop", at("loop")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("file"), "12345678").unwrap();
        symlink("file", at("link")).unwrap();
        for (name, sentence) in [
            ("fifo", "this is a FIFO: only regular files are read"),
            ("socket", "this is a socket: only regular files are read"),
            ("device", "this is a device: only regular files are read"),
            ("folder", "this is a folder, a file was expected"),
            ("nothing", "there is no such file"),
        ] {
            assert_eq!(read(&at(name), 8).unwrap_err().to_string(), sentence, "{name}");
        }
        assert!(matches!(read(&at("loop"), 8), Err(Fault::Io(_))));
        assert_eq!(read(&at("link"), 8).unwrap(), b"12345678");
        assert_eq!(read(&at("file"), 7).unwrap_err().to_string(), "too large: at most 7 bytes are read");
        let unlinked = |name: &str| read_through(&at(name), 8, Links::Refused);
        let refused = unlinked("link").unwrap_err().to_string();
        assert_eq!(refused, "this is a symbolic link: only regular files are read");
        assert_eq!(unlinked("file").unwrap().bytes, b"12345678");
        // A link that has taken the file's place since it was looked at.
        assert!(open_through(&at("link"), Links::Refused).is_err());
        fs::remove_dir_all(&folder).unwrap();
    }
}
