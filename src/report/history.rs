//! The history of each check: its last observations, its counts, and its recent outcomes.
//!
//! Not here: metric names, pages, credentials.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Check, CheckName, Observation, Outcome, Phase, Plan, Reason};

use super::locked;
use super::past::Past;
use super::past_file::Kept;

/// The state of one check.
#[derive(Debug, Clone)]
pub struct CheckRecord {
    pub check: Arc<Check>,
    /// The interval in force, stretched or not.
    pub interval: Duration,
    /// The last observation; `None` before the first probe.
    pub last: Option<Arc<Observation>>,
    /// The last failed observation, kept through any number of successes.
    pub last_failure: Option<Arc<Observation>>,
    /// The last successful observation, kept through any number of failures.
    pub last_success: Option<Arc<Observation>>,
    /// The start of the probe at which success and failure last changed places; at first the first probe's. It may be
    /// of an earlier run of the program.
    pub outcome_since: Option<Timestamp>,
    /// What is remembered of earlier probes.
    pub past: Past,
    pub successes: u64,
    /// Failed probes by phase and reason.
    pub failures: BTreeMap<(Phase, Reason), u64>,
}

impl CheckRecord {
    fn new(check: Arc<Check>) -> Self {
        Self {
            interval: check.interval,
            check,
            last: None,
            last_failure: None,
            last_success: None,
            outcome_since: None,
            past: Past::default(),
            successes: 0,
            failures: BTreeMap::new(),
        }
    }

    /// Probes that failed.
    pub fn failed(&self) -> u64 {
        self.failures.values().sum()
    }

    /// The start of the first failed probe since the last success.
    pub fn failing_since(&self) -> Option<Timestamp> {
        self.outcome_since.filter(|_| self.last.as_ref().is_some_and(|last| !last.outcome.is_up()))
    }

    /// Adds an observation. True if its outcome differs from the last one of this run in any way.
    fn note(&mut self, observation: &Arc<Observation>) -> bool {
        // The newest may be of an earlier run.
        let worked = self.past.newest().map(|newest| newest.failure.is_none());
        if worked != Some(observation.outcome.is_up()) || self.outcome_since.is_none() {
            self.outcome_since = Some(observation.started_at);
        }
        let failure = why(&observation.outcome);
        match failure {
            None => {
                self.successes += 1;
                self.last_success = Some(Arc::clone(observation));
            }
            Some(why) => {
                *self.failures.entry(why).or_default() += 1;
                self.last_failure = Some(Arc::clone(observation));
            }
        }
        let before = self.last.replace(Arc::clone(observation));
        self.past.note(observation);
        before.is_none_or(|before| why(&before.outcome) != failure)
    }
}

/// The phase and reason of a failure.
fn why(outcome: &Outcome) -> Option<(Phase, Reason)> {
    outcome.failure().map(|failure| (failure.phase, failure.cause.reason))
}

/// What happened to an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Noted {
    /// The check is not in the plan.
    Unplanned,
    /// The check's first outcome, or another one than the last time.
    News,
    /// The same outcome, phase and reason as the last time.
    AsBefore,
}

type Records = BTreeMap<CheckName, Arc<Mutex<Arc<CheckRecord>>>>;

/// The records of all checks of a plan, each with its own lock.
///
/// A reader clones the `Arc` and releases the lock at once. A writer copies the record only if a reader
/// still holds it.
#[derive(Debug)]
pub(super) struct History {
    checks: Mutex<Arc<Records>>,
}

impl History {
    pub(super) fn new(plan: &Plan) -> Self {
        let history = Self { checks: Mutex::default() };
        history.apply(plan);
        history
    }

    /// Switches to a new plan. Records are matched by the check's name, so a check that is now probed
    /// differently keeps its history and counts.
    pub(super) fn apply(&self, plan: &Plan) {
        let mut checks = locked(&self.checks);
        let keep = |check: &Arc<Check>| {
            let name = check.name();
            let Some(record) = checks.get(&name) else {
                return (name, Arc::new(Mutex::new(Arc::new(CheckRecord::new(Arc::clone(check))))));
            };
            {
                let mut record = locked(record);
                let record = Arc::make_mut(&mut record);
                record.check = Arc::clone(check);
                record.interval = check.interval;
            }
            (name, Arc::clone(record))
        };
        let next: Records = plan.checks.iter().map(keep).collect();
        *checks = Arc::new(next);
    }

    /// Records an observation.
    pub(super) fn note(&self, name: &CheckName, observation: &Arc<Observation>) -> Noted {
        match self.change(name, |record| record.note(observation)) {
            None => Noted::Unplanned,
            Some(true) => Noted::News,
            Some(false) => Noted::AsBefore,
        }
    }

    pub(super) fn interval_in_force(&self, name: &CheckName, interval: Duration) {
        self.change(name, |record| record.interval = interval);
    }

    /// A copy of all records, ordered by name.
    pub(super) fn records(&self) -> Vec<Arc<CheckRecord>> {
        self.now().values().map(|record| Arc::clone(&locked(record))).collect()
    }

    pub(super) fn record(&self, name: &CheckName) -> Option<Arc<CheckRecord>> {
        self.now().get(name).map(|record| Arc::clone(&locked(record)))
    }

    /// The mailbox names in order; a name appears once per check.
    pub(super) fn names(&self) -> Vec<Arc<str>> {
        self.now().keys().map(|name| Arc::clone(&name.mailbox)).collect()
    }

    /// The past of every check that has one.
    pub(super) fn kept(&self) -> Vec<Kept> {
        let records = self.records();
        let kept = |record: &Arc<CheckRecord>| Kept {
            name: record.check.name(),
            since: record.outcome_since,
            past: record.past.clone(),
        };
        records.iter().filter(|record| !record.past.is_empty()).map(kept).collect()
    }

    /// Whether a check is in the plan.
    pub(super) fn planned(&self) -> impl Fn(&CheckName) -> bool + Send + 'static + use<> {
        let names: HashSet<CheckName> = self.now().keys().cloned().collect();
        move |name| names.contains(name)
    }

    /// Takes over the past of checks that have none yet.
    pub(super) fn restore(&self, kept: Vec<Kept>) {
        for Kept { name, since, past } in kept {
            self.change(&name, |record| {
                if record.past.is_empty() {
                    (record.outcome_since, record.past) = (since, past);
                }
            });
        }
    }

    fn now(&self) -> Arc<Records> {
        Arc::clone(&locked(&self.checks))
    }

    /// `None` if the check is not in the plan.
    fn change<T>(&self, name: &CheckName, change: impl FnOnce(&mut CheckRecord) -> T) -> Option<T> {
        let checks = self.now();
        let record = checks.get(name)?;
        Some(change(Arc::make_mut(&mut locked(record))))
    }
}
