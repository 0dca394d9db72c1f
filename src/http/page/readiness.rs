//! `/readiness`, the switch-off board: who would break, what to do, and on what evidence; and the same evidence
//! for the page of one mailbox.
//!
//! Not here: judging.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};

use crate::clock;
use crate::http::kept::Title;
use crate::http::view::Sort;
use crate::http::{Site, chosen};
use crate::model;
use crate::model::{Board, Deadline, ImportReport, Score, SourceReading, Standing as BoardStanding};
use crate::report::CheckRecord;

use super::filters::{self, Occurring, Place};
use super::text::Here;
use super::{List, Parameters, Standing, View, frame, shared, single, text, unreadable};

pub(super) const PATH: &str = "readiness";

const PLACE: Place =
    Place { list: List::Readiness, page: PATH, anchor: "mailboxes", api: "api/v1/readiness" };

const FILTERS: [&str; 6] = ["name", "protocol", "reason", "provider", "credential", "label"];

pub(in crate::http) async fn readiness(
    State(site): State<Site>,
    Query(asked): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let pages = site.clone();
    let write = move |view: &View| page(&pages.board(), &pages.report.checks(), view, clock::now());
    match View::read(List::Readiness, &asked) {
        Ok(view) if view.is_whole() => shared(&site, Title::Readiness, &headers, move || write(&view)).await,
        Ok(view) => single(&site, &headers, move || (StatusCode::OK, write(&view))).await,
        Err(fault) => single(&site, &headers, move || unreadable(&fault)).await,
    }
}

fn page(board: &Board, checks: &[Arc<CheckRecord>], view: &View, now: Timestamp) -> Markup {
    let expected = board.standings.iter().filter(|standing| standing.state != model::State::NotExpected);
    let (all, settled) = expected.fold((0, 0), |(all, settled), standing| {
        (all + 1, settled + usize::from(standing.state.row().settled))
    });
    let worst =
        board.standings.iter().map(|standing| class(standing.state)).min().unwrap_or(Standing::Waiting);
    let title = match (settled, all) {
        (_, 0) => "Nothing is expected to log in".to_owned(),
        (settled, all) if settled == all => format!("All {all} checks are ready for the end of passwords"),
        (settled, all) => format!("{settled} of {all} checks are ready for the end of passwords"),
    };
    let standings = chosen::standings(&board.standings, view, Sort::State);
    let (total, occurring) = (standings.len(), Occurring::among(checks.iter().map(|record| &**record)));
    let main = html! {
        (stopped(board, now))
        section {
            h2 { "Tenants" }
            @for score in &board.scores { (tenant(score)) }
        }
        section id="mailboxes" {
            h2 { "Mailboxes" }
            (filters::form(&PLACE, view, &occurring, &FILTERS))
            (filters::pager(&PLACE, view, total))
            table.board {
                thead { tr { th { "Mailbox" } th { "State" } th { "What to do" } th { "Evidence" } } }
                tbody {
                    @for standing in standings.into_iter().skip(view.offset).take(filters::row_limit(view)) { (row(standing, now)) }
                }
            }
            (filters::pager(&PLACE, view, total))
        }
        section {
            h2 { "Dates" }
            table.dates {
                thead { tr { th { "Whose" } th { "What" } th { "When" } th { "Source" } } }
                tbody { @for row in &board.calendar { (date(row, now)) } }
            }
        }
        section.agent {
            h2 { "Memory and imports" }
            dl {
                dt { "Memory" } dd { (board.memory) }
                @for report in &board.imports { dt { (report.file) } dd { (import(report, now)) } }
                @for source in &board.sources { (self::source(source, &board.imports, now)) }
            }
        }
    };
    frame(now, worst, &title, (Some(PATH), Here::Top), &main)
}

/// How a state is coloured.
const fn class(state: model::State) -> Standing {
    match state {
        model::State::Blocked | model::State::AtRisk => Standing::Failing,
        model::State::Unknown | model::State::Dual => Standing::Waiting,
        model::State::Ready | model::State::Decommissioned | model::State::NotExpected => Standing::Fine,
    }
}

fn stopped(board: &Board, now: Timestamp) -> Markup {
    html! {
        @for (tenant, at, said) in &board.stopped {
            article {
                h3 { "No password is tried in tenant " strong { (tenant) } " since " (text::ago(now, *at)) }
                blockquote { (said) }
                p { "An account was locked. Find out why before anything is tried again; it goes on after the configuration has been applied once with " code { "password_login: never" } "." }
            }
        }
    }
}

fn tenant(score: &Score) -> Markup {
    let protocols: Vec<model::Protocol> = {
        let mut all: Vec<_> = score.counts.iter().map(|(protocol, ..)| *protocol).collect();
        all.dedup();
        all
    };
    html! {
        p.line {
            strong { @if score.tenant.is_empty() { "no tenant" } @else { (score.tenant) } }
            @match score.score {
                Some(value) => span { "score " strong { (format!("{value:.1}")) } " of 100" },
                None => span.facts { "nothing expected" },
            }
            @if score.capped { span.failing { "49 at most while a mailbox at risk has a deadline within 30 days" } }
        }
        table.phases { tbody {
            tr { td {} @for state in model::State::ALL { th scope="col" { (state) } } }
            @for protocol in protocols {
                tr {
                    th scope="row" { (protocol) }
                    @for (_, state, count) in score.counts.iter().filter(|(of, ..)| *of == protocol) {
                        td data-column=(state) { (count) }
                    }
                }
            }
        } }
    }
}

fn row(standing: &BoardStanding, now: Timestamp) -> Markup {
    html! {
        tr class=(class(standing.state).class()) {
            th { (text::mailbox(Here::Top, &standing.name.mailbox)) small { (standing.name.protocol) } }
            td data-column="State" {
                span.state { (standing.state) }
                p.facts { "passwords " (standing.basic) ", OAuth " (standing.oauth) ", use " (standing.usage) }
                @if let Some(deadline) = &standing.deadline { p.facts { (deadline.kind) " " (when(deadline, now)) } }
            }
            td data-column="What to do" { (text::hint(&standing.advice)) }
            td data-column="Evidence" { (conflict(standing, now)) (exhibits(standing, now)) }
        }
    }
}

/// Where a setting and an observation disagree.
fn conflict(standing: &BoardStanding, now: Timestamp) -> Markup {
    html! {
        @if let Some(conflict) = &standing.conflict {
            @let (setting, seen) = (&conflict.setting, &conflict.seen);
            p.failing {
                "Conflict: " (setting.signal.row().title) " says that " (setting.finding.row().meaning) " (" (text::ago(now, setting.at))
                "), and since then " (seen.finding.row().meaning) " (" (text::ago(now, seen.at)) "). Export the settings again."
            }
        }
    }
}

/// The evidence, one line each.
fn exhibits(standing: &BoardStanding, now: Timestamp) -> Markup {
    html! {
        @if standing.evidence.is_empty() { p.none { "none yet" } }
        @for exhibit in &standing.evidence {
            @let seen = &exhibit.evidence;
            p title=(seen.note) {
                (seen.signal.row().title) ": " (seen.finding.row().meaning) ", "
                span.facts { (text::ago(now, seen.at)) @if !exhibit.fresh { ", stale" } }
            }
        }
    }
}

/// For the page of one mailbox.
pub(super) fn of_check(standing: &BoardStanding, now: Timestamp) -> Markup {
    html! {
        details {
            summary { "Without passwords: " (standing.state) ", " (standing.state.row().meaning) }
            (text::hint(&standing.advice))
            (conflict(standing, now))
            dl {
                dt { "Passwords" } dd { (standing.basic) ": " (standing.basic.row().meaning) }
                dt { "OAuth" } dd { (standing.oauth) ", " (logins(standing)) }
                dt { "Use" } dd { (standing.usage) ": " (standing.usage.row().meaning) }
                @if let Some(deadline) = &standing.deadline { dt { "Deadline" } dd { (deadline.kind.row().meaning) ", " (when(deadline, now)) } }
            }
            table { tbody {
                @for exhibit in &standing.evidence {
                    @let seen = &exhibit.evidence;
                    tr {
                        th { (seen.signal.row().title) small { (text::clock(seen.at)) @if !exhibit.fresh { ", stale" } } }
                        td data-column="Says" { p { (seen.finding.row().meaning) } @if !seen.note.is_empty() { p.facts { (seen.note) } } }
                    }
                }
            } }
        }
    }
}

fn logins(standing: &BoardStanding) -> String {
    let record = &standing.record;
    let all = record.successes + record.failures;
    let dependable = if record.steady { "dependable" } else { "not dependable yet" };
    format!("{} of {all} logins of the last seven days worked, {dependable}", record.successes)
}

fn date(row: &Deadline, now: Timestamp) -> Markup {
    html! {
        tr {
            th { (row.provider) small { (row.protocol) } }
            td data-column="What" { (row.kind.row().meaning) }
            td data-column="When" { (when(row, now)) p.facts { (row.confidence) " confidence" } }
            td data-column="Source" {
                p { (row.source) }
                @if let Some(reviewed) = row.reviewed { p.facts { "looked at " (reviewed) } }
            }
        }
    }
}

fn when(row: &Deadline, now: Timestamp) -> String {
    let Some(date) = row.date else { return "no date is known".to_owned() };
    let Ok(day) = date.to_zoned_datetime(TimeZone::UTC) else { return date.to_string() };
    let day = day.timestamp();
    if day > now {
        format!("{date}, in {}", text::stretch(text::between(now, day)))
    } else {
        format!("{date}, {}", text::ago(now, day))
    }
}

/// A source that no report of an import tells everything about.
fn source(source: &SourceReading, imports: &[ImportReport], now: Timestamp) -> Markup {
    let is_told = imports.iter().any(|report| report.source == source.name);
    html! {
        @match (source.last_success, &source.fault) {
            (Some(_), None) if is_told => "",
            (Some(at), None) => { dt { (source.name) } dd { p { (text::counted(source.rows, "row", "rows")) "; as of " (text::ago(now, at)) } } }
            (None, None) => { dt { (source.name) } dd { p.failing { "has given nothing yet" } } }
            (None, Some(fault)) => { dt { (source.name) } dd { p.failing { (fault) } } }
            (Some(at), Some(fault)) => { dt { (source.name) } dd { p.failing { (fault) "; what was read " (text::ago(now, at)) " still counts" } } }
        }
    }
}

fn import(report: &ImportReport, now: Timestamp) -> Markup {
    html! {
        @match &report.fault {
            Some(fault) => p.failing { (fault) ": nothing is taken from it" },
            None => p {
                (text::counted(report.taken, "line", "lines")) " taken, " (report.refused_count) " not understood"
                (report.of_others()) "; " (report.of_unknown())
                @if let Some(at) = report.at { "; as of " (text::ago(now, at)) }
            }
        }
        @for (line, why) in &report.refused { p.facts { "line " (line) ": " (why) } }
    }
}
