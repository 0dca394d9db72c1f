//! The recent outcomes of a check, packed: every check has them, and nobody looks at most of them.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Phase, Reason};

/// How many past outcomes are kept per check. Enough to see a pattern on the page, at 16 bytes each.
pub const RECENT: usize = 20;

/// A past outcome: the part of an observation that stays after its details are dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    /// To the microsecond.
    pub started_at: Timestamp,
    /// To the microsecond.
    pub duration: Duration,
    /// The phase and reason of a failure.
    pub failure: Option<(Phase, Reason)>,
}

/// The last [`RECENT`] outcomes, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Recent(VecDeque<Packed>);

#[derive(Debug, Clone, Copy)]
struct Packed {
    /// Microseconds since 1970.
    started_at: i64,
    /// Microseconds: an hour and more. No probe lasts so long.
    duration: u32,
    failure: Option<(Phase, Reason)>,
}

impl Recent {
    pub(super) fn push(&mut self, glance: Glance) {
        if self.0.len() == RECENT {
            self.0.pop_front();
        } else if self.0.len() == self.0.capacity() {
            // In two steps: a fleet that has just started has one outcome for each check.
            self.0.reserve_exact(RECENT / 2);
        }
        self.0.push_back(Packed {
            started_at: glance.started_at.as_microsecond(),
            duration: u32::try_from(glance.duration.as_micros()).unwrap_or(u32::MAX),
            failure: glance.failure,
        });
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Glance> + ExactSizeIterator + '_ {
        self.0.iter().map(|packed| Glance {
            started_at: Timestamp::from_microsecond(packed.started_at).unwrap_or(Timestamp::UNIX_EPOCH),
            duration: Duration::from_micros(packed.duration.into()),
            failure: packed.failure,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_outcomes_are_kept_in_little_memory() {
        let mut recent = Recent::default();
        let glance = |number: u64| Glance {
            started_at: Timestamp::UNIX_EPOCH + Duration::from_micros(1_795_521_600_000_000 + number),
            duration: Duration::from_micros(number),
            failure: number.is_multiple_of(3).then_some((Phase::Auth, Reason::TokenRejected)),
        };
        for number in 0..100 {
            recent.push(glance(number));
        }
        let kept: Vec<Glance> = recent.iter().collect();
        assert_eq!(kept, (80..100).map(glance).collect::<Vec<_>>());
        assert!(recent.0.capacity() * size_of::<Packed>() <= 16 * RECENT);
    }
}
