//! The report as CSV, for spreadsheets: checks, credentials, the readiness board.
//!
//! Owns the columns. Every cell is inert (`safe::cell`). Points in time are RFC 3339 in UTC, since a file is read
//! later.

use std::io::{self, Write};

use csv::{QuoteStyle, Writer, WriterBuilder};
use jiff::Timestamp;

use crate::model::Standing;
use crate::safe;

use super::{CheckRecord, CredentialRecord, TokenRecord};

const CHECKS: [&str; 17] = [
    "mailbox",
    "address",
    "protocol",
    "outcome",
    "phase",
    "reason",
    "owner",
    "since",
    "last_run",
    "duration_seconds",
    "interval_seconds",
    "server",
    "provider",
    "credential",
    "labels",
    "detail",
    "hint",
];

const CREDENTIALS: [&str; 16] = [
    "credential",
    "type",
    "tenant",
    "client_id",
    "expires",
    "expires_source",
    "mailboxes",
    "checks",
    "resource",
    "success",
    "reason",
    "last_request",
    "client_request_id",
    "permissions_needed",
    "permissions",
    "token_expires",
];

/// The columns of the readiness board that every form of it has.
pub const READINESS: [&str; 8] =
    ["mailbox", "protocol", "state", "passwords", "oauth", "use", "evidence", "deadline"];

/// Writes CSV, a record at a time.
struct Sheet<'o>(Writer<&'o mut dyn Write>);

impl<'o> Sheet<'o> {
    fn new(out: &'o mut dyn Write, head: &[&str]) -> io::Result<Self> {
        let mut writer = WriterBuilder::new().quote_style(QuoteStyle::Necessary).from_writer(out);
        writer.write_record(head)?;
        Ok(Self(writer))
    }

    fn add<'c>(&mut self, cells: impl IntoIterator<Item = &'c String>) -> io::Result<()> {
        let cells = cells.into_iter().map(|cell| safe::cell(cell).into_owned());
        Ok(self.0.write_record(cells)?)
    }
}

/// Writes a line per check.
///
/// # Errors
/// Errors of `out`.
pub fn checks<'r>(records: impl Iterator<Item = &'r CheckRecord>, out: &mut dyn Write) -> io::Result<()> {
    let mut sheet = Sheet::new(out, &CHECKS)?;
    for record in records {
        sheet.add(&check(record))?;
    }
    sheet.0.flush()
}

fn check(record: &CheckRecord) -> [String; CHECKS.len()] {
    let (of, last) = (&record.check.mailbox, record.last.as_ref());
    let failure = last.and_then(|last| last.outcome.failure());
    let outcome = match (last, failure) {
        (None, _) => "waiting",
        (Some(_), None) => super::SUCCESS,
        (Some(_), Some(_)) => super::FAILURE,
    };
    let reason = failure.map(|failure| failure.cause.reason);
    let owner = reason.and_then(|reason| reason.row().owners.first());
    let labels: Vec<_> = of.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    [
        of.name.to_string(),
        of.address.clone(),
        record.check.protocol().to_string(),
        outcome.to_owned(),
        failure.map(|failure| failure.phase.to_string()).unwrap_or_default(),
        reason.map(|reason| reason.to_string()).unwrap_or_default(),
        owner.map(ToString::to_string).unwrap_or_default(),
        at(record.outcome_since),
        at(last.map(|last| last.started_at)),
        last.map(|last| format!("{:.3}", last.duration.as_secs_f64())).unwrap_or_default(),
        record.interval.as_secs().to_string(),
        record.check.endpoint.to_string(),
        of.provider.name.to_string(),
        of.credential.name.to_string(),
        labels.join(" "),
        failure.map(|failure| failure.cause.detail.clone()).unwrap_or_default(),
        last.and_then(|last| last.outcome.hint()).unwrap_or_default().to_owned(),
    ]
}

/// Writes a line per token of each credential, one line if there is none.
///
/// # Errors
/// Errors of `out`.
pub fn credentials<'r>(
    records: impl Iterator<Item = &'r CredentialRecord>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut sheet = Sheet::new(out, &CREDENTIALS)?;
    for record in records {
        if record.tokens.is_empty() {
            sheet.add(&credential(record, None))?;
        }
        for token in &record.tokens {
            sheet.add(&credential(record, Some(token)))?;
        }
    }
    sheet.0.flush()
}

fn credential(record: &CredentialRecord, token: Option<&TokenRecord>) -> [String; CREDENTIALS.len()] {
    let (of, end) = (&record.credential, record.ends().first().copied());
    let last = token.and_then(|token| token.last.as_ref());
    let held = token.and_then(|token| token.token.as_ref());
    let permissions = held.and_then(|token| token.claims.as_ref()).map(|claims| claims.permissions.join(" "));
    let needed = token.map(|token| token.permissions.iter().copied().collect::<Vec<_>>().join(" "));
    let failure = last.and_then(|last| last.failure.as_ref());
    [
        of.name.to_string(),
        of.label().to_owned(),
        of.tenant().unwrap_or_default().to_owned(),
        of.client_id().unwrap_or_default().to_owned(),
        at(end.map(|end| end.at)),
        end.map(|end| end.source.to_string()).unwrap_or_default(),
        record.mailboxes.len().to_string(),
        record.checks.to_string(),
        token.map(|token| token.spec.resource().to_owned()).unwrap_or_default(),
        last.map(|_| failure.is_none().to_string()).unwrap_or_default(),
        failure.map(|cause| cause.reason.to_string()).unwrap_or_default(),
        at(last.map(|last| last.started_at)),
        last.and_then(|last| last.request_id.clone()).unwrap_or_default(),
        needed.unwrap_or_default(),
        permissions.unwrap_or_default(),
        at(held.map(|token| token.expires_at)),
    ]
}

/// Writes a line per mailbox and protocol of the readiness board.
///
/// # Errors
/// Errors of `out`.
pub fn readiness<'s>(standings: impl Iterator<Item = &'s Standing>, out: &mut dyn Write) -> io::Result<()> {
    let head: Vec<&str> = READINESS.into_iter().chain(["address", "tenant", "provider", "next"]).collect();
    let mut sheet = Sheet::new(out, &head)?;
    for standing in standings {
        let more = [
            standing.mailbox.address.clone(),
            standing.tenant.clone(),
            standing.mailbox.provider.name.to_string(),
            standing.advice.clone(),
        ];
        // A file is read later: points in time, no ages.
        sheet.add(standing_cells(standing, &|at| format!("at {at:.0}")).iter().chain(&more))?;
    }
    sheet.0.flush()
}

/// The cells of [`READINESS`]; `when` says how the time of a piece of evidence is written.
pub fn standing_cells(standing: &Standing, when: &dyn Fn(Timestamp) -> String) -> [String; READINESS.len()] {
    let deadline = standing.deadline.as_ref().and_then(|row| Some(format!("{} {}", row.date?, row.kind)));
    [
        standing.name.mailbox.to_string(),
        standing.name.protocol.to_string(),
        standing.state.to_string(),
        standing.basic.to_string(),
        standing.oauth.to_string(),
        standing.usage.to_string(),
        evidence(standing, when),
        deadline.unwrap_or_else(|| "-".to_owned()),
    ]
}

/// `oauth_login oauth_works 2 min ago, calendar removed`; what is stale says so.
fn evidence(standing: &Standing, when: &dyn Fn(Timestamp) -> String) -> String {
    let exhibits = standing.evidence.iter().map(|exhibit| {
        let seen = &exhibit.evidence;
        let stale = if exhibit.fresh { "" } else { ", stale" };
        format!("{} {} {}{stale}", seen.signal, seen.finding, when(seen.at))
    });
    let text = exhibits.collect::<Vec<_>>().join("; ");
    if text.is_empty() { "-".to_owned() } else { text }
}

fn at(time: Option<Timestamp>) -> String {
    time.map(|at| at.to_string()).unwrap_or_default()
}
