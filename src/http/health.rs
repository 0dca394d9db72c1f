//! Liveness and readiness: whether the scheduler's loop turns, and whether probes are scheduled.
//!
//! Not here: mail servers. Their outage must never restart us, so neither answer depends on them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;

use super::Site;

/// After so long without a heartbeat the monitor counts as stuck.
pub const SILENCE: Duration = Duration::from_secs(60);

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
    let silence = site.heartbeat.silence();
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
