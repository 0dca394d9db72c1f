//! The memory as it is kept on the disk; and where it cannot be, that it is not.
//!
//! Owns what is said of it: a log line when it begins and when it ends, the count for the metrics, the sentence on the
//! board.

use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use crate::model::Keeping;

use super::locked;
use super::store::Store;

/// The state directory of a running program, and how writing there goes.
pub(super) struct Keeper {
    folder: PathBuf,
    store: Mutex<Store>,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    /// Why the last attempt failed.
    fault: Option<String>,
    failures: u64,
}

impl Keeper {
    /// `full`: why nothing could be written at the start.
    pub(super) fn new(folder: PathBuf, store: Store, full: Option<io::Error>) -> Self {
        let keeper = Self { folder, store: Mutex::new(store), health: Mutex::default() };
        if let Some(error) = full {
            keeper.note(&Err(error));
        }
        keeper
    }

    /// The store, for as long as something is written.
    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        locked(&self.store)
    }

    /// Takes note of an attempt to write; a fault is logged when it begins, changes and ends.
    pub(super) fn note(&self, attempt: &io::Result<()>) {
        let mut health = locked(&self.health);
        let folder = self.folder.display();
        match attempt {
            Ok(()) => {
                if health.fault.take().is_some() {
                    tracing::info!(state_dir = %folder, "the state directory is written again");
                }
            }
            Err(error) => {
                health.failures = health.failures.saturating_add(1);
                let fault = error.to_string();
                if health.fault.as_ref() != Some(&fault) {
                    tracing::warn!(
                        state_dir = %folder,
                        fault,
                        "what is seen of passwords cannot be written to the state directory: it is lost at a restart, and no password is tried"
                    );
                    health.fault = Some(fault);
                }
            }
        }
    }

    /// How writing goes.
    pub(super) fn keeping(&self) -> Keeping {
        let health = locked(&self.health);
        Keeping { writable: health.fault.is_none(), failures: health.failures }
    }

    /// Why nothing can be written for now.
    pub(super) fn fault(&self) -> Option<String> {
        locked(&self.health).fault.clone()
    }
}
