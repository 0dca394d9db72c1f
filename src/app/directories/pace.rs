//! When a feed is read again: after a wait, or earlier because a file has changed, but then not too often.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// The shortest time between two readings for the sake of a changed file: a file may be rewritten every second.
const BY_FILE: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When a changed file was last the reason of a reading.
    by_file: Option<Instant>,
    /// Before this time Microsoft Graph does not want to be asked, not even because a file has changed.
    asked: Option<Instant>,
}

impl Pace {
    /// Microsoft Graph has asked for this much patience.
    pub(super) fn hold(&mut self, patience: Duration) {
        self.asked = Instant::now().checked_add(patience);
    }

    /// Returns after this wait, or earlier if a file changes. A change that comes too early is not lost: the reading
    /// begins as soon as it may.
    pub(super) async fn next(&mut self, wait: Duration, file_changed: impl Future<Output = ()>) {
        let due = Instant::now() + wait;
        let earliest = self.by_file.map(|last| last + BY_FILE).max(self.asked);
        let by_file = async {
            file_changed.await;
            if let Some(earliest) = earliest {
                sleep_until(earliest).await;
            }
        };
        tokio::select! {
            () = sleep_until(due) => {}
            () = by_file => self.by_file = Some(Instant::now()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::sleep;

    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    #[tokio::test(start_paused = true)]
    async fn a_file_that_keeps_changing_is_read_once_a_minute() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        let mut readings = Vec::new();
        while start.elapsed() < HOUR / 6 {
            // The file changes every second.
            pace.next(HOUR, sleep(Duration::from_secs(1))).await;
            readings.push(start.elapsed().as_secs());
        }
        assert_eq!(readings, [1, 61, 121, 181, 241, 301, 361, 421, 481, 541, 601]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_not_answered_before_graph_wants_to_be_asked() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.hold(HOUR / 2);
        pace.next(HOUR, ready(())).await;
        assert_eq!(start.elapsed(), HOUR / 2);
        pace.hold(2 * HOUR);
        pace.next(HOUR, ready(())).await;
        assert_eq!(start.elapsed(), HOUR / 2 + HOUR, "the interval is the longest wait");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_change_the_wait_passes() {
        let (mut pace, start) = (Pace::default(), Instant::now());
        pace.next(HOUR, pending()).await;
        assert_eq!(start.elapsed(), HOUR);
    }
}
