//! Turns: one password is held against its hash at a time, and guesses do not stand in front of a user.
//!
//! Every known user has a lane of its own, strangers share one, and the lanes take turns. In a lane the newest comes
//! first: a client that has waited long is a guesser among many, or has given up. So many guesses at once delay
//! neither another user nor the right password for longer than a few hashes take. No more can wait than there are
//! places for connections.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// A known user's name; `None` for everybody else.
type Lane = Option<String>;

#[derive(Default)]
struct State {
    busy: bool,
    /// The oldest first.
    lanes: BTreeMap<Lane, Vec<oneshot::Sender<Turn>>>,
    /// The lane that had the last turn.
    last: Lane,
}

/// Hands out turns, one at a time.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<State>>);

/// The right to compute; when it is dropped, the next one has it.
pub(super) struct Turn(Turns);

impl Turns {
    /// Waits for a turn.
    pub(super) async fn take(&self, lane: Lane) -> Turn {
        let waiting = {
            let mut state = self.lock();
            if !state.busy {
                state.busy = true;
                state.last = lane;
                return Turn(self.clone());
            }
            let (turn, waiting) = oneshot::channel();
            let lane = state.lanes.entry(lane).or_default();
            // Clients that have left are forgotten here, or a flood of them would be remembered until its turn.
            lane.retain(|waiting| !waiting.is_closed());
            lane.push(turn);
            waiting
        };
        // A sender is used or kept until then.
        waiting.await.unwrap_or_else(|_| Turn(self.clone()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next to have a turn: the newest of the lane behind the last one.
    fn next(&mut self) -> Option<oneshot::Sender<Turn>> {
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

impl Drop for Turn {
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
                    // A client that left just now drops its turn, which then goes to the next one.
                    drop(next.send(Turn(self.0.clone())));
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

    use tokio::sync::mpsc;
    use tokio::task::yield_now;

    use super::*;

    fn user(name: &str) -> Lane {
        Some(name.to_owned())
    }

    /// Starts clients in this order while the turn is taken, then lets them have it one after the other.
    async fn order(clients: &[(Lane, &'static str)]) -> Vec<&'static str> {
        let (turns, (tell, mut told)) = (Turns::default(), mpsc::unbounded_channel());
        let first = turns.take(None).await;
        for (lane, name) in clients.iter().cloned() {
            let (turns, tell) = (turns.clone(), tell.clone());
            tokio::spawn(async move {
                let _turn = turns.take(lane).await;
                tell.send(name).unwrap();
            });
            yield_now().await;
        }
        drop((first, tell));
        let mut order = Vec::new();
        while let Some(name) = told.recv().await {
            order.push(name);
        }
        assert!(!turns.lock().busy && turns.lock().lanes.is_empty(), "all is as before");
        order
    }

    #[tokio::test]
    async fn lanes_take_turns_and_in_a_lane_the_newest_comes_first() {
        let clients = [
            (user("alice"), "guess 1"),
            (user("alice"), "guess 2"),
            (user("alice"), "guess 3"),
            (None, "stranger 1"),
            (None, "stranger 2"),
            (user("bob"), "bob"),
        ];
        let order = order(&clients).await;
        assert_eq!(order, ["guess 3", "bob", "stranger 2", "guess 2", "stranger 1", "guess 1"]);
    }

    #[tokio::test]
    async fn a_client_that_leaves_costs_no_turn() {
        let turns = Turns::default();
        let first = turns.take(None).await;
        let leaving = tokio::spawn({
            let turns = turns.clone();
            async move { drop(turns.take(user("alice")).await) }
        });
        let waiting = tokio::spawn({
            let turns = turns.clone();
            async move { drop(turns.take(user("bob")).await) }
        });
        yield_now().await;
        leaving.abort();
        assert!(leaving.await.unwrap_err().is_cancelled());
        drop(first);
        waiting.await.unwrap();
        drop(turns.take(None).await);
        assert!(!turns.lock().busy);
    }
}
