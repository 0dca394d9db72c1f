//! The pages: views of the report's facts, complete without the script and without anything from elsewhere.
//!
//! Owns what they share: the frame, the style, the policy, the state of a mailbox. Not here:
//! finding out anything about mail.

mod agent;
mod credentials;
mod filters;
mod fleet;
mod index;
mod mailbox;
mod readiness;
mod reasons;
mod soon;
mod strip;
mod text;
mod trouble;

use std::collections::BTreeSet;
use std::io::Write;
use std::sync::{Arc, LazyLock};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

use crate::clock;
use crate::model::Protocol;
use crate::report::{CheckRecord, Facts};
use crate::safe;

use self::text::Here;
use super::Site;
use super::kept::Title;
use super::rows::{self, Row, Standing};
use super::view::{List, Parameters, View};

/// How often a page asks for itself again, in seconds.
const REFRESH_SECONDS: u32 = 15;

const STYLE: &str = include_str!("style.css");

const SCRIPT: &str = include_str!("page.js");

/// Nothing may be loaded from elsewhere, framed or run inline. The one style sheet is known by its hash, the one script
/// is the agent's own, and it asks the agent alone, as forms do. Should text of a server ever escape the escaping, it
/// could still do nothing: no other answer of the agent has a type that browsers run.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; script-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
});

pub(super) use credentials::credentials;
pub(super) use index::index;
pub(super) use mailbox::mailbox;
pub(super) use readiness::readiness;
pub(super) use reasons::{reason, reasons};

/// The script of the pages.
pub(super) async fn script() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/javascript; charset=utf-8")], SCRIPT)
}

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

/// What leads from every page to the others: the path, and the words.
const PLACES: [(&str, &str); 5] = [
    ("", "mailbox-exporter"),
    (fleet::TABLE, "mailboxes"),
    (credentials::PATH, "credentials"),
    (readiness::PATH, "readiness"),
    (reasons::PATH, "reasons"),
];

/// The links to the other pages. `open` is the path of the one that is shown, if it is among them.
fn places(open: Option<&str>, here: Here) -> Markup {
    html! {
        nav.program aria-label="Pages" {
            @for (order, (path, words)) in PLACES.iter().enumerate() {
                @if order > 0 { " · " }
                a href=(here.to(path)) aria-current=[(open == Some(path)).then_some("page")] { (words) }
            }
        }
    }
}

/// The frame of every page; `open` is its path, where `places` has it.
///
/// Browsers that run the script refresh in place; a page that asks for itself would take the reader's place away.
fn frame(
    now: Timestamp,
    standing: Standing,
    title: &str,
    (open, here): (Option<&str>, Here),
    main: &Markup,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" data-refresh=(REFRESH_SECONDS) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                noscript { meta http-equiv="refresh" content=(REFRESH_SECONDS); }
                script src=(here.to("page.js")) defer {}
                title { (title) " · mailbox-exporter" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header class=(standing.class()) {
                    (places(open, here))
                    h1 { (title) }
                    p.asof { "As of " (text::clock(now)) ", again in " (REFRESH_SECONDS) "\u{a0}s" }
                }
                main { (main) }
            }
        }
    }
}

/// The answer to a query that is not a valid view.
fn unreadable(fault: &str) -> (StatusCode, Markup) {
    let main = html! { article { p { (fault) "." } } };
    (
        StatusCode::BAD_REQUEST,
        frame(clock::now(), Standing::Waiting, "This view cannot be shown", (None, Here::Top), &main),
    )
}

/// The protocols that checks of the plan speak, in the order of the table.
fn protocols(facts: &Facts) -> BTreeSet<Protocol> {
    facts.checks.iter().map(|record: &Arc<CheckRecord>| record.check.protocol()).collect()
}
