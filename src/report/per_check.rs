//! The metrics of checks and mailboxes, computed at scrape time from the last observations. Nothing becomes
//! stale, and nothing has to be removed when a mailbox leaves the plan.
//!
//! Not here: counting. The counts are in the records.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Goal, Mailbox, Observation, Patience, Plan, Protocol, Reason, Unread};

use super::exposition::{Page, Series, seconds, timestamp};
use super::families::{self, Family};
use super::history::CheckRecord;

/// Writes the series of one check in one family.
type Rule = fn(&CheckRecord, &mut Series<'_, '_>) -> io::Result<()>;

/// Every family with a series per check.
const RULES: &[(Family, Rule)] = &[
    (families::PROBE_SUCCESS, |record, series| {
        let success = |last: &Observation| f64::from(u8::from(last.outcome.is_up()));
        of_last(record, series, success)
    }),
    (families::PROBE_DURATION, |record, series| of_last(record, series, |last| seconds(last.duration))),
    (families::PROBE_PHASE, |record, series| {
        let (mailbox, protocol) = labels(record);
        let phases = record.last.iter().flat_map(|last| last.timings.iter());
        for (phase, took) in phases {
            series.add(&[mailbox, protocol, phase.label()], seconds(took))?;
        }
        Ok(())
    }),
    (families::PROBE_FAILURE_INFO, |record, series| {
        let (mailbox, protocol) = labels(record);
        let Some(failure) = record.last.as_ref().and_then(|last| last.outcome.failure()) else {
            return Ok(());
        };
        series.add(&[mailbox, protocol, failure.phase.label(), failure.cause.reason.label()], 1.0)
    }),
    (families::PROBES, |record, series| {
        let (mailbox, protocol) = labels(record);
        series.add(&[mailbox, protocol, super::SUCCESS], record.successes as f64)?;
        series.add(&[mailbox, protocol, super::FAILURE], record.failed() as f64)
    }),
    (families::PROBE_FAILURES, |record, series| {
        let (mailbox, protocol) = labels(record);
        for ((phase, reason), count) in &record.failures {
            series.add(&[mailbox, protocol, phase.label(), reason.label()], *count as f64)?;
        }
        Ok(())
    }),
    (families::PROBE_LAST_RUN, |record, series| of_last(record, series, |last| timestamp(last.started_at))),
    (families::PROBE_LAST_SUCCESS, |record, series| {
        let (mailbox, protocol) = labels(record);
        let Some(success) = &record.last_success else { return Ok(()) };
        series.add(&[mailbox, protocol], timestamp(success.started_at))
    }),
    (families::PROBE_OUTCOME_CHANGED, |record, series| {
        let (mailbox, protocol) = labels(record);
        // Nothing is claimed before the first probe of this run.
        let Some(since) = record.outcome_since.filter(|_| record.last.is_some()) else { return Ok(()) };
        series.add(&[mailbox, protocol], timestamp(since))
    }),
    (families::FOLDER_MESSAGES, |record, series| {
        let messages = record.last.as_ref().and_then(|last| Some((&last.check.goal, last.server.messages?)));
        let folder = messages.and_then(|(goal, messages)| Some((goal.folder()?, messages)));
        folder
            .map_or(Ok(()), |(folder, messages)| series.add(&[labels(record).0, folder], f64::from(messages)))
    }),
    (families::FOLDER_UNREAD, |record, series| {
        of_folder(record, series, |unread| unread.messages.map(f64::from))
    }),
    (families::FOLDER_OLDEST_UNREAD, |record, series| {
        of_folder(record, series, |unread| unread.oldest.map(timestamp))
    }),
    (families::FOLDER_NEWEST, |record, series| {
        of_folder(record, series, |unread| unread.newest.map(timestamp))
    }),
    (families::FOLDER_READ_WITHIN, |record, series| {
        of_patience(record, series, |patience| patience.read_within)
    }),
    (families::FOLDER_ARRIVES_WITHIN, |record, series| {
        of_patience(record, series, |patience| patience.arrives_within)
    }),
    (families::ROUND_TRIP_AUTHENTICATION, |record, series| {
        let Some(last) = &record.last else { return Ok(()) };
        let Goal::RoundTrip(trip) = &last.check.goal else { return Ok(()) };
        last.server.trip.authentication.iter().try_for_each(|(check, verdict)| {
            series.add(&[labels(record).0, &trip.to().name, check.label(), verdict.label()], 1.0)
        })
    }),
    (families::CHECK_INFO, |record, series| {
        let (mailbox, protocol) = labels(record);
        let (server, of) = (record.check.endpoint.to_string(), &record.check.mailbox);
        let tenant = of.credential.tenant().unwrap_or_default();
        series.add(&[mailbox, protocol, &server, &of.provider.name, &of.credential.name, tenant], 1.0)
    }),
    (families::CHECK_INTERVAL, |record, series| {
        let (mailbox, protocol) = labels(record);
        series.add(&[mailbox, protocol], seconds(record.interval))
    }),
];

/// Writes all metrics per check.
pub(super) fn write(records: &[Arc<CheckRecord>], page: &mut Page<'_>) -> io::Result<()> {
    for (family, rule) in RULES {
        page.family(family, |series| records.iter().try_for_each(|record| rule(record, series)))?;
    }
    Ok(())
}

/// Writes the closed list of reasons, which rules and dashboards join.
pub(super) fn write_reasons(page: &mut Page<'_>) -> io::Result<()> {
    page.family(&families::REASON_INFO, |series| {
        Reason::ALL.iter().try_for_each(|reason| {
            let row = reason.row();
            let owner = row.owners.first().map_or("", |owner| owner.label());
            let transient = if row.transient { "true" } else { "false" };
            series.add(&[row.label, owner, transient], 1.0)
        })
    })
}

/// The mailboxes of a plan, and the union of their labels.
#[derive(Debug)]
pub(super) struct Mailboxes {
    sorted: Vec<Arc<Mailbox>>,
    labels: Vec<String>,
}

impl Mailboxes {
    pub(super) fn new(plan: &Plan) -> Self {
        let mut sorted = plan.mailboxes.clone();
        sorted.sort_by(|a, b| a.name.cmp(&b.name));
        let labels: BTreeSet<_> = sorted.iter().flat_map(|mailbox| mailbox.labels.keys().cloned()).collect();
        Self { sorted, labels: labels.into_iter().collect() }
    }

    /// Writes `mailbox_info` for the mailboxes whose name is `wanted`. Every series has every label, empty
    /// if a mailbox lacks it: a family with varying label names breaks joins.
    pub(super) fn write(&self, page: &mut Page<'_>, wanted: impl Fn(&str) -> bool) -> io::Result<()> {
        page.family(&families::MAILBOX_INFO, |series| {
            series.extra_labels(&self.labels);
            for mailbox in self.sorted.iter().filter(|mailbox| wanted(&mailbox.name)) {
                let alert_path = if mailbox.alert_path { "true" } else { "false" };
                let fixed = [
                    &*mailbox.name,
                    &*mailbox.address,
                    &*mailbox.provider.name,
                    &*mailbox.credential.name,
                    alert_path,
                ];
                let own =
                    self.labels.iter().map(|label| mailbox.labels.get(label).map_or("", String::as_str));
                let values: Vec<&str> = fixed.into_iter().chain(own).collect();
                series.add(&values, 1.0)?;
            }
            Ok(())
        })
    }
}

/// The values of the labels `mailbox` and `protocol`.
fn labels(record: &CheckRecord) -> (&str, &'static str) {
    let protocol: Protocol = record.check.protocol();
    (&record.check.mailbox.name, protocol.label())
}

/// Writes a value of the last probe, if there was one.
fn of_last(
    record: &CheckRecord,
    series: &mut Series<'_, '_>,
    value: impl FnOnce(&Observation) -> f64,
) -> io::Result<()> {
    let (mailbox, protocol) = labels(record);
    record.last.as_ref().map_or(Ok(()), |last| series.add(&[mailbox, protocol], value(last)))
}

/// Writes a value that the last probe learned about the unread messages of a folder.
fn of_folder(
    record: &CheckRecord,
    series: &mut Series<'_, '_>,
    value: impl FnOnce(&Unread) -> Option<f64>,
) -> io::Result<()> {
    let told = record.last.as_ref().and_then(|last| Some((&last.check.goal, last.server.unread.as_ref()?)));
    let Some((folder, unread)) = told.and_then(|(goal, unread)| Some((goal.folder()?, unread))) else {
        return Ok(());
    };
    value(unread).map_or(Ok(()), |value| series.add(&[labels(record).0, folder], value))
}

/// Writes a limit that the configuration sets for a folder.
fn of_patience(
    record: &CheckRecord,
    series: &mut Series<'_, '_>,
    limit: impl FnOnce(Patience) -> Option<Duration>,
) -> io::Result<()> {
    let Goal::Folder { name: folder, unread: Some(patience), .. } = &record.check.goal else { return Ok(()) };
    limit(*patience).map_or(Ok(()), |limit| series.add(&[labels(record).0, folder], seconds(limit)))
}
