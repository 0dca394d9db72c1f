//! One number per tenant, together with the counts behind it: the number alone would hide the one mailbox
//! that breaks.
//!
//! Owns the cap. The weight of a state is in its row.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::model::{Protocol, Score, Standing, State};

use super::calendar;

/// If a mailbox at risk in the tenant has a deadline this close …
const CLOSE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// … the score is capped at this.
const CAP: f64 = 49.0;

/// The scores of all tenants, ordered by name.
pub(super) fn scores(standings: &[Standing], now: Timestamp) -> Vec<Score> {
    let mut tenants: BTreeMap<&str, Vec<&Standing>> = BTreeMap::new();
    for standing in standings {
        tenants.entry(&standing.tenant).or_default().push(standing);
    }
    tenants.into_iter().map(|(tenant, standings)| score(tenant, &standings, now)).collect()
}

fn score(tenant: &str, standings: &[&Standing], now: Timestamp) -> Score {
    let weights: Vec<u32> = standings.iter().filter_map(|standing| standing.state.row().weight).collect();
    let capped = standings.iter().any(|standing| standing.state == State::AtRisk && is_close(standing, now));
    let mean = f64::from(weights.iter().sum::<u32>()) / weights.len().max(1) as f64;
    let mean = if capped { mean.min(CAP) } else { mean };
    let protocols: BTreeSet<Protocol> = standings.iter().map(|standing| standing.name.protocol).collect();
    let count = |protocol, state| {
        let such = |standing: &&&Standing| standing.name.protocol == protocol && standing.state == state;
        (protocol, state, standings.iter().filter(such).count())
    };
    let states = |protocol| State::ALL.iter().map(move |state| (protocol, *state));
    Score {
        tenant: tenant.to_owned(),
        score: (!weights.is_empty()).then_some(mean),
        capped,
        counts: protocols
            .into_iter()
            .flat_map(states)
            .map(|(protocol, state)| count(protocol, state))
            .collect(),
    }
}

/// Whether the deadline is near or has passed.
fn is_close(standing: &Standing, now: Timestamp) -> bool {
    let date = standing.deadline.as_ref().and_then(|deadline| calendar::moment(deadline.date?));
    date.is_some_and(|date| date.duration_since(now) <= CLOSE)
}
