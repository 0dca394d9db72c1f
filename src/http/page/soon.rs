//! What works today and will not tomorrow, or should not: secrets and certificates about to end, tokens that
//! are no longer renewed, a wrong clock, TLS that is intercepted.
//!
//! Not here: what is broken already (`trouble`).

use std::collections::BTreeSet;

use jiff::Timestamp;
use maud::{Markup, html};

use crate::model::{NOTABLE_SKEW, Owner};
use crate::report::{CredentialRecord, Facts, ServerRecord, TokenRecord};

use super::mailbox::INTERCEPTED;
use super::text::{self, Here};

/// A declared end nearer than this is pointed out: a month is what replacing a secret may take.
const SECRET_DAYS: u64 = 30;

/// The same for a server's certificate: those renewed by machines are renewed earlier than this.
const CERTIFICATE_DAYS: u64 = 14;

/// The seconds of a day.
const DAY_SECONDS: u64 = 24 * 60 * 60;

/// More warnings than these are counted, not shown.
const WARNINGS: usize = 50;

/// The section; empty if nothing is near.
pub(super) fn section(facts: &Facts) -> Markup {
    let renewals = facts.credentials.iter().flat_map(|credential| &credential.tokens);
    let warnings: Vec<Markup> = renewals
        .filter_map(|token| renewal(facts, token))
        .chain(facts.credentials.iter().filter_map(|credential| secret(facts, credential)))
        .chain(facts.servers.iter().filter_map(|server| certificate(facts, server)))
        .chain(clock(facts))
        .chain(intercepted(facts).into_iter().map(|host| interception(&host)))
        .collect();
    html! {
        @if !warnings.is_empty() {
            section {
                h2 { "What will break next" }
                @for warning in warnings.iter().take(WARNINGS) { article.soon { (warning) } }
                @if warnings.len() > WARNINGS { p.more { "and " (warnings.len() - WARNINGS) " more" } }
            }
        }
    }
}

/// A token that cannot be renewed while the old one still serves: its mailboxes look fine.
fn renewal(facts: &Facts, record: &TokenRecord) -> Option<Markup> {
    let cause = record.failure.as_ref()?;
    let token = record.token.as_ref().filter(|token| token.expires_at > facts.now)?;
    let reason = cause.reason.row();
    let owners: Vec<_> = reason.owners.iter().map(|owner| owner.row().title).collect();
    Some(html! {
        h3 {
            (text::reason(Here::Top, cause.reason))
            " when the token of credential " strong { (record.spec.credential) } " is renewed"
        }
        p { (reason.meaning) " The token in hand still serves; it " (text::end(facts.now, token.expires_at)) "." }
        @if !cause.detail.is_empty() { blockquote { (cause.detail) } }
        dl { dt { "Who" } dd { (owners.join(", then ")) } }
    })
}

/// A secret or certificate about to end. Left out if requests fail already, which another section shows.
fn secret(facts: &Facts, record: &CredentialRecord) -> Option<Markup> {
    let end = *record.ends().first()?;
    if record.decisive().any(|token| token.failing_since.is_some()) {
        return None;
    }
    (is_near(facts.now, end.at) && record.checks > 0).then(|| {
        html! {
            h3 { "The " (end.source.row().noun) " of credential " strong { (record.credential.name) } " " (text::end(facts.now, end.at)) }
            p {
                (text::counted(record.checks, "check depends", "checks depend")) " on it. The date is " (end.source.row().origin) ", "
                (text::clock(end.at)) "."
            }
            dl { dt { "Who" } dd { (Owner::App.row().title) } }
        }
    })
}

/// This machine's clock, if it is further off than servers tolerate.
fn clock(facts: &Facts) -> Option<Markup> {
    let requests = facts.credentials.iter().flat_map(|credential| &credential.tokens);
    let measured = requests.filter_map(|token| Some((token, token.last.as_ref()?.clock_skew?)));
    let (token, skew) =
        measured.max_by_key(|(_, skew)| skew.abs()).filter(|(_, skew)| skew.abs() >= NOTABLE_SKEW)?;
    Some(html! {
        h3 { "The clock of this machine " (text::clock_against(skew)) " of an identity provider" }
        p {
            "Measured by the answer to the last token request of credential " strong { (token.spec.credential) }
            ". Tokens and certificates are refused outside their time."
        }
        dl { dt { "Who" } dd { (Owner::Ops.row().title) } }
    })
}

/// Hosts of public providers whose connections seem to be intercepted.
fn intercepted(facts: &Facts) -> BTreeSet<String> {
    let seen = facts.checks.iter().filter_map(|record| record.last.as_ref());
    let servers = seen.filter(|seen| seen.server.intercepted).map(|seen| seen.check.endpoint.to_string());
    let tokens = facts.credentials.iter().flat_map(|credential| &credential.tokens);
    let asked = tokens.filter(|token| token.last.as_ref().is_some_and(|last| last.intercepted));
    servers.chain(asked.map(|token| token.spec.url.to_string())).collect()
}

fn interception(host: &str) -> Markup {
    html! {
        h3 { "TLS to " strong { (host) } " seems to be intercepted" }
        p { (INTERCEPTED) " The page of a mailbox shows the certificate and who issued it." }
        dl { dt { "Who" } dd { (Owner::Net.row().title) } }
    }
}

fn certificate(facts: &Facts, record: &ServerRecord) -> Option<Markup> {
    // Of an expired one the probes fail already.
    let end = record.certificate_expiry.filter(|end| *end > facts.now)?;
    within(facts.now, end, CERTIFICATE_DAYS).then(|| {
        html! {
            h3 {
                "The certificate of " strong { (record.server) } " (" (record.protocol) ") " (text::end(facts.now, end))
            }
            p { "Until " (text::clock(end)) "." }
            dl { dt { "Who" } dd { (Owner::Admin.row().title) } }
        }
    })
}

/// Whether a secret that ends then is to be replaced now.
pub(super) fn is_near(now: Timestamp, end: Timestamp) -> bool {
    within(now, end, SECRET_DAYS)
}

fn within(now: Timestamp, end: Timestamp, days: u64) -> bool {
    text::between(now, end).as_secs() < days * DAY_SECONDS
}
