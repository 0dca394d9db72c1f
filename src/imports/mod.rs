//! Imported facts: who still uses passwords, and how the switches are set, from CSV files that people export.
//!
//! Owns what the text of a file means, and the report of what was taken and what was not. A line is taken whole or
//! not at all, and a file that makes no sense as a whole gives nothing. `usage`, `signins` and `switches` know the
//! meaning of columns. A mailbox counts as unused only if every line of the file was understood.
//! Not here: reading files (`config`), and how long a fact is believed (`readiness`).

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

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::model::{CheckName, Evidence, Finding, Import, ImportReport, Mailbox, Plan, Protocol, Signal};
use crate::safe;

use self::doubt::Doubt;
use self::table::Table;

/// How many refused lines are named; all are counted.
const NAMED: usize = 100;
/// How many of the unknown mailboxes are named, and how much of each, in characters.
const EXAMPLES: usize = 5;
const EXAMPLE: usize = 64;

/// What a file is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Who still uses passwords.
    Usage,
    /// How the switches for passwords are set.
    Switches,
}

impl Topic {
    /// The key of the configuration.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Switches => "switches",
        }
    }

    const fn signal(self) -> Signal {
        match self {
            Self::Usage => Signal::Usage,
            Self::Switches => Signal::Switch,
        }
    }
}

/// The content of a file, and when it was last written.
pub type Content = (Vec<u8>, Timestamp);

/// A fact of one line, about a mailbox by the name that the file has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fact {
    line: usize,
    /// The name of the mailbox, in lower case.
    mailbox: String,
    /// In lower case; `None`: any tenant.
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

/// Understands one file. `content` is its text, or why it could not be read.
pub fn understand(path: &Path, topic: Topic, content: &Result<Content, String>, plan: &Plan) -> Import {
    let mut report = ImportReport { file: path.display().to_string(), ..ImportReport::default() };
    let content = content.as_ref().map_err(Clone::clone);
    match content.and_then(|(bytes, written)| Ok((facts(bytes, topic, plan)?, sha256(bytes), *written))) {
        Err(fault) => {
            report.fault = Some(fault);
            Import { report, sha256: String::new(), evidence: BTreeMap::new() }
        }
        Ok((reading, sha256, written)) => {
            report.at = Some(written);
            report.irrelevant = reading.irrelevant;
            let evidence = assign(&reading.facts, topic, plan, &mut report);
            let mut refused = reading.refused;
            refused.sort();
            report.refused_count = refused.len();
            refused.truncate(NAMED);
            report.refused = refused;
            Import { report, sha256, evidence }
        }
    }
}

fn facts(bytes: &[u8], topic: Topic, plan: &Plan) -> Result<Reading, String> {
    let table = Table::of(bytes)?;
    let mut reading = match topic {
        Topic::Usage => usage::read(&table, plan)?,
        Topic::Switches => switches::read(&table, plan)?,
    };
    Doubt::of(&table, &reading).withhold(&mut reading);
    reading.refused.extend(table.refused);
    Ok(reading)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Assigns facts to the checks that they are about, and counts in the report what was taken.
fn assign(
    facts: &[Fact],
    topic: Topic,
    plan: &Plan,
    report: &mut ImportReport,
) -> BTreeMap<CheckName, Vec<Evidence>> {
    let (by_name, at) = (by_name(plan), report.at.unwrap_or(Timestamp::UNIX_EPOCH));
    let mut evidence: BTreeMap<CheckName, Vec<Evidence>> = BTreeMap::new();
    let (mut known, mut unknown) = (HashSet::new(), BTreeMap::new());
    // Repetitions are dropped: a file may name one mailbox a hundred thousand times.
    let mut taken = HashSet::new();
    for fact in facts {
        let of_tenant = |mailbox: &&&Mailbox| {
            let tenant = mailbox.credential.tenant().unwrap_or_default();
            fact.tenant.as_ref().is_none_or(|wanted| tenant.eq_ignore_ascii_case(wanted))
        };
        let mailboxes = by_name.get(&fact.mailbox).into_iter().flatten().filter(of_tenant);
        let mut any = false;
        for mailbox in mailboxes {
            any = true;
            for protocol in
                fact.protocol.map_or_else(|| Protocol::of_mail().collect(), |protocol| vec![protocol])
            {
                let name = CheckName { mailbox: mailbox.name.clone(), protocol };
                if !taken.insert((name.clone(), fact.finding, fact.until)) {
                    continue;
                }
                let note = format!("{} line {}{}", report.file, fact.line, fact.note);
                let (finding, until, signal) = (fact.finding, fact.until, topic.signal());
                evidence.entry(name).or_default().push(Evidence { at, finding, signal, until, note });
            }
        }
        if any {
            known.insert(fact.line);
        } else {
            unknown.entry(fact.line).or_insert(&fact.mailbox);
        }
    }
    unknown.retain(|line, _| !known.contains(line));
    report.taken = known.len();
    report.unknown = unknown.len();
    let names: BTreeSet<&String> = unknown.into_values().collect();
    report.unknown_examples = names.into_iter().take(EXAMPLES).map(|name| example(name)).collect();
    evidence
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

/// A name from a file, bounded and safe to display.
pub fn example(name: &str) -> String {
    let shown = |c: char| (c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ') && !safe::acts(c);
    let safe = |c: char| if shown(c) { c } else { '\u{fffd}' };
    let mut text: String = name.chars().take(EXAMPLE).map(safe).collect();
    if name.chars().nth(EXAMPLE).is_some() {
        text.push('…');
    }
    text
}

/// The mailbox that a line names, in lower case.
fn named(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err("names no mailbox".to_owned());
    }
    Ok(text.to_lowercase())
}
