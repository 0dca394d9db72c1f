//! `/`, the status page: what is broken, why and what to do about it first; then what will break
//! next; then the fleet, the credentials and the agent.

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{Markup, html};

use crate::http::Site;
use crate::http::kept::Title;
use crate::report::Facts;

use super::rows::rows;
use super::text::Here;
use super::{
    List, Parameters, Standing, View, agent, fleet, frame, shared, single, soon, text, trouble, unreadable,
};

pub(in crate::http) async fn index(
    State(site): State<Site>,
    Query(asked): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let pages = site.clone();
    match View::read(List::Mailboxes, &asked) {
        Ok(view) if view.is_whole() => {
            shared(&site, Title::Index, &headers, move || page(&pages.facts(), &view)).await
        }
        Ok(view) => single(&site, &headers, move || (StatusCode::OK, page(&pages.facts(), &view))).await,
        Err(fault) => single(&site, &headers, move || unreadable(&fault)).await,
    }
}

/// The whole page, or only a part of the table if the view asks for one.
fn page(facts: &Facts, view: &View) -> Markup {
    let rows = rows(&facts.checks);
    let count = |standing| rows.iter().filter(|row| row.standing == standing).count();
    let (failing, waiting) = (count(Standing::Failing), count(Standing::Waiting));
    let verdict = verdict(failing, waiting, rows.len());
    let standing = match (failing, waiting) {
        (0, 0) => Standing::Fine,
        (0, _) => Standing::Waiting,
        _ => Standing::Failing,
    };
    let whole = view.is_whole();
    let main = html! {
        @if whole { (trouble::section(facts)) (soon::section(facts)) }
        (fleet::section(facts, rows, view))
        @if whole { (agent::credentials(facts)) (agent::section(facts)) }
    };
    frame(facts.now, standing, &verdict, (whole.then_some(""), Here::Top), &main)
}

fn verdict(failing: usize, waiting: usize, all: usize) -> String {
    match (failing, waiting, all) {
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
    }
}
