//! `/api/v1`: the pages' facts as JSON, for programs.
//!
//! Owns how lists are cut and written piece by piece. Not here: the members' names (`report::json`).

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::report::json::{credential, mailbox};
use crate::report::readiness_json::{board, standing};
use crate::report::{CheckRecord, Report};
use crate::safe;

use super::Site;
use super::kept::Title;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    offset: usize,
    limit: usize,
}

impl Part {
    const WHOLE: Self = Self { offset: 0, limit: usize::MAX };

    fn asked(query: &HashMap<String, String>) -> Result<Self, String> {
        let number = |name: &str, otherwise| match query.get(name) {
            None => Ok(otherwise),
            Some(text) => text.parse().map_err(|_| format!("{name} is a whole number, 0 or more")),
        };
        Ok(Self { offset: number("offset", 0)?, limit: number("limit", usize::MAX)? })
    }

    fn of<T>(self, list: impl IntoIterator<Item = T>) -> impl Iterator<Item = T> {
        list.into_iter().skip(self.offset).take(self.limit)
    }
}

type Asked = Query<HashMap<String, String>>;

pub(super) async fn mailboxes(State(site): State<Site>, asked: Asked, headers: HeaderMap) -> Response {
    let report = Arc::clone(&site.report);
    list(&site, Title::MailboxesJson, &asked, &headers, move |part, out| fleet(&report, part, out)).await
}

pub(super) async fn credentials(State(site): State<Site>, asked: Asked, headers: HeaderMap) -> Response {
    let report = Arc::clone(&site.report);
    let write = move |part: Part, out: &mut dyn Write| {
        let all = report.credentials();
        let whole = json!({ "total": all.len() });
        with_list(whole, "credentials", part.of(&all).map(credential), out)
    };
    list(&site, Title::CredentialsJson, &asked, &headers, write).await
}

pub(super) async fn readiness(State(site): State<Site>, asked: Asked, headers: HeaderMap) -> Response {
    let pages = site.clone();
    let write = move |part: Part, out: &mut dyn Write| {
        let mut all = pages.board();
        let standings = std::mem::take(&mut all.standings);
        let mut whole = board(&all);
        if let Some(members) = whole.as_object_mut() {
            members.remove("mailboxes");
            members.insert("total".to_owned(), standings.len().into());
        }
        with_list(whole, "mailboxes", part.of(&standings).map(standing), out)
    };
    list(&site, Title::ReadinessJson, &asked, &headers, write).await
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
    typed(site.pages.single(&headers, write).await)
}

/// The whole list is the same for every client; a part of it is for one client.
async fn list(
    site: &Site,
    title: Title,
    Query(asked): &Asked,
    headers: &HeaderMap,
    write: impl FnOnce(Part, &mut dyn Write) -> io::Result<()> + Send + 'static,
) -> Response {
    let part = match Part::asked(asked) {
        Ok(part) => part,
        Err(error) => {
            let body = format!("{}\n", json!({ "error": error }));
            return typed((StatusCode::BAD_REQUEST, body).into_response());
        }
    };
    typed(if part == Part::WHOLE {
        site.pages.shared(title, headers, move |out| write(part, out)).await
    } else {
        site.pages.single(headers, move |out| write(part, out).map(|()| StatusCode::OK)).await
    })
}

fn typed(mut response: Response) -> Response {
    if response.status() != StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
    }
    response
}

/// Writes the list of mailboxes one by one: as one value it would take twenty times the memory of the page.
fn fleet(report: &Report, part: Part, out: &mut dyn Write) -> io::Result<()> {
    let records = report.checks();
    let mut by_name: BTreeMap<&str, Vec<&CheckRecord>> = BTreeMap::new();
    for record in &records {
        by_name.entry(&record.check.mailbox.name).or_default().push(record);
    }
    let whole = json!({ "total": by_name.len() });
    let one = |checks: &Vec<&CheckRecord>| Some(mailbox(&checks.first()?.check.mailbox, checks, false));
    with_list(whole, "mailboxes", part.of(by_name.values()).filter_map(one), out)
}

/// Writes an object with a list among its members, an element at a time.
fn with_list(
    whole: Value,
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
    let Value::Object(members) = whole else { return out.write_all(b"}\n") };
    for (name, value) in members {
        write!(out, ",{}:", Value::from(name))?;
        write_safely(&value, out)?;
    }
    out.write_all(b"}\n")
}

/// Writes a value without control characters.
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
