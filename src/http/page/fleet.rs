//! The fleet: a row per mailbox, a cell per protocol, with the phases of the last probe as a bar.
//!
//! Not here: what to do about a fault.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::http::rows;
use crate::http::view::{List, Sort, View};
use crate::model::{Observation, Phase, Protocol};
use crate::report::{CheckRecord, Facts, RECENT};

use super::filters::{self, Occurring, Place};
use super::text::Here;
use super::{Row, Standing, protocols, text};

/// Width of the bars' own coordinates. They are stretched to the cell's width.
const BAR: f64 = 1000.0;

/// Where the table is.
pub(super) const PLACE: Place =
    Place { list: List::Mailboxes, page: "", anchor: "mailboxes", api: "api/v1/mailboxes" };

const FILTERS: [&str; 8] =
    ["name", "outcome", "protocol", "reason", "owner", "provider", "credential", "label"];

/// The section: the part of the rows that the view asks for.
pub(super) fn section(facts: &Facts, rows: Vec<Row<'_>>, view: &View) -> Markup {
    let protocols = protocols(facts);
    let occurring = Occurring::among(facts.checks.iter().map(|record| &**record));
    let chosen = rows::select(rows, view);
    let total = chosen.len();
    html! {
        section.fleet id="mailboxes" {
            h2 { "Mailboxes" }
            @if !facts.checks.is_empty() {
                (filters::form(&PLACE, view, &occurring, &FILTERS))
                (filters::pager(&PLACE, view, total))
                @if total == 0 { p.none { "No mailbox matches." } } @else {
                    (legend(facts))
                    table {
                        thead {
                            tr {
                                (filters::head(&PLACE, view, "Mailbox", Sort::Name))
                                @for protocol in &protocols { th scope="col" { (protocol) } }
                            }
                        }
                        tbody {
                            @for row in chosen.into_iter().skip(view.offset).take(filters::rows(view)) {
                                (line(facts.now, row, &protocols))
                            }
                        }
                    }
                    (filters::pager(&PLACE, view, total))
                }
            }
        }
    }
}

fn line(now: Timestamp, row: Row<'_>, protocols: &BTreeSet<Protocol>) -> Markup {
    html! {
        tr {
            th scope="row" {
                (text::mailbox(Here::Top, &row.mailbox.name))
                @if row.mailbox.address != *row.mailbox.name { small { (row.mailbox.address) } }
            }
            @for protocol in protocols {
                @match row.checks.iter().find(|record| record.check.protocol() == *protocol) {
                    Some(record) => (cell(now, record)),
                    None => td.none data-column=(protocol) { "not checked" },
                }
            }
        }
    }
}

fn cell(now: Timestamp, record: &CheckRecord) -> Markup {
    let standing = Standing::of(record);
    html! {
        td class=(standing.class()) data-column=(record.check.protocol()) {
            @match &record.last {
                None => span.state { "waiting for its first probe" },
                Some(last) => {
                    p.line {
                        (state(Here::Top, last))
                        span.facts { (text::took(last.duration)) ", " (text::ago(now, last.started_at)) }
                    }
                    @if last.timings.iter().nth(1).is_some() { (bar(last)) }
                    (past(record))
                    @if record.interval > record.check.interval {
                        p.stretched { "refused repeatedly: now every " (text::stretch(record.interval)) }
                    }
                }
            }
        }
    }
}

pub(super) fn state(here: Here, last: &Observation) -> Markup {
    html! {
        span.state {
            @match last.outcome.failure() {
                None => "ok",
                Some(failure) => { (text::reason(here, failure.cause.reason)) " in " (failure.phase) },
            }
        }
    }
}

/// The phases of a probe, each as wide as its share of the time. One phase alone has no shares.
pub(super) fn bar(last: &Observation) -> Markup {
    let total = last.timings.total().as_secs_f64().max(f64::MIN_POSITIVE);
    let mut from = 0.0;
    let pieces = last.timings.iter().map(|(phase, took)| {
        let width = BAR * took.as_secs_f64() / total;
        let left = from;
        from += width;
        (phase, took, left, width)
    });
    html! {
        svg.bar viewBox=(format!("0 0 {BAR} 10")) preserveAspectRatio="none" role="img" aria-label=(spoken(last)) {
            @for (phase, took, left, width) in pieces {
                rect class=(format!("p-{phase}")) x=(format!("{left:.1}")) y="0" width=(format!("{width:.1}")) height="10" {
                    title { (phase) " " (text::took(took)) }
                }
            }
        }
    }
}

fn spoken(last: &Observation) -> String {
    let phases: Vec<_> =
        last.timings.iter().map(|(phase, took)| format!("{phase} {}", text::took(took))).collect();
    phases.join(", ")
}

/// The recent outcomes, oldest first; one alone says nothing that the state does not.
pub(super) fn past(record: &CheckRecord) -> Markup {
    let failed = record.recent.iter().filter(|glance| glance.failure.is_some()).count();
    html! {
        @if failed > 0 && failed < record.recent.len() {
            svg.past viewBox=(format!("0 0 {} 8", RECENT * 6)) role="img"
                aria-label=(format!("{failed} of the last {} probes failed", record.recent.len())) {
                title { (failed) " of the last " (record.recent.len()) " probes failed; the newest is on the right" }
                @for (place, glance) in record.recent.iter().enumerate() {
                    rect class=(if glance.failure.is_some() { "failing" } else { "fine" })
                        x=(place * 6) y="0" width="4" height="8" {}
                }
            }
        }
    }
}

/// Which colour is which phase, for the phases that occur.
fn legend(facts: &Facts) -> Markup {
    let lasts = || facts.checks.iter().filter_map(|record| record.last.as_deref());
    let entered =
        |phase| lasts().any(|last| last.timings.iter().any(|(p, took)| p == phase && took > Duration::ZERO));
    html! {
        @if lasts().next().is_some() {
            p.legend {
                "Where the time of the last probe went: "
                @for phase in Phase::ALL.iter().copied().filter(|phase| entered(*phase)) {
                    span { svg viewBox="0 0 10 10" aria-hidden="true" { rect class=(format!("p-{phase}")) width="10" height="10" {} } (phase) }
                    " "
                }
            }
        }
    }
}
