//! The controls around a list on a page: filters, sort order, and links to its other parts.
//!
//! Not here: the meaning of the filters (`filter`), and the rows.

use std::collections::BTreeSet;

use maud::{Markup, html};

use crate::http::filter::{FIELDS, Field};
use crate::http::view::{Format, List, View};
use crate::report::CheckRecord;

use super::text;
use super::text::Here;

/// How many rows a page shows if the client gives no number, and at most.
const DEFAULT_ROWS: usize = 50;
const MAX_ROWS: usize = 80;

/// How many values a filter offers at most.
const MAX_CHOICES: usize = 50;

/// Filters that only links set. The form has no field for them and passes them on.
const BY_LINK: [&str; 2] = ["phase", "server"];

/// The values that each filter would find something for. Only these are offered, so that no choice leads to an
/// empty list.
#[derive(Default)]
pub(super) struct Occurring<'f> {
    protocols: BTreeSet<&'f str>,
    reasons: BTreeSet<&'f str>,
    owners: BTreeSet<&'f str>,
    providers: BTreeSet<&'f str>,
    credentials: BTreeSet<&'f str>,
}

impl<'f> Occurring<'f> {
    /// The values that occur in these checks.
    pub(super) fn among(checks: impl Iterator<Item = &'f CheckRecord>) -> Self {
        let mut found = Self::default();
        for record in checks {
            let mailbox = &record.check.mailbox;
            found.protocols.insert(record.check.protocol().label());
            insert_within_limit(&mut found.providers, &mailbox.provider.name);
            insert_within_limit(&mut found.credentials, &mailbox.credential.name);
            let failure = record.last.as_ref().and_then(|last| last.outcome.failure());
            let Some(reason) = failure.map(|failure| failure.cause.reason) else { continue };
            found.reasons.insert(reason.label());
            found.owners.extend(reason.row().owners.first().map(|owner| owner.label()));
        }
        found
    }

    fn values_of(&self, field: &str) -> &BTreeSet<&'f str> {
        match field {
            "protocol" => &self.protocols,
            "reason" => &self.reasons,
            "owner" => &self.owners,
            "provider" => &self.providers,
            _ => &self.credentials,
        }
    }
}

fn insert_within_limit<'f>(among: &mut BTreeSet<&'f str>, value: &'f str) {
    if among.len() < MAX_CHOICES {
        among.insert(value);
    }
}

/// Where a list is: its page, its anchor there, and the API route with the same list.
pub(super) struct Place {
    pub(super) list: List,
    pub(super) page: &'static str,
    pub(super) anchor: &'static str,
    pub(super) api: &'static str,
}

impl Place {
    /// The address of a view on this page.
    pub(super) fn link(&self, view: &View) -> String {
        let anchor = if self.anchor.is_empty() { String::new() } else { format!("#{}", self.anchor) };
        format!("{}{}{anchor}", Here::Top.to(self.page), view.query())
    }

    fn csv_link(&self, view: &View) -> String {
        let view = View { format: Format::Csv, limit: None, offset: 0, ..view.clone() };
        format!("{}{}", Here::Top.to(self.api), view.query())
    }
}

/// The form with these fields, and the filters that are set now.
pub(super) fn form(place: &Place, view: &View, occurring: &Occurring<'_>, fields: &[&str]) -> Markup {
    let shown = |field: &&Field| fields.contains(&field.name);
    html! {
        form.filters method="get" action=(place.link(&View::default())) role="search" aria-label="Filters" {
            @for field in FIELDS.iter().filter(shown) { (input(field, view, occurring.values_of(field.name))) }
            label { "Sort by "
                select name="sort" {
                    @for (place, sort) in place.list.sorts().iter().enumerate() {
                        @let value = if place == 0 { "" } else { sort.label() };
                        option value=(value) selected[view.sort == Some((*sort, false))] { (sort.title()) }
                        @if place > 0 {
                            option value={ "-" (sort.label()) } selected[view.sort == Some((*sort, true))] { (sort.title()) ", reversed" }
                        }
                    }
                }
            }
            @for name in BY_LINK { @if let Some(value) = view.filter.get(name) { input type="hidden" name=(name) value=(value); } }
            button type="submit" { "Show" }
            " " a href=(place.csv_link(view)) { "as CSV" }
        }
        @if !view.filter.is_empty() {
            p.active {
                "Only "
                @for (order, (name, value)) in view.filter.parameters().enumerate() {
                    @if order > 0 { ", " }
                    (name) " " code { (value) } " "
                    a href=(place.link(&without(view, name))) aria-label={ "without the filter " (name) } { "×" }
                }
                "; " a href=(place.link(&View::default())) { "show all" }
            }
        }
    }
}

fn without(view: &View, name: &str) -> View {
    View { filter: view.filter.without(name), offset: 0, ..view.clone() }
}

fn input(field: &Field, view: &View, occurring: &BTreeSet<&str>) -> Markup {
    let set = view.filter.get(field.name).unwrap_or_default();
    html! {
        label {
            (field.title) " "
            @match field.values.map(|values| values()) {
                Some(values) => select name=(field.name) {
                    option value="" { "any" }
                    @for value in values {
                        @if field.name == "outcome" || value == set || occurring.contains(value) {
                            option value=(value) selected[value == set] { (value) }
                        }
                    }
                },
                None if matches!(field.name, "provider" | "credential") => {
                    input type="text" name=(field.name) value=(set) list={ "values-" (field.name) } size="14";
                    datalist id={ "values-" (field.name) } { @for value in occurring { option value=(value) {} } }
                },
                None if field.name == "label" => input type="text" name=(field.name) value=(set) placeholder="team=billing" size="14";,
                None => input type="search" name=(field.name) value=(set) size="14";,
            }
        }
    }
}

/// The maximum number of rows in this view.
pub(super) fn row_limit(view: &View) -> usize {
    view.limit.unwrap_or(DEFAULT_ROWS).clamp(1, MAX_ROWS)
}

/// Which part of the list this is, with links to the others; only the number of rows if there is one part.
pub(super) fn pager(place: &Place, view: &View, total: usize) -> Markup {
    let (limit, offset) = (row_limit(view), view.offset);
    let last = total.saturating_sub(1) / limit * limit;
    let end = total.min(offset.saturating_add(limit));
    let step = |to: usize, words: &str| {
        html! {
            @if to == offset { span.none { (words) } } @else { a href=(place.link(&view.from(to))) { (words) } }
            " "
        }
    };
    html! {
        @if total > limit || offset > 0 {
            nav.pager aria-label="Pages" {
                @if offset < total { strong { (offset + 1) "–" (end) " of " (total) } } @else { "Nothing from " (offset) " on, of " (total) }
                " "
                (step(0, "first"))
                (step(offset.saturating_sub(limit).min(last), "previous"))
                (step(if end < total { end } else { offset.min(last) }, "next"))
                (step(last, "last"))
            }
        } @else if total > 0 {
            p.facts { (text::counted(total, "row", "rows")) }
        }
    }
}

/// A column header with a link that sorts by this column; if the list is already sorted by it, the link reverses
/// the order.
pub(super) fn sort_header(place: &Place, view: &View, label: &str, sort: crate::http::view::Sort) -> Markup {
    let now = view.sort.filter(|(by, _)| *by == sort).map(|(_, descending)| descending);
    let next = View { sort: Some((sort, now == Some(false))), offset: 0, ..view.clone() };
    let direction = now.map(|descending| if descending { "descending" } else { "ascending" });
    html! { th scope="col" aria-sort=[direction] { a href=(place.link(&next)) { (label) } } }
}
