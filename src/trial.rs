//! Passwords tried on purpose: one at a time, each claimed before it is tried; and the memory written down.
//!
//! Owns the pace. Whether one may be tried is `readiness`, how a login goes `check`.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::check::Prober;
use crate::clock;
use crate::readiness::{Asker, Readiness, Trial};

/// How often what was seen is written down, and a trial is looked for. A crash costs no more than this.
const PACE: Duration = Duration::from_secs(5);
/// Between one wrong password and the next, whosever: many at once look like an attack.
const APART: Duration = Duration::from_secs(60);

/// Writes down and tries until told to stop; then writes down once more.
pub async fn run(readiness: Arc<Readiness>, prober: Arc<Prober>, stop: CancellationToken) {
    let mut last_wrong: Option<Instant> = None;
    while stop.run_until_cancelled(sleep(PACE)).await.is_some() {
        flush(&readiness).await;
        if last_wrong.is_some_and(|last| last.elapsed() < APART) {
            continue;
        }
        let Some(trial) = claim(&readiness, Asker::Agent).await else { continue };
        last_wrong = trial.is_wrong().then(Instant::now).or(last_wrong);
        // What is cut off by the stop counts as tried, and tells nothing for a day: better than a slow stop.
        stop.run_until_cancelled(try_out(&readiness, &prober, trial)).await;
    }
    flush(&readiness).await;
}

/// Tries every declared password that may be tried now, one after the other. The deliberate wrong one needs a
/// pace, and is the agent's.
pub async fn once(readiness: &Arc<Readiness>, prober: &Prober) {
    while let Some(trial) = claim(readiness, Asker::Command).await {
        try_out(readiness, prober, trial).await;
    }
    flush(readiness).await;
}

async fn try_out(readiness: &Arc<Readiness>, prober: &Prober, trial: Trial) {
    let seen = prober.observe_password(&trial.check, trial.password.clone()).await;
    let readiness = Arc::clone(readiness);
    blocking(move || readiness.conclude(&trial, &seen)).await;
}

async fn claim(readiness: &Arc<Readiness>, asker: Asker) -> Option<Trial> {
    let readiness = Arc::clone(readiness);
    blocking(move || readiness.claim(asker, clock::now())).await.flatten()
}

async fn flush(readiness: &Arc<Readiness>) {
    let readiness = Arc::clone(readiness);
    blocking(move || readiness.flush()).await;
}

/// The disk may be slow; probes must not wait for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    spawn_blocking(work).await.inspect_err(|error| tracing::error!(%error, "readiness died at its work")).ok()
}
