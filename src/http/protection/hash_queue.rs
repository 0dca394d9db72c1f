//! The queue for password hashes: one hash is computed at a time, and guesses do not delay a user's own login.
//!
//! Each known user has a lane, all unknown users share one, and the lanes alternate. Within a lane the newest
//! request goes first: a client that has waited long is one of many guesses, or has given up. So many guesses at once
//! delay another user, or the right password, only by a few hashes. The number of connections bounds the queue.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A known user's name; `None` for unknown users.
type Lane = Option<String>;

#[derive(Default)]
struct State {
    busy: bool,
    /// The waiting requests, oldest first.
    lanes: BTreeMap<Lane, Vec<oneshot::Sender<HashPermit>>>,
    /// The lane that was served last.
    last: Lane,
}

/// Grants one permit at a time.
#[derive(Clone, Default)]
pub(super) struct HashQueue(Arc<Mutex<State>>);

/// The right to compute a hash; when dropped, it passes to the next request.
pub(super) struct HashPermit(HashQueue);

impl HashQueue {
    /// Waits for the permit.
    pub(super) async fn take(&self, lane: Lane) -> HashPermit {
        let waiting = {
            let mut state = self.lock();
            if !state.busy {
                state.busy = true;
                state.last = lane;
                return HashPermit(self.clone());
            }
            let (permit, waiting) = oneshot::channel();
            let lane = state.lanes.entry(lane).or_default();
            // Drops clients that have left; otherwise a flood of them would stay until it is served.
            lane.retain(|waiting| !waiting.is_closed());
            lane.push(permit);
            waiting
        };
        // The sender is used, or kept until then.
        waiting.await.unwrap_or_else(|_| HashPermit(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next request: the newest of the lane that follows the last one.
    fn next(&mut self) -> Option<oneshot::Sender<HashPermit>> {
        let behind = self.lanes.range((std::ops::Bound::Excluded(&self.last), std::ops::Bound::Unbounded));
        let lane = behind.chain(&self.lanes).map(|(lane, _)| lane.clone()).next()?;
        let next = self.lanes.get_mut(&lane)?.pop();
        if self.lanes.get(&lane).is_none_or(Vec::is_empty) {
            self.lanes.remove(&lane);
        }
        self.last = lane;
        next
    }
}

impl Drop for HashPermit {
    fn drop(&mut self) {
        loop {
            let next = {
                let mut state = self.0.lock();
                let next = state.next();
                state.busy = next.is_some() || !state.lanes.is_empty();
                next
            };
            match next {
                Some(next) if next.is_closed() => {}
                Some(next) => {
                    // A client that left just now drops its permit, which then passes on.
                    drop(next.send(HashPermit(self.0.clone())));
                    return;
                }
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::task::yield_now;
    use tokio::time::timeout;

    use super::*;

    /// A permit that has not come by then is lost.
    const PATIENCE: Duration = Duration::from_secs(20);

    fn user(name: &str) -> Lane {
        Some(name.to_owned())
    }

    /// Queues clients in this order while the permit is out, then serves them one after the other.
    async fn order(clients: &[(Lane, &'static str)]) -> Vec<&'static str> {
        let (queue, (sender, mut served)) = (HashQueue::default(), mpsc::unbounded_channel());
        let first = queue.take(None).await;
        for (lane, name) in clients.iter().cloned() {
            let (queue, sender) = (queue.clone(), sender.clone());
            tokio::spawn(async move {
                let _permit = queue.take(lane).await;
                sender.send(name).unwrap();
            });
            yield_now().await;
        }
        drop((first, sender));
        let mut order = Vec::new();
        while let Some(name) = served.recv().await {
            order.push(name);
        }
        assert!(!queue.lock().busy && queue.lock().lanes.is_empty(), "all is as before");
        order
    }

    #[tokio::test]
    async fn lanes_alternate_and_in_a_lane_the_newest_comes_first() {
        let clients = [
            (user("alice"), "guess 1"),
            (user("alice"), "guess 2"),
            (user("alice"), "guess 3"),
            (None, "unknown 1"),
            (None, "unknown 2"),
            (user("bob"), "bob"),
        ];
        let order = order(&clients).await;
        assert_eq!(order, ["guess 3", "bob", "unknown 2", "guess 2", "unknown 1", "guess 1"]);
    }

    #[tokio::test]
    async fn a_client_that_leaves_does_not_block_the_queue() {
        let queue = HashQueue::default();
        let first = queue.take(None).await;
        let leaving = tokio::spawn({
            let queue = queue.clone();
            async move { drop(queue.take(user("alice")).await) }
        });
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { drop(queue.take(user("bob")).await) }
        });
        yield_now().await;
        leaving.abort();
        assert!(leaving.await.unwrap_err().is_cancelled());
        drop(first);
        timeout(PATIENCE, waiting).await.unwrap().unwrap();
        drop(timeout(PATIENCE, queue.take(None)).await.unwrap());
        assert!(!queue.lock().busy);
    }
}
