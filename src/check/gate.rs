//! Permits: how many probes run at once, in all, against one host, and for one mailbox.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::Limits;

/// Hands out permits. They are always taken in the order mailbox, host, all, so that nobody who
/// waits for one holds what another needs to finish.
pub(super) struct Gate {
    all: Arc<Semaphore>,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
    mailboxes: Mutex<HashMap<Arc<str>, Arc<Semaphore>>>,
    per_host: usize,
}

/// The right to talk to a server; given back when dropped.
pub(super) struct Permit {
    _host: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl Gate {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            all: Arc::new(Semaphore::new(limits.concurrency)),
            hosts: Mutex::default(),
            mailboxes: Mutex::default(),
            per_host: limits.per_host,
        }
    }

    /// One probe of a mailbox at a time, whatever the protocol.
    pub(super) async fn mailbox(&self, name: &Arc<str>) -> Option<OwnedSemaphorePermit> {
        // The semaphores are never closed, so that a permit always comes.
        shared(&self.mailboxes, Arc::clone(name), 1).acquire_owned().await.ok()
    }

    /// Leave to connect to a host.
    pub(super) async fn connection(&self, host: &str) -> Permit {
        let host = shared(&self.hosts, host.to_ascii_lowercase(), self.per_host).acquire_owned().await.ok();
        Permit { _host: host, _all: Arc::clone(&self.all).acquire_owned().await.ok() }
    }
}

fn shared<K: Hash + Eq>(map: &Mutex<HashMap<K, Arc<Semaphore>>>, key: K, permits: usize) -> Arc<Semaphore> {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(map.entry(key).or_insert_with(|| Arc::new(Semaphore::new(permits))))
}
