//! Saves the state of readiness to disk, and reports when it cannot.
//!
//! Owns the reporting: a log line when a failure starts and ends, a count for the metrics, and a sentence
//! for the board.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use crate::model::Keeping;

use super::locked;
use super::store::Store;

/// The state directory of a running agent, and whether writing to it works.
pub(super) struct Keeper {
    folder: PathBuf,
    store: Mutex<Store>,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    /// Why the last write failed.
    fault: Option<String>,
    failures: u64,
}

impl Keeper {
    /// `full`: why the first write failed, if it did.
    pub(super) fn new(folder: PathBuf, store: Store, full: Option<io::Error>) -> Self {
        let keeper = Self { folder, store: Mutex::new(store), health: Mutex::default() };
        if let Some(error) = full {
            keeper.note(&Err(error));
        }
        keeper
    }

    /// Locks the store for a write.
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        locked(&self.store)
    }

    /// Records the result of a write. Logs when a failure starts, changes or ends.
    pub(super) fn note(&self, attempt: &io::Result<()>) {
        let mut health = locked(&self.health);
        let folder = self.folder.display();
        match attempt {
            Ok(()) => {
                if health.fault.take().is_some() {
                    tracing::info!(state_dir = %folder, "writing to the state directory works again");
                }
            }
            Err(error) => {
                health.failures = health.failures.saturating_add(1);
                let fault = error.to_string();
                if health.fault.as_ref() != Some(&fault) {
                    tracing::warn!(
                        state_dir = %folder,
                        fault,
                        "the state directory cannot be written: new evidence about passwords is lost at a restart, and no password is tried"
                    );
                    health.fault = Some(fault);
                }
            }
        }
    }

    /// The state of writing, for metrics and pages.
    pub(super) fn keeping(&self) -> Keeping {
        let health = locked(&self.health);
        Keeping { writable: health.fault.is_none(), failures: health.failures }
    }

    /// Why writing fails at present; `None` if it works.
    pub(super) fn fault(&self) -> Option<String> {
        locked(&self.health).fault.clone()
    }
}
