//! `/`, the status page: what is broken, why and what to do about it first; then what will break
//! next; then the fleet, the credentials and the agent.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

use crate::http::Site;
use crate::http::kept::Title;
use crate::report::Facts;

use super::text::Here;
use super::{Standing, agent, fleet, frame, rows, shared, soon, text, trouble};

pub(in crate::http) async fn index(State(site): State<Site>, headers: HeaderMap) -> Response {
    let pages = site.clone();
    shared(&site, Title::Index, &headers, move || page(&pages.facts())).await
}

fn page(facts: &Facts) -> Markup {
    let rows = rows(facts);
    let count = |standing| rows.iter().filter(|row| row.standing == standing).count();
    let (failing, waiting) = (count(Standing::Failing), count(Standing::Waiting));
    let verdict = match (failing, waiting, rows.len()) {
        (_, _, 0) => "No mailbox is configured".to_owned(),
        (0, 0, 1) => "The mailbox can be used".to_owned(),
        (0, 0, all) => format!("All {all} mailboxes can be used"),
        (0, waiting, all) if waiting == all => "Waiting for the first probes".to_owned(),
        (0, waiting, all) => {
            format!("{} of {all} mailboxes can be used, {waiting} not probed yet", all - waiting)
        }
        (failing, _, all) => {
            format!("{failing} of {all} {} cannot be used", text::plural(all, "mailbox", "mailboxes"))
        }
    };
    let standing = match (failing, waiting) {
        (0, 0) => Standing::Fine,
        (0, _) => Standing::Waiting,
        _ => Standing::Failing,
    };
    let main = html! {
        (trouble::section(facts))
        (soon::section(facts))
        (fleet::section(facts, &rows))
        (agent::credentials(facts))
        (agent::section(facts))
    };
    frame(
        facts.now,
        standing,
        &verdict,
        &html! { "mailbox-exporter · " a href=(Here::Top.to("credentials")) { "credentials" } " · " a href=(Here::Top.to("readiness")) { "readiness" } },
        &main,
    )
}
