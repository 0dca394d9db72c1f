//! The past of a check: its last outcomes, the phases of its last probes, and hourly counts of the last day.
//!
//! Every check has one and few are ever looked at, so each takes at most 1 KiB, and less while there is less to
//! remember. Not here: whole observations (`history`), and the file that survives a restart (`past_file`).

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Observation, Phase, Reason};

/// How many past outcomes are kept per check.
pub const RECENT: usize = 48;

/// For how many probes the times of the phases are kept.
const TIMED: usize = 5;

const HOURS: usize = 24;
const HOUR_SECONDS: i64 = 60 * 60;

/// No probe enters more phases: a round trip by STARTTLS enters eleven.
const MOST_PHASES: usize = 11;

/// The unit of phase times, in milliseconds. It is so large that the longest probe fits into 16 bits.
const STEP_MILLIS: u128 = 2;

/// A past outcome: the part of an observation that is kept when its details are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// To the second.
    pub started_at: Timestamp,
    /// To the millisecond.
    pub duration: Duration,
    /// The phase and reason of a failure.
    pub failure: Option<(Phase, Reason)>,
}

/// A [`Glance`] in its compact form.
#[derive(Debug, Clone, Copy)]
struct Slot {
    /// Seconds since 1970; fits until 2106.
    at: u32,
    millis: u32,
    failure: Option<(Phase, Reason)>,
}

impl Slot {
    fn of(glance: &Glance) -> Self {
        Self {
            at: u32::try_from(glance.started_at.as_second()).unwrap_or_default(),
            millis: u32::try_from(glance.duration.as_millis()).unwrap_or(u32::MAX),
            failure: glance.failure,
        }
    }

    fn glance(self) -> Glance {
        Glance {
            started_at: Timestamp::from_second(i64::from(self.at)).unwrap_or_default(),
            duration: Duration::from_millis(u64::from(self.millis)),
            failure: self.failure,
        }
    }
}

/// The phases of one probe, in the order in which they were entered.
type Stages = [Option<(Phase, u16)>; MOST_PHASES];

/// Probes and failures of one hour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) probes: u16,
    pub(super) failures: u16,
}

/// The past of one check.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The last [`RECENT`] outcomes, the oldest first.
    slots: VecDeque<Slot>,
    /// The phases of the last [`TIMED`] of them.
    stages: VecDeque<Stages>,
    hours: [Count; HOURS],
    /// The hour that the last count is of, in hours since 1970.
    hour: u32,
}

impl Past {
    /// Adds an observation.
    pub fn note(&mut self, observation: &Observation) {
        let failure = observation.outcome.failure().map(|failure| (failure.phase, failure.cause.reason));
        let (started_at, duration) = (observation.started_at, observation.duration);
        let phases = observation.timings.iter().map(|(phase, took)| (phase, steps(took)));
        self.push(&Glance { started_at, duration, failure }, phases);
        self.count(started_at, 1, u16::from(failure.is_some()));
    }

    /// Adds an outcome and its phases.
    pub(super) fn push(&mut self, glance: &Glance, phases: impl Iterator<Item = (Phase, u16)>) {
        let mut stages = Stages::default();
        for (place, phase) in stages.iter_mut().zip(phases) {
            *place = Some(phase);
        }
        push_bounded(&mut self.stages, stages, TIMED);
        push_bounded(&mut self.slots, Slot::of(glance), RECENT);
    }

    /// Adds to the count of an hour. Hours that are more than a day older than the last one are ignored.
    pub(super) fn count(&mut self, at: Timestamp, probes: u16, failures: u16) {
        let Ok(hour) = u32::try_from(at.as_second() / HOUR_SECONDS) else { return };
        self.advance_to(hour);
        let back = usize::try_from(self.hour.saturating_sub(hour)).unwrap_or(HOURS);
        let Some(count) = HOURS.checked_sub(back + 1).and_then(|place| self.hours.get_mut(place)) else {
            return;
        };
        count.probes = count.probes.saturating_add(probes);
        count.failures = count.failures.saturating_add(failures);
    }

    /// Makes `hour` the last one and forgets the oldest ones for it. Does nothing if the last one is later.
    fn advance_to(&mut self, hour: u32) {
        let gone = usize::try_from(hour.saturating_sub(self.hour)).unwrap_or(HOURS).min(HOURS);
        self.hours.rotate_left(gone);
        self.hours[HOURS - gone..].fill(Count::default());
        self.hour = self.hour.max(hour);
    }

    /// Probes and failures of the last 24 hours, to the hour.
    pub fn day(&self, now: Timestamp) -> (usize, usize) {
        let hour = u32::try_from(now.as_second() / HOUR_SECONDS).unwrap_or_default();
        let gone = usize::try_from(hour.saturating_sub(self.hour)).unwrap_or(HOURS);
        let sum = |part: fn(&Count) -> u16| {
            self.hours.iter().skip(gone).map(|count| usize::from(part(count))).sum()
        };
        (sum(|count| count.probes), sum(|count| count.failures))
    }

    /// The last hour, in hours since 1970, and the counts up to it.
    pub(super) const fn hours(&self) -> (u32, &[Count; HOURS]) {
        (self.hour, &self.hours)
    }

    /// The last outcomes, the oldest first.
    pub fn glances(&self) -> impl ExactSizeIterator<Item = Glance> + DoubleEndedIterator + '_ {
        self.slots.iter().map(|slot| slot.glance())
    }

    /// The last probes with their phases, the oldest first.
    pub fn timed(&self) -> impl Iterator<Item = (Glance, Vec<(Phase, Duration)>)> + '_ {
        self.glances().skip(self.len() - self.stages.len()).zip(&self.stages).map(|(glance, stages)| {
            let took = |(phase, steps): &(Phase, u16)| {
                (*phase, Duration::from_millis(u64::from(*steps) * STEP_MILLIS as u64))
            };
            (glance, stages.iter().flatten().map(took).collect())
        })
    }

    /// The phases of [`Past::timed`], with their times in units of [`STEP_MILLIS`].
    pub(super) fn stages(&self) -> impl Iterator<Item = Vec<(Phase, u16)>> + '_ {
        self.stages.iter().map(|stages| stages.iter().flatten().copied().collect())
    }

    /// How many outcomes are kept.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The last outcome.
    pub fn newest(&self) -> Option<Glance> {
        self.glances().next_back()
    }
}

/// A time in units of [`STEP_MILLIS`].
fn steps(took: Duration) -> u16 {
    u16::try_from(took.as_millis() / STEP_MILLIS).unwrap_or(u16::MAX)
}

/// Adds to a queue of at most `most` entries; the oldest one makes room. Its memory grows by a third of that at a time,
/// because a fleet that has just started has only one outcome for each check.
fn push_bounded<T>(queue: &mut VecDeque<T>, entry: T, most: usize) {
    if queue.len() == most {
        queue.pop_front();
    } else if queue.len() == queue.capacity() {
        queue.reserve_exact(most / 3);
    }
    queue.push_back(entry);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use super::*;
    use crate::report::samples::{credential, dawn, down, mailbox, plan, up};

    #[test]
    fn the_past_of_a_check_fits_into_a_kibibyte() {
        let plan = plan(&[mailbox("desk", &credential("contoso", None), &[])]);
        let mut past = Past::default();
        for _ in 0..100 {
            past.note(&up(&plan.checks[0], dawn()));
        }
        let bytes = size_of::<Past>()
            + past.slots.capacity() * size_of::<Slot>()
            + past.stages.capacity() * size_of::<Stages>();
        assert!(bytes <= 1024, "{bytes}");
    }

    #[test]
    fn the_last_outcomes_are_kept_in_order_with_their_phases() {
        let plan = plan(&[mailbox("desk", &credential("contoso", None), &[])]);
        let mut past = Past::default();
        for n in 0..100_u64 {
            let at = dawn() + Duration::from_secs(n * 300);
            let why = (Phase::Auth, Reason::Timeout);
            past.note(&if n % 3 == 0 {
                down(&plan.checks[0], at, why, "", "")
            } else {
                up(&plan.checks[0], at)
            });
            let newest = past.newest().unwrap();
            assert_eq!((newest.started_at, newest.failure), (at, (n % 3 == 0).then_some(why)));
        }
        assert_eq!(past.len(), RECENT);
        let times: Vec<_> = past.glances().map(|glance| glance.started_at).collect();
        assert!(times.is_sorted() && times[0] == dawn() + Duration::from_secs(52 * 300));
        let timed: Vec<_> = past.timed().collect();
        assert_eq!(timed.len(), TIMED);
        let (last, phases) = timed.last().unwrap();
        assert_eq!(last.started_at, *times.last().unwrap());
        assert_eq!(phases[0], (Phase::Token, Duration::from_millis(2)));
        assert_eq!(phases.last().unwrap().0, Phase::Auth, "the 99th failed there");
        let now = dawn() + Duration::from_secs(99 * 300);
        assert_eq!(past.day(now), (100, 34));
    }

    #[test]
    fn a_day_forgets_older_probes_and_survives_a_clock_set_back() {
        let mut past = Past::default();
        past.count(dawn(), 3, 1);
        assert_eq!(past.day(dawn() + Duration::from_secs(23 * 3600)), (3, 1));
        assert_eq!(past.day(dawn() + Duration::from_secs(24 * 3600)), (0, 0));
        past.count(dawn() + Duration::from_secs(7200), 1, 1);
        past.count(dawn(), 1, 0);
        assert_eq!(past.day(dawn()), (5, 2));
        past.count(dawn() - Duration::from_secs(90 * 3600), 9, 9);
        assert_eq!(past.day(dawn()), (5, 2));
        past.count(Timestamp::UNIX_EPOCH, 9, 9);
        past.count(dawn() + Duration::from_secs(400 * 3600), 2, 0);
        assert_eq!(past.day(dawn() + Duration::from_secs(400 * 3600)), (2, 0));
    }
}
