//! Reads files for tasks: concurrent requests for a file share one read, and a waiting task holds no thread.
//!
//! Five hundred mailboxes may use one secret. If each probe read it on a thread of its own, a busy moment would cost
//! five hundred threads and their memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::workers::Workers;
use super::{Fault, read_now};

/// Concurrent reads in one folder. More would not speed up a disk, and would cost threads if it hangs.
const FROM_A_FOLDER: usize = 4;
/// How long a read waits for earlier reads in its folder.
const QUEUED: Duration = Duration::from_secs(30);

/// The shared reads of this process.
pub(super) static SHARED_READS: LazyLock<SharedReads> =
    LazyLock::new(|| SharedReads::new(Arc::clone(&super::workers::WORKERS)));

/// The result of a read, shared by all requests. It may be a secret, so it is wiped when the last one drops it.
type Outcome = Result<Arc<Zeroizing<Vec<u8>>>, Arc<Fault>>;
/// Sends the result to the waiting requests.
type Answer = watch::Sender<Option<Outcome>>;
/// A file, and its maximum size in bytes.
type Key = (PathBuf, u64);

/// Files that are being read.
#[derive(Clone)]
pub(super) struct SharedReads(Arc<Inner>);

struct Inner {
    workers: Arc<Workers>,
    /// The files that are being read, each with the read that must follow the running one, if any.
    next: Mutex<HashMap<Key, Option<Answer>>>,
    folders: Mutex<HashMap<PathBuf, Weak<Semaphore>>>,
    patience: Duration,
}

/// The reads of one file, one after the other.
struct SharedRead {
    reads: SharedReads,
    key: Key,
    /// The entry in `next` is gone already, or belongs to another read.
    finished: bool,
}

impl Drop for SharedRead {
    /// If the runtime ends first, waiting requests must not wait for ever.
    fn drop(&mut self) {
        if !self.finished {
            locked(&self.reads.0.next).remove(&self.key);
        }
    }
}

impl SharedReads {
    fn new(workers: Arc<Workers>) -> Self {
        let (next, folders) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { workers, next, folders, patience: super::PATIENCE }))
    }

    /// The content of a file as of a read that began after this call.
    pub(super) async fn read(&self, path: &Path, most: u64) -> Outcome {
        let key = (path.to_owned(), most);
        let mut outcome = match locked(&self.0.next).entry(key.clone()) {
            // The running read began earlier, and may have seen the file before it changed.
            Entry::Occupied(mut running) => {
                running.get_mut().get_or_insert_with(|| watch::channel(None).0).subscribe()
            }
            Entry::Vacant(free) => {
                free.insert(None);
                let (answer, outcome) = watch::channel(None);
                tokio::spawn(SharedRead { reads: self.clone(), key, finished: false }.run(answer));
                outcome
            }
        };
        let received = outcome.wait_for(Option::is_some).await;
        let received = received.ok().and_then(|received| received.clone());
        received.unwrap_or_else(|| Err(Arc::new(Fault::Io(io::Error::other("the program is stopping")))))
    }

    /// Limits the concurrent reads of a folder.
    fn folder_of(&self, path: &Path) -> Arc<Semaphore> {
        let mut folders = locked(&self.0.folders);
        let folder = path.parent().unwrap_or(path);
        if let Some(permits) = folders.get(folder).and_then(Weak::upgrade) {
            return permits;
        }
        folders.retain(|_, permits| permits.strong_count() > 0);
        let permits = Arc::new(Semaphore::new(FROM_A_FOLDER));
        folders.insert(folder.to_owned(), Arc::downgrade(&permits));
        permits
    }
}

impl SharedRead {
    async fn run(mut self, mut answer: Answer) {
        loop {
            let read = self.read().await;
            answer.send_replace(Some(read.map(|bytes| Arc::new(Zeroizing::new(bytes))).map_err(Arc::new)));
            let mut next = locked(&self.reads.0.next);
            match next.get_mut(&self.key).and_then(Option::take) {
                Some(waiting) => answer = waiting,
                None => {
                    // Under the same lock, so that no request waits for a read that does not begin.
                    next.remove(&self.key);
                    drop(next);
                    self.finished = true;
                    break;
                }
            }
        }
    }

    async fn read(&self) -> Result<Vec<u8>, Fault> {
        let (Inner { workers, patience, .. }, (path, most)) = (&*self.reads.0, &self.key);
        let permits = self.reads.folder_of(path);
        let _permit = timeout(QUEUED, permits.acquire()).await.map_err(|_| Fault::Hangs(QUEUED))?;
        let (file, most) = (path.clone(), *most);
        // The outer error is the workers', the inner one the file's.
        let content =
            Workers::run_for_task(workers, path, *patience, move || read_now(&file, most)).await??;
        Ok(content.bytes)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
