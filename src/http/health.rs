//! Liveness and readiness: whether the scheduler's loop turns, and whether probes are scheduled.
//!
//! Not here: mail servers. Their outage must never restart us, so neither answer depends on them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use tokio::time::Instant;

use super::Site;

/// After so long without a beat the loop counts as stuck.
pub const SILENCE: Duration = Duration::from_secs(60);

/// The heartbeat of the scheduler's loop.
#[derive(Debug)]
pub struct Pulse {
    born: Instant,
    /// Milliseconds from `born` to the last beat.
    last: AtomicU64,
}

impl Pulse {
    /// A pulse that counts from now: the loop has [`SILENCE`] for its first beat.
    pub fn new() -> Self {
        Self { born: Instant::now(), last: AtomicU64::new(0) }
    }

    /// Says that the loop turns. To be called at least every [`SILENCE`] / 2, also where nothing is due.
    pub fn beat(&self) {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.fetch_max(now, Ordering::Relaxed);
    }

    /// How long ago the last beat was.
    pub fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.born.elapsed().saturating_sub(last)
    }
}

impl Default for Pulse {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether the program does its work: false while it starts and while it stops.
#[derive(Debug, Default)]
pub struct Ready(AtomicBool);

impl Ready {
    /// Listener and scheduler are up.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The program is stopping.
    pub fn unset(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub(super) async fn healthy(State(site): State<Site>) -> (StatusCode, String) {
    let silence = site.pulse.silence();
    if silence <= SILENCE {
        return (StatusCode::OK, "ok\n".to_owned());
    }
    let text = format!("The scheduler has not turned for {} s.\n", silence.as_secs());
    (StatusCode::SERVICE_UNAVAILABLE, text)
}

pub(super) async fn ready(State(site): State<Site>) -> (StatusCode, &'static str) {
    if site.ready.is_set() {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "Starting or stopping: no probes are scheduled.\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_falls_silent_is_noticed_and_one_beat_forgives() {
        let pulse = Pulse::new();
        tokio::time::advance(SILENCE).await;
        assert!(pulse.silence() <= SILENCE);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(pulse.silence() > SILENCE);
        pulse.beat();
        assert_eq!(pulse.silence(), Duration::ZERO);
    }
}
