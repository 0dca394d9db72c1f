//! When a check is due next: pure arithmetic.
//!
//! Every check has its own grid in time, `offset + n × interval`, where the offset is a hash of the check's
//! name. This spreads the load evenly, and neither a restart nor a reload bunches or reshuffles the probes.
//! There is no clock here: callers pass points in time as durations since the Unix epoch.

use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::model::{CheckName, Phase, Reason};

/// A check's first probe is due within this time, or within its interval if that is shorter.
const FIRST_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    interval: Duration,
    offset: Duration,
    first: Duration,
}

impl Schedule {
    pub fn of(name: &CheckName, interval: Duration) -> Self {
        let digest = Sha256::digest(name.to_string());
        let (grid, start) = digest.split_at(digest.len() / 2);
        Self { interval, offset: share(interval, grid), first: share(interval.min(FIRST_WITHIN), start) }
    }

    /// The delay from the start to the first probe.
    pub const fn first(&self) -> Duration {
        self.first
    }

    /// The first grid point after `time`.
    pub fn after(&self, time: Duration) -> Duration {
        let interval = self.interval.as_nanos().max(1);
        let into = (time.as_nanos() + interval - self.offset.as_nanos() % interval) % interval;
        time + nanos(interval - into)
    }

    /// The grid point to use after the first probe: one that does not follow it too closely.
    pub fn after_first(&self, time: Duration) -> Duration {
        self.after(time + self.interval / 2)
    }
}

/// The fraction of `whole` that the first bytes of `hash` select.
fn share(whole: Duration, hash: &[u8]) -> Duration {
    let number = hash.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    // The hash is a fraction of 2⁶⁴. The product fits, because an interval is far below 2⁶⁴ ns.
    nanos((whole.as_nanos() * u128::from(number)) >> 64)
}

fn nanos(nanos: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / SECOND).unwrap_or(u64::MAX);
    let rest = u32::try_from(nanos % SECOND).unwrap_or_default();
    Duration::new(seconds, rest)
}

/// After this many equal refusals the interval is stretched.
const PATIENCE: u32 = 2;
/// The stretched intervals, one step per further refusal.
const STRETCHED: [Duration; 3] =
    [Duration::from_secs(15 * 60), Duration::from_secs(30 * 60), Duration::from_secs(60 * 60)];

/// Counts equal refusals by a mail server. Fewer logins after repeated refusals avoid account lockouts and
/// do not look like an attack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refusals {
    last: Option<(Phase, Reason)>,
    equal: u32,
}

impl Refusals {
    pub fn count(&mut self, phase: Phase, reason: Reason) {
        if self.last == Some((phase, reason)) {
            self.equal = self.equal.saturating_add(1);
        } else {
            *self = Self { last: Some((phase, reason)), equal: 1 };
        }
    }

    /// The interval to use for a check that is configured with `interval`.
    pub fn stretch(&self, interval: Duration) -> Duration {
        let Some(step) = self.equal.checked_sub(PATIENCE) else { return interval };
        let step = usize::try_from(step).unwrap_or(usize::MAX).min(STRETCHED.len() - 1);
        STRETCHED.get(step).map_or(interval, |stretched| interval.max(*stretched))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Protocol;

    fn name(mailbox: &str) -> CheckName {
        CheckName { mailbox: Arc::from(mailbox), protocol: Protocol::Imap }
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_grid_of_a_name_never_changes() {
        // Fixed values: a change here would reshuffle the probes of every installation at its next update.
        let schedule = Schedule::of(&name("invoices@contoso.example"), 5 * MINUTE);
        assert_eq!((schedule.offset.as_millis(), schedule.first.as_millis()), (231_991, 37_193));
    }

    #[test]
    fn a_thousand_checks_are_spread_evenly() {
        let mut slots = [0; 10];
        for number in 0..1000 {
            let schedule = Schedule::of(&name(&format!("user{number:04}@contoso.example")), 5 * MINUTE);
            slots[usize::try_from(schedule.offset.as_secs() / 30).unwrap_or(0)] += 1;
        }
        assert!(slots.iter().all(|count| (70..130).contains(count)), "{slots:?}");
    }

    #[test]
    fn equal_refusals_stretch_and_another_one_starts_anew() {
        let mut refusals = Refusals::default();
        let minutes = |refusals: &Refusals| refusals.stretch(5 * MINUTE).as_secs() / 60;
        let mut seen = Vec::new();
        for _ in 0..6 {
            refusals.count(Phase::Auth, Reason::TokenRejected);
            seen.push(minutes(&refusals));
        }
        assert_eq!(seen, [5, 15, 30, 60, 60, 60]);
        refusals.count(Phase::Select, Reason::FolderMissing);
        assert_eq!(minutes(&refusals), 5);
        assert_eq!(Refusals { equal: 9, ..refusals }.stretch(120 * MINUTE), 120 * MINUTE);
    }

    proptest! {
        #[test]
        fn the_next_point_lies_on_the_grid_and_within_one_interval(
            mailbox in "[a-z]{1,20}", seconds in 1u64..100_000, now in 0u64..4_000_000_000, nanos in 0u32..1_000_000_000,
        ) {
            let interval = Duration::from_secs(seconds);
            let schedule = Schedule::of(&name(&mailbox), interval);
            let now = Duration::new(now, nanos);
            let next = schedule.after(now);
            prop_assert!(next > now && next <= now + interval);
            prop_assert_eq!(schedule.after(next), next + interval);
            prop_assert_eq!((next.as_nanos() + interval.as_nanos() - schedule.offset.as_nanos()) % interval.as_nanos(), 0);
            prop_assert!(schedule.first() <= interval.min(FIRST_WITHIN));
        }

        #[test]
        fn the_second_probe_keeps_half_an_interval_from_the_first(seconds in 1u64..100_000, now in 0u64..4_000_000_000) {
            let interval = Duration::from_secs(seconds);
            let now = Duration::from_secs(now);
            let next = Schedule::of(&name("a@b"), interval).after_first(now);
            prop_assert!(next - now > interval / 2 && next - now <= interval * 3 / 2);
        }
    }
}
