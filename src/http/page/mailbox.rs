//! `/mailboxes/NAME`: one mailbox, check by check: its state, where the time went, the dialogue, and the credential
//! that it logged in with.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use maud::{Markup, html};

use crate::clock;
use crate::http::Site;
use crate::http::probe::ButtonOutcome;
use crate::model::{
    Goal, Mailbox, Mechanism, Observation, Outcome, Speaker, Standing as BoardStanding, TokenSeal, TripFacts,
    Unread,
};
use crate::report::CheckRecord;

use super::text::Here;
use super::{Parameters, Standing, fleet, frame, readiness, single, strip, text, trouble};

pub(in crate::http) async fn mailbox(
    State(site): State<Site>,
    Path(name): Path<String>,
    Query(query): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let pages = site.clone();
    let probed =
        query.iter().find(|(name, _)| name == "probed").and_then(|(_, how)| ButtonOutcome::from_label(how));
    let write = move || {
        let records = pages.report.mailbox(&name);
        match records.first().map(|record| Arc::clone(&record.check.mailbox)) {
            Some(mailbox) => {
                let standings = pages.readiness.standings_of(&name, clock::now());
                (StatusCode::OK, page(&mailbox, &records, &standings, probed))
            }
            None => (StatusCode::NOT_FOUND, unknown(&name)),
        }
    };
    single(&site, &headers, write).await
}

fn unknown(name: &str) -> Markup {
    let main = html! {
        article { p { "No mailbox is named " code { (name) } "." } }
    };
    frame(clock::now(), Standing::Waiting, "Unknown mailbox", (None, Here::Below), &main)
}

fn page(
    mailbox: &Mailbox,
    records: &[Arc<CheckRecord>],
    standings: &[BoardStanding],
    probed: Option<ButtonOutcome>,
) -> Markup {
    let now = clock::now();
    let standing = records.iter().map(|record| Standing::of(record)).min().unwrap_or(Standing::Waiting);
    let main = html! {
        @if let Some(asked) = probed { p.note role="status" { (asked.sentence()) } }
        form.act method="post" action={ (Here::Below.to("mailboxes/")) (text::url_part(&mailbox.name)) "/probe" } {
            button type="submit" { "Probe now" }
        }
        section.agent { dl {
            dt { "Address" } dd { (mailbox.address) }
            @if mailbox.username != mailbox.address { dt { "Login name" } dd { (mailbox.username) } }
            dt { "Provider" } dd { (mailbox.provider.name) }
            dt { "Credential" } dd { (text::credential(Here::Below, &mailbox.credential.name)) ", " (mailbox.credential.label()) }
            @for (label, value) in &mailbox.labels { dt { (label) } dd { (value) } }
            @if mailbox.alert_path { dt { "Alert path" } dd { "alerts are sent by this mailbox: mail cannot tell of its failure" } }
        } }
        (strip::legend())
        @for record in records { (check(now, record)) (stands(now, record, standings)) }
    };
    frame(now, standing, &mailbox.name, (None, Here::Below), &main)
}

fn stands(now: Timestamp, record: &CheckRecord, standings: &[BoardStanding]) -> Markup {
    let name = record.check.name();
    let found = standings.iter().find(|standing| standing.name == name);
    html! { @if let Some(standing) = found { (readiness::of_check(standing, now)) } }
}

fn check(now: Timestamp, record: &CheckRecord) -> Markup {
    let passing = matches!(&record.last, Some(last) if last.outcome.is_up());
    html! {
        section class=(Standing::of(record).class()) {
            h2 { (record.check.protocol()) " at " (record.check.endpoint) }
            p.line {
                @match &record.last {
                    None => span.state { "waiting for its first probe" },
                    Some(last) => { (fleet::state(Here::Below, last)) span.facts { (text::took(last.duration)) ", " (text::ago(now, last.started_at)) } }
                }
            }
            p.facts {
                "Every " (text::stretch(record.interval)) "; "
                (text::counted(count(record.successes), "success", "successes")) ", "
                (text::counted(count(record.failed()), "failure", "failures")) " since the start"
            }
            p.past { (strip::strip(record)) (strip::spark(record)) }
            @if !passing && let Some(last) = &record.last { (probe(now, "The last failure", last, true)) }
            @if let Some(last) = &record.last_success { (probe(now, "The last success", last, passing)) }
            @if passing && let Some(last) = &record.last_failure { (probe(now, "The last failure", last, false)) }
            (strip::stretches(record))
            (strip::waterfalls(now, record))
            @if !record.failures.is_empty() { (reasons(record)) }
        }
    }
}

fn count(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// All facts about one probe. `open`: not folded.
fn probe(now: Timestamp, title: &str, seen: &Observation, open: bool) -> Markup {
    html! {
        details open[open] {
            summary { (title) ", " (text::ago(now, seen.started_at)) }
            @if let Outcome::Down { failure, hint } = &seen.outcome {
                (trouble::said(Here::Below, failure))
                dl { (trouble::remedy(failure, hint, None)) }
            }
            @if seen.timings.iter().nth(1).is_some() { (fleet::bar(seen)) }
            table.phases { tbody {
                tr { @for (phase, _) in seen.timings.iter() { th scope="col" { (strip::chip(phase)) (phase) } } th scope="col" { "total" } }
                tr {
                    @for (phase, took) in seen.timings.iter() { td data-column=(phase) { (text::took(took)) } }
                    td data-column="total" { (text::took(seen.duration)) }
                }
            } }
            (facts(seen))
            (dialogue(seen))
        }
    }
}

fn facts(seen: &Observation) -> Markup {
    let server = &seen.server;
    let offered = server
        .mechanisms
        .as_ref()
        .map(|offered| offered.iter().map(|mechanism| mechanism.label()).collect::<Vec<_>>().join(", "));
    html! {
        dl {
            dt { "Began" } dd { (text::clock(seen.started_at)) }
            @if let Some(ip) = server.ip {
                dt { "Server" } dd { (ip) @if let Some(name) = &server.front_end { ", calls itself " code { (name) } } }
            }
            @if let Some(version) = server.tls_version {
                dt { "TLS" } dd { (version) @if let Some(cipher) = server.tls_cipher { ", " (cipher) } }
            }
            @if let Some(certificate) = &server.certificate {
                dt { "Certificate" }
                dd {
                    p { (certificate.subject) ", issued by " (certificate.issuer)
                        @if let Some(end) = server.certificate_expiry { ", until " (text::clock(end)) } }
                    p { "SHA-256 " code { (certificate.sha256) } }
                    @if certificate.public_root == Some(false) { p { "from no public authority" } }
                    @if server.intercepted { p.failing { (INTERCEPTED) } }
                }
            }
            @if let Some(offered) = offered { dt { "Offers" } dd { (offered) } }
            @if let Some(mechanism) = server.mechanism { dt { "Login by" } dd { (login(mechanism)) } }
            @if let Some(token) = &seen.token { dt { "Token" } dd { (seal(token)) } }
            @if let Some(messages) = server.messages { dt { "Messages" } dd { (messages) } }
            @if let Some(unread) = &server.unread { (figures(unread)) }
            @if let Goal::RoundTrip(trip) = &seen.check.goal { dt { "Message" } dd { (message(&trip.to().name, &server.trip)) } }
        }
    }
}

fn figures(unread: &Unread) -> Markup {
    html! {
        @if let Some(messages) = unread.messages {
            dt { "Unread" }
            dd { (messages) @if let Some(oldest) = unread.oldest { ", the first since " (text::clock(oldest)) } }
        }
        @if let Some(newest) = unread.newest { dt { "Newest message" } dd { (text::clock(newest)) } }
        @if let Some(why) = &unread.missing { dt { "Not known" } dd { (why) } }
    }
}

/// The fate of a round trip's message, and of earlier ones.
fn message(to: &str, seen: &TripFacts) -> Markup {
    html! {
        p {
            "to " (to)
            @if let Some(took) = seen.send { ", accepted after " (text::took(took)) }
            @if let Some(took) = seen.deliver { ", seen " (text::took(took)) " later" }
        }
        @if !seen.authentication.is_empty() {
            p { "The receiving server says: "
                @for (place, (check, verdict)) in seen.authentication.iter().enumerate() {
                    @if place > 0 { ", " } (check) " " (verdict)
                }
            }
        }
        @for sentence in &seen.earlier { p { (sentence) } }
    }
}

fn login(mechanism: Mechanism) -> Markup {
    html! {
        (mechanism)
        @if matches!(mechanism, Mechanism::Xoauth2 | Mechanism::Oauthbearer) { ": an access token, no password was sent" }
    }
}

/// What it means that a public provider shows a certificate of a private authority.
pub(super) const INTERCEPTED: &str = "A public provider has its certificates from public authorities: something in between seems to read along.";

/// The facts by which the login can be found in the identity provider's sign-in log.
fn seal(token: &TokenSeal) -> Markup {
    let claims = token.claims.as_deref();
    let rows = [
        ("uti, the log's \"Unique token identifier\"", claims.and_then(|claims| claims.token_id.as_deref())),
        ("oid, the service principal's object id", claims.and_then(|claims| claims.object_id.as_deref())),
        ("app", claims.and_then(|claims| claims.app.as_deref())),
        ("tenant", claims.and_then(|claims| claims.tenant.as_deref())),
        ("audience", claims.and_then(|claims| claims.audience.as_deref())),
    ];
    html! {
        p { "SHA-256 begins " code { (token.fingerprint) } }
        @if let Some(skew) = token.clock_skew { p { "this machine's clock " (text::clock_against(skew)) " of the identity provider" } }
        p { "client-request-id, the log's \"Correlation ID\": " code { (token.request_id) } }
        @match claims {
            None => p { "opaque: it does not say what it is good for" },
            Some(claims) => {
                @for (name, value) in rows { @if let Some(value) = value { p { (name) ": " code { (value) } } } }
                p { "permissions: " @if claims.permissions.is_empty() { "none" } @else { (claims.permissions.join(", ")) } }
            }
        }
    }
}

/// What was said, as far as it was kept: without secrets, bounded.
fn dialogue(seen: &Observation) -> Markup {
    html! {
        @if !seen.dialogue.is_empty() {
            table.dialogue { tbody {
                @for line in &seen.dialogue {
                    tr class=(match line.from { Speaker::Client => "client", Speaker::Server => "server" }) {
                        td { (format!("{:.3}", line.at.as_secs_f64())) }
                        td { (match line.from { Speaker::Client => "C", Speaker::Server => "S" }) }
                        td { code { (line.text) } }
                    }
                }
            } }
        }
    }
}

fn reasons(record: &CheckRecord) -> Markup {
    html! {
        details {
            summary { "All failures since the start, by reason" }
            table { tbody {
                @for ((phase, reason), times) in &record.failures {
                    tr { th { (text::reason(Here::Below, *reason)) " in " (phase) } td data-column="Times" { (times) } }
                }
            } }
        }
    }
}
