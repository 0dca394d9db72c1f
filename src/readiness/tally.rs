//! How often OAuth logins succeed: counts by hour and by day, bounded, in any order of arrival.
//!
//! Owns the rule of 95 % over seven days with no failure in the last 24 hours. Not here: what counts as a
//! login.

use jiff::Timestamp;

use crate::model::Record;

use super::judge::is_ahead;
use super::sorted::Sorted;

const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 24 * HOUR;

/// Hours kept: a day plus the current hour.
const HOURS: i64 = 25;
/// Days kept: a week plus the current day.
const DAYS: i64 = 8;

/// The required share of successful logins, in percent.
const ENOUGH: u64 = 95;
/// The period over which the share is required.
const WEEK: i64 = 7 * DAY;
/// Minimum number of days in the week with at least one login: a record with gaps proves little.
const DAYS_SEEN: usize = 5;

/// Successes and failures within one period.
pub(super) type Count = (u64, u64);

/// The counts of one check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// By hours since 1970.
    pub(super) hours: Sorted<i64, Count>,
    /// By days since 1970.
    pub(super) days: Sorted<i64, Count>,
    /// The first login ever counted.
    pub(super) since: Option<Timestamp>,
}

impl Tally {
    /// Counts one login, and returns its hour and day.
    pub(super) fn add(&mut self, at: Timestamp, success: bool, now: Timestamp) -> (i64, i64) {
        self.correct(now);
        let (hour, day) = (at.as_second().div_euclid(HOUR), at.as_second().div_euclid(DAY));
        for (buckets, bucket) in [(&mut self.hours, hour), (&mut self.days, day)] {
            let (successes, failures) = buckets.or_default(bucket);
            let count = if success { successes } else { failures };
            *count = count.saturating_add(1);
        }
        self.since = Some(self.since.map_or(at, |since| since.min(at)));
        self.prune();
        (hour, day)
    }

    /// Drops counts from the future, left by a clock that was wrong. They would mix with the counts of those
    /// days later.
    pub(super) fn correct(&mut self, now: Timestamp) {
        for (buckets, length) in [(&mut self.hours, HOUR), (&mut self.days, DAY)] {
            buckets.retain(|bucket, _| {
                let start = bucket.checked_mul(length).and_then(|start| Timestamp::from_second(start).ok());
                start.is_some_and(|start| !is_ahead(start, now))
            });
        }
        self.since = self.since.filter(|since| !is_ahead(*since, now));
    }

    /// Drops counts that no rule uses.
    pub(super) fn prune(&mut self) {
        for (buckets, kept) in [(&mut self.hours, HOURS), (&mut self.days, DAYS)] {
            let newest = buckets.keys().next_back().copied();
            if let Some(newest) = newest {
                buckets.retain(|bucket, _| *bucket > newest.saturating_sub(kept));
            }
        }
    }

    /// Summarises the logins as of `now`.
    pub(super) fn record(&self, now: Timestamp) -> Record {
        let second = now.as_second();
        let sum = |buckets: &Sorted<i64, Count>, from: i64| {
            buckets
                .values_from(&from)
                .fold((0, 0), |(s, f): Count, count| (s.saturating_add(count.0), f.saturating_add(count.1)))
        };
        // Uses whole buckets: part of the eighth day and of the 25th hour counts too, never less than the
        // period.
        let week = second.div_euclid(DAY) - (DAYS - 1);
        let (successes, failures) = sum(&self.days, week);
        let (successes_today, failures_today) = sum(&self.hours, second.div_euclid(HOUR) - (HOURS - 1));
        let covered = self.since.is_some_and(|since| second - since.as_second() >= WEEK)
            && self.days.values_from(&week).count() >= DAYS_SEEN;
        let all = successes.saturating_add(failures);
        let share = u128::from(successes) * 100 >= u128::from(all) * u128::from(ENOUGH);
        let steady = covered && share && successes_today > 0 && failures_today == 0;
        Record { successes, failures, failures_today, since: self.since, steady }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24 12:00 UTC.
    const NOON: i64 = 1_795_521_600;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(seconds)
    }

    /// One login per hour for `days` days; `fails` selects the refused ones.
    fn week(days: i64, fails: impl Fn(i64) -> bool) -> Tally {
        let mut tally = Tally::default();
        for hour in 0..=days * 24 {
            tally.add(at(NOON - hour * HOUR), !fails(hour), at(NOON));
        }
        tally
    }

    #[test]
    fn dependable_means_95_percent_in_a_week_and_a_clean_last_day() {
        let steady = |tally: &Tally, now: i64| tally.record(at(now)).steady;
        assert!(steady(&week(7, |_| false), NOON));
        assert!(!steady(&week(7, |_| false), NOON - 1), "an hour of the week is missing");
        assert!(!steady(&week(6, |_| false), NOON), "six days are no week");
        assert!(steady(&week(7, |hour| hour > 30 && hour % 24 == 1), NOON), "six of 169 failed");
        assert!(!steady(&week(7, |hour| hour > 30 && hour % 12 == 1), NOON), "twelve of 169 failed");
        assert!(!steady(&week(7, |hour| hour == 23), NOON), "yesterday is not clean yet");
        assert!(
            steady(&week(7, |hour| hour == 26), NOON),
            "the day before yesterday counts by its share alone"
        );
        assert!(!steady(&week(7, |_| false), NOON + 26 * HOUR), "nothing was seen in the last day");
    }

    #[test]
    fn a_memory_with_holes_is_no_week() {
        let mut tally = Tally::default();
        for hours in [0, 1, 7 * 24, 7 * 24 + 1] {
            tally.add(at(NOON - hours * HOUR), true, at(NOON));
        }
        assert!(!tally.record(at(NOON)).steady);
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_push_out_today() {
        let mut tally = week(7, |_| false);
        let ahead = at(NOON + 400 * DAY);
        tally.add(ahead, true, ahead);
        tally.add(at(NOON), true, at(NOON));
        tally.add(at(NOON + HOUR), true, at(NOON + HOUR));
        assert_eq!(tally.hours.keys().copied().collect::<Vec<_>>(), [NOON / HOUR, NOON / HOUR + 1]);
        assert_eq!(tally.record(at(NOON + HOUR)).successes, 2);
    }

    #[test]
    fn the_memory_is_bounded_whatever_the_order() {
        let end = at(NOON + 60 * DAY);
        let mut forward = Tally::default();
        let mut backward = Tally::default();
        let hours: Vec<i64> = (0..24 * 60).collect();
        for hour in &hours {
            forward.add(at(NOON + hour * HOUR), true, end);
        }
        for hour in hours.iter().rev() {
            backward.add(at(NOON + hour * HOUR), true, end);
        }
        assert_eq!(forward, backward);
        assert_eq!((forward.hours.len(), forward.days.len()), (25, 8));
    }
}
