//! The pages: views of the report's facts, complete without scripts and without anything from elsewhere.
//!
//! Owns what they share: the frame, the style, the policy, how a mailbox stands. Not here: finding
//! out anything about mail.

mod agent;
mod fleet;
mod index;
mod mailbox;
mod readiness;
mod reasons;
mod soon;
mod text;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};
use tokio::task;
use tracing::error;

use crate::model::{Mailbox, Protocol};
use crate::report::{CheckRecord, Facts};
use crate::safe;

use super::{negotiate, scrape};

/// How often a page asks for itself again, in seconds.
const REFRESH_SECONDS: u32 = 15;

const STYLE: &str = include_str!("style.css");

/// Nothing may be loaded, run, framed or sent; the one style sheet is known by its hash. Should text
/// of a server ever escape the escaping, it could still do nothing.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
});

pub(super) use index::index;
pub(super) use mailbox::mailbox;
pub(super) use readiness::readiness;
pub(super) use reasons::{reason, reasons};

/// Writes a page beside the async threads, in the encoding that is asked for.
async fn respond(
    headers: &HeaderMap,
    write: impl FnOnce() -> (StatusCode, Markup) + Send + 'static,
) -> Response {
    let gzip = negotiate::gzip(headers);
    let work = move || {
        let (status, page) = write();
        scrape::encoded(safe::page(page.into_string()).into_bytes(), gzip).map(|bytes| (status, bytes))
    };
    match task::spawn_blocking(work).await {
        Ok(Ok((status, bytes))) => answer(status, bytes, gzip),
        fault => {
            error!(?fault, "a page could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "The page could not be written; the log says why.\n")
                .into_response()
        }
    }
}

fn answer(status: StatusCode, bytes: Vec<u8>, gzip: bool) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(header::CONTENT_SECURITY_POLICY, &POLICY);
    set(header::VARY, "Accept-Encoding");
    if gzip {
        set(header::CONTENT_ENCODING, "gzip");
    }
    response
}

/// How one check, or one mailbox with all its checks, stands. The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Failing,
    Waiting,
    Fine,
}

impl Standing {
    fn of(record: &CheckRecord) -> Self {
        match &record.last {
            None => Self::Waiting,
            Some(last) if last.outcome.is_up() => Self::Fine,
            Some(_) => Self::Failing,
        }
    }

    const fn class(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Waiting => "waiting",
            Self::Fine => "fine",
        }
    }
}

/// One mailbox and its checks, by protocol.
struct Row<'f> {
    mailbox: &'f Mailbox,
    standing: Standing,
    checks: Vec<&'f CheckRecord>,
}

/// The mailboxes, the worst first and then by name.
fn rows<'f>(facts: &'f Facts) -> Vec<Row<'f>> {
    let mut by_name: BTreeMap<&str, Vec<&'f CheckRecord>> = BTreeMap::new();
    for record in &facts.checks {
        by_name.entry(&record.check.mailbox.name).or_default().push(record);
    }
    let row = |checks: Vec<&'f CheckRecord>| {
        let mailbox = &*checks.first()?.check.mailbox;
        let standing = checks.iter().map(|record| Standing::of(record)).min()?;
        Some(Row { mailbox, standing, checks })
    };
    let mut rows: Vec<Row<'f>> = by_name.into_values().filter_map(row).collect();
    rows.sort_by_key(|row| row.standing);
    rows
}

/// The frame of every page; `above` is what stands over the title.
fn frame(now: Timestamp, standing: Standing, title: &str, above: &Markup, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="refresh" content=(REFRESH_SECONDS);
                title { (title) " · mailbox-exporter" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header class=(standing.class()) {
                    p.program { (above) }
                    h1 { (title) }
                    p.asof { "As of " (text::clock(now)) ", again in " (REFRESH_SECONDS) " s" }
                }
                main { (main) }
            }
        }
    }
}

/// The protocols that checks of the plan speak, in the order of the table.
fn protocols(facts: &Facts) -> BTreeSet<Protocol> {
    facts.checks.iter().map(|record: &Arc<CheckRecord>| record.check.protocol()).collect()
}
