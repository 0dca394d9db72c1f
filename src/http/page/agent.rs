//! The credentials, and the agent itself.
//!
//! Not here: mailboxes.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::report::{ConfigurationRecord, CredentialRecord, Facts, TokenRecord, UserTokens};
use crate::version;

use super::text::Here;
use super::{soon, text};

/// More credentials than these are counted, not shown.
const CREDENTIALS: usize = 20;

/// The credentials and their tokens.
pub(super) fn credentials(facts: &Facts) -> Markup {
    html! {
        @if !facts.credentials.is_empty() {
            section.credentials {
                h2 { "Credentials" }
                table {
                    thead { tr { th { "Credential" } th { "Checks" } th { "Token" } th { "Secret" } } }
                    tbody {
                        @for record in worst(facts) { (credential(facts.now, record)) }
                    }
                }
                @if facts.credentials.len() > CREDENTIALS {
                    p.more { "and " (facts.credentials.len() - CREDENTIALS) " more: " a href=(Here::Top.to("credentials")) { "all credentials" } }
                }
            }
        }
    }
}

/// Those that fail first.
fn worst(facts: &Facts) -> impl Iterator<Item = &CredentialRecord> {
    let failing = facts.credentials.iter().filter(|record| record.failing().is_some());
    failing.chain(facts.credentials.iter().filter(|record| record.failing().is_none())).take(CREDENTIALS)
}

fn credential(now: Timestamp, record: &CredentialRecord) -> Markup {
    html! {
        tr {
            th scope="row" {
                (text::credential(Here::Top, &record.credential.name))
                small {
                    (record.credential.label())
                    @if let Some(tenant) = record.credential.tenant() { ", tenant " (tenant) }
                }
            }
            td data-column="Checks" { (record.checks) }
            td data-column="Token" {
                @if record.tokens.is_empty() { "none needed" }
                @for record in &record.tokens { (token(now, record)) }
            }
            td data-column="Secret" {
                @match (record.ends().first(), record.refresh_token_used()) {
                    (None, _) if matches!(record.declared, Some(Err(_))) => span.failing { "its date cannot be read" },
                    (None, None) => span.none { "not declared" },
                    (None, Some(at)) => span.fine title=(text::clock(at)) { "signed in, used " (text::ago(now, at)) },
                    (Some(end), _) => span class=(if soon::is_near(now, end.at) { "failing" } else { "fine" }) title=(text::clock(end.at)) {
                        (text::end(now, end.at))
                    },
                }
            }
        }
    }
}

fn token(now: Timestamp, record: &TokenRecord) -> Markup {
    let failure = record.failure.as_ref();
    html! {
        p.line {
            span.resource {
                (record.spec.resource())
                // A person's tokens are one for each permission.
                @if record.spec.proof.is_delegated() { @for name in &record.permissions { " " (name) } }
            } " "
            @match (failure, &record.last) {
                (Some(cause), _) => span.failing { span.state { (text::reason(Here::Top, cause.reason)) } },
                (None, Some(_)) => span.fine { span.state { "ok" } },
                (None, None) => span.waiting { span.state { "not asked for yet" } },
            }
            @if let Some(users) = &record.users { (user_tokens(users)) }
            @if let Some(token) = &record.token {
                span.facts title=(text::clock(token.expires_at)) { (text::end(now, token.expires_at)) }
            }
        }
    }
}

/// The tokens of users: how many there are, and why some are missing.
fn user_tokens(users: &UserTokens) -> Markup {
    html! {
        span.facts { "one for each user: " (users.held) " of " (users.needed) }
        @for (reason, count) in &users.failing {
            span.failing { span.state { (count) " " (text::reason(Here::Top, *reason)) } }
        }
    }
}

/// The agent.
pub(super) fn section(facts: &Facts) -> Markup {
    let up = text::between(facts.started_at, facts.now);
    html! {
        section.agent {
            h2 { "This agent" }
            dl {
                dt { "Version" } dd { (version::long()) }
                dt { "Up for" } dd { (text::stretch(up)) }
                dt { "Checks" } dd { (facts.checks.len()) ", " (facts.in_flight) " being probed now, " (facts.skipped) " skipped" }
                dt { "Configuration" } dd { (configuration(facts.now, facts.configuration)) }
                dt { "Pages" } dd {
                    @for path in ["metrics", "-/healthy", "-/ready"] { a href=(Here::Top.to(path)) { "/" (path) } " " }
                }
            }
        }
    }
}

/// Since when which part of the configuration is in force, and whether the last one was refused.
fn configuration(now: Timestamp, record: ConfigurationRecord) -> Markup {
    html! {
        "in force since " (text::clock(record.read_at))
        @if !record.shard.is_whole() { ", shard " (record.shard) }
        @if let Some(at) = record.refused_at {
            "; " span.failing { "refused for its faults " (text::ago(now, at)) } ", the log names them"
        }
    }
}
