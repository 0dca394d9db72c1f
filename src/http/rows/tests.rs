//! Views of many mailboxes, over a real listener: as a page, as JSON, as CSV.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use serde_json::Value;

use crate::http::tests::World;
use crate::model::{Phase, Protocol, Reason};
use crate::report::samples::{credential, dawn, down, issued, mailbox, plan, refused, up};

/// Four mailboxes: `ada` works, `bob` is refused by IMAP, `cyd` has a silent SMTP server, `dee` waits.
async fn four() -> World {
    let (one, two) = (credential("contoso", None), credential("fabrikam", None));
    let mailboxes = [
        mailbox("ada", &one, &[("team", "billing")]),
        mailbox("bob", &one, &[("team", "sales")]),
        mailbox("cyd", &two, &[("team", "billing")]),
        mailbox("dee", &two, &[]),
    ];
    let plan = plan(&mailboxes);
    let world = World::new(&plan).await;
    for check in &plan.checks {
        let name = (&*check.mailbox.name, check.protocol());
        let seen = match name {
            ("bob", Protocol::Imap) => {
                down(check, dawn(), (Phase::Auth, Reason::MailboxAccessDenied), "=NO", "Do.")
            }
            ("cyd", Protocol::Smtp) => {
                down(check, dawn(), (Phase::Connect, Reason::Timeout), "silent", "Wait.")
            }
            ("dee", _) => continue,
            _ => up(check, dawn()),
        };
        world.report.record(seen);
    }
    world.report.record_token(&issued(&one, &[]));
    world.report.record_token(&refused(&two, Reason::SecretExpired));
    world
}

async fn json(world: &World, path: &str) -> Value {
    serde_json::from_slice(&world.ask(&format!("GET {path} HTTP/1.1")).await.body).unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_filter_finds_the_same_mailboxes_on_page_and_list() {
    let world = four().await;
    let rows: [(&str, &[&str]); 14] = [
        ("name=BO", &["bob"]),
        ("name=fabrikam.example", &["cyd", "dee"]),
        ("label=team%3Dbilling", &["ada", "cyd"]),
        ("label=team:billing", &["ada", "cyd"]),
        ("label=team", &["ada", "bob", "cyd"]),
        ("outcome=failure", &["bob", "cyd"]),
        ("outcome=waiting", &["dee"]),
        ("reason=timeout", &["cyd"]),
        ("reason=timeout&protocol=imap", &[]),
        ("owner=net", &["cyd"]),
        ("provider=exchange_online&phase=auth", &["bob"]),
        ("credential=fabrikam", &["cyd", "dee"]),
        ("server=smtp.office365.com:587&outcome=failure", &["cyd"]),
        ("sort=-name&limit=2&offset=1", &["cyd", "bob"]),
    ];
    for (query, expected) in rows {
        let object = json(&world, &format!("/api/v1/mailboxes?{query}")).await;
        assert_eq!(names(&object["mailboxes"]), expected, "{query}");
        let page = world.ask(&format!("GET /?{query} HTTP/1.1")).await.text();
        for name in ["ada", "bob", "cyd", "dee"] {
            let row = format!("<th scope=\"row\"><a href=\"./mailboxes/{name}\"");
            assert_eq!(page.contains(&row), expected.contains(&name), "{query}: {name}");
        }
    }
    let object = json(&world, "/api/v1/mailboxes?reason=timeout").await;
    assert_eq!(object["total"], 1);
    assert_eq!(object["mailboxes"][0]["checks"].as_array().unwrap().len(), 1, "the checks that match alone");
    let object = json(&world, "/api/v1/credentials?reason=timeout").await;
    assert_eq!(names(&object["credentials"]), ["fabrikam"]);
    let object = json(&world, "/api/v1/readiness?name=dee&limit=1").await;
    assert_eq!((&object["total"], object["mailboxes"].as_array().unwrap().len()), (&2.into(), 1));
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_refused_on_page_and_list() {
    let world = four().await;
    for path in
        ["/", "/credentials", "/readiness", "/api/v1/mailboxes", "/api/v1/credentials", "/api/v1/readiness"]
    {
        for query in ["reason=brokn", "colour=red", "limit=-1", "%22%3E%3Cimg%3E=1"] {
            let answer = world.ask(&format!("GET {path}?{query} HTTP/1.1")).await;
            assert_eq!(answer.status(), "400", "{path}?{query}");
            assert!(path.starts_with("/api") || !answer.text().contains("<img"), "{path}?{query}");
        }
    }
}

#[tokio::test]
async fn lists_come_as_csv_that_no_spreadsheet_runs() {
    let world = four().await;
    let answer = world.ask("GET /api/v1/mailboxes?format=csv HTTP/1.1").await;
    assert!(answer.has("content-type: text/csv; charset=utf-8"), "{}", answer.head);
    assert!(answer.has("content-disposition: attachment; filename=\"mailboxes.csv\""), "{}", answer.head);
    let text = answer.text();
    assert_eq!(text.lines().count(), 9, "{text}");
    assert!(text.starts_with("mailbox,address,protocol,outcome,phase,reason,owner,"), "{text}");
    assert!(text.contains("bob,bob@contoso.example,imap,failure,auth,mailbox_access_denied,"), "{text}");
    assert!(text.contains(",'=NO,") && !text.contains(",=NO"), "{text}");
    let part =
        world.ask("GET /api/v1/mailboxes?format=csv&outcome=failure&protocol=smtp HTTP/1.1").await.text();
    assert_eq!(part.lines().count(), 2, "{part}");
    let text = world.ask("GET /api/v1/credentials?format=csv HTTP/1.1").await.text();
    assert!(text.contains("fabrikam,client_secret,fabrikam-tenant,fabrikam-app,"), "{text}");
    let text = world.ask("GET /api/v1/readiness?format=csv&name=ada HTTP/1.1").await.text();
    assert_eq!(text.lines().count(), 3, "{text}");
}

#[tokio::test]
async fn a_problem_leads_to_its_mailboxes_in_the_table() {
    let world = four().await;
    let page = world.ask("GET / HTTP/1.1").await.text();
    let link =
        page.split("href=\"").find(|rest| rest.starts_with("./?") && rest.contains("timeout")).unwrap();
    let link = link.split(['"', '#']).next().unwrap().trim_start_matches('.').replace("&amp;", "&");
    let view = world.ask(&format!("GET {link} HTTP/1.1")).await.text();
    assert!(view.contains("./mailboxes/cyd") && !view.contains("./mailboxes/bob"), "{link}");
}

#[tokio::test]
async fn ten_thousand_mailboxes_have_pages_of_300_kilobytes() {
    let shared: Vec<_> = (0..40).map(|n| credential(&format!("tenant-{n:02}"), None)).collect();
    let of =
        |n: usize| mailbox(&format!("mailbox-{n:05}"), &shared[n % 40], &[("team", "a rather long value")]);
    let plan = plan(&(0..10_000).map(of).collect::<Vec<_>>());
    let world = World::new(&plan).await;
    for (place, check) in plan.checks.iter().enumerate() {
        let reason = Reason::ALL[place % Reason::ALL.len()];
        let detail =
            "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled. ".repeat(3);
        // Those that are listed first have the most to show.
        for _ in 0..if !(400..=17_600).contains(&place) { 24 } else { 1 } {
            world.report.record(up(check, dawn()));
            world.report.record(down(
                check,
                dawn(),
                (Phase::Auth, reason),
                &detail,
                &"Run `Set-It -Now`. ".repeat(20),
            ));
        }
    }
    for path in
        ["/", "/?outcome=failure&limit=100", "/?sort=-duration&offset=9000", "/credentials", "/readiness"]
    {
        let answer = world.ask(&format!("GET {path} HTTP/1.1")).await;
        assert_eq!(answer.status(), "200", "{path}");
        let length = answer.body.len();
        assert!(length < 300_000, "{path}: {length}");
    }
}
