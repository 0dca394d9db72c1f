//! Everything that survives a restart, and the entries in which it is written down.
//!
//! An entry replaces what it names, so that reading a journal twice or with a piece missing does no harm.
//! Not here: files (`store`), and what anything means.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::{CheckName, Evidence, Finding, Protocol, Signal};

use super::memory::{Memory, slot};
use super::tally::Count;

/// What no rule looks at any more is forgotten: nothing is believed for longer but imports and a tenant's stop.
const KEPT: SignedDuration = SignedDuration::from_hours(8 * 24);
/// The moment at which a file's content was first seen: longer than any import is believed.
const IMPORTS_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// More files than these were never imported by one installation.
const IMPORTS: usize = 256;
/// Checks that are remembered though they are not in the plan.
const STRANGERS: usize = 10_000;
/// Accounts of which a password's last try is remembered, and tenants in which none is tried.
const TRIED: usize = 200_000;
const STOPPED: usize = 10_000;
/// The longest name, in bytes, and the longest note, in characters.
const NAME: usize = 1024;
const NOTE: usize = 240;
/// Hours or days of one check's tally while a journal is read; what no rule looks at goes afterwards.
const BUCKETS: usize = 256;

/// The memory of the program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) checks: BTreeMap<CheckName, Memory>,
    /// When a password was last tried: by signal and by whose it is.
    pub(super) tried: BTreeMap<(Signal, String), Timestamp>,
    /// Tenants, in lower case, in which no password is tried any more, since when, and what was said.
    pub(super) stopped: BTreeMap<String, (Timestamp, String)>,
    /// When the content of an imported file, by its SHA-256, was first seen.
    pub(super) imports: BTreeMap<String, Timestamp>,
    /// Tenants of `stopped` that the store does not know yet.
    pub(super) unwritten: BTreeSet<String>,
    /// Since when there is a memory: the deliberate wrong password may have been tried before.
    pub(super) born: Option<Timestamp>,
    /// Until then no password is tried, because what was tried before may have been forgotten.
    pub(super) hold: Option<Timestamp>,
    /// While a journal is read: how many of its checks were in the plan when they were last counted.
    planned: usize,
}

/// One line of the journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Entry {
    /// The first line.
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
    /// When the journal was begun.
    Born {
        at: i64,
    },
}

/// Evidence as it is written: times in microseconds since 1970.
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
    /// Takes an entry in; false where it makes no sense.
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
                    while buckets.len() > BUCKETS {
                        buckets.pop_first();
                    }
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

    /// Keeps what a journal may fill memory with within bounds: of what is not planned the newest.
    pub(super) fn bound(&mut self, planned: &dyn Fn(&CheckName) -> bool) {
        // Not at every line: sorting is dear.
        if self.checks.len() > self.planned.saturating_add(2 * STRANGERS) {
            let strangers = self.checks.iter().filter(|(name, _)| !planned(name));
            let mut strangers: Vec<_> =
                strangers.map(|(name, memory)| (memory.last(), name.clone())).collect();
            self.planned = self.checks.len() - strangers.len();
            strangers.sort();
            strangers.truncate(strangers.len().saturating_sub(STRANGERS));
            for (_, name) in strangers {
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

    /// No password is tried in a tenant any more; false where that was known.
    pub(super) fn stop(&mut self, tenant: &str, at: Timestamp, note: &str) -> bool {
        let tenant = tenant.to_lowercase();
        if self.stopped.contains_key(&tenant) {
            return false;
        }
        self.unwritten.insert(tenant.clone());
        self.stopped.insert(tenant, (at, note.to_owned()));
        true
    }

    /// Whether no password is tried in a tenant any more.
    pub(super) fn is_stopped(&self, tenant: &str) -> bool {
        self.stopped.contains_key(&tenant.to_lowercase())
    }

    /// Forgets what no rule looks at any more, and bounds what the world could make long.
    pub(super) fn forget(&mut self, now: Timestamp, planned: impl Fn(&CheckName) -> bool) {
        let old = |at: Timestamp, kept| now.duration_since(at) > kept;
        self.checks
            .retain(|name, memory| planned(name) || memory.last().is_some_and(|last| !old(last, KEPT)));
        self.tried.retain(|_, at| !old(*at, KEPT));
        self.imports.retain(|_, at| !old(*at, IMPORTS_KEPT));
        self.bound_imports();
        self.hold = self.hold.filter(|until| *until > now);
    }

    /// All of it.
    pub(super) fn snapshot(&self) -> Vec<Entry> {
        let checks = self.checks.iter().map(|(name, memory)| {
            let mut all = memory.clone();
            all.soil();
            check(name, &all)
        });
        let tried = self.tried.iter().map(|((signal, whom), at)| tried(*signal, whom, *at));
        let stopped = self.stopped.iter().map(|(tenant, (at, note))| stopped(tenant, *at, note));
        let imports = self.imports.iter().map(|(sha256, at)| import(sha256, *at));
        let hold = self.hold.iter().map(|until| Entry::Hold { until: until.as_microsecond() });
        let born = self.born.iter().map(|at| Entry::Born { at: at.as_microsecond() });
        born.chain(checks).chain(tried).chain(stopped).chain(imports).chain(hold).collect()
    }

    /// What has changed since this was last asked.
    pub(super) fn changes(&mut self) -> Vec<Entry> {
        let unwritten = std::mem::take(&mut self.unwritten);
        let stops = unwritten.iter().filter_map(|tenant| {
            let (at, note) = self.stopped.get(tenant)?;
            Some(stopped(tenant, *at, note))
        });
        let dirty = self.checks.iter_mut().filter(|(_, memory)| !memory.dirt.is_empty());
        dirty
            .map(|(name, memory)| {
                let entry = check(name, memory);
                memory.dirt = super::memory::Dirt::default();
                entry
            })
            .chain(stops)
            .collect()
    }
}

fn check(name: &CheckName, memory: &Memory) -> Entry {
    let dirt = &memory.dirt;
    let count = |buckets: &BTreeMap<i64, Count>, bucket: &i64| {
        buckets.get(bucket).map(|(successes, failures)| (*bucket, *successes, *failures))
    };
    Entry::Check {
        mailbox: name.mailbox.to_string(),
        protocol: name.protocol.label().to_owned(),
        identity: memory.identity.clone(),
        since: memory.tally.since.map(Timestamp::as_microsecond),
        evidence: dirt.slots.iter().filter_map(|slot| memory.evidence.get(slot)).map(Written::of).collect(),
        hours: dirt.hours.iter().filter_map(|hour| count(&memory.tally.hours, hour)).collect(),
        days: dirt.days.iter().filter_map(|day| count(&memory.tally.days, day)).collect(),
    }
}

/// That a password is about to be tried.
pub(super) fn tried(signal: Signal, whom: &str, at: Timestamp) -> Entry {
    Entry::Tried { signal: signal.label().to_owned(), whom: whom.to_owned(), at: at.as_microsecond() }
}

/// That no password is tried in a tenant any more.
fn stopped(tenant: &str, at: Timestamp, note: &str) -> Entry {
    Entry::Stopped { tenant: tenant.to_owned(), at: at.as_microsecond(), note: note.to_owned() }
}

/// When the content of a file was first seen.
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
