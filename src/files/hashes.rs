//! The hashes of files that every probe depends on: read once, and again when they have changed or a moment has
//! passed.
//!
//! Hundreds of probes a second may depend on one file of authorities. Each would need a thread to read it. The
//! file watch reports which files have changed ([`Hashes::forget`]); without it, a change is noticed within [`FRESH`].

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::{Fault, read_async};

/// How long a remembered hash counts as the file's.
const FRESH: Duration = Duration::from_secs(1);
/// How many hashes are kept before old ones are dropped.
const KEPT: usize = 1024;

/// The SHA-256 of a file's content.
pub type Hash = [u8; 32];

/// The hashes of this process.
pub(super) static HASHES: LazyLock<Hashes> = LazyLock::new(Hashes::default);

#[derive(Default)]
pub(super) struct Hashes(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// With the moment at which the read began.
    by_path: HashMap<PathBuf, (Instant, Hash)>,
    /// How often files have been forgotten: what was read before must not be kept afterwards.
    forgotten: u64,
}

impl Hashes {
    /// The hash of a file of at most `most` bytes.
    pub(super) async fn of(&self, path: &Path, most: u64) -> Result<Hash, Arc<Fault>> {
        let now = Instant::now();
        let forgotten = {
            let known = self.locked();
            match known.by_path.get(path) {
                Some((read_at, hash)) if now.duration_since(*read_at) < FRESH => return Ok(*hash),
                _ => known.forgotten,
            }
        };
        let bytes = Zeroizing::new(read_async(path, most).await?);
        let hash = Sha256::digest(&*bytes).into();
        let mut known = self.locked();
        if known.forgotten == forgotten {
            if known.by_path.len() >= KEPT {
                known.by_path.retain(|_, (read_at, _)| now.duration_since(*read_at) < FRESH);
            }
            known.by_path.insert(path.to_owned(), (now, hash));
        }
        Ok(hash)
    }

    /// Forgets the hashes of files that have changed.
    pub(super) fn forget(&self, files: &BTreeSet<PathBuf>) {
        let mut known = self.locked();
        known.forgotten += 1;
        known.by_path.retain(|path, _| !files.contains(path));
    }

    /// The guarded values stay valid if the holder of the lock panics: every change is one insertion or removal.
    fn locked(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should say so at once
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn a_file_is_read_once_and_again_when_it_changed_or_aged() {
        let folder = std::env::temp_dir().join(format!("hashes-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("ca.pem");
        let (hashes, files) = (Hashes::default(), BTreeSet::from([file.clone()]));
        let hash = async || hashes.of(&file, 100).await.unwrap();
        let of = |text: &str| -> Hash { Sha256::digest(text).into() };
        fs::write(&file, "first").unwrap();
        assert_eq!(hash().await, of("first"));
        fs::write(&file, "second").unwrap();
        tokio::time::pause();
        assert_eq!(hash().await, of("first"), "not read again");
        hashes.forget(&files);
        tokio::time::resume();
        assert_eq!(hash().await, of("second"), "it was said to have changed");
        fs::write(&file, "third").unwrap();
        tokio::time::pause();
        tokio::time::advance(FRESH).await;
        tokio::time::resume();
        assert_eq!(hash().await, of("third"), "nobody said so");
        fs::remove_file(&file).unwrap();
        hashes.forget(&files);
        assert!(matches!(*hashes.of(&file, 100).await.unwrap_err(), Fault::Missing));
        fs::remove_dir_all(&folder).unwrap();
    }
}
