//! Places: how many connections there are at once, and which one gives way when all are taken.
//!
//! A newcomer always gets a place, because it may be the kubelet or Prometheus. The connection that waits for
//! nothing of ours gives way first, so clients that only sit there push out each other.
//! Not here: accepting, and what is said on a connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The state of a connection, in the order in which connections give way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Doing {
    /// It shakes hands, or its client has not asked yet.
    Idle,
    /// Its client is reading an answer.
    Reading,
    /// Its client waits for us.
    Waiting,
}

struct Seat {
    doing: Doing,
    since: Instant,
    leave: CancellationToken,
}

#[derive(Default)]
struct Seats {
    last: u64,
    taken: HashMap<u64, Seat>,
}

/// The places of one listener.
pub(super) struct Places {
    most: usize,
    seats: Mutex<Seats>,
}

impl Places {
    /// Places for `most` connections, but at least for one.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most: most.max(1), seats: Mutex::default() })
    }

    /// A place for a new connection, and whether another one gave way for it.
    pub(super) fn take(self: &Arc<Self>) -> (Arc<Place>, bool) {
        let mut seats = self.lock();
        let crowded = seats.taken.len() >= self.most && give_way(&mut seats);
        seats.last += 1;
        let (number, leave) = (seats.last, CancellationToken::new());
        let seat = Seat { doing: Doing::Idle, since: Instant::now(), leave: leave.clone() };
        seats.taken.insert(number, seat);
        (Arc::new(Place { number, leave, places: Arc::clone(self) }), crowded)
    }

    /// Closes one connection, if there is any: the process has no descriptor left for the next one.
    pub(super) fn make_room(&self) -> bool {
        give_way(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Seats> {
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn give_way(seats: &mut Seats) -> bool {
    let first = seats.taken.iter().min_by_key(|(_, seat)| (seat.doing, seat.since));
    let Some(number) = first.map(|(number, _)| *number) else { return false };
    if let Some(seat) = seats.taken.remove(&number) {
        seat.leave.cancel();
    }
    true
}

/// The place of one connection; free when it is dropped.
pub(super) struct Place {
    number: u64,
    leave: CancellationToken,
    places: Arc<Places>,
}

impl Place {
    /// Sets the state of the connection.
    pub(super) fn set(&self, doing: Doing) {
        if let Some(seat) = self.places.lock().taken.get_mut(&self.number) {
            (seat.doing, seat.since) = (doing, Instant::now());
        }
    }

    /// Ends when the connection has to give way.
    pub(super) async fn given_up(&self) {
        self.leave.cancelled().await;
    }

    /// Whether the client has been reading one answer for longer than this.
    pub(super) fn reads_longer_than(&self, limit: Duration) -> bool {
        let seats = self.places.lock();
        let seat = seats.taken.get(&self.number);
        seat.is_some_and(|seat| seat.doing == Doing::Reading && seat.since.elapsed() > limit)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().taken.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(places: &[&Arc<Place>]) -> Vec<bool> {
        places.iter().map(|place| place.leave.is_cancelled()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_idle_gives_way_first_and_who_waits_for_us_last() {
        let places = Places::new(4);
        let (waiting, _) = places.take();
        waiting.set(Doing::Waiting);
        let mut others = Vec::new();
        for _ in 0..3 {
            tokio::time::advance(Duration::from_secs(1)).await;
            others.push(places.take().0);
        }
        others[0].set(Doing::Reading);
        let (newest, crowded) = places.take();
        assert!(crowded);
        assert_eq!(left(&[&waiting, &others[0], &others[1], &others[2]]), [false, false, true, false]);
        newest.set(Doing::Waiting);
        let (last, _) = places.take();
        last.set(Doing::Waiting);
        assert_eq!(left(&[&waiting, &others[0], &others[2], &newest]), [false, false, true, false]);
        let _fifth = places.take();
        assert_eq!(left(&[&waiting, &others[0], &newest, &last]), [false, true, false, false]);
    }

    #[tokio::test]
    async fn a_place_that_is_left_is_free_again() {
        let places = Places::new(1);
        let (first, crowded) = places.take();
        assert!(!crowded);
        drop(first);
        assert!(!places.take().1);
        assert!(places.lock().taken.is_empty());
        assert!(!places.make_room());
    }
}
