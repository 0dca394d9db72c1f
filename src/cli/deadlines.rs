//! `deadlines`: the dates at which passwords end, where each comes from, and how many checks it concerns.

use std::io;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::json;

use crate::clock;
use crate::config;
use crate::model::{Deadline, Plan, Policy};
use crate::readiness::{applies, calendar};
use crate::report::readiness_json;
use crate::safe;

use super::answer::{complain, say};
use super::columns::aligned;
use super::table::Style;
use super::{Exit, colours};

/// Dates move: after this many days without a review, the answer says how old they are.
const REVIEW_DAYS: i32 = 120;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The configuration file: its own calendar is used if it has one, and the checks of each date are counted.
    #[arg(long, value_name = "FILE", env = "MAILBOX_EXPORTER_CONFIG", value_parser = clap::value_parser!(PathBuf))]
    config: Option<PathBuf>,
    /// The format: a table for people, JSON for programs.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

/// A date and the number of checks that it concerns; `None` without a configuration.
struct Row {
    deadline: Deadline,
    checks: Option<usize>,
}

pub(super) fn run(options: &Options) -> Exit {
    let plan = match options.config.as_deref().map(config::load).transpose() {
        Ok(loaded) => loaded.map(|loaded| loaded.plan),
        Err(errors) => {
            complain(&format!("{errors}\n"));
            return Exit::Bad;
        }
    };
    let today = clock::now().to_zoned_datetime(TimeZone::UTC).date();
    let rows = rows(plan.as_ref(), today);
    let stale = stale(&rows, today);
    match options.output {
        Output::Table => say(&table(&rows, today, stale), Exit::Fine),
        Output::Json => say(&json(&rows, today, stale), Exit::Fine),
    }
}

/// The next date first; then the rows without a date; then past dates, the latest first.
fn rows(plan: Option<&Plan>, today: Date) -> Vec<Row> {
    let concerned =
        |row: &Deadline| plan.map(|plan| plan.checks.iter().filter(|check| applies(row, check)).count());
    let shipped = Policy::default();
    let calendar = calendar(plan.map_or(&shipped, |plan| &plan.policy));
    let mut rows: Vec<Row> =
        calendar.into_iter().map(|deadline| Row { checks: concerned(&deadline), deadline }).collect();
    rows.sort_by_key(|row| match row.deadline.date {
        Some(date) if date >= today => (0, days(today, date)),
        None => (1, 0),
        Some(date) => (2, days(date, today)),
    });
    rows
}

fn days(from: Date, to: Date) -> i32 {
    from.until(to).map_or(i32::MAX, |span| span.get_days())
}

/// The date of the last review, if it is too long ago.
fn stale(rows: &[Row], today: Date) -> Option<Date> {
    let reviewed = rows.iter().filter_map(|row| row.deadline.reviewed).max()?;
    (days(reviewed, today) > REVIEW_DAYS).then_some(reviewed)
}

fn table(rows: &[Row], today: Date, stale: Option<Date>) -> String {
    let counted = rows.iter().any(|row| row.checks.is_some());
    let mut head = vec!["date", "in", "provider", "protocol", "kind", "confidence", "reviewed"];
    head.extend(counted.then_some("checks"));
    let mut lines = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| cells(row, today)));
    let style = Style { colours: colours(&io::stdout()), transcript: false };
    let mut text = aligned(&lines, lines.first().map_or(0, Vec::len), style, |_, cell| cell.to_owned());
    text += "\nsources\n";
    for Row { deadline, .. } in rows {
        let (provider, protocol, kind) = (&deadline.provider, &deadline.protocol, deadline.kind);
        text += &format!(
            "  {} {} {kind}: {}\n",
            safe::line(provider),
            safe::line(protocol),
            safe::line(&deadline.source)
        );
    }
    if let Some(reviewed) = stale {
        text += &format!("\n{}\n", warning(reviewed, today));
    }
    text
}

fn warning(reviewed: Date, today: Date) -> String {
    format!(
        "warning: these dates were last reviewed on {reviewed}, {} days ago: check the sources, and put newer dates into readiness.calendar",
        days(reviewed, today)
    )
}

fn cells(row: &Row, today: Date) -> Vec<String> {
    let Deadline { provider, protocol, kind, date, confidence, reviewed, .. } = &row.deadline;
    let day = |date: &Option<Date>| date.map_or_else(|| "-".to_owned(), |date| date.to_string());
    let left = match date {
        None => "not announced".to_owned(),
        Some(date) if *date < today => "past".to_owned(),
        Some(date) => format!("{} days", days(today, *date)),
    };
    let mut cells = vec![
        day(date),
        left,
        safe::line(provider).into_owned(),
        safe::line(protocol).into_owned(),
        kind.to_string(),
        confidence.to_string(),
        day(reviewed),
    ];
    cells.extend(row.checks.map(|checks| checks.to_string()));
    cells
}

fn json(rows: &[Row], today: Date, stale: Option<Date>) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let mut object = readiness_json::deadline(&row.deadline);
            let more = [
                ("past", row.deadline.date.map(|date| json!(date < today))),
                ("checks", row.checks.map(|checks| json!(checks))),
            ];
            for (name, value) in more {
                if let (Some(fields), Some(value)) = (object.as_object_mut(), value) {
                    fields.insert(name.to_owned(), value);
                }
            }
            object
        })
        .collect();
    let mut answer = json!({ "deadlines": rows });
    if let (Some(fields), Some(reviewed)) = (answer.as_object_mut(), stale) {
        fields.insert("warning".to_owned(), warning(reviewed, today).into());
    }
    safe::json(format!("{answer:#}\n"))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn the_next_date_is_first_and_past_ones_are_last() {
        let today = date(2026, 11, 30);
        let dates: Vec<_> = rows(None, today).iter().map(|row| row.deadline.date).collect();
        let ahead = dates.iter().take_while(|date| date.is_some_and(|date| date >= today)).count();
        let unknown = dates.iter().skip(ahead).take_while(|date| date.is_none()).count();
        assert_eq!(dates.first().copied().flatten(), Some(date(2026, 12, 31)));
        assert!(ahead >= 2 && unknown >= 1, "{dates:?}");
        assert!(dates.iter().skip(ahead + unknown).all(|date| date.is_some_and(|date| date < today)));
    }

    #[test]
    fn a_calendar_without_a_review_for_120_days_says_so() {
        let reviewed = rows(None, date(2026, 11, 30)).iter().filter_map(|row| row.deadline.reviewed).max();
        let after = |days: i64| {
            let today = reviewed.and_then(|date| date.checked_add(jiff::Span::new().days(days)).ok());
            today.map(|today| stale(&rows(None, today), today))
        };
        assert_eq!(after(120), Some(None));
        assert_eq!(after(121), Some(reviewed));
    }
}
