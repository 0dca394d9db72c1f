//! Notices which of a set of files have changed, by their content.
//!
//! A file is read only if its metadata has changed. Kubernetes writes all files of a volume anew when one of them
//! changes, so metadata alone would report files whose content is the same.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};

use crate::files::{self, Fault};

/// The largest file that is compared, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Names the job that reads a folder's metadata; no file has this name.
const METADATA: &str = "metadata of files";

/// Device, inode, size, and the times of the last write and of the last change of metadata.
type Stamp = (u64, u64, u64, (i64, i64), (i64, i64));

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    /// `None`: there was no such file.
    stamp: Option<Stamp>,
    /// The hash of the content; `None` if it could not be read.
    content: Option<[u8; 32]>,
}

/// The contents of files when they were last compared.
#[derive(Debug, Default)]
pub struct Contents(BTreeMap<PathBuf, Known>);

impl Contents {
    /// Compares these files with the last time, and returns those that have appeared or changed. A file that was not
    /// in the set the last time, and one that has become unreadable, is not returned.
    pub async fn changes(&mut self, files: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        self.0.retain(|file, _| files.contains(file));
        let mut changed = BTreeSet::new();
        for (file, stamp) in stamps(files).await {
            let before = self.0.get(&file).copied();
            if before.is_some_and(|before| before.stamp == stamp) {
                continue;
            }
            // Kept as it was while its file system does not respond.
            let Ok(content) = content(&file).await else { continue };
            let differs = before.is_some_and(|before| content.is_some() && content != before.content);
            self.0.insert(file.clone(), Known { stamp, content });
            if differs {
                changed.insert(file);
            }
        }
        changed
    }
}

/// The metadata of files, except where the file system does not respond.
async fn stamps(files: &BTreeSet<PathBuf>) -> Vec<(PathBuf, Option<Stamp>)> {
    let mut by_folder: BTreeMap<&Path, Vec<PathBuf>> = BTreeMap::new();
    for file in files {
        by_folder.entry(file.parent().unwrap_or(Path::new(""))).or_default().push(file.clone());
    }
    let mut all = Vec::new();
    for (folder, files) in by_folder {
        let read = move || files.into_iter().map(|file| (stamp(&file).ok(), file)).collect::<Vec<_>>();
        let stamps = files::within_async(&folder.join(METADATA), files::PATIENCE, read).await;
        all.extend(stamps.unwrap_or_default().into_iter().map(|(stamp, file)| (file, stamp)));
    }
    all
}

fn stamp(file: &Path) -> io::Result<Stamp> {
    let about = fs::metadata(file)?;
    let (written, changed) = ((about.mtime(), about.mtime_nsec()), (about.ctime(), about.ctime_nsec()));
    Ok((about.dev(), about.ino(), about.size(), written, changed))
}

/// The hash of a file's content; `None` if it cannot be read.
async fn content(file: &Path) -> Result<Option<[u8; 32]>, ()> {
    match files::read_async(file, LARGEST).await.map(Zeroizing::new) {
        Ok(bytes) => Ok(Some(Sha256::digest(&*bytes).into())),
        Err(fault) if matches!(*fault, Fault::Hangs(_) | Fault::Blocked) => Err(()),
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use super::*;

    #[tokio::test]
    async fn a_file_changes_when_it_appears_or_its_content_does() {
        let folder = std::env::temp_dir().join(format!("contents-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        let file = folder.join("secret");
        // Written anew each time, as a volume of Kubernetes is.
        let write = |text: &str| {
            fs::write(folder.join("draft"), text).unwrap();
            fs::rename(folder.join("draft"), &file).unwrap();
        };
        let (mut contents, files) = (Contents::default(), BTreeSet::from([file.clone()]));
        assert!(contents.changes(&files).await.is_empty(), "the first comparison only remembers");
        write("first");
        assert_eq!(contents.changes(&files).await, files, "it has appeared");
        write("first");
        assert!(contents.changes(&files).await.is_empty(), "the content is the same");
        write("second");
        assert_eq!(contents.changes(&files).await, files);
        fs::remove_file(&file).unwrap();
        assert!(contents.changes(&files).await.is_empty(), "without the file no attempt can succeed");
        write("second");
        assert_eq!(contents.changes(&files).await, files, "it is back");
        fs::remove_dir_all(&folder).unwrap();
    }
}
