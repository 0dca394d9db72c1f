//! How mailboxes stand, and which of them a list shows, in which order.
//!
//! Not here: what a client asks for (`view`), and how a list is written.

use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::Mailbox;
use crate::report::CheckRecord;

use super::filter::Subject;
use super::view::{Sort, View};

/// The state of one check, or of one mailbox with all its checks. The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Failing,
    Waiting,
    Fine,
}

impl Standing {
    pub(super) fn of(record: &CheckRecord) -> Self {
        match &record.last {
            None => Self::Waiting,
            Some(last) if last.outcome.is_up() => Self::Fine,
            Some(_) => Self::Failing,
        }
    }

    /// The class on a page.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Waiting => "waiting",
            Self::Fine => "fine",
        }
    }

    /// The value of the filter `outcome`, as in the metrics' label if that has it.
    pub(super) const fn outcome(self) -> &'static str {
        match self {
            Self::Failing => "failure",
            Self::Waiting => "waiting",
            Self::Fine => "success",
        }
    }
}

/// One mailbox and its checks, by protocol.
#[derive(Clone, Copy)]
pub(super) struct Row<'f> {
    pub(super) mailbox: &'f Mailbox,
    /// That of its worst check.
    pub(super) standing: Standing,
    pub(super) checks: &'f [Arc<CheckRecord>],
}

/// The mailboxes by name, from checks in the order of their names.
pub(super) fn rows(checks: &[Arc<CheckRecord>]) -> Vec<Row<'_>> {
    let same = |a: &Arc<CheckRecord>, b: &Arc<CheckRecord>| a.check.mailbox.name == b.check.mailbox.name;
    let row = |checks| {
        let standing = checks_standing(checks)?;
        Some(Row { mailbox: &checks.first()?.check.mailbox, standing, checks })
    };
    checks.chunk_by(same).filter_map(row).collect()
}

fn checks_standing(checks: &[Arc<CheckRecord>]) -> Option<Standing> {
    checks.iter().map(|record| Standing::of(record)).min()
}

/// What filters see of a check.
pub(super) fn subject(record: &CheckRecord) -> Subject<'_> {
    let failure = record.last.as_ref().and_then(|last| last.outcome.failure());
    Subject {
        mailbox: &record.check.mailbox,
        protocol: record.check.protocol(),
        server: Some(&record.check.endpoint),
        outcome: Standing::of(record).outcome(),
        phase: failure.map(|failure| failure.phase),
        reason: failure.map(|failure| failure.cause.reason),
    }
}

/// The rows of which a check matches the view's filter, in its order; the worst first if it names none.
pub(super) fn select<'f>(mut rows: Vec<Row<'f>>, view: &View) -> Vec<Row<'f>> {
    rows.retain(|row| row.checks.iter().any(|record| view.filter.admits(&subject(record))));
    let (sort, descending) = view.sort.unwrap_or((Sort::Outcome, false));
    let order = |a: &Row<'_>, b: &Row<'_>| {
        let order = compare(sort, a, b);
        if descending { order.reverse() } else { order }
    };
    rows.sort_by(order);
    rows
}

fn compare(sort: Sort, a: &Row<'_>, b: &Row<'_>) -> Ordering {
    match sort {
        Sort::Outcome | Sort::State => a.standing.cmp(&b.standing),
        Sort::Name => a.mailbox.name.cmp(&b.mailbox.name),
        Sort::Provider => a.mailbox.provider.name.cmp(&b.mailbox.provider.name),
        Sort::Credential => a.mailbox.credential.name.cmp(&b.mailbox.credential.name),
        Sort::Since | Sort::Ends => since(a).cmp(&since(b)),
        Sort::Run => run(a).cmp(&run(b)),
        Sort::Duration => took(a).cmp(&took(b)),
    }
}

/// When the row entered its current state. A mailbox that was never probed comes last.
fn since(row: &Row<'_>) -> Timestamp {
    let alike = row.checks.iter().filter(|record| Standing::of(record) == row.standing);
    alike.filter_map(|record| record.outcome_since).min().unwrap_or(Timestamp::MAX)
}

fn run(row: &Row<'_>) -> Option<Timestamp> {
    row.checks.iter().filter_map(|record| Some(record.last.as_ref()?.started_at)).max()
}

fn took(row: &Row<'_>) -> Option<Duration> {
    row.checks.iter().filter_map(|record| Some(record.last.as_ref()?.duration)).max()
}

#[cfg(test)]
mod tests;
