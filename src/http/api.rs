//! `/api/v1`: the facts of the pages for programs, as JSON; lists as CSV too.
//!
//! Owns how lists are cut, and how they are written piece by piece. Not here: the names in JSON (`report::json`).

use std::io::{self, Write};
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::report::json::{credential, mailbox};
use crate::report::readiness_json::{board, standing};
use crate::report::{CheckRecord, Report, sheet};
use crate::safe;

use super::kept::Title;
use super::rows::{self, Row};
use super::view::{Format, List, Parameters, Sort, View};
use super::{Site, chosen};

const CSV: HeaderValue = HeaderValue::from_static("text/csv; charset=utf-8");
const JSON: HeaderValue = HeaderValue::from_static("application/json");

type Asked = Query<Parameters>;

pub(super) async fn mailboxes(State(site): State<Site>, asked: Asked, headers: HeaderMap) -> Response {
    let report = Arc::clone(&site.report);
    let write = move |view: &View, out: &mut dyn Write| fleet(&report, view, out);
    list(&site, List::Mailboxes, &asked, &headers, write).await
}

pub(super) async fn credentials(State(site): State<Site>, asked: Asked, headers: HeaderMap) -> Response {
    let report = Arc::clone(&site.report);
    let write = move |view: &View, out: &mut dyn Write| {
        let (all, checks) = (report.credentials(), report.checks());
        let chosen = chosen::credentials(&all, &checks, view);
        let (total, part) = (chosen.len(), view.part(chosen, usize::MAX));
        match view.format {
            Format::Csv => sheet::credentials(part, out),
            Format::Json => with_list(json!({ "total": total }), "credentials", part.map(credential), out),
        }
    };
    list(&site, List::Credentials, &asked, &headers, write).await
}

pub(super) async fn readiness(State(site): State<Site>, asked: Asked, headers: HeaderMap) -> Response {
    let pages = site.clone();
    let write = move |view: &View, out: &mut dyn Write| {
        let mut all = pages.board();
        let standings = std::mem::take(&mut all.standings);
        let chosen = chosen::standings(&standings, view, Sort::Name);
        let (total, part) = (chosen.len(), view.part(chosen, usize::MAX));
        if view.format == Format::Csv {
            return sheet::readiness(part, out);
        }
        let mut whole = board(&all);
        if let Some(members) = whole.as_object_mut() {
            members.remove("mailboxes");
            members.insert("total".to_owned(), total.into());
        }
        with_list(whole, "mailboxes", part.map(standing), out)
    };
    list(&site, List::Readiness, &asked, &headers, write).await
}

pub(super) async fn one_mailbox(
    State(site): State<Site>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    let report = site.report;
    let write = move |out: &mut dyn Write| {
        let records = report.mailbox(&name);
        let checks: Vec<&CheckRecord> = records.iter().map(|record| &**record).collect();
        let (status, value) = match checks.first() {
            Some(first) => (StatusCode::OK, mailbox(&first.check.mailbox, &checks, true)),
            None => {
                let error = format!("no mailbox is named {name:?}; /api/v1/mailboxes lists them");
                (StatusCode::NOT_FOUND, json!({ "error": error }))
            }
        };
        write_safely(&value, out)?;
        out.write_all(b"\n").map(|()| status)
    };
    as_json(site.pages.single(&headers, write).await)
}

/// Answers with a list. The whole list is shared, since it is the same for every client; any other view is for one.
async fn list(
    site: &Site,
    list: List,
    Query(asked): &Asked,
    headers: &HeaderMap,
    write: impl FnOnce(&View, &mut dyn Write) -> io::Result<()> + Send + 'static,
) -> Response {
    let view = match View::read(list, asked) {
        Ok(view) => view,
        Err(error) => {
            let body = safe::json(format!("{}\n", json!({ "error": error })));
            return as_json((StatusCode::BAD_REQUEST, body).into_response());
        }
    };
    let format = view.format;
    let response = if view.is_whole() {
        site.pages.shared(Title::List(list, format), headers, move |out| write(&view, out)).await
    } else {
        site.pages.single(headers, move |out| write(&view, out).map(|()| StatusCode::OK)).await
    };
    match format {
        Format::Csv if response.status().is_success() => as_csv(list, response),
        Format::Csv | Format::Json => as_json(response),
    }
}

/// Marks a body as JSON. If the server is busy, the body is a sentence in plain text.
fn as_json(mut response: Response) -> Response {
    if response.status() != StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    }
    response
}

/// Marks a body as CSV, which a browser saves as a file.
fn as_csv(list: List, mut response: Response) -> Response {
    let name = match list {
        List::Mailboxes => "attachment; filename=\"mailboxes.csv\"",
        List::Readiness => "attachment; filename=\"readiness.csv\"",
        List::Credentials => "attachment; filename=\"credentials.csv\"",
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, CSV);
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    response
}

/// Writes the list of mailboxes, one after the other: the whole list as one value would take twenty times the memory of
/// the page. Within a mailbox, checks that do not match the filter are left out.
fn fleet(report: &Report, view: &View, out: &mut dyn Write) -> io::Result<()> {
    let records = report.checks();
    let view = View { sort: view.sort.or(Some((Sort::Name, false))), ..view.clone() };
    let chosen = rows::select(rows::rows(&records), &view);
    let (total, part) = (chosen.len(), view.part(chosen, usize::MAX));
    match view.format {
        Format::Csv => sheet::checks(part.flat_map(|row| matching(row, &view)), out),
        Format::Json => {
            let one = |row: Row<'_>| mailbox(row.mailbox, &matching(row, &view), false);
            with_list(json!({ "total": total }), "mailboxes", part.map(one), out)
        }
    }
}

/// The checks of a mailbox that match.
fn matching<'r>(row: Row<'r>, view: &View) -> Vec<&'r CheckRecord> {
    let matches = |record: &&CheckRecord| view.filter.admits(&rows::subject(record));
    row.checks.iter().map(|record| &**record).filter(matches).collect()
}

/// Writes an object whose first member is a list, an element at a time. `others` holds its other members.
fn with_list(
    others: Value,
    name: &str,
    list: impl Iterator<Item = Value>,
    out: &mut dyn Write,
) -> io::Result<()> {
    write!(out, "{{{}:[", Value::from(name))?;
    for (place, element) in list.enumerate() {
        if place > 0 {
            out.write_all(b",")?;
        }
        write_safely(&element, out)?;
    }
    out.write_all(b"]")?;
    let Value::Object(members) = others else { return out.write_all(b"}\n") };
    for (name, value) in members {
        write!(out, ",{}:", Value::from(name))?;
        write_safely(&value, out)?;
    }
    out.write_all(b"}\n")
}

/// Writes a value, with characters that act on a reader escaped.
fn write_safely(value: &Value, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(safe::json(value.to_string()).as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use super::*;
    use crate::http::tests::World;
    use crate::report::samples::{credential, mailbox, plan};

    async fn names(world: &World, query: &str) -> (Vec<String>, Value) {
        let answer = world.ask(&format!("GET /api/v1/mailboxes{query} HTTP/1.1")).await;
        assert!(answer.has("content-type: application/json"), "{}", answer.head);
        let object: Value = serde_json::from_str(&answer.text()).unwrap();
        let list = object["mailboxes"].as_array().cloned().unwrap_or_default();
        (list.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect(), object)
    }

    #[tokio::test]
    async fn a_list_can_be_asked_for_in_parts_and_says_how_long_it_is() {
        let shared = credential("contoso", None);
        let world = World::new(&plan(&["a", "b", "c", "d"].map(|name| mailbox(name, &shared, &[])))).await;
        let rows = [
            ("", vec!["a", "b", "c", "d"]),
            ("?limit=2", vec!["a", "b"]),
            ("?limit=2&offset=3", vec!["d"]),
            ("?offset=9", vec![]),
            ("?limit=0", vec![]),
        ];
        for (query, expected) in rows {
            let (names, object) = names(&world, query).await;
            assert_eq!(names, expected, "{query}");
            assert_eq!(object["total"], 4);
        }
        for query in ["?limit=-1", "?offset=x", "?limit=99999999999999999999999"] {
            let (_, object) = names(&world, query).await;
            assert!(object["error"].as_str().unwrap().contains("whole number"), "{query}: {object}");
        }
    }

    #[test]
    fn an_object_with_a_list_is_valid_json_also_without_elements() {
        for list in [vec![], vec![json!(1)], vec![json!(1), json!({"a": "\""})]] {
            let mut text = Vec::new();
            with_list(json!({"b": 2, "c": "\n"}), "list", list.clone().into_iter(), &mut text).unwrap();
            let read: Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(read, json!({"list": list, "b": 2, "c": "\n"}));
        }
    }
}
