//! One check and what is known of its schedule: the tick after this one, and when it is on hold.
//!
//! Not here: who is due, and who waits for whom.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::model::{Check, Observation, OnDemand, Outcome};
use crate::report::Report;
use crate::schedule::{Refusals, Schedule};
use crate::secret::Fingerprint;

/// A mail server that asks us to stay away is obeyed for this long at most.
const LONGEST_SUGGESTION: Duration = Duration::from_secs(60 * 60);

/// One check and what is known of its schedule.
pub(super) struct Line {
    pub(super) check: Arc<Check>,
    schedule: Schedule,
    /// When its first probe is due.
    pub(super) first: Instant,
    pub(super) running: bool,
    /// When it was last observed as it is now.
    pub(super) observed_at: Option<Instant>,
    refusals: Refusals,
    pub(super) hold: Option<Hold>,
    /// Who wants to know of the probe under way.
    pub(super) askers: Vec<oneshot::Sender<OnDemand>>,
}

/// A stretched interval, or a time that a server asked for.
#[derive(Clone)]
pub(super) struct Hold {
    pub(super) until: Instant,
    /// What of it the server asked for.
    asked: Option<Asked>,
    /// A changed secret ends it.
    pub(super) secret: Fingerprint,
    /// A credential that works again ends it.
    pub(super) recoveries: u64,
}

#[derive(Clone, Copy)]
struct Asked {
    until: Instant,
    interval: Duration,
}

impl Hold {
    /// How things stand now, to be held against later.
    pub(super) const fn now(until: Instant, secret: Fingerprint, recoveries: u64) -> Self {
        Self { until, asked: None, secret, recoveries }
    }
}

/// Ties the grid, which lies in calendar time, to the clock that timers run by.
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

impl Line {
    /// A check that is probed for the first time soon after `now`.
    pub(super) fn new(check: &Arc<Check>, now: Instant) -> Self {
        let schedule = Schedule::of(&check.name(), check.interval);
        Self {
            check: Arc::clone(check),
            schedule,
            first: now + schedule.first(),
            running: false,
            observed_at: None,
            refusals: Refusals::default(),
            hold: None,
            askers: Vec::new(),
        }
    }

    /// Whether what was last seen is that young.
    pub(super) fn was_observed_within(&self, age: Duration) -> bool {
        self.observed_at.is_some_and(|at| at.elapsed() < age)
    }

    /// The tick behind `due`. Ticks that have passed meanwhile, because the whole program stood
    /// still, are counted and left out.
    pub(super) fn next(&self, clock: &Clock, due: Instant, now: Instant, report: &Report) -> Instant {
        let time = clock.time(due);
        let first = due <= self.first;
        let mut next =
            clock.instant(if first { self.schedule.after_first(time) } else { self.schedule.after(time) });
        while next <= now {
            report.tick_skipped();
            next = clock.instant(self.schedule.after(clock.time(next)));
        }
        next
    }

    /// What an outcome means for the next time; the interval now in force.
    pub(super) fn weigh(&mut self, observation: &Observation, due: Instant, hold: &Hold) -> Duration {
        let base = self.check.interval;
        let Outcome::Down { failure, .. } = &observation.outcome else {
            self.refusals = Refusals::default();
            self.hold = None;
            return base;
        };
        // Only what a mail server refuses is worth less asking. Its faults, the network's and the
        // identity provider's pass, and their end should be seen at once.
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
        stretched.max(suggested)
    }

    /// Goes on with the same check as a new plan has it. An interval that refusals have stretched ends: the
    /// plan was renewed because somebody has done something. What the server asked for stays. The interval
    /// now in force.
    pub(super) fn renew(&mut self, check: &Arc<Check>) -> Duration {
        self.check = Arc::clone(check);
        self.refusals = Refusals::default();
        let asked = self.hold.as_ref().and_then(|hold| hold.asked);
        let asked = asked.filter(|asked| asked.until > Instant::now());
        self.hold = self.hold.take().zip(asked).map(|(hold, asked)| Hold { until: asked.until, ..hold });
        asked.map_or(check.interval, |asked| asked.interval)
    }
}
