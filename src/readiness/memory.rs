//! The memory of one check: the newest evidence of each signal, and the tally of its logins.
//!
//! Not here: saving it (`store`) and judging it (`judge`).

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::model::{Evidence, Finding, Signal};

use super::judge::is_ahead;
use super::sorted::Sorted;
use super::tally::Tally;

/// The key of stored evidence. Evidence of different weight has separate slots, so that an inconclusive answer to a
/// password does not replace a conclusive one, one file's "unused" does not replace another file's "used", and a
/// sign-in that may have been by token hides neither.
pub(super) type Slot = (Signal, Weight);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    Conclusive,
    Open,
    Inconclusive,
}

/// The slot of what directories say.
pub(super) const SIGN_IN: Slot = (Signal::Usage, Weight::Open);

pub(super) const fn slot(evidence: &Evidence) -> Slot {
    let weight = match evidence.finding {
        Finding::Undecided | Finding::Locked | Finding::Unused => Weight::Inconclusive,
        Finding::SignedIn => Weight::Open,
        _ => Weight::Conclusive,
    };
    (evidence.signal, weight)
}

/// The remembered evidence of one check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Memory {
    /// Identifies mailbox, server and credential. If any of them changes, the evidence is void.
    pub(super) identity: String,
    /// The newest evidence in each slot.
    pub(super) evidence: Sorted<Slot, Evidence>,
    pub(super) tally: Tally,
    /// What has changed since the last save; `None` if nothing has.
    pub(super) unsaved: Option<Box<Unsaved>>,
}

/// What has changed since the last save.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Unsaved {
    pub(super) slots: BTreeSet<Slot>,
    pub(super) hours: BTreeSet<i64>,
    pub(super) days: BTreeSet<i64>,
}

impl Memory {
    pub(super) fn of(identity: String) -> Self {
        Self { identity, ..Self::default() }
    }

    /// Stores evidence unless newer evidence is known, in any order of arrival. Evidence from the future,
    /// left by a clock that was wrong, does not count as newer.
    pub(super) fn note(&mut self, evidence: Evidence, now: Timestamp) {
        if is_ahead(evidence.at, now) {
            return;
        }
        let slot = slot(&evidence);
        let older = |known: &Evidence| *known < evidence || is_ahead(known.at, now);
        if self.evidence.get(&slot).is_none_or(older) {
            self.evidence.insert(slot, evidence);
            self.unsaved.get_or_insert_default().slots.insert(slot);
        }
    }

    /// Counts an OAuth login.
    pub(super) fn count(&mut self, at: Timestamp, success: bool, now: Timestamp) {
        let (hour, day) = self.tally.add(at, success, now);
        let unsaved = self.unsaved.get_or_insert_default();
        unsaved.hours.insert(hour);
        unsaved.days.insert(day);
    }

    /// Marks everything as unsaved.
    pub(super) fn mark_unsaved(&mut self) {
        self.unsaved = Some(Box::new(Unsaved {
            slots: self.evidence.keys().copied().collect(),
            hours: self.tally.hours.keys().copied().collect(),
            days: self.tally.days.keys().copied().collect(),
        }));
    }

    /// Drops entries from the future, left by a clock that was wrong.
    pub(super) fn correct(&mut self, now: Timestamp) {
        self.evidence.retain(|_, seen| !is_ahead(seen.at, now));
        self.tally.correct(now);
        self.tally.prune();
    }

    /// The time of the latest entry.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.evidence.values().map(|seen| seen.at).max()
    }
}
