//! Watches folders for changes: by file system notifications, and by a check every half minute.
//!
//! Owns the timing; `folders` finds out which folders to watch, and `contents` which files have changed. The
//! caller decides what to do then.

mod contents;
pub mod folders;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

pub use self::contents::Contents;

/// Some file systems send no notifications, and the system limits the number of watches. A regular check
/// covers both.
const CHECK_EVERY: Duration = Duration::from_secs(30);
/// Files are often written in several steps, so a check waits until nothing has changed for this long …
const QUIET: Duration = Duration::from_millis(300);
/// … but no longer than this, because some folders change all the time.
const LONGEST_SETTLING: Duration = Duration::from_secs(2);

/// Waits for changes in a set of folders.
pub struct FolderWatch {
    /// `None`: the system offers no notifications.
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
    changes: mpsc::Receiver<()>,
}

impl FolderWatch {
    /// Watches no folder yet.
    pub fn start() -> Self {
        let (changed, changes) = mpsc::channel(1);
        let on_event = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| is_a_change(event.kind)) {
                // If the channel is full, a notification is pending already.
                let _ = changed.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(on_event);
        let watcher = watcher
            .inspect_err(|error| {
                tracing::warn!(%error, "file watching is not available: changed files are noticed within 30 s instead of at once");
            })
            .ok();
        Self { watcher, folders: BTreeSet::new(), changes }
    }

    /// Waits for a change, and until nothing has changed for a moment; for half a minute at most.
    pub async fn changed(&mut self) {
        match timeout(CHECK_EVERY, self.changes.recv()).await {
            Err(_) => {}
            Ok(Some(())) => self.settle().await,
            // There is no watcher that could notify: only the timer is left.
            Ok(None) => sleep(CHECK_EVERY).await,
        }
    }

    /// Waits until changes stop.
    async fn settle(&mut self) {
        let end = Instant::now() + LONGEST_SETTLING;
        while Instant::now() < end && matches!(timeout(QUIET, self.changes.recv()).await, Ok(Some(()))) {}
    }

    /// Watches exactly these folders. True if one of them was not watched before: a change just before sent no
    /// notification, so the caller must check again.
    pub fn set_folders(&mut self, folders: BTreeSet<PathBuf>) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        for gone in self.folders.difference(&folders) {
            // Fails if the folder was deleted, which removed the watch too.
            let _ = watcher.unwatch(gone);
        }
        let mut any = false;
        for new in folders.difference(&self.folders) {
            match watcher.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => any = true,
                Err(error) => {
                    let folder = new.display();
                    tracing::warn!(%folder, %error, "cannot watch folder: changes in it are noticed within 30 s instead of at once");
                }
            }
        }
        self.folders = folders;
        any
    }
}

/// Reading is not a change; in particular our own reading is not.
const fn is_a_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => matches!(kind, AccessKind::Close(AccessMode::Write)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use tokio_util::sync::CancellationToken;

    use super::*;

    /// Far longer than a notification takes, and shorter than `CHECK_EVERY`.
    const PATIENCE: Duration = Duration::from_secs(5);

    struct World {
        folder: PathBuf,
        seen: mpsc::UnboundedReceiver<String>,
        stop: CancellationToken,
    }

    impl World {
        /// A volume as Kubernetes mounts it, and a watch on its one file.
        fn new(name: &str) -> Self {
            let folder = std::env::temp_dir().join(format!("watch-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir(&folder).unwrap();
            let folder = folder.canonicalize().unwrap();
            let (tell, seen) = mpsc::unbounded_channel();
            let stop = CancellationToken::new();
            let world = Self { folder: folder.clone(), seen, stop: stop.clone() };
            world.swap("first");
            symlink("..data/config", folder.join("config")).unwrap();
            fs::write(folder.join("beside"), "read as well").unwrap();
            tokio::spawn(async move {
                let mut watch = FolderWatch::start();
                while !stop.is_cancelled() {
                    let _ = fs::read(folder.join("beside"));
                    let _ = tell.send(fs::read_to_string(folder.join("config")).unwrap_or_default());
                    if !watch.set_folders(BTreeSet::from([folder.clone()])) {
                        stop.run_until_cancelled(watch.changed()).await;
                    }
                }
            });
            world
        }

        /// An update as the kubelet does it: a new folder, then one rename.
        fn swap(&self, content: &str) {
            let new = self.folder.join(format!("..{content}"));
            fs::create_dir(&new).unwrap();
            fs::write(new.join("config"), content).unwrap();
            let (link, data) = (self.folder.join("..data_tmp"), self.folder.join("..data"));
            let before = fs::read_link(&data).ok();
            symlink(Path::new(&format!("..{content}")), &link).unwrap();
            fs::rename(&link, &data).unwrap();
            if let Some(before) = before {
                fs::remove_dir_all(self.folder.join(before)).unwrap();
            }
        }

        async fn must_see(&mut self, content: &str) {
            let seen = async { while self.seen.recv().await.unwrap() != content {} };
            timeout(PATIENCE, seen).await.unwrap_or_else(|_| unreachable!("{content} was not seen"));
        }
    }

    impl Drop for World {
        fn drop(&mut self) {
            self.stop.cancel();
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    #[tokio::test]
    async fn every_swap_of_a_mounted_volume_is_seen_not_only_the_first() {
        let mut world = World::new("swaps");
        world.must_see("first").await;
        for content in ["second", "third", "fourth"] {
            world.swap(content);
            world.must_see(content).await;
        }
    }

    #[tokio::test]
    async fn looking_is_no_reason_to_look_again() {
        let mut world = World::new("quiet");
        world.must_see("first").await;
        // A newly watched folder is checked once more; after that nothing changes.
        world.must_see("first").await;
        let again = timeout(4 * QUIET, world.seen.recv()).await;
        assert!(again.is_err(), "checked again although nothing changed");
    }
}
