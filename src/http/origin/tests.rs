//! Which requests are refused, and by which names and paths the agent is reached.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::{Arc, Mutex};

use axum::http::{HeaderName, HeaderValue};

use super::*;
use crate::http::tests::{World, small};
use crate::http::{Actions, Pending};
use crate::model::OnDemand;
use crate::model::{Phase, Reason};
use crate::report::samples::{dawn, down};

fn external() -> ExternalUrl {
    let (scheme, host) = ("https".to_owned(), "mail.example.com".to_owned());
    ExternalUrl { scheme, host, port: None, path: "/agent".to_owned() }
}

fn named(loopback: bool, external: Option<ExternalUrl>) -> Names {
    Names { loopback, listen: "agent.corp.example".to_owned(), external }
}

#[test]
fn only_pages_of_other_sites_are_refused() {
    let asked = |given: &[(&'static str, &'static str)]| {
        let named = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        is_from_another_page(&given.iter().map(named).collect(), Some(&external()))
    };
    let host = ("host", "agent.example:9993");
    assert!(!asked(&[host]));
    assert!(!asked(&[host, ("origin", "http://agent.example:9993"), ("sec-fetch-site", "same-origin")]));
    assert!(!asked(&[host, ("origin", "https://mail.example.com")]), "a proxy names its own host to us");
    assert!(!asked(&[host, ("sec-fetch-site", "none")]), "typed by a person");
    assert!(asked(&[host, ("sec-fetch-site", "cross-site")]));
    assert!(asked(&[host, ("sec-fetch-site", "same-site")]));
    assert!(asked(&[host, ("origin", "https://evil.example")]));
    assert!(asked(&[host, ("origin", "null")]));
    assert!(asked(&[host, ("origin", "https://mail.example.com.evil.example")]));
}

#[test]
fn a_name_that_a_stranger_could_have_registered_is_not_ours() {
    let names = named(true, Some(external()));
    for host in [
        "localhost",
        "LOCALHOST.",
        "agent.localhost",
        "127.0.0.1",
        "[::1]",
        "::1",
        "192.0.2.7",
        "agent",
        "Agent.corp.example",
        "mail.example.com",
        "mail.example.com.",
    ] {
        assert!(names.knows(host), "{host}");
    }
    for host in ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "xmail.example.com"] {
        assert!(!names.knows(host), "{host}");
    }
}

#[test]
fn the_name_is_checked_where_it_is_known_and_never_for_liveness() {
    let rows = [
        (named(false, None), [true, true, true, true]),
        (named(true, None), [true, false, false, false]),
        (named(false, Some(external())), [true, true, false, false]),
    ];
    for (names, expected) in rows {
        let kinds = [Purpose::Liveness, Purpose::Scrape, Purpose::Page, Purpose::Act];
        assert_eq!(kinds.map(|kind| names.admits(kind, Some("evil.example"))), expected, "{names:?}");
        assert_eq!(kinds.map(|kind| names.admits(kind, Some("127.0.0.1"))), [true; 4]);
        assert_eq!(kinds.map(|kind| names.admits(kind, None)), [true; 4], "programs need not send a host");
    }
}

#[test]
fn the_port_is_no_part_of_the_name() {
    for (host, name) in
        [("a:1", "a"), ("a", "a"), ("[::1]:9993", "[::1]"), ("[::1]", "[::1]"), ("::1", "::1"), (":1", "")]
    {
        assert_eq!(without_port(host), name);
    }
}

type Acts = Arc<Mutex<Vec<&'static str>>>;

/// Pages of an agent with these names below `/agent`, and what it was made to do.
async fn world(names: Names) -> (World, Acts) {
    let acts = Acts::default();
    let (probes, reloads) = (Arc::clone(&acts), Arc::clone(&acts));
    let actions = move |_: &_| Actions {
        probe: Box::new(move |_| -> Pending<_> {
            probes.lock().unwrap().push("probe");
            Box::pin(async { Some(OnDemand::Recent) })
        }),
        reload: Box::new(move || -> Pending<_> {
            reloads.lock().unwrap().push("reload");
            Box::pin(async { Ok("Taken.".to_owned()) })
        }),
    };
    (World::known_as(&small(), actions, names, "/agent").await, acts)
}

#[tokio::test]
async fn a_page_of_another_site_makes_the_agent_do_nothing() {
    let (world, acts) = world(Names::default()).await;
    for request in ["GET /probe?mailbox=desk", "POST /-/reload", "GET /agent/probe?mailbox=desk"] {
        for header in ["Sec-Fetch-Site: cross-site", "Origin: https://evil.example", "Origin: null"] {
            let answer = world.ask(&format!("{request} HTTP/1.1\r\n{header}")).await;
            assert_eq!(answer.status(), "403", "{request} {header}");
            assert!(answer.text().contains("page of another site"), "{}", answer.text());
        }
    }
    assert!(acts.lock().unwrap().is_empty());
    let read = world.ask("GET /metrics HTTP/1.1\r\nSec-Fetch-Site: cross-site").await;
    assert_eq!(read.status(), "200", "a link from a board leads here");
    for request in ["GET /probe?mailbox=desk&protocol=imap", "POST /-/reload"] {
        assert_eq!(world.ask(&format!("{request} HTTP/1.1")).await.status(), "200");
    }
    assert_eq!(*acts.lock().unwrap(), ["probe", "reload"]);
}

#[tokio::test]
async fn a_name_that_was_led_here_is_answered_by_nothing_but_liveness() {
    let (world, acts) = world(named(true, None)).await;
    for (request, status) in [
        ("GET /", "421"),
        ("GET /api/v1/mailboxes", "421"),
        ("GET /metrics", "421"),
        ("GET /probe?mailbox=desk", "421"),
        ("POST /-/reload", "421"),
        ("GET /nowhere", "421"),
        ("GET /-/healthy", "200"),
    ] {
        let (method, path) = request.split_once(' ').unwrap();
        // The request line has the name as well, and that one counts.
        let answer = world.ask(&format!("{method} http://evil.example:9993{path} HTTP/1.1")).await;
        assert_eq!(answer.status(), status, "{request}");
    }
    let refused = world.ask("GET http://evil.example/ HTTP/1.1").await.text();
    assert!(refused.contains("\"evil.example\"") && refused.contains("http.external_url"), "{refused}");
    assert!(acts.lock().unwrap().is_empty());
    assert_eq!(world.ask("GET http://localhost:9993/ HTTP/1.1").await.status(), "200");
    assert_eq!(world.ask("GET / HTTP/1.1\r\nHost: evil.example").await.status(), "421", "two hosts");
}

/// Where a link leads, from a page with this path.
fn resolved(page: &str, link: &str) -> String {
    let mut at: Vec<&str> = page.split('/').collect();
    at.pop();
    let mut rest = link;
    while let Some(up) = rest.strip_prefix("../") {
        at.pop();
        rest = up;
    }
    at.push(rest.strip_prefix("./").unwrap_or(rest));
    at.join("/")
}

#[tokio::test]
async fn every_link_leads_to_a_page_with_and_without_a_prefix() {
    let (world, _) = world(Names::default()).await;
    let plan = small();
    let why = (Phase::Auth, Reason::TokenRejected);
    world.report.record(down(&plan.checks[0], dawn(), why, "NO", "Do it."));
    world.ready.set();
    for prefix in ["", "/agent"] {
        let mut seen = 0;
        for page in [
            "/",
            "/?outcome=failure",
            "/readiness",
            "/readiness?name=desk",
            "/credentials",
            "/credentials?credential=contoso",
            "/reasons",
            "/mailboxes/desk",
            "/mailboxes/absent",
            "/reasons/token_rejected",
            "/reasons/x",
        ] {
            let page = format!("{prefix}{page}");
            let text = world.ask(&format!("GET {page} HTTP/1.1")).await.text();
            for link in text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
                let path = resolved(&page, &link.replace("&amp;", "&"));
                let path = path.split('#').next().unwrap();
                assert!(path.starts_with(&format!("{prefix}/")), "{page}: {link} leads to {path}");
                assert_eq!(
                    world.ask(&format!("GET {path} HTTP/1.1")).await.status(),
                    "200",
                    "{page}: {link}"
                );
                seen += 1;
            }
        }
        assert!(seen > 20, "{seen}");
        for (page, script) in [("/", "./page.js"), ("/mailboxes/desk", "../page.js")] {
            let page = format!("{prefix}{page}");
            assert!(
                world
                    .ask(&format!("GET {page} HTTP/1.1"))
                    .await
                    .text()
                    .contains(&format!("src=\"{script}\""))
            );
            let answer = world.ask(&format!("GET {} HTTP/1.1", resolved(&page, script))).await;
            assert!(answer.has("content-type: text/javascript; charset=utf-8"), "{}", answer.head);
        }
    }
    let answer = world.ask("GET /agent HTTP/1.1").await;
    assert!(answer.status() == "307" && answer.has("location: agent/"), "{}", answer.head);
}
