//! The facts from imported files over time: a file that becomes unusable keeps its last facts, and a copy of a file is
//! not newer than the file.
//!
//! Not here: understanding files (`imports`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{CheckName, Evidence, Import, ImportReport, SourceReading};

/// The files of a plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Imported(Vec<ImportedFile>);

#[derive(Debug, Clone)]
struct ImportedFile {
    report: ImportReport,
    /// The last usable content; `None` if there was none yet.
    facts: Option<Arc<Import>>,
    /// The date of the facts.
    at: Timestamp,
}

impl Imported {
    /// Takes over the files of a plan. `first_seen` knows by content when a file was first written.
    pub(super) fn apply(&mut self, files: &[Arc<Import>], first_seen: &mut BTreeMap<String, Timestamp>) {
        let before = std::mem::take(&mut self.0);
        let taken = files.iter().map(|import| {
            let mut report = import.report.clone();
            let Some(written) = report.at else {
                let same = before.iter().find(|file| file.report.file == report.file);
                let (facts, at) =
                    same.map_or((None, Timestamp::UNIX_EPOCH), |file| (file.facts.clone(), file.at));
                return ImportedFile { report, facts, at };
            };
            let first = first_seen.entry(import.sha256.clone()).or_insert(written);
            *first = written.min(*first);
            report.at = Some(*first);
            ImportedFile { report, facts: Some(Arc::clone(import)), at: *first }
        });
        self.0 = taken.collect();
    }

    /// What the files say about a check.
    pub(super) fn of(&self, name: &CheckName) -> impl Iterator<Item = Evidence> {
        let of_file = |file: &ImportedFile| {
            let evidence = file.facts.iter().filter_map(|facts| facts.evidence.get(name)).flatten();
            evidence.map(|seen| Evidence { at: file.at, ..seen.clone() }).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_file).collect::<Vec<_>>().into_iter()
    }

    /// How each named source is doing, all its files together. A source without a file has given nothing.
    pub(super) fn readings(&self, names: &[String]) -> Vec<SourceReading> {
        let names: BTreeSet<&String> = names.iter().collect();
        let reading = |name: &String| {
            let given = self.0.iter().filter(|file| file.report.source == *name);
            let given = given.filter_map(|file| Some((file.facts.as_ref()?.report.taken, file.at)));
            let (rows, last_success) =
                given.fold((0, None), |(rows, last), (taken, at)| (rows + taken, last.max(Some(at))));
            SourceReading { name: name.clone(), rows, last_success, fault: None }
        };
        names.into_iter().map(reading).collect()
    }

    pub(super) fn reports(&self) -> impl Iterator<Item = &ImportReport> {
        self.0.iter().map(|file| &file.report)
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::model::{Finding, Protocol, Signal};

    fn name() -> CheckName {
        CheckName { mailbox: "desk".into(), protocol: Protocol::Smtp }
    }

    fn usable(written: Timestamp) -> Arc<Import> {
        let evidence = Evidence {
            at: written,
            finding: Finding::Used,
            signal: Signal::Usage,
            until: None,
            note: String::new(),
        };
        let report = ImportReport { file: "a.csv".to_owned(), at: Some(written), ..ImportReport::default() };
        Arc::new(Import { report, sha256: "x".to_owned(), evidence: [(name(), vec![evidence])].into() })
    }

    #[test]
    fn a_file_that_becomes_unusable_keeps_what_it_said() {
        let (now, mut first_seen) = (Timestamp::UNIX_EPOCH, BTreeMap::new());
        let mut imported = Imported::default();
        imported.apply(&[usable(now)], &mut first_seen);
        let report = ImportReport {
            file: "a.csv".to_owned(),
            fault: Some("cut off".to_owned()),
            ..ImportReport::default()
        };
        let unusable = Import { report, sha256: String::new(), evidence: BTreeMap::new() };
        imported.apply(&[Arc::new(unusable)], &mut first_seen);
        assert_eq!(imported.of(&name()).count(), 1);
        assert!(imported.reports().all(|report| report.fault.is_some()));
        imported.apply(&[], &mut first_seen);
        assert_eq!(imported.of(&name()).count(), 0, "the plan no longer names it");
    }

    #[test]
    fn a_source_counts_all_its_files_and_shows_when_it_has_none() {
        let mut first_seen = BTreeMap::new();
        let file = |name: &str, sha256: &str, taken, at| {
            let mut import = Import::clone(&usable(at));
            let (file, source) = (format!("{name}.csv"), "usage/*.csv".to_owned());
            import.report = ImportReport { file, source, taken, at: Some(at), ..ImportReport::default() };
            Arc::new(Import { sha256: sha256.to_owned(), ..import })
        };
        let (old, new) = (Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24));
        let mut imported = Imported::default();
        imported.apply(&[file("a", "x", 3, new), file("b", "y", 4, old)], &mut first_seen);
        let names = ["usage/*.csv", "switches/none*.csv"].map(str::to_owned);
        let readings = |imported: &Imported| -> Vec<_> {
            let readings = imported.readings(&names).into_iter();
            readings.map(|it| (it.name, it.rows, it.last_success)).collect()
        };
        let [usage, switches] = &names;
        let expected = [(switches.clone(), 0, None), (usage.clone(), 7, Some(new))];
        assert_eq!(readings(&imported), expected);
        imported.apply(&[], &mut first_seen);
        assert_eq!(readings(&imported)[1], (usage.clone(), 0, None), "the pattern finds nothing now");
    }

    #[test]
    fn a_copy_of_a_file_is_not_newer_than_the_file() {
        let (first, mut first_seen) = (Timestamp::UNIX_EPOCH, BTreeMap::new());
        let mut imported = Imported::default();
        imported.apply(&[usable(first)], &mut first_seen);
        imported.apply(&[usable(first + SignedDuration::from_hours(24))], &mut first_seen);
        assert!(imported.of(&name()).all(|seen| seen.at == first));
        assert!(imported.reports().all(|report| report.at == Some(first)));
    }
}
