//! Notices when something has happened in folders: by the system's word, and by a look every half minute.
//!
//! Owns the waiting. What is looked at, whether it has changed and what follows is the caller's.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Some file systems tell nobody what happens in them, and watches can run out: a look costs little.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Files are written piece by piece: they are looked at when nothing has happened for this long …
const QUIET: Duration = Duration::from_millis(300);
/// … or at the latest after this long, since in some folders there is never quiet.
const LONGEST_UNREST: Duration = Duration::from_secs(2);

/// Looks, and looks again whenever something has happened, until told to stop. `look` says in which
/// folders something might happen from now on.
pub async fn run<L, F>(look: L, stop: CancellationToken)
where
    L: Fn() -> F,
    F: Future<Output = BTreeSet<PathBuf>>,
{
    let (ring, mut bell) = mpsc::channel(1);
    let mut watch = Watch::new(ring);
    while let Some(folders) = stop.run_until_cancelled(look()).await {
        if watch.turn_to(folders) {
            // What happened there before it was watched, nobody has told.
            continue;
        }
        let waited = stop.run_until_cancelled(timeout(LOOK_EVERY, bell.recv())).await;
        match waited {
            None => return,
            Some(Err(_)) => {}
            Some(Ok(Some(()))) => _ = stop.run_until_cancelled(settle(&mut bell)).await,
            // Nobody is there to ring: only time is left.
            Some(Ok(None)) => _ = stop.run_until_cancelled(sleep(LOOK_EVERY)).await,
        }
    }
}

/// Waits until nothing happens any more.
async fn settle(bell: &mut mpsc::Receiver<()>) {
    let end = Instant::now() + LONGEST_UNREST;
    while Instant::now() < end && matches!(timeout(QUIET, bell.recv()).await, Ok(Some(()))) {}
}

/// The folders that are watched.
struct Watch {
    watcher: Option<RecommendedWatcher>,
    folders: BTreeSet<PathBuf>,
}

impl Watch {
    fn new(ring: mpsc::Sender<()>) -> Self {
        let rung = move |event: notify::Result<Event>| {
            if event.is_ok_and(|event| is_a_change(event.kind)) {
                // One that is not yet heard stands for all.
                let _ = ring.try_send(());
            }
        };
        let watcher = notify::recommended_watcher(rung);
        let watcher = watcher
            .inspect_err(|error| {
                tracing::warn!(%error, "folders cannot be watched: a changed configuration is noticed within half a minute");
            })
            .ok();
        Self { watcher, folders: BTreeSet::new() }
    }

    /// Watches these folders and no others; true where one is new.
    fn turn_to(&mut self, folders: BTreeSet<PathBuf>) -> bool {
        let Some(watcher) = &mut self.watcher else { return false };
        for gone in self.folders.difference(&folders) {
            // Fails where the folder itself is gone, and the watch with it.
            let _ = watcher.unwatch(gone);
        }
        let mut any = false;
        for new in folders.difference(&self.folders) {
            match watcher.watch(new, RecursiveMode::NonRecursive) {
                Ok(()) => any = true,
                Err(error) => {
                    let folder = new.display();
                    tracing::warn!(%folder, %error, "this folder cannot be watched: what changes in it is noticed within half a minute");
                }
            }
        }
        self.folders = folders;
        any
    }
}

/// Our own reading is none.
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
    use std::sync::Arc;

    use super::*;

    /// Far longer than a change may take to be seen, and shorter than the look that needs no word.
    const PATIENCE: Duration = Duration::from_secs(5);

    struct World {
        folder: PathBuf,
        seen: mpsc::UnboundedReceiver<String>,
        stop: CancellationToken,
    }

    impl World {
        /// A volume as Kubernetes mounts one, and somebody who watches its one file.
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
            let folder = Arc::new(folder);
            let look = move || {
                let (folder, tell) = (Arc::clone(&folder), tell.clone());
                async move {
                    let _ = fs::read(folder.join("beside"));
                    let _ = tell.send(fs::read_to_string(folder.join("config")).unwrap_or_default());
                    BTreeSet::from([folder.to_path_buf()])
                }
            };
            tokio::spawn(run(look, stop));
            world
        }

        /// What the kubelet does at an update: a new folder, then one rename.
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
        // Once more because the folder is new to the watch; then there is nothing to see.
        world.must_see("first").await;
        let again = timeout(4 * QUIET, world.seen.recv()).await;
        assert!(again.is_err(), "looked again, though nothing has happened");
    }
}
