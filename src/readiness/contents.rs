//! The state that survives a restart, and the journal entries that store it.
//!
//! An entry replaces the value that it names, so reading a journal twice, or with a piece missing, does no
//! harm. Not here: files (`store`), and what the state means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::{CheckName, Evidence, Finding, Protocol, Signal};

use super::memory::{Memory, slot};
use super::sorted::Sorted;
use super::tally::Count;

/// Retention. No rule uses older data, except for imports and for tenants in which trials have stopped.
const KEPT: SignedDuration = SignedDuration::from_hours(8 * 24);
/// Retention of the time when a file's content was first seen. Longer than the validity of any import.
const IMPORTS_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Maximum number of imported files to remember.
const IMPORTS: usize = 256;
/// Maximum number of remembered checks outside the plan.
const UNPLANNED: usize = 10_000;
/// Maximum number of remembered trials, and of tenants in which trials have stopped.
const TRIED: usize = 200_000;
const STOPPED: usize = 10_000;
/// Maximum length of a name in bytes, and of a note in characters.
const NAME: usize = 1024;
const NOTE: usize = 240;
/// Maximum number of hours or days in one check's tally while a journal is read; unused ones are dropped
/// later.
const BUCKETS: usize = 256;

/// The state of readiness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) checks: BTreeMap<CheckName, Memory>,
    /// The last trial of each password, by signal and account.
    pub(super) tried: BTreeMap<(Signal, String), Timestamp>,
    /// Tenants (lower case) in which trials have stopped: since when, and the server's answer.
    pub(super) stopped: BTreeMap<String, (Timestamp, String)>,
    /// When the content of an imported file, by its SHA-256, was first seen.
    pub(super) imports: BTreeMap<String, Timestamp>,
    /// Tenants of `stopped` that are not saved yet.
    pub(super) unwritten: BTreeSet<String>,
    /// Start of the history. The deliberately wrong password may have been tried before.
    pub(super) born: Option<Timestamp>,
    /// No trial before this time, because earlier trials may be forgotten.
    pub(super) hold: Option<Timestamp>,
    /// While a journal is read: the number of planned checks at the last count.
    planned: usize,
}

/// One line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Entry {
    /// The first line: the format version.
    Journal {
        version: u32,
    },
    Check {
        mailbox: String,
        protocol: String,
        identity: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        since: Option<i64>,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        evidence: Vec<Written>,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        hours: Vec<(i64, u64, u64)>,
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        days: Vec<(i64, u64, u64)>,
    },
    Tried {
        signal: String,
        whom: String,
        at: i64,
    },
    Stopped {
        tenant: String,
        at: i64,
        note: String,
    },
    Import {
        sha256: String,
        at: i64,
    },
    Hold {
        until: i64,
    },
    /// The start of the history.
    Born {
        at: i64,
    },
}

/// Evidence in its stored form, with times in microseconds since 1970.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Written {
    signal: String,
    finding: String,
    at: i64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    until: Option<i64>,
    #[serde(skip_serializing_if = "String::is_empty", default)]
    note: String,
}

impl Contents {
    /// Applies an entry. False if it makes no sense.
    pub(super) fn take(&mut self, entry: Entry) -> bool {
        match entry {
            Entry::Journal { .. } => true,
            Entry::Check { mailbox, identity, .. } if mailbox.len().max(identity.len()) > NAME => false,
            Entry::Tried { whom: name, .. }
            | Entry::Stopped { tenant: name, .. }
            | Entry::Import { sha256: name, .. }
                if name.len() > NAME =>
            {
                false
            }
            Entry::Check { mailbox, protocol, identity, since, evidence, hours, days } => {
                let Some(protocol) = Protocol::from_label(&protocol) else { return false };
                let name = CheckName { mailbox: Arc::from(mailbox), protocol };
                let memory = self.checks.entry(name).or_default();
                if memory.identity != identity {
                    *memory = Memory::of(identity);
                }
                for written in evidence.iter().filter_map(Written::read) {
                    memory.evidence.insert(slot(&written), written);
                }
                let tally = &mut memory.tally;
                tally.since = since.and_then(moment).or(tally.since);
                tally.hours.extend(hours.into_iter().map(|(hour, s, f)| (hour, (s, f))));
                tally.days.extend(days.into_iter().map(|(day, s, f)| (day, (s, f))));
                for buckets in [&mut tally.hours, &mut tally.days] {
                    buckets.keep_last(BUCKETS);
                }
                true
            }
            Entry::Tried { signal, whom, at } => {
                let Some((signal, at)) = Signal::from_label(&signal).zip(moment(at)) else { return false };
                let key = (signal, whom);
                if self.tried.len() >= TRIED && !self.tried.contains_key(&key) {
                    return false;
                }
                let last = self.tried.entry(key).or_insert(at);
                *last = at.max(*last);
                true
            }
            Entry::Stopped { tenant, at, note } => {
                let Some(at) = moment(at) else { return false };
                if self.stopped.len() >= STOPPED {
                    return false;
                }
                self.stopped.entry(tenant.to_lowercase()).or_insert((at, cut(&note)));
                true
            }
            Entry::Import { sha256, at } => {
                let Some(at) = moment(at) else { return false };
                let first = self.imports.entry(sha256).or_insert(at);
                *first = at.min(*first);
                true
            }
            Entry::Hold { until } => {
                self.hold = self.hold.max(moment(until));
                true
            }
            Entry::Born { at } => {
                self.born = moment(at);
                true
            }
        }
    }

    /// Limits the memory that a journal can use: outside the plan, only the newest checks stay.
    pub(super) fn bound(&mut self, planned: &dyn Fn(&CheckName) -> bool) {
        // Not at every line, because sorting is expensive.
        if self.checks.len() > self.planned.saturating_add(2 * UNPLANNED) {
            let unplanned = self.checks.iter().filter(|(name, _)| !planned(name));
            let mut unplanned: Vec<_> =
                unplanned.map(|(name, memory)| (memory.last(), name.clone())).collect();
            self.planned = self.checks.len() - unplanned.len();
            unplanned.sort();
            unplanned.truncate(unplanned.len().saturating_sub(UNPLANNED));
            for (_, name) in unplanned {
                self.checks.remove(&name);
            }
        }
        if self.imports.len() > 2 * IMPORTS {
            self.bound_imports();
        }
    }

    fn bound_imports(&mut self) {
        let mut moments: Vec<Timestamp> = self.imports.values().copied().collect();
        moments.sort_unstable();
        let oldest_kept = moments.len().checked_sub(IMPORTS).and_then(|index| moments.get(index).copied());
        if let Some(oldest_kept) = oldest_kept {
            self.imports.retain(|_, at| *at >= oldest_kept);
        }
        while self.imports.len() > IMPORTS {
            self.imports.pop_first();
        }
    }

    /// Stops trials in a tenant. False if they had stopped already.
    pub(super) fn stop(&mut self, tenant: &str, at: Timestamp, note: &str) -> bool {
        let tenant = tenant.to_lowercase();
        if self.stopped.contains_key(&tenant) {
            return false;
        }
        self.unwritten.insert(tenant.clone());
        self.stopped.insert(tenant, (at, note.to_owned()));
        true
    }

    /// Whether trials have stopped in a tenant.
    pub(super) fn is_stopped(&self, tenant: &str) -> bool {
        self.stopped.contains_key(&tenant.to_lowercase())
    }

    /// Drops data that no rule uses, and enforces the limits on size.
    pub(super) fn forget(&mut self, now: Timestamp, planned: impl Fn(&CheckName) -> bool) {
        let old = |at: Timestamp, kept| now.duration_since(at) > kept;
        self.checks
            .retain(|name, memory| planned(name) || memory.last().is_some_and(|last| !old(last, KEPT)));
        self.tried.retain(|_, at| !old(*at, KEPT));
        self.imports.retain(|_, at| !old(*at, IMPORTS_KEPT));
        self.bound_imports();
        self.hold = self.hold.filter(|until| *until > now);
    }

    /// Entries for the complete state.
    pub(super) fn snapshot(&self) -> Vec<Entry> {
        let checks = self.checks.iter().map(|(name, memory)| {
            let mut all = memory.clone();
            all.mark_unsaved();
            check(name, &all)
        });
        let tried = self.tried.iter().map(|((signal, whom), at)| tried(*signal, whom, *at));
        let stopped = self.stopped.iter().map(|(tenant, (at, note))| stopped(tenant, *at, note));
        let imports = self.imports.iter().map(|(sha256, at)| import(sha256, *at));
        let hold = self.hold.iter().map(|until| Entry::Hold { until: until.as_microsecond() });
        let born = self.born.iter().map(|at| Entry::Born { at: at.as_microsecond() });
        born.chain(checks).chain(tried).chain(stopped).chain(imports).chain(hold).collect()
    }

    /// Entries for the changes since the last call.
    pub(super) fn changes(&mut self) -> Vec<Entry> {
        let unwritten = std::mem::take(&mut self.unwritten);
        let stops = unwritten.iter().filter_map(|tenant| {
            let (at, note) = self.stopped.get(tenant)?;
            Some(stopped(tenant, *at, note))
        });
        let dirty = self.checks.iter_mut().filter(|(_, memory)| memory.unsaved.is_some());
        dirty
            .map(|(name, memory)| {
                let entry = check(name, memory);
                memory.unsaved = None;
                entry
            })
            .chain(stops)
            .collect()
    }
}

fn check(name: &CheckName, memory: &Memory) -> Entry {
    let unsaved = memory.unsaved.as_deref();
    let count = |buckets: &Sorted<i64, Count>, bucket: &i64| {
        buckets.get(bucket).map(|(successes, failures)| (*bucket, *successes, *failures))
    };
    Entry::Check {
        mailbox: name.mailbox.to_string(),
        protocol: name.protocol.label().to_owned(),
        identity: memory.identity.clone(),
        since: memory.tally.since.map(Timestamp::as_microsecond),
        evidence: unsaved
            .into_iter()
            .flat_map(|unsaved| &unsaved.slots)
            .filter_map(|slot| memory.evidence.get(slot))
            .map(Written::of)
            .collect(),
        hours: unsaved
            .into_iter()
            .flat_map(|unsaved| &unsaved.hours)
            .filter_map(|hour| count(&memory.tally.hours, hour))
            .collect(),
        days: unsaved
            .into_iter()
            .flat_map(|unsaved| &unsaved.days)
            .filter_map(|day| count(&memory.tally.days, day))
            .collect(),
    }
}

/// An entry that announces a trial.
pub(super) fn tried(signal: Signal, whom: &str, at: Timestamp) -> Entry {
    Entry::Tried { signal: signal.label().to_owned(), whom: whom.to_owned(), at: at.as_microsecond() }
}

/// An entry that stops trials in a tenant.
fn stopped(tenant: &str, at: Timestamp, note: &str) -> Entry {
    Entry::Stopped { tenant: tenant.to_owned(), at: at.as_microsecond(), note: note.to_owned() }
}

/// An entry with the time when a file's content was first seen.
pub(super) fn import(sha256: &str, at: Timestamp) -> Entry {
    Entry::Import { sha256: sha256.to_owned(), at: at.as_microsecond() }
}

fn cut(note: &str) -> String {
    note.chars().take(NOTE).collect()
}

fn moment(microseconds: i64) -> Option<Timestamp> {
    Timestamp::from_microsecond(microseconds).ok()
}

impl Written {
    fn of(evidence: &Evidence) -> Self {
        Self {
            signal: evidence.signal.label().to_owned(),
            finding: evidence.finding.label().to_owned(),
            at: evidence.at.as_microsecond(),
            until: evidence.until.map(Timestamp::as_microsecond),
            note: evidence.note.clone(),
        }
    }

    fn read(&self) -> Option<Evidence> {
        Some(Evidence {
            at: moment(self.at)?,
            finding: Finding::from_label(&self.finding)?,
            signal: Signal::from_label(&self.signal)?,
            until: match self.until {
                Some(until) => Some(moment(until)?),
                None => None,
            },
            note: cut(&self.note),
        })
    }
}
