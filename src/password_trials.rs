//! Password trials: logs in with a declared or a deliberately wrong password, one at a time.
//!
//! Owns the pace. `readiness` decides whether a password may be tried; `check` performs the login.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::check::{ProbeRequest, Prober};
use crate::clock;
use crate::readiness::{Asker, Readiness, Trial};

/// How often to look for the next trial.
const EVERY: Duration = Duration::from_secs(5);
/// Minimum time between two wrong passwords, across all tenants: many at once look like an attack.
const WRONG_PASSWORD_EVERY: Duration = Duration::from_secs(60);

/// Runs trials until `stop` is cancelled.
pub async fn run(readiness: Arc<Readiness>, prober: Arc<Prober>, stop: CancellationToken) {
    let mut last_wrong: Option<Instant> = None;
    while stop.run_until_cancelled(sleep(EVERY)).await.is_some() {
        if last_wrong.is_some_and(|last| last.elapsed() < WRONG_PASSWORD_EVERY) {
            continue;
        }
        let Some(trial) = claim(&readiness, Asker::Agent).await else { continue };
        last_wrong = trial.is_wrong().then(Instant::now).or(last_wrong);
        // A trial that the shutdown cancels counts as tried, so its result is missing for a day. That is
        // better than a slow shutdown.
        stop.run_until_cancelled(run_trial(&readiness, &prober, trial)).await;
    }
}

/// Runs every trial of a declared password that is allowed now, one after the other. Only the agent tries
/// the deliberately wrong password, because that needs a pace.
pub async fn once(readiness: &Arc<Readiness>, prober: &Prober) {
    while let Some(trial) = claim(readiness, Asker::Command).await {
        run_trial(readiness, prober, trial).await;
    }
}

async fn run_trial(readiness: &Arc<Readiness>, prober: &Prober, trial: Trial) {
    let request = ProbeRequest::of_password(&trial.check, trial.password.clone());
    let observation = prober.probe(&request).await;
    let readiness = Arc::clone(readiness);
    blocking(move || readiness.conclude(&trial, &observation)).await;
}

async fn claim(readiness: &Arc<Readiness>, asker: Asker) -> Option<Trial> {
    let readiness = Arc::clone(readiness);
    blocking(move || readiness.claim(asker, clock::now())).await.flatten()
}

/// Runs on a blocking thread, because the disk may be slow and probes must not wait for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    spawn_blocking(work).await.inspect_err(|error| tracing::error!(%error, "password trial panicked")).ok()
}
