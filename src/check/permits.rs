//! Pool: limits how many probes run at once, in total, per host and per mailbox.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::model::{Limits, Plan};

/// Hands out permits. They are always acquired in the order mailbox, host, total, which rules out deadlock.
pub(super) struct Permits {
    all: Pool,
    hosts: Mutex<Hosts>,
    mailboxes: Mutex<HashMap<Arc<str>, Pool>>,
}

struct Hosts {
    each: usize,
    by_name: HashMap<String, Pool>,
}

/// The right to talk to a server, until dropped.
pub(super) struct Permit {
    _host: Option<OwnedSemaphorePermit>,
    _all: Option<OwnedSemaphorePermit>,
}

impl Permits {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            all: Pool::new(limits.concurrency),
            hosts: Mutex::new(Hosts { each: limits.per_host, by_name: HashMap::new() }),
            mailboxes: Mutex::default(),
        }
    }

    /// Acquires the mailbox: one probe at a time, whatever the protocol.
    pub(super) async fn mailbox(&self, name: &Arc<str>) -> Option<OwnedSemaphorePermit> {
        let permits = Arc::clone(
            &lock(&self.mailboxes).entry(Arc::clone(name)).or_insert_with(|| Pool::new(1)).semaphore,
        );
        // The semaphores are never closed, so acquiring cannot fail.
        permits.acquire_owned().await.ok()
    }

    /// Acquires the right to connect to a host.
    pub(super) async fn connection(&self, host: &str) -> Permit {
        let host = {
            let mut hosts = lock(&self.hosts);
            let each = hosts.each;
            let permits = hosts.by_name.entry(host.to_ascii_lowercase()).or_insert_with(|| Pool::new(each));
            Arc::clone(&permits.semaphore)
        };
        let host = host.acquire_owned().await.ok();
        Permit { _host: host, _all: Arc::clone(&self.all.semaphore).acquire_owned().await.ok() }
    }

    /// Switches to a new plan: its limits apply from now on, and semaphores that it does not need are
    /// dropped once no probe uses them.
    pub(super) fn apply(&self, plan: &Plan) {
        self.all.resize(plan.limits.concurrency);
        let mut hosts = lock(&self.hosts);
        hosts.each = plan.limits.per_host;
        let named: HashSet<String> = plan
            .checks
            .iter()
            .flat_map(|check| check.legs())
            .map(|leg| leg.endpoint.host.to_ascii_lowercase())
            .collect();
        hosts.by_name.retain(|host, permits| named.contains(host) || permits.in_use());
        for permits in hosts.by_name.values() {
            permits.resize(plan.limits.per_host);
        }
        let named: HashSet<&str> = plan.mailboxes.iter().map(|mailbox| &*mailbox.name).collect();
        lock(&self.mailboxes).retain(|name, permits| named.contains(&**name) || permits.in_use());
    }
}

/// A number of permits that can change while some are out.
struct Pool {
    semaphore: Arc<Semaphore>,
    total: AtomicUsize,
}

impl Pool {
    fn new(total: usize) -> Self {
        Self { semaphore: Arc::new(Semaphore::new(total)), total: AtomicUsize::new(total) }
    }

    /// Whether a permit is held or awaited.
    fn in_use(&self) -> bool {
        Arc::strong_count(&self.semaphore) > 1
    }

    /// Changes the number of permits. Held permits are not revoked: after a reduction, new ones are issued
    /// once enough have been returned.
    fn resize(&self, total: usize) {
        let before = self.total.swap(total, Ordering::Relaxed);
        if total >= before {
            self.semaphore.add_permits(total - before);
            return;
        }
        let at_once = self.semaphore.forget_permits(before - total);
        let later = u32::try_from(before - total - at_once).unwrap_or(u32::MAX);
        if later > 0 {
            let semaphore = Arc::clone(&self.semaphore);
            tokio::spawn(async move {
                if let Ok(permits) = semaphore.acquire_many_owned(later).await {
                    permits.forget();
                }
            });
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::time::{Duration, timeout};

    use super::*;
    use crate::model::{Listen, Shard};

    /// How many permits are available at once.
    async fn free(permits: &Pool, held: &mut Vec<OwnedSemaphorePermit>) -> usize {
        let before = held.len();
        while let Ok(Ok(permit)) =
            timeout(Duration::from_millis(1), Arc::clone(&permits.semaphore).acquire_owned()).await
        {
            held.push(permit);
        }
        held.len() - before
    }

    #[tokio::test(start_paused = true)]
    async fn permits_grow_at_once_and_shrink_as_they_come_back() {
        let (permits, mut held) = (Pool::new(3), Vec::new());
        assert_eq!(free(&permits, &mut held).await, 3);
        permits.resize(5);
        assert_eq!(free(&permits, &mut held).await, 2);
        permits.resize(2);
        // The two missing permits are queued from here on.
        tokio::task::yield_now().await;
        for left in (2..5).rev() {
            held.pop();
            assert_eq!((free(&permits, &mut held).await, held.len()), (0, left));
        }
        held.pop();
        assert_eq!((free(&permits, &mut held).await, held.len()), (1, 2));
        held.clear();
        assert_eq!(free(&permits, &mut held).await, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_mailbox_that_leaves_and_returns_keeps_its_one_permit() {
        let permits = Permits::new(&Limits { concurrency: 2, per_host: 1, token_max_age: Duration::ZERO });
        let name: Arc<str> = "desk".into();
        let held = permits.mailbox(&name).await;
        permits.apply(&Plan {
            listen: Listen { host: String::new(), port: 0 },
            limits: Limits { concurrency: 2, per_host: 1, token_max_age: Duration::ZERO },
            web: None,
            address: crate::model::Address::default(),
            shard: Shard::WHOLE,
            credentials: Vec::new(),
            mailboxes: Vec::new(),
            checks: Vec::new(),
            directories: Vec::new(),
            policy: crate::model::Policy::default(),
        });
        assert!(timeout(Duration::from_secs(1), permits.mailbox(&name)).await.is_err());
        drop(held);
        assert!(timeout(Duration::from_secs(1), permits.mailbox(&name)).await.is_ok());
    }
}
