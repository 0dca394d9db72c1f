//! Imported facts: who still uses passwords, and how the switches are set, from CSV files that people export.
//!
//! Owns the reading of the files and the report of what was taken and what was not. A line is taken whole or
//! not at all, and a file that makes no sense as a whole gives nothing. What columns mean is in `usage` and
//! `switches`.

mod switches;
mod table;
#[cfg(test)]
mod tests;
mod usage;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::model::{CheckName, Evidence, Finding, ImportReport, Mailbox, Plan, Protocol, Signal};

use self::table::Table;

/// The largest file that is read, in bytes: a hundred thousand mailboxes take a fifth of it.
const LARGEST: u64 = 32 * 1024 * 1024;
/// How many refused lines are named; all are counted.
const NAMED: usize = 100;

/// What the files of a plan say.
#[derive(Debug, Clone, Default)]
pub(super) struct Imported {
    pub(super) evidence: BTreeMap<CheckName, Vec<Evidence>>,
    pub(super) reports: Vec<ImportReport>,
    /// Whose file could not be used.
    pub(super) faulty: Vec<Signal>,
}

/// A fact of one line: about a mailbox by whichever name the file has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fact {
    line: usize,
    whom: String,
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
    let files: [(&Option<_>, Signal, Understand); 2] =
        [(&policy.usage, Signal::Usage, usage::read), (&policy.switches, Signal::Switch, switches::read)];
    let mut imported = Imported::default();
    for (path, signal, understand) in files {
        let Some(path) = path else { continue };
        let mut report = ImportReport { file: path.display().to_string(), ..ImportReport::default() };
        match open(path).and_then(|(bytes, modified)| {
            let table = Table::of(&bytes)?;
            let reading = understand(&table, plan)?;
            let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
            Ok((reading, table.refused, dated(&hash, modified)))
        }) {
            Err(fault) => {
                report.fault = Some(fault);
                imported.faulty.push(signal);
            }
            Ok((reading, unreadable, at)) => {
                report.at = Some(at);
                imported.take(plan, signal, &reading.facts, at, &mut report);
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

fn open(path: &Path) -> Result<(Vec<u8>, Timestamp), String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err("is no file".to_owned());
    }
    let modified = about.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(format!("is larger than {} MiB", LARGEST / (1024 * 1024)));
    }
    Ok((bytes, modified.unwrap_or(Timestamp::UNIX_EPOCH)))
}

impl Imported {
    /// Finds the checks that facts are about.
    fn take(
        &mut self,
        plan: &Plan,
        signal: Signal,
        facts: &[Fact],
        at: Timestamp,
        report: &mut ImportReport,
    ) {
        let mut lines: Vec<usize> = facts.iter().map(|fact| fact.line).collect();
        let mut by_name: BTreeMap<String, Vec<&Mailbox>> = BTreeMap::new();
        for mailbox in &plan.mailboxes {
            let mut names = vec![
                mailbox.name.to_lowercase(),
                mailbox.address.to_lowercase(),
                mailbox.username.to_lowercase(),
            ];
            names.sort();
            names.dedup();
            for name in names {
                by_name.entry(name).or_default().push(mailbox);
            }
        }
        for fact in facts {
            let Some(mailboxes) = by_name.get(&fact.whom) else { continue };
            lines.retain(|line| *line != fact.line);
            for mailbox in mailboxes {
                for protocol in fact.protocol.map_or(Protocol::ALL.to_vec(), |protocol| vec![protocol]) {
                    let name = CheckName { mailbox: mailbox.name.clone(), protocol };
                    let note = format!("{} line {}{}", report.file, fact.line, fact.note);
                    let (finding, until) = (fact.finding, fact.until);
                    self.evidence.entry(name).or_default().push(Evidence {
                        at,
                        finding,
                        signal,
                        until,
                        note,
                    });
                }
            }
        }
        let count = |lines: &[usize]| {
            let mut lines = lines.to_vec();
            lines.sort_unstable();
            lines.dedup();
            lines.len()
        };
        report.strangers = count(&lines);
        report.taken = count(&facts.iter().map(|fact| fact.line).collect::<Vec<_>>()) - report.strangers;
    }
}
