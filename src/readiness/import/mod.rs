//! Imported facts: who still uses passwords, and how the switches are set, from CSV files that people export.
//!
//! Owns the reading of the files and the report of what was taken and what was not. A line is taken whole or
//! not at all, and a file that makes no sense as a whole gives nothing. What columns mean is in `usage`, `signins`
//! and `switches`; nobody is called unused of whom a line could not be understood.

mod doubt;
mod kind;
mod login;
#[cfg(test)]
mod restraint;
mod signins;
mod switches;
mod table;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::files;
use crate::model::{CheckName, Evidence, Finding, ImportReport, Mailbox, Plan, Protocol, Signal};

use self::doubt::Doubt;
use self::table::Table;

/// The largest file that is read, in bytes: a hundred thousand mailboxes take a fifth of it.
const LARGEST: u64 = 32 * 1024 * 1024;
/// How many refused lines are named; all are counted.
const NAMED: usize = 100;
/// How many of those who are no mailbox here are named, and how much of each, in characters.
const EXAMPLES: usize = 5;
const EXAMPLE: usize = 64;

/// What a file says of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Said {
    file: Arc<str>,
    pub(super) evidence: Evidence,
}

/// What the files of a plan say.
#[derive(Debug, Clone, Default)]
pub(super) struct Imported {
    said: BTreeMap<CheckName, Vec<Said>>,
    pub(super) reports: Vec<ImportReport>,
    /// Files that could not be used.
    faulty: BTreeSet<Arc<str>>,
}

/// A fact of one line: about a mailbox by whichever name the file has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fact {
    line: usize,
    whom: String,
    /// In lower case; `None`: of whichever tenant.
    tenant: Option<String>,
    /// `None`: every protocol.
    protocol: Option<Protocol>,
    finding: Finding,
    until: Option<Timestamp>,
    note: &'static str,
}

/// What one file's lines say.
#[derive(Debug, Default)]
struct Reading {
    facts: Vec<Fact>,
    refused: Vec<(usize, String)>,
    /// Lines that are in order and say nothing about passwords by the protocols of a mailbox.
    irrelevant: usize,
}

/// What became of the files that a plan names; for whoever wants to know before they are used.
pub fn inspect(plan: &Plan) -> Vec<ImportReport> {
    import(plan, |_, modified| modified).reports
}

/// Reads the files of a plan. `dated` is given the hash of a file's content and when the file was last
/// written, and says of when its facts are: a copy is not newer than what was copied.
pub(super) fn import(plan: &Plan, mut dated: impl FnMut(&str, Timestamp) -> Timestamp) -> Imported {
    type Understand = fn(&Table, &Plan) -> Result<Reading, String>;
    let policy = &plan.policy;
    let usage = policy.usage.iter().map(|path| (path, Signal::Usage, usage::read as Understand));
    let switches = policy.switches.iter().map(|path| (path, Signal::Switch, switches::read as Understand));
    let mailboxes = by_name(plan);
    let mut imported = Imported::default();
    for (path, signal, understand) in usage.chain(switches) {
        let file: Arc<str> = path.display().to_string().into();
        let mut report = ImportReport { file: file.to_string(), ..ImportReport::default() };
        match open(path).and_then(|(bytes, modified)| {
            let table = Table::of(&bytes)?;
            let mut reading = understand(&table, plan)?;
            Doubt::of(&table, &reading).withhold(&mut reading);
            let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            Ok((reading, table.refused, dated(&hash, modified)))
        }) {
            Err(fault) => {
                report.fault = Some(fault);
                imported.faulty.insert(file);
            }
            Ok((reading, unreadable, at)) => {
                report.at = Some(at);
                report.irrelevant = reading.irrelevant;
                imported.take(&mailboxes, &file, signal, &reading.facts, &mut report);
                let mut refused = [reading.refused, unreadable].concat();
                refused.sort();
                report.refused_count = refused.len();
                refused.truncate(NAMED);
                report.refused = refused;
            }
        }
        imported.reports.push(report);
    }
    imported
}

/// The mailboxes by every name that a file may have for them, in lower case.
fn by_name(plan: &Plan) -> BTreeMap<String, Vec<&Mailbox>> {
    let mut by_name: BTreeMap<String, Vec<&Mailbox>> = BTreeMap::new();
    for mailbox in &plan.mailboxes {
        let names = [&*mailbox.name, &*mailbox.address, &*mailbox.username].map(str::to_lowercase);
        for name in BTreeSet::from(names) {
            by_name.entry(name).or_default().push(mailbox);
        }
    }
    by_name
}

fn open(path: &Path) -> Result<(Vec<u8>, Timestamp), String> {
    let content = files::content(path, LARGEST).map_err(|fault| fault.to_string())?;
    let modified = content.about.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    Ok((content.bytes, modified.unwrap_or(Timestamp::UNIX_EPOCH)))
}

impl Imported {
    /// What the files say of a check.
    pub(super) fn of(&self, name: &CheckName) -> impl Iterator<Item = &Evidence> {
        self.said.get(name).into_iter().flatten().map(|said| &said.evidence)
    }

    /// A file that cannot be used now goes on saying what it said.
    pub(super) fn keep(&mut self, before: &Self) {
        for (name, said) in &before.said {
            let kept: Vec<Said> =
                said.iter().filter(|said| self.faulty.contains(&said.file)).cloned().collect();
            if !kept.is_empty() {
                self.said.entry(name.clone()).or_default().extend(kept);
            }
        }
    }

    /// Finds the checks that facts are about.
    fn take(
        &mut self,
        by_name: &BTreeMap<String, Vec<&Mailbox>>,
        file: &Arc<str>,
        signal: Signal,
        facts: &[Fact],
        report: &mut ImportReport,
    ) {
        let at = report.at.unwrap_or(Timestamp::UNIX_EPOCH);
        let (mut known, mut strangers) = (HashSet::new(), BTreeMap::new());
        // What was said already is not kept again: a file may name one mailbox a hundred thousand times.
        let mut said = HashSet::new();
        for fact in facts {
            let of_tenant = |mailbox: &&&Mailbox| {
                let tenant = mailbox.credential.tenant().unwrap_or_default();
                fact.tenant.as_ref().is_none_or(|wanted| tenant.eq_ignore_ascii_case(wanted))
            };
            let mailboxes = by_name.get(&fact.whom).into_iter().flatten().filter(of_tenant);
            let mut any = false;
            for mailbox in mailboxes {
                any = true;
                for protocol in fact.protocol.map_or(Protocol::ALL.to_vec(), |protocol| vec![protocol]) {
                    let name = CheckName { mailbox: mailbox.name.clone(), protocol };
                    if !said.insert((name.clone(), fact.finding, fact.until)) {
                        continue;
                    }
                    let note = format!("{file} line {}{}", fact.line, fact.note);
                    let (finding, until) = (fact.finding, fact.until);
                    let evidence = Evidence { at, finding, signal, until, note };
                    self.said.entry(name).or_default().push(Said { file: Arc::clone(file), evidence });
                }
            }
            if any {
                known.insert(fact.line);
            } else {
                strangers.entry(fact.line).or_insert(&fact.whom);
            }
        }
        strangers.retain(|line, _| !known.contains(line));
        report.taken = known.len();
        report.strangers = strangers.len();
        let named: BTreeSet<&String> = strangers.into_values().collect();
        report.stranger_examples = named.into_iter().take(EXAMPLES).map(|whom| example(whom)).collect();
    }
}

/// A name as others wrote it, fit to be shown: bounded, and nothing in it acts on its reader.
fn example(whom: &str) -> String {
    let safe = |c: char| if c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ' { c } else { '\u{fffd}' };
    let mut text: String = whom.chars().take(EXAMPLE).map(safe).collect();
    if whom.chars().nth(EXAMPLE).is_some() {
        text.push('…');
    }
    text
}

/// Whom a line is about, in lower case.
fn whom(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("names no mailbox".to_owned());
    }
    Ok(text.to_lowercase())
}
