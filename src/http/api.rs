//! `/api/v1`: the pages' facts as JSON, for programs.
//!
//! Not here: the members' names (`report::json`).

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::task;
use tracing::error;

use crate::report::CheckRecord;
use crate::report::json::{credential, mailbox};
use crate::report::readiness_json::board;
use crate::safe;

use super::{Site, negotiate, scrape};

pub(super) async fn mailboxes(State(site): State<Site>, headers: HeaderMap) -> Response {
    let write = move || {
        let records = site.report.checks();
        let mut by_name: BTreeMap<&str, Vec<&CheckRecord>> = BTreeMap::new();
        for record in &records {
            by_name.entry(&record.check.mailbox.name).or_default().push(record);
        }
        let one = |checks: &Vec<&CheckRecord>| Some(mailbox(&checks.first()?.check.mailbox, checks, false));
        let list: Vec<Value> = by_name.values().filter_map(one).collect();
        (StatusCode::OK, json!({ "mailboxes": list }))
    };
    respond(&headers, write).await
}

pub(super) async fn one_mailbox(
    State(site): State<Site>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let write = move || {
        let records = site.report.mailbox(&name);
        let checks: Vec<&CheckRecord> = records.iter().map(|record| &**record).collect();
        match checks.first() {
            Some(first) => (StatusCode::OK, mailbox(&first.check.mailbox, &checks, true)),
            None => {
                let error = format!("no mailbox is named {name:?}; /api/v1/mailboxes lists them");
                (StatusCode::NOT_FOUND, json!({ "error": error }))
            }
        }
    };
    respond(&headers, write).await
}

pub(super) async fn credentials(State(site): State<Site>, headers: HeaderMap) -> Response {
    let write = move || {
        let list: Vec<Value> = site.report.credentials().iter().map(credential).collect();
        (StatusCode::OK, json!({ "credentials": list }))
    };
    respond(&headers, write).await
}

pub(super) async fn readiness(State(site): State<Site>, headers: HeaderMap) -> Response {
    respond(&headers, move || (StatusCode::OK, board(&site.report.readiness()))).await
}

/// Writes beside the async threads: ten thousand mailboxes are megabytes.
async fn respond(
    headers: &HeaderMap,
    write: impl FnOnce() -> (StatusCode, Value) + Send + 'static,
) -> Response {
    let gzip = negotiate::gzip(headers);
    let work = move || {
        let (status, value) = write();
        scrape::encoded(safe::json(format!("{value}\n")).into_bytes(), gzip).map(|bytes| (status, bytes))
    };
    match task::spawn_blocking(work).await {
        Ok(Ok((status, bytes))) => {
            let mut response = (status, bytes).into_response();
            let mut set = |name: HeaderName, value| {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            };
            set(header::CONTENT_TYPE, "application/json");
            set(header::VARY, "Accept-Encoding");
            if gzip {
                set(header::CONTENT_ENCODING, "gzip");
            }
            response
        }
        fault => {
            error!(?fault, "an answer could not be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "The answer could not be written; the log says why.\n")
                .into_response()
        }
    }
}
