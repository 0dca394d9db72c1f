//! `check --wait`: probes the failing checks again until they work or the time is up.
//!
//! Permissions of Exchange Online and Entra take minutes to hours to act, so the pauses grow.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::app;
use crate::clock;
use crate::model::{Check, Observation, Plan, Protocol, RoundTrip};
use crate::report::text::stretch;

use super::answer::Progress;

/// The first pause. Each further one is twice as long …
const FIRST_PAUSE: Duration = Duration::from_secs(15);
/// … up to this one.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// Replaces the failed observations by newer ones until all have succeeded, `limit` has passed since the call, or
/// the person at the terminal presses Ctrl-C. The last round begins when the time is up.
pub(super) async fn until_fine(plan: &Plan, observations: &mut [Observation], limit: Duration) {
    let end = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    loop {
        let failing = failing(plan, observations);
        let left = end.saturating_duration_since(Instant::now());
        if failing.checks.is_empty() || left.is_zero() {
            return;
        }
        let until = Instant::now() + pause.min(left);
        let progress = Progress::of(failing.checks.len());
        progress.note(&format!(
            "{} of {} checks are failing; next attempt in {}, giving up in {} (Ctrl-C: now)",
            failing.checks.len(),
            observations.len(),
            stretch(pause.min(left)),
            stretch(left)
        ));
        let (failing_checks, next_attempt_in) = (failing.checks.len(), stretch(pause.min(left)));
        debug!(failing_checks, next_attempt_in, giving_up_in = stretch(left), "waiting");
        let interrupted = timeout_at(until, tokio::signal::ctrl_c()).await.is_ok();
        if interrupted {
            progress.end();
            return;
        }
        for newer in app::round(&without_resting(failing, observations), |_| progress.step()).await {
            if let Some(older) =
                observations.iter_mut().find(|older| older.check.name() == newer.check.name())
            {
                *older = newer;
            }
        }
        progress.end();
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// The plan with only the checks that have failed.
fn failing(plan: &Plan, observations: &[Observation]) -> Plan {
    let failed = observations.iter().filter(|seen| !seen.outcome.is_up());
    Plan { checks: failed.map(|seen| seen.check.clone()).collect(), ..plan.clone() }
}

/// The plan without round trips that sent a message a short time ago: they pause between messages, however often
/// other checks are tried.
fn without_resting(mut failing: Plan, observations: &[Observation]) -> Plan {
    let now = clock::now();
    let age = |seen: &Observation| now.duration_since(seen.started_at).unsigned_abs();
    let rests = |check: &Check| {
        check.protocol() == Protocol::RoundTrip
            && observations
                .iter()
                .any(|seen| seen.check.name() == check.name() && age(seen) < RoundTrip::SHORTEST_GAP)
    };
    failing.checks.retain(|check| !rests(check));
    failing
}
