//! One number per tenant, together with the counts behind it: the number alone would hide the one mailbox
//! that breaks.
//!
//! Owns the cap. The weight of a state is in its row.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::model::{Deadline, Protocol, Score, Standing, State};

use super::calendar;

/// If a mailbox at risk in the tenant has a deadline this close …
const CLOSE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// … the score is capped at this.
const CAP: f64 = 49.0;

/// The checks of all tenants, counted one by one.
#[derive(Debug, Default)]
pub(super) struct Scores(BTreeMap<String, Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// A mailbox at risk has a deadline that is close.
    capped: bool,
    states: BTreeMap<(Protocol, State), usize>,
}

impl Scores {
    /// Counts one mailbox in one protocol. `deadline` is only asked for if it matters.
    pub(super) fn count(
        &mut self,
        tenant: &str,
        (protocol, state): (Protocol, State),
        deadline: impl FnOnce() -> Option<Deadline>,
        now: Timestamp,
    ) {
        if !self.0.contains_key(tenant) {
            self.0.insert(tenant.to_owned(), Counts::default());
        }
        let Some(counts) = self.0.get_mut(tenant) else { return };
        *counts.states.entry((protocol, state)).or_default() += 1;
        counts.capped = counts.capped
            || state == State::AtRisk && deadline().is_some_and(|deadline| is_close(&deadline, now));
    }

    /// The scores, ordered by tenant.
    pub(super) fn by_tenant(self) -> Vec<Score> {
        self.0.into_iter().map(|(tenant, counts)| counts.score(tenant)).collect()
    }
}

impl Counts {
    fn score(self, tenant: String) -> Score {
        let weights =
            self.states.iter().filter_map(|((_, state), count)| Some((state.row().weight?, *count)));
        let (sum, all) = weights.fold((0, 0), |(sum, all), (weight, count)| {
            (sum + u64::from(weight) * count as u64, all + count)
        });
        let mean = sum as f64 / all.max(1) as f64;
        let mean = if self.capped { mean.min(CAP) } else { mean };
        let protocols: BTreeSet<Protocol> = self.states.keys().map(|(protocol, _)| *protocol).collect();
        let count =
            |key: (Protocol, State)| (key.0, key.1, self.states.get(&key).copied().unwrap_or_default());
        let counts =
            protocols.iter().flat_map(|protocol| State::ALL.iter().map(|state| count((*protocol, *state))));
        Score { tenant, score: (all > 0).then_some(mean), capped: self.capped, counts: counts.collect() }
    }
}

/// The scores of a board.
pub(super) fn of_board(standings: &[Standing], now: Timestamp) -> Vec<Score> {
    let mut scores = Scores::default();
    for standing in standings {
        let verdict = (standing.name.protocol, standing.state);
        scores.count(&standing.tenant, verdict, || standing.deadline.clone(), now);
    }
    scores.by_tenant()
}

/// Whether the deadline is near or has passed.
fn is_close(deadline: &Deadline, now: Timestamp) -> bool {
    let date = deadline.date.and_then(calendar::moment);
    date.is_some_and(|date| date.duration_since(now) <= CLOSE)
}
