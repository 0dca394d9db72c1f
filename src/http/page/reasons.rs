//! `/reasons` and `/reasons/NAME`: what each reason means, who acts, its causes, what to do, how to verify the
//! repair; and which mailboxes fail by it now.
//!
//! Not here: the texts, which are tables of `model` and `diagnosis`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};

use crate::clock;
use crate::diagnosis::manual;
use crate::diagnosis::remedy::generic_hint;
use crate::http::Site;
use crate::http::kept::Title;
use crate::model::Reason;
use crate::report::CheckRecord;

use super::text::Here;
use super::{Standing, frame, shared, single, text};

/// The path of the list of all reasons.
pub(super) const PATH: &str = "reasons";

/// At most this many mailboxes are named; the others are only counted.
const MAX_NAMED: usize = 50;

pub(in crate::http) async fn reasons(State(site): State<Site>, headers: HeaderMap) -> Response {
    let report = Arc::clone(&site.report);
    shared(&site, Title::Reasons, &headers, move || index(&report.checks())).await
}

pub(in crate::http) async fn reason(
    State(site): State<Site>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let report = Arc::clone(&site.report);
    let write = move || match Reason::from_label(&name) {
        Some(reason) => (StatusCode::OK, page(reason, &report.checks())),
        None => (StatusCode::NOT_FOUND, unknown(&name)),
    };
    single(&site, &headers, write).await
}

/// The reason and the mailbox of each check that fails now.
fn failing(checks: &[Arc<CheckRecord>]) -> impl Iterator<Item = (Reason, &str)> {
    checks.iter().filter_map(|record| {
        let failure = record.last.as_ref()?.outcome.failure()?;
        Some((failure.cause.reason, &*record.check.mailbox.name))
    })
}

fn owners(reason: Reason) -> String {
    let owners: Vec<_> = reason.row().owners.iter().map(|owner| owner.row().title).collect();
    owners.join(", then ")
}

fn unknown(name: &str) -> Markup {
    let main = html! {
        article { p { "No reason is called " code { (name) } ". " a href=(Here::Below.to(PATH)) { "These are." } } }
    };
    frame(clock::now(), Standing::Waiting, "Unknown reason", (None, Here::Below), &main)
}

fn index(checks: &[Arc<CheckRecord>]) -> Markup {
    let mut now: BTreeMap<Reason, usize> = BTreeMap::new();
    for (reason, _) in failing(checks) {
        *now.entry(reason).or_default() += 1;
    }
    let main = html! {
        section {
            table {
                thead { tr { th { "Reason" } th { "Means" } th { "Who acts" } th { "Passes" } th { "Failing now" } } }
                tbody {
                    @for &reason in Reason::ALL {
                        tr {
                            th scope="row" { (text::reason(Here::Top, reason)) }
                            td data-column="Means" { (reason.row().meaning) }
                            td data-column="Who acts" { (owners(reason)) }
                            td data-column="Passes" { @if reason.row().transient { "yes" } }
                            td data-column="Failing now" {
                                @if let Some(count) = now.get(&reason) { (text::counted(*count, "check", "checks")) }
                            }
                        }
                    }
                }
            }
        }
    };
    frame(
        clock::now(),
        standing(!now.is_empty()),
        "Every reason of a failure",
        (Some(PATH), Here::Top),
        &main,
    )
}

const fn standing(failing: bool) -> Standing {
    if failing { Standing::Failing } else { Standing::Fine }
}

fn page(reason: Reason, checks: &[Arc<CheckRecord>]) -> Markup {
    let hit: BTreeSet<&str> =
        failing(checks).filter(|(why, _)| *why == reason).map(|(_, mailbox)| mailbox).collect();
    let entry = manual(reason);
    let main = html! {
        article {
            p.meaning { (reason.row().meaning) }
            dl {
                dt { "Who" } dd { (owners(reason)) }
                dt { "Passes" } dd {
                    @if reason.row().transient { "It may pass by itself." } @else { "It lasts until it is repaired." }
                }
                dt { "Causes" } dd { @for cause in entry.causes { (text::hint(cause)) } }
                dt { "What to do" } dd {
                    (text::hint(&generic_hint(reason, None, None)))
                    p.example { "Words in capitals are placeholders. The page of a mailbox shows the same text with its values filled in." }
                }
                dt { "Is it done?" } dd {
                    (text::hint(entry.verify))
                    (text::hint("At once: `mailbox-exporter check --config FILE MAILBOX`. Otherwise the next probe tells, and `mailbox_probe_success` becomes 1."))
                }
                dt { "Failing now" } dd.names {
                    @if hit.is_empty() { "no mailbox" }
                    @for (place, name) in hit.iter().take(MAX_NAMED).enumerate() {
                        @if place > 0 { ", " }
                        (text::mailbox(Here::Below, name))
                    }
                    @if hit.len() > MAX_NAMED { " and " (hit.len() - MAX_NAMED) " more" }
                }
            }
        }
    };
    frame(clock::now(), standing(!hit.is_empty()), reason.label(), (None, Here::Below), &main)
}
