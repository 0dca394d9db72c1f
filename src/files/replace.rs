//! Replaces a file that this program shares with others: a reader, a crash and a second process each find the old
//! content or the new one, whole.
//!
//! Owns the lock and the order of the steps. Both functions block as long as the file system pleases: they are jobs
//! for [`super::within_async`].

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

/// Only the owner reads it.
const MODE: u32 = 0o600;
/// A chain of links that is longer is a circle.
const MOST_LINKS: usize = 40;

/// Puts `content` in the file's place, readable by its owner alone. The owner stays, as far as this process may say
/// so; a new file gets that of its folder. If a link leads to the file, the link stays and its target is replaced.
///
/// # Errors
/// The system's. The old content is still there then.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    replace_with(path, |file| file.write_all(content))
}

/// [`replace`] for content that is written in pieces.
///
/// # Errors
/// The system's, and those of `write`. The old content is still there then.
pub fn replace_with(path: &Path, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let target = target(path)?;
    let folder = folder(&target);
    let draft = draft(&target);
    // A crash may have left a file here. It is removed, so that the next step cannot open one that another user made.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written = fill(&draft, &target, folder, write).and_then(|()| fs::rename(&draft, &target));
    if written.is_err() {
        // A leftover is removed by the next attempt at the latest.
        let _ = fs::remove_file(&draft);
        return written;
    }
    // The name is on the disk as well as the content.
    File::open(folder)?.sync_all()
}

/// Whether [`replace`] can make its draft, tried without touching the file.
///
/// # Errors
/// The system's.
pub fn can_replace(path: &Path) -> io::Result<()> {
    let draft = draft(&target(path)?).with_extension(format!("tried-{}", std::process::id()));
    OpenOptions::new().write(true).create_new(true).mode(MODE).open(&draft)?;
    fs::remove_file(&draft)
}

fn fill(
    draft: &Path,
    target: &Path,
    folder: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(draft)?;
    let owner = fs::metadata(target).or_else(|_| fs::metadata(folder))?;
    let own = file.metadata()?;
    if (owner.uid(), owner.gid()) != (own.uid(), own.gid()) {
        // Only the superuser gives files away. For others the file becomes their own, and is at least kept.
        let _ = fchown(&file, Some(owner.uid()), Some(owner.gid()));
    }
    write(&mut file)?;
    file.sync_all()
}

/// What a path leads to, whether it exists or not.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&target) {
            Ok(next) => target = folder(&target).join(next),
            // No link, or nothing there.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => {
                return Ok(target);
            }
            Err(error) => return Err(error),
        }
    }
    Err(Errno::LOOP.into())
}

fn folder(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The new content before it takes the file's place: in the same folder, so that it is on the same file system.
fn draft(target: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".new");
    target.with_file_name(name)
}

/// The right to read a file and replace it, among processes that ask for it. It ends when this is dropped, and with
/// the process, however that ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "holds the lock until it is closed")] Option<File>);

/// Takes the lock of a file, if no other process has it. `None`: one has.
///
/// File systems without locks give it to everyone.
///
/// # Errors
/// As [`super::open`] has them.
pub fn lock(path: &Path) -> Result<Option<Lock>, super::Fault> {
    // Bounded by those who replace the file in just this moment.
    for _ in 0..MOST_LINKS {
        let file = super::open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(None),
            Err(_) => return Ok(Some(Lock(None))),
        }
        // The previous holder of the lock may have replaced the file: then this lock protects nothing.
        let (held, there) = (file.metadata()?, fs::metadata(path)?);
        if (held.dev(), held.ino()) == (there.dev(), there.ino()) {
            return Ok(Some(Lock(Some(file))));
        }
    }
    Ok(None)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should say so at once
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn folder_named(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("replace-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        folder
    }

    #[test]
    fn a_file_is_replaced_whole_and_a_link_to_it_stays() {
        let folder = folder_named("whole");
        let (file, link) = (folder.join("real/token"), folder.join("token"));
        fs::create_dir(folder.join("real")).unwrap();
        symlink("real/token", &link).unwrap();
        // The target is not there yet; then it is, with a wider mode, and a draft that a crash has left.
        for content in ["first\n", "second\n"] {
            replace(&link, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), content);
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, MODE);
            assert_eq!(fs::read_link(&link).unwrap(), Path::new("real/token"));
            assert_eq!(fs::read_dir(folder.join("real")).unwrap().count(), 1, "nothing is left behind");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
            fs::write(folder.join("real/.token.new"), "to").unwrap();
        }
        can_replace(&link).unwrap();
        assert!(replace(&folder.join("nowhere/token"), b"x").is_err());
        assert!(can_replace(&folder.join("nowhere/token")).is_err());
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn the_owner_of_a_replaced_file_stays() {
        let folder = folder_named("owner");
        let file = folder.join("token");
        fs::write(&file, "x").unwrap();
        // Only the superuser can give it to another user; everyone else finds it their own before and after.
        let _ = chown(&file, Some(4711), Some(4712));
        let owner = |about: fs::Metadata| (about.uid(), about.gid());
        let before = owner(fs::metadata(&file).unwrap());
        replace(&file, b"y").unwrap();
        assert_eq!(owner(fs::metadata(&file).unwrap()), before);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn one_process_has_the_lock_and_a_replaced_file_has_a_new_one() {
        let folder = folder_named("lock");
        let file = folder.join("token");
        fs::write(&file, "x").unwrap();
        // Two descriptions of one file exclude each other as two processes do.
        let first = lock(&file).unwrap().unwrap();
        assert!(lock(&file).unwrap().is_none());
        replace(&file, b"y").unwrap();
        let second = lock(&file).unwrap().unwrap();
        drop(first);
        assert!(lock(&file).unwrap().is_none(), "the lock of the old file is of no consequence");
        drop(second);
        assert!(lock(&file).unwrap().is_some());
        fs::remove_dir_all(folder).unwrap();
    }
}
