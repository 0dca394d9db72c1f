//! One check and its schedule: when it is due next, and whether it is on hold.
//!
//! Not here: the queue of due times, and the callers that wait for a probe.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::model::{Check, Observation, OnDemand, Outcome};
use crate::schedule::{Refusals, Schedule};
use crate::secret::Fingerprint;

use super::recorder::Recorder;

/// Upper bound for the back-off that a mail server can ask for.
const LONGEST_SUGGESTION: Duration = Duration::from_secs(60 * 60);

/// One check and the state of its schedule.
pub(super) struct Entry {
    pub(super) check: Arc<Check>,
    schedule: Schedule,
    /// When its first probe is due.
    pub(super) first: Instant,
    /// What started the running probe; `None` while none runs.
    pub(super) running: Option<Start>,
    /// When the check was last observed. A changed check has a new entry, so an observation of its old
    /// form never counts.
    pub(super) observed_at: Option<Instant>,
    refusals: Refusals,
    /// The interval in force, stretched or not.
    pub(super) interval: Duration,
    pub(super) hold: Option<Hold>,
    /// One of its files has changed since its last probe began.
    pub(super) retry: bool,
    /// Callers that wait for the running probe.
    pub(super) waiters: Vec<oneshot::Sender<OnDemand>>,
}

/// What starts a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    Tick,
    Request,
}

/// Why and until when a check is not probed: a stretched interval, or a back-off that the server asked
/// for.
#[derive(Clone)]
pub(super) struct Hold {
    pub(super) until: Instant,
    /// The part of the hold that the server asked for.
    asked: Option<Asked>,
    /// The secret at the time of the refusal; a changed secret ends the hold.
    pub(super) secret: Fingerprint,
    /// See `TokenSource::recoveries`; a credential that works again ends the hold.
    pub(super) recoveries: u64,
}

#[derive(Clone, Copy)]
struct Asked {
    until: Instant,
    interval: Duration,
}

impl Hold {
    /// A hold with the present state of the secret and the credential, for comparison at later ticks.
    pub(super) const fn now(until: Instant, secret: Fingerprint, recoveries: u64) -> Self {
        Self { until, asked: None, secret, recoveries }
    }
}

/// Converts between calendar time, which the schedule uses, and the monotonic clock, which timers use.
pub(super) struct Clock {
    start: Instant,
    epoch: Duration,
}

impl Clock {
    pub(super) fn start() -> Self {
        let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), epoch }
    }

    fn time(&self, at: Instant) -> Duration {
        self.epoch + at.saturating_duration_since(self.start)
    }

    fn instant(&self, time: Duration) -> Instant {
        self.start + time.saturating_sub(self.epoch)
    }
}

impl Entry {
    /// An entry whose first probe is due soon after `now`.
    pub(super) fn new(check: &Arc<Check>, now: Instant) -> Self {
        let schedule = Schedule::of(&check.name(), check.interval);
        Self {
            check: Arc::clone(check),
            schedule,
            first: now + schedule.first(),
            running: None,
            observed_at: None,
            refusals: Refusals::default(),
            interval: check.interval,
            hold: None,
            retry: false,
            waiters: Vec::new(),
        }
    }

    /// Whether the last observation is younger than `age`.
    pub(super) fn was_observed_within(&self, age: Duration) -> bool {
        self.observed_at.is_some_and(|at| at.elapsed() < age)
    }

    /// The tick that follows `due`. Ticks that passed while the program did not run are counted as
    /// skipped.
    pub(super) fn next(&self, clock: &Clock, due: Instant, now: Instant, recorder: &Recorder) -> Instant {
        let time = clock.time(due);
        let first = due <= self.first;
        let mut next =
            clock.instant(if first { self.schedule.after_first(time) } else { self.schedule.after(time) });
        while next <= now {
            recorder.tick_skipped();
            next = clock.instant(self.schedule.after(clock.time(next)));
        }
        next
    }

    /// Updates refusals, hold and interval after a probe.
    pub(super) fn reschedule(&mut self, observation: &Observation, due: Instant, hold: &Hold) {
        let base = self.check.interval;
        let Outcome::Down { failure, .. } = &observation.outcome else {
            self.refusals = Refusals::default();
            self.hold = None;
            self.interval = base;
            return;
        };
        // Only refusals by a mail server justify asking less often. Faults of the server, the network
        // and the identity provider are temporary, and their end should show at once.
        if failure.phase.row().verdict && !failure.cause.reason.row().transient {
            self.refusals.count(failure.phase, failure.cause.reason);
        } else {
            self.refusals = Refusals::default();
        }
        let stretched = self.refusals.stretch(base);
        let suggested = failure.cause.retry_after.filter(|_| failure.phase.row().verdict);
        let suggested = suggested.unwrap_or_default().min(LONGEST_SUGGESTION);
        let asked = (!suggested.is_zero())
            .then(|| Asked { until: Instant::now() + suggested, interval: base.max(suggested) });
        let until = asked.map_or(due + stretched, |asked| asked.until.max(due + stretched));
        self.hold = (stretched > base || asked.is_some()).then(|| Hold { until, asked, ..hold.clone() });
        self.interval = stretched.max(suggested);
    }

    /// Replaces the check with its version in the new plan.
    pub(super) fn update(&mut self, check: &Arc<Check>) {
        self.check = Arc::clone(check);
        self.end_stretch();
    }

    /// Ends a stretch after refusals, because an operator has just changed something. A back-off that the server
    /// asked for stays.
    pub(super) fn end_stretch(&mut self) {
        self.refusals = Refusals::default();
        let asked = self.hold.as_ref().and_then(|hold| hold.asked);
        let asked = asked.filter(|asked| asked.until > Instant::now());
        self.hold = self.hold.take().zip(asked).map(|(hold, asked)| Hold { until: asked.until, ..hold });
        self.interval = asked.map_or(self.check.interval, |asked| asked.interval);
    }
}
