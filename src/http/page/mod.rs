//! The pages: views of the report's facts, complete without scripts and without anything from elsewhere.
//!
//! Owns what they share: the frame, the style, the policy, how a mailbox stands. Not here: finding
//! out anything about mail.

mod agent;
mod credentials;
mod fleet;
mod index;
mod mailbox;
mod readiness;
mod reasons;
mod soon;
mod text;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::{Arc, LazyLock};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::model::{Mailbox, Protocol};
use crate::report::{CheckRecord, Facts};
use crate::safe;

use self::text::Here;
use super::Site;
use super::kept::Title;

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

pub(super) use credentials::credentials;
pub(super) use index::index;
pub(super) use mailbox::mailbox;
pub(super) use readiness::readiness;
pub(super) use reasons::{reason, reasons};

/// A page that is the same for every client.
async fn shared(
    site: &Site,
    title: Title,
    headers: &HeaderMap,
    write: impl FnOnce() -> Markup + Send + 'static,
) -> Response {
    let write = move |out: &mut dyn Write| out.write_all(safe::page(write().into_string()).as_bytes());
    dressed(site.pages.shared(title, headers, write).await)
}

/// A page for one client.
async fn single(
    site: &Site,
    headers: &HeaderMap,
    write: impl FnOnce() -> (StatusCode, Markup) + Send + 'static,
) -> Response {
    let write = move |out: &mut dyn Write| {
        let (status, page) = write();
        out.write_all(safe::page(page.into_string()).as_bytes()).map(|()| status)
    };
    dressed(site.pages.single(headers, write).await)
}

fn dressed(mut response: Response) -> Response {
    if response.status().is_server_error() {
        return response;
    }
    let mut set = |name: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, "text/html; charset=utf-8");
    set(header::CONTENT_SECURITY_POLICY, &POLICY);
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

/// The program's name, leading to the status page.
fn home(here: Here) -> Markup {
    html! { a href=(here.to("")) { "mailbox-exporter" } }
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
