//! What directories say about sign-ins, and how their readings go.
//!
//! A sign-in may have been by a password or by a token, so its mailbox counts as seen. The absence of a sign-in proves
//! nothing: no reading makes a mailbox unused. A sign-in is remembered with the other evidence of a check, so that a
//! restart does not call a mailbox unused until the log has been read again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use super::memory::Memory;
use crate::imports::example;
use crate::model::{
    Check, CheckName, Directory, Evidence, Feed, FeedReading, Finding, ImportReport, Mailbox, Protocol,
    Signal, SourceReading,
};

/// How many users without a mailbox are named.
const EXAMPLES: usize = 5;

/// The feeds of a plan, by their source.
#[derive(Debug, Default)]
pub(super) struct Directories(BTreeMap<String, State>);

#[derive(Debug)]
struct State {
    directory: Arc<Directory>,
    feed: Feed,
    /// The last complete reading.
    last: Option<FeedReading>,
    /// Why a later one failed, or what the last one could not read.
    fault: Option<String>,
    /// Users who are no configured mailbox, or none with that protocol.
    unknown: Vec<String>,
}

impl State {
    fn new(directory: &Arc<Directory>, feed: Feed) -> Self {
        Self { directory: Arc::clone(directory), feed, last: None, fault: None, unknown: Vec::new() }
    }

    fn find_unknown<'c>(&mut self, checks: impl Iterator<Item = &'c Arc<Check>>) {
        let Some(last) = &self.last else { return };
        let known: BTreeSet<String> = checks.flat_map(|check| names(&check.mailbox)).collect();
        let seen: BTreeSet<&String> = last.sightings.keys().map(|(user, _)| user).collect();
        self.unknown = seen.into_iter().filter(|user| !known.contains(*user)).cloned().collect();
    }
}

impl Directories {
    /// Switches to a new plan. What a directory has said stays while it is opened in the same way. Returns whether
    /// what is remembered of sign-ins still rests on a directory of the plan.
    pub(super) fn apply<'c>(
        &mut self,
        directories: &[Arc<Directory>],
        checks: &(impl Iterator<Item = &'c Arc<Check>> + Clone),
    ) -> bool {
        let is_log = |state: &State| state.feed == Feed::SignIns;
        let mut before = std::mem::take(&mut self.0);
        let mut lost = false;
        for directory in directories {
            for feed in &directory.feeds {
                let source = directory.source(*feed);
                let mut state = match before.remove(&source) {
                    Some(state) if state.directory.is_opened_like(directory) => state,
                    other => {
                        lost |= other.as_ref().is_some_and(is_log);
                        State::new(directory, *feed)
                    }
                };
                state.find_unknown(checks.clone());
                self.0.insert(source, state);
            }
        }
        lost |= before.values().any(is_log);
        !lost && self.0.values().any(is_log)
    }

    pub(super) fn note<'c>(
        &mut self,
        source: &str,
        outcome: Result<FeedReading, String>,
        checks: impl Iterator<Item = &'c Arc<Check>>,
    ) {
        // A directory that left the plan has nothing to say.
        let Some(state) = self.0.get_mut(source) else { return };
        match outcome {
            Ok(reading) => {
                state.fault.clone_from(&reading.remark);
                state.last = Some(reading);
                state.find_unknown(checks);
            }
            Err(fault) => state.fault = Some(fault),
        }
    }

    /// Notes in the memory of every check what the directories say about it.
    pub(super) fn remember(
        &self,
        checks: &BTreeMap<CheckName, Arc<Check>>,
        memories: &mut BTreeMap<CheckName, Memory>,
        now: Timestamp,
    ) {
        for (name, check) in checks {
            for seen in self.of(check) {
                memories.entry(name.clone()).or_default().note(seen, now);
            }
        }
    }

    fn of(&self, check: &Check) -> impl Iterator<Item = Evidence> {
        let read = self.0.iter().filter_map(|(source, state)| Some((source, state.last.as_ref()?)));
        let mut read = read.filter(|(_, last)| !last.sightings.is_empty()).peekable();
        let (names, protocol) = (read.peek().map(|_| names(&check.mailbox)), check.protocol());
        read.filter_map(move |(source, last)| sighting(source, last, names.as_ref()?, protocol))
    }

    pub(super) fn readings(&self) -> impl Iterator<Item = SourceReading> {
        self.0.iter().map(|(name, state)| SourceReading {
            name: name.clone(),
            rows: state.last.as_ref().map_or(0, |last| last.rows),
            last_success: state.last.as_ref().map(|last| last.at),
            fault: state.fault.clone(),
        })
    }

    /// The sign-in logs in the form of imported files.
    pub(super) fn reports(&self) -> impl Iterator<Item = ImportReport> {
        let read = self.0.iter().filter(|(_, state)| state.feed == Feed::SignIns);
        read.filter_map(|(source, state)| {
            let last = state.last.as_ref()?;
            Some(ImportReport {
                file: source.clone(),
                source: source.clone(),
                at: Some(last.at),
                taken: last.rows,
                refused: Vec::new(),
                refused_count: last.unclear,
                unknown: state.unknown.len(),
                unknown_examples: state.unknown.iter().take(EXAMPLES).map(|user| example(user)).collect(),
                irrelevant: last.irrelevant,
                fault: None,
            })
        })
    }
}

/// The names that the log may have for a mailbox, in lower case.
fn names(mailbox: &Mailbox) -> [String; 3] {
    [&*mailbox.name, &*mailbox.address, &*mailbox.username].map(str::to_lowercase)
}

fn sighting(source: &str, last: &FeedReading, names: &[String; 3], protocol: Protocol) -> Option<Evidence> {
    let seen = names.iter().filter_map(|name| last.sightings.get(&(name.clone(), protocol)));
    let app = protocol.mail()?.client_app;
    Some(Evidence {
        at: *seen.max()?,
        finding: Finding::SignedIn,
        signal: Signal::Usage,
        until: None,
        note: format!("{source}: signed in by {app}; the log does not say with what"),
    })
}
