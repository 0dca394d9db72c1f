//! Files that tasks ask for: those that ask together share one read, and a task that waits holds no thread.
//!
//! Five hundred mailboxes may rest on one secret. If each probe read it on a thread of its own, a moment in which the
//! machine is busy would cost five hundred threads, and each thread its memory.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use secrecy::zeroize::Zeroizing;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::desk::Desk;
use super::{Fault, read_now};

/// Files of one folder that are read at once: a disk gains nothing by more, and one that hangs takes no more threads.
const FROM_A_FOLDER: usize = 16;
/// How long a file waits until earlier ones of its folder have been read.
const IN_LINE: Duration = Duration::from_secs(30);

/// The flights of this process.
pub(super) static FLIGHTS: LazyLock<Flights> = LazyLock::new(|| Flights::new(Arc::clone(&super::desk::DESK)));

/// What a read brought, for everybody who asked together. It may be a secret: it is wiped when all have taken it.
type Outcome = Result<Arc<Zeroizing<Vec<u8>>>, Arc<Fault>>;
/// Tells those who wait.
type Tell = watch::Sender<Option<Outcome>>;
/// A file, and how many bytes of it are taken.
type Place = (PathBuf, u64);

/// Files that are being read.
#[derive(Clone)]
pub(super) struct Flights(Arc<Inner>);

struct Inner {
    desk: Arc<Desk>,
    /// By their place: the reads that begin when the present ones have ended.
    next: Mutex<HashMap<Place, Option<Tell>>>,
    folders: Mutex<HashMap<PathBuf, Weak<Semaphore>>>,
    patience: Duration,
}

/// The reads of one file, one after the other. Dropped, its place is free and those who still wait are told.
struct Flight {
    flights: Flights,
    place: Place,
    /// The place is free already, or another flight's.
    landed: bool,
}

impl Drop for Flight {
    /// Where the runtime ends first.
    fn drop(&mut self) {
        if !self.landed {
            locked(&self.flights.0.next).remove(&self.place);
        }
    }
}

impl Flights {
    fn new(desk: Arc<Desk>) -> Self {
        let (next, folders) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Inner { desk, next, folders, patience: super::PATIENCE }))
    }

    /// The content of a file as of a read that began after this call.
    pub(super) async fn read(&self, path: &Path, most: u64) -> Outcome {
        let place = (path.to_owned(), most);
        let mut outcome = match locked(&self.0.next).entry(place.clone()) {
            // What is under way began earlier, and may have seen the file before it changed.
            Entry::Occupied(mut under_way) => {
                under_way.get_mut().get_or_insert_with(|| watch::channel(None).0).subscribe()
            }
            Entry::Vacant(free) => {
                free.insert(None);
                let (tell, outcome) = watch::channel(None);
                tokio::spawn(Flight { flights: self.clone(), place, landed: false }.run(tell));
                outcome
            }
        };
        let told = outcome.wait_for(Option::is_some).await;
        let told = told.ok().and_then(|told| told.clone());
        told.unwrap_or_else(|| Err(Arc::new(Fault::Io(io::Error::other("the program is stopping")))))
    }

    /// The line in which the files of a folder stand.
    fn folder_of(&self, path: &Path) -> Arc<Semaphore> {
        let mut folders = locked(&self.0.folders);
        let folder = path.parent().unwrap_or(path);
        if let Some(line) = folders.get(folder).and_then(Weak::upgrade) {
            return line;
        }
        folders.retain(|_, line| line.strong_count() > 0);
        let line = Arc::new(Semaphore::new(FROM_A_FOLDER));
        folders.insert(folder.to_owned(), Arc::downgrade(&line));
        line
    }
}

impl Flight {
    async fn run(mut self, mut tell: Tell) {
        loop {
            let read = self.read().await;
            tell.send_replace(Some(read.map(|bytes| Arc::new(Zeroizing::new(bytes))).map_err(Arc::new)));
            let mut next = locked(&self.flights.0.next);
            match next.get_mut(&self.place).and_then(Option::take) {
                Some(those_who_wait) => tell = those_who_wait,
                None => {
                    // Under the same lock, so that nobody waits for a read that does not begin.
                    next.remove(&self.place);
                    drop(next);
                    self.landed = true;
                    break;
                }
            }
        }
    }

    async fn read(&self) -> Result<Vec<u8>, Fault> {
        let (Inner { desk, patience, .. }, (path, most)) = (&*self.flights.0, &self.place);
        let line = self.flights.folder_of(path);
        let _place_in_line = timeout(IN_LINE, line.acquire()).await.map_err(|_| Fault::Hangs(IN_LINE))?;
        let (file, most) = (path.clone(), *most);
        // The outer error is the desk's, the inner one the file's.
        let content = Desk::run_for_task(desk, path, *patience, move || read_now(&file, most)).await??;
        Ok(content.bytes)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
