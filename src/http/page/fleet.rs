//! The fleet: a row per mailbox, a cell per protocol with its recent past; and a probe's phases as a bar.
//!
//! Not here: what to do about a fault.

use std::collections::BTreeSet;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::http::rows;
use crate::http::view::{List, Sort, View};
use crate::model::{Observation, Protocol};
use crate::report::{CheckRecord, Facts};

use super::filters::{self, Occurring, Place};
use super::text::Here;
use super::{Row, Standing, protocols, strip, text};

/// Width of the bars' own coordinates. They are stretched to the cell's width.
const BAR: f64 = 1000.0;

/// Where the table is, as a link says it.
pub(super) const TABLE: &str = "#mailboxes";

/// The same for its views.
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
                    (strip::legend())
                    table {
                        thead {
                            tr {
                                (filters::sort_header(&PLACE, view, "Mailbox", Sort::Name))
                                @for protocol in &protocols { th scope="col" { (protocol) } }
                            }
                        }
                        tbody {
                            @for row in chosen.into_iter().skip(view.offset).take(filters::row_limit(view)) {
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
                None => { span.state { "waiting for its first probe" } (strip::strip(record)) },
                Some(last) => {
                    p.line {
                        (state(Here::Top, last))
                        span.facts { (text::took(last.duration)) ", " (text::ago(now, last.started_at)) }
                    }
                    (strip::strip(record)) (strip::spark(record))
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
