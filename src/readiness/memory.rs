//! What is remembered of one check: the newest evidence of each signal, and the tally of its logins.
//!
//! Not here: where it is kept (`store`), and what it means (`judge`).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::{Evidence, Finding, Signal};

use super::judge::is_ahead;
use super::tally::Tally;

/// Where evidence is kept: an answer to a password that proves nothing does not take the place of one that did, and
/// that a file calls somebody unused does not take the place of another's that they were seen.
pub(super) type Slot = (Signal, bool);

/// The slot of a piece of evidence.
pub(super) fn slot(evidence: &Evidence) -> Slot {
    (evidence.signal, matches!(evidence.finding, Finding::Undecided | Finding::Locked | Finding::Unused))
}

/// One check's memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Whose: when a mailbox's address, server or credential changes, what was known of it is void.
    pub(super) identity: String,
    /// The newest of each slot.
    pub(super) evidence: BTreeMap<Slot, Evidence>,
    pub(super) tally: Tally,
    /// What the store does not know yet.
    pub(super) dirt: Dirt,
}

/// What has changed since it was last written down.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Dirt {
    pub(super) slots: BTreeSet<Slot>,
    pub(super) hours: BTreeSet<i64>,
    pub(super) days: BTreeSet<i64>,
}

impl Dirt {
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.hours.is_empty()
    }
}

impl Memory {
    pub(super) fn of(identity: String) -> Self {
        Self { identity, ..Self::default() }
    }

    /// Remembers evidence unless something newer is known; whichever comes first. What a clock that was ahead
    /// has left behind is not newer.
    pub(super) fn note(&mut self, evidence: Evidence, now: Timestamp) {
        if is_ahead(evidence.at, now) {
            return;
        }
        let slot = slot(&evidence);
        let older = |known: &Evidence| *known < evidence || is_ahead(known.at, now);
        if self.evidence.get(&slot).is_none_or(older) {
            self.evidence.insert(slot, evidence);
            self.dirt.slots.insert(slot);
        }
    }

    /// Counts an OAuth login.
    pub(super) fn count(&mut self, at: Timestamp, success: bool, now: Timestamp) {
        let (hour, day) = self.tally.add(at, success, now);
        self.dirt.hours.insert(hour);
        self.dirt.days.insert(day);
    }

    /// Everything is to be written anew.
    pub(super) fn soil(&mut self) {
        self.dirt = Dirt {
            slots: self.evidence.keys().copied().collect(),
            hours: self.tally.hours.keys().copied().collect(),
            days: self.tally.days.keys().copied().collect(),
        };
    }

    /// Drops what a clock that was ahead has left behind.
    pub(super) fn correct(&mut self, now: Timestamp) {
        self.evidence.retain(|_, seen| !is_ahead(seen.at, now));
        self.tally.correct(now);
        self.tally.prune();
    }

    /// When anything was last heard of it.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.evidence.values().map(|seen| seen.at).max()
    }
}
