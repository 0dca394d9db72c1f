//! What is asked of `/probe`, and by when it is answered.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Mutex;

use axum::http::HeaderName;

use super::*;
use crate::http::Actions;
use crate::http::tests::World;
use crate::model::{DialogueLine, Observation, Phase, Plan, Reason};
use crate::report::samples::{credential, dawn, down, mailbox, plan, up};
use proptest::prelude::*;

type Asked = Arc<Mutex<Vec<String>>>;

fn two() -> Plan {
    let shared = credential("contoso", None);
    plan(&[
        mailbox("invoices", &shared, &[("team", "billing")]),
        mailbox("desk", &shared, &[("site", "Ulm")]),
    ])
}

/// Pages whose action records a probe of the check that is asked for: IMAP goes well, SMTP does not.
async fn world(plan: &Plan) -> (World, Asked) {
    let asked = Asked::default();
    let (seen, checks) = (Arc::clone(&asked), plan.checks.clone());
    let world = World::offering(plan, |report| {
        let report = Arc::clone(report);
        let probe = move |name: crate::model::CheckName| {
            seen.lock().unwrap().push(name.to_string());
            let check = checks.iter().find(|check| check.name() == name).unwrap();
            let said = DialogueLine {
                at: Duration::from_millis(13),
                from: Speaker::Server,
                text: "* OK ready\r\nTYPE forged counter".to_owned(),
            };
            report.record(if name.protocol == Protocol::Imap {
                Observation { dialogue: vec![said].into(), ..up(check, dawn()) }
            } else {
                down(check, dawn(), (Phase::Auth, Reason::TokenRejected), "535 no\nforged 2", "Do.")
            });
            let answer: crate::http::Pending<_> = Box::pin(async { Some(OnDemand::Probed) });
            answer
        };
        Actions { probe: Box::new(probe), ..Actions::default() }
    });
    (world.await, asked)
}

#[tokio::test]
async fn the_answer_holds_the_families_of_that_mailbox_alone() {
    let (world, asked) = world(&two()).await;
    let answer = world.ask("GET /probe?mailbox=invoices HTTP/1.1").await;
    assert!(answer.status() == "200" && answer.has("content-type: text/plain; version=0.0.4; charset=utf-8"));
    let text = answer.text();
    for line in [
        "mailbox_probe_success{mailbox=\"invoices\",protocol=\"imap\"} 1",
        "mailbox_probe_success{mailbox=\"invoices\",protocol=\"smtp\"} 0",
        "mailbox_probe_failure_info{mailbox=\"invoices\",protocol=\"smtp\",phase=\"auth\",reason=\"token_rejected\"} 1",
    ] {
        assert!(text.lines().any(|have| have == line), "{line} in {text}");
    }
    let mut samples = text.lines().filter(|line| !line.starts_with('#'));
    assert!(samples.all(|line| line.contains("{mailbox=\"invoices\"")), "{text}");
    assert!(text.contains("site=\"\",team=\"billing\""), "the labels of all, or joins break: {text}");
    assert_eq!(*asked.lock().unwrap(), ["invoices/imap", "invoices/smtp"]);

    let asked_for =
        "GET /probe?mailbox=invoices&protocol=imap HTTP/1.1\r\nAccept: application/openmetrics-text";
    let answer = world.ask(asked_for).await;
    assert!(answer.head.contains("application/openmetrics-text") && answer.text().ends_with("# EOF\n"));
    assert!(!answer.text().contains("smtp") && asked.lock().unwrap().len() == 3);
}

#[tokio::test]
async fn what_was_said_comes_as_comments_that_nobody_can_break_out_of() {
    let (world, _) = world(&two()).await;
    let text = world.ask("GET /probe?mailbox=invoices&debug=true HTTP/1.1").await.text();
    for part in ["# | invoices/imap at outlook.office365.com:993: probed now", "0.013 s server: * OK ready"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(text.contains("# | TYPE forged counter\n") && text.contains("# | forged 2\n"), "{text}");
    let known = ["# | ", "# HELP mailbox_", "# TYPE mailbox_", "mailbox_"];
    assert!(text.lines().all(|line| known.iter().any(|start| line.starts_with(start))), "{text}");
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused_with_what_can() {
    let (world, asked) = world(&two()).await;
    let rows = [
        ("/probe", "", "400", "/probe?mailbox=NAME"),
        ("/probe?mailbox=", "", "400", "/probe?mailbox=NAME"),
        ("/probe?mailbox=invoices&protocol=nntp", "", "400", "one of imap, smtp"),
        ("/probe?mailbox=invoises", "", "404", "Did you mean invoices?"),
        ("/probe?mailbox=zzz", "", "404", "No mailbox is named \"zzz\".\n"),
        ("/probe?mailbox=desk", "soon", "400", "number of seconds"),
        ("/probe?mailbox=desk", "-1", "400", "number of seconds"),
        ("/probe?mailbox=desk", "NaN", "400", "number of seconds"),
    ];
    for (path, timeout, status, part) in rows {
        let header =
            if timeout.is_empty() { String::new() } else { format!("\r\n{SCRAPE_TIMEOUT}: {timeout}") };
        let answer = world.ask(&format!("GET {path} HTTP/1.1{header}")).await;
        assert_eq!(answer.status(), status, "{path} {timeout}");
        assert!(answer.text().contains(part), "{path}: {}", answer.text());
    }
    assert!(asked.lock().unwrap().is_empty());

    let mut sharded = two();
    shard::keep(&mut sharded, crate::model::Shard::new(0, 3).unwrap());
    let (world, _) = self::world(&sharded).await;
    let text = world.ask("GET /probe?mailbox=support HTTP/1.1").await.text();
    assert!(text.contains("This is shard 0/3") && text.contains("shard 1."), "{text}");
}

#[tokio::test(start_paused = true)]
async fn the_scrapers_wait_is_shared_fairly_and_a_late_one_gets_503() {
    for (seconds, first, all) in [("10", 4.75, 9.5), ("0.2", 0.05, 0.1)] {
        let (asked, begun) = (Arc::new(Mutex::new(Vec::new())), Instant::now());
        let seen = Arc::clone(&asked);
        let never = move |_: &_| {
            let probe = move |_| -> crate::http::Pending<_> {
                seen.lock().unwrap().push(begun.elapsed().as_secs_f64());
                Box::pin(std::future::pending())
            };
            Actions { probe: Box::new(probe), ..Actions::default() }
        };
        let world = World::offering(&two(), never).await;
        let answer =
            world.ask(&format!("GET /probe?mailbox=desk HTTP/1.1\r\n{SCRAPE_TIMEOUT}: {seconds}")).await;
        let waited = begun.elapsed().as_secs_f64();
        assert_eq!(answer.status(), "503");
        assert!(
            answer.text().contains("says nothing about the mailbox") && !answer.text().contains("_success")
        );
        let asked = asked.lock().unwrap().clone();
        let near = |is: f64, due: f64| is >= due && is < due + 0.05;
        assert!(
            asked.len() == 2 && near(asked[1], first) && near(waited, all),
            "{seconds}: {asked:?}, {waited}"
        );
    }
}

#[tokio::test]
async fn an_unknown_name_of_any_length_is_answered_at_once_and_cut() {
    let shared = credential("contoso", None);
    let long = format!("mailbox-number-{}", "0".repeat(300));
    let mut mailboxes: Vec<_> = (0..2_000)
        .map(|n| mailbox(&format!("mailbox-number-{n:05}-{}", "x".repeat(200)), &shared, &[]))
        .collect();
    mailboxes.push(mailbox(&long, &shared, &[]));
    let (world, asked) = world(&plan(&mailboxes)).await;
    let begun = Instant::now();
    let name = format!("mailbox-number-{}", "0".repeat(12_000));
    let text = world.ask(&format!("GET /probe?mailbox={name} HTTP/1.1")).await.text();
    assert!(text.contains("(cut)") && text.len() < 2_000, "{} bytes", text.len());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert!(asked.lock().unwrap().is_empty());
}

#[test]
fn no_asker_is_waited_for_longer_than_a_connection_lives() {
    let asked = |seconds: &'static str| {
        patience(&HeaderMap::from_iter([(
            HeaderName::from_static(SCRAPE_TIMEOUT),
            HeaderValue::from_static(seconds),
        )]))
    };
    assert_eq!(asked("86400"), Ok(PATIENCE));
    assert_eq!(asked("1"), Ok(Duration::from_millis(500)));
    for nonsense in ["inf", "1e400", "NaN", "-0", "0", "1e-300", "soon"] {
        assert!(!matches!(asked(nonsense), Ok(patience) if patience > PATIENCE), "{nonsense}");
    }
}

#[tokio::test]
async fn the_button_of_a_page_probes_every_check_and_leads_back() {
    let (world, asked) = world(&two()).await;
    let page = world.ask("GET /mailboxes/desk HTTP/1.1").await.text();
    assert!(
        page.contains("<form class=\"act\" method=\"post\" action=\"../mailboxes/desk/probe\">"),
        "{page}"
    );
    let answer = world.ask("POST /mailboxes/desk/probe HTTP/1.1\r\nContent-Length: 0").await;
    assert!(answer.status() == "303" && answer.has("location: ../desk?probed=now"), "{}", answer.head);
    assert_eq!(*asked.lock().unwrap(), ["desk/imap", "desk/smtp"]);
    let page = world.ask("GET /mailboxes/desk?probed=now HTTP/1.1").await.text();
    assert!(page.contains("It was probed as you asked.") && page.contains("token_rejected"), "{page}");
    let page = world.ask("GET /mailboxes/desk?probed=%3Cimg%3E HTTP/1.1").await.text();
    assert!(!page.contains("role=\"status\"") && !page.contains("<img"));
}

#[tokio::test]
async fn no_other_site_presses_the_button_and_no_link_does() {
    let (world, asked) = world(&two()).await;
    for header in ["Origin: https://evil.example", "Sec-Fetch-Site: cross-site", "Origin: null"] {
        let request = format!("POST /mailboxes/desk/probe HTTP/1.1\r\n{header}\r\nContent-Length: 0");
        assert_eq!(world.ask(&request).await.status(), "403", "{header}");
    }
    assert_eq!(world.ask("GET /mailboxes/desk/probe HTTP/1.1").await.status(), "405");
    let absent = world.ask("POST /mailboxes/absent/probe HTTP/1.1\r\nContent-Length: 0").await;
    assert!(absent.status() == "404" && absent.text().contains("No mailbox is named"), "{}", absent.head);
    assert!(asked.lock().unwrap().is_empty());
}

proptest! {
    #[test]
    fn no_header_makes_an_asker_wait_longer(seconds in "[ -~]{0,20}|-?[0-9]{0,30}([.][0-9]{0,9})?(e-?[0-9]{1,4})?") {
        let header = HeaderValue::try_from(seconds).unwrap();
        let asked = patience(&HeaderMap::from_iter([(HeaderName::from_static(SCRAPE_TIMEOUT), header)]));
        prop_assert!(asked.is_err() || asked.is_ok_and(|patience| patience <= PATIENCE));
    }
}
