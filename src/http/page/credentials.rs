//! `/credentials`: every credential, when it ends and who says so, what its tokens permit, which mailboxes rest on
//! it, and what to do.
//!
//! Not here: what a reason means and how it is repaired (`model`, `diagnosis`).

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};

use crate::clock;
use crate::diagnosis::remedy::generic_hint;
use crate::http::filter::Filter;
use crate::http::kept::Title;
use crate::http::{Site, chosen};
use crate::model::{Auth, Outcome, Phase, Proof};
use crate::report::{CheckRecord, CredentialRecord, TokenRecord};

use super::filters::{self, Occurring, Place};
use super::text::Here;
use super::{List, Parameters, Standing, View, fleet, frame, shared, single, soon, text, unreadable};

/// More mailboxes of a credential than these are counted, not named.
const MAX_NAMED: usize = 8;

pub(super) const PATH: &str = "credentials";

const PLACE: Place = Place { list: List::Credentials, page: PATH, anchor: "", api: "api/v1/credentials" };

const FILTERS: [&str; 4] = ["name", "outcome", "reason", "owner"];

pub(in crate::http) async fn credentials(
    State(site): State<Site>,
    Query(asked): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let report = Arc::clone(&site.report);
    let write = move |view: &View| page(clock::now(), &report.credentials(), &report.checks(), view);
    match View::read(List::Credentials, &asked) {
        Ok(view) if view.is_whole() => {
            shared(&site, Title::Credentials, &headers, move || write(&view)).await
        }
        Ok(view) => single(&site, &headers, move || (StatusCode::OK, write(&view))).await,
        Err(fault) => single(&site, &headers, move || unreadable(&fault)).await,
    }
}

/// The remedy of each credential whose token fails now, filled in with its own values.
type Remedies<'r> = HashMap<&'r str, &'r str>;

fn remedies(checks: &[Arc<CheckRecord>]) -> Remedies<'_> {
    let mut remedies = HashMap::new();
    for record in checks {
        let Some(last) = &record.last else { continue };
        if let Outcome::Down { failure, hint } = &last.outcome
            && failure.phase == Phase::Token
        {
            remedies.entry(&*last.check.mailbox.credential.name).or_insert(hint.as_str());
        }
    }
    remedies
}

fn standing(now: Timestamp, record: &CredentialRecord) -> Standing {
    let near = record.ends().first().is_some_and(|end| soon::is_near(now, end.at));
    match record.decisive().any(|token| token.last.is_some()) {
        _ if record.failing().is_some() => Standing::Failing,
        _ if near => Standing::Waiting,
        // A password shows only in the checks that use it.
        false if !record.tokens.is_empty() => Standing::Waiting,
        _ => Standing::Fine,
    }
}

fn page(now: Timestamp, all: &[CredentialRecord], checks: &[Arc<CheckRecord>], view: &View) -> Markup {
    let failing = all.iter().filter(|record| record.failing().is_some()).count();
    let count = text::counted(all.len(), "credential", "credentials");
    let title = match (failing, all.len()) {
        (_, 0) => "No credential is configured".to_owned(),
        (0, _) => format!("{count}, none fails"),
        (failing, _) => format!("{failing} of {count} cannot get a token"),
    };
    let worst = all.iter().map(|record| standing(now, record)).min().unwrap_or(Standing::Waiting);
    let mut chosen = chosen::credentials(all, checks, view);
    if view.sort.is_none() {
        chosen.sort_by_cached_key(|record| standing(now, record));
    }
    let (total, remedies) = (chosen.len(), remedies(checks));
    let occurring = Occurring::among(checks.iter().map(|record| &**record));
    let main = html! {
        section {
            @if !all.is_empty() { (filters::form(&PLACE, view, &occurring, &FILTERS)) }
            (filters::pager(&PLACE, view, total))
            @for record in chosen.into_iter().skip(view.offset).take(filters::row_limit(view)) {
                (entry(now, record, &remedies))
            }
        }
    };
    frame(now, worst, &title, (Some(PATH), Here::Top), &main)
}

fn entry(now: Timestamp, record: &CredentialRecord, remedies: &Remedies<'_>) -> Markup {
    let (credential, standing) = (&record.credential, standing(now, record));
    html! {
        article.credential class=(standing.class()) {
            h2 { (credential.name) }
            dl {
                dt { "Kind" }
                dd {
                    (credential.label())
                    @if let Some(tenant) = credential.tenant() { ", tenant " code { (tenant) } }
                    @if let Some(client) = credential.client_id() { ", client " code { (client) } }
                    @if let Some(places) = credential.places_in_words() { ", secret in " (places) }
                }
                dt { "Ends" } dd { (ends(now, record)) }
                @for token in &record.tokens {
                    dt { "Token for " (token.spec.resource()) }
                    dd { (self::token(now, token)) }
                }
                dt { (text::plural(record.mailboxes.len(), "Mailbox", "Mailboxes")) }
                dd.names { (mailboxes(record)) }
                dt { "What to do" } dd { (to_do(now, record, remedies)) }
            }
        }
    }
}

fn ends(now: Timestamp, record: &CredentialRecord) -> Markup {
    let ends = record.ends();
    html! {
        @if ends.is_empty() && record.token_file_end().is_none() {
            @match (&record.credential.auth, record.refresh_token_used()) {
                (Auth::Password(_), _) => span.none { "a password, whose end only its directory knows" },
                (Auth::Token(_), Some(used)) if record.credential.is_delegated() => {
                    "signed in; the refresh token last worked " (text::ago(now, used)) ", and dies if it is unused for long"
                },
                (Auth::Token(proof), _) if is_managed(proof) => span.none { "never: nothing of a managed identity ends" },
                (Auth::Token(_), _) => span.none { "unknown: no end is declared" },
            }
        }
        @for end in &ends {
            p {
                "the " (end.source.row().noun) " "
                span.failing[soon::is_near(now, end.at)] { (text::end(now, end.at)) }
                ", " (text::clock(end.at)) "; the date is " (end.source.row().origin)
            }
        }
        @if let Some(end) = record.token_file_end() {
            p { "the token file " (text::end(now, end)) ", " (text::clock(end)) "; it is renewed all the time" }
        }
    }
}

const fn is_managed(proof: &Proof) -> bool {
    matches!(proof, Proof::ManagedIdentity { .. })
}

fn token(now: Timestamp, record: &TokenRecord) -> Markup {
    let failure = record.last.as_ref().and_then(|last| last.failure.as_ref());
    html! {
        @match (&record.last, failure) {
            (None, _) => p { "not asked for yet" },
            (Some(last), None) => p { "issued " (text::ago(now, last.started_at)) ", after " (text::took(last.duration)) },
            (Some(last), Some(cause)) => {
                p.failing { span.state { (text::reason(Here::Top, cause.reason)) } " " (text::ago(now, last.started_at))
                    @if let Some(since) = record.failing_since { ", for " (text::stretch(text::between(since, now))) }
                }
                @if !cause.detail.is_empty() { blockquote { (cause.detail) } }
            }
        }
        @if let Some(id) = record.last.as_ref().and_then(|last| last.request_id.as_ref()) {
            p { "client-request-id, the sign-in log's \"Correlation ID\": " code { (id) } }
        }
        @if let Some(token) = &record.token {
            p { "the token in hand " (text::end(now, token.expires_at)) }
        }
        (permissions(record))
    }
}

/// What the token permits beside what checks need.
fn permissions(record: &TokenRecord) -> Markup {
    let claims = record.token.as_ref().map(|token| token.claims.as_ref());
    html! {
        @if !record.permissions.is_empty() {
            p.permissions {
                "needs "
                @for (place, needed) in record.permissions.iter().enumerate() {
                    @if place > 0 { ", " }
                    code { (needed) }
                    @match claims {
                        None => "",
                        Some(None) => " (the token does not say)",
                        Some(Some(claims)) if claims.grants(needed) => " (in the token)",
                        Some(Some(_)) => span.failing { " (not in the token)" },
                    }
                }
            }
        }
    }
}

fn lacks(record: &TokenRecord) -> Vec<&'static str> {
    let claims = record.token.as_ref().and_then(|token| token.claims.as_ref());
    let lacking = |needed: &&&str| claims.is_some_and(|claims| !claims.grants(needed));
    record.permissions.iter().filter(lacking).copied().collect()
}

fn mailboxes(record: &CredentialRecord) -> Markup {
    let all = record.mailboxes.len();
    html! {
        @if all == 0 && record.directories.is_empty() { span.none { "none uses it" } }
        @for directory in record.directories.iter() { p { "directory " (directory) " is read with it" } }
        @if all > 0 {
            @for (place, name) in record.mailboxes.iter().take(MAX_NAMED).enumerate() {
                @if place > 0 { ", " }
                (text::mailbox(Here::Top, name))
            }
            @if all > MAX_NAMED { " and " (all - MAX_NAMED) " more" }
            @let view = View::of(Filter::default().with("credential", &record.credential.name));
            ": " a href=(fleet::PLACE.link(&view)) { "in the table" } ", " (text::counted(all, "mailbox", "mailboxes")) ", " (text::counted(record.checks, "check", "checks"))
        }
    }
}

/// Everything that is to be done about a credential, the most urgent first.
fn to_do(now: Timestamp, record: &CredentialRecord, remedies: &Remedies<'_>) -> Markup {
    let credential = &record.credential;
    let mut steps: Vec<String> = Vec::new();
    if let Some((_, cause)) = record.failing() {
        let filled = remedies.get(&*credential.name).map(|hint| (*hint).to_owned());
        steps.push(filled.unwrap_or_else(|| generic_hint(cause.reason, None, None)));
    }
    if let Some(end) = record.ends().first().filter(|end| soon::is_near(now, end.at)) {
        let place = credential.places_in_words().unwrap_or_else(|| "its place".to_owned());
        steps.push(format!(
            "Replace the {} in {place}: a new one counts as soon as it is there.",
            end.source.row().noun
        ));
    }
    let lacking: Vec<_> = record.tokens.iter().flat_map(lacks).collect();
    if !lacking.is_empty() {
        let given = match &credential.auth {
            Auth::Token(proof) if is_managed(proof) => {
                "Elsewhere commands assign the app role: `mailbox-exporter setup"
            }
            _ => "Elsewhere an administrator consents: `mailbox-exporter consent-url",
        };
        steps.push(format!(
            "The token lacks {}. Where access was given by RBAC for Applications, that is as it should be. {given} --config FILE {}`",
            lacking.join(", "),
            credential.name
        ));
    }
    if matches!(credential.auth, Auth::Password(_)) && record.checks > 0 {
        steps.push(
            "Move its mailboxes to OAuth before passwords end; the board of readiness shows who would break."
                .to_owned(),
        );
    }
    if record.checks > 0
        && record.ends().is_empty()
        && matches!(&credential.auth, Auth::Token(proof) if proof.pasted().is_some())
    {
        steps.push(format!("Write when the secret ends: `expires: YYYY-MM-DD` on credential {}, so that it is announced in time.", credential.name));
    }
    html! {
        @if steps.is_empty() { "nothing" }
        @for step in &steps { (text::hint(step)) }
    }
}

#[cfg(test)]
mod tests;
