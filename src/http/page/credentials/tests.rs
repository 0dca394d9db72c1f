//! What the page of credentials says, over a real listener.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::time::Duration;

use jiff::Timestamp;

use crate::http::tests::World;
use crate::model::{Phase, Reason};
use crate::report::samples::{credential, dawn, down, issued, mailbox, plan, refused};

#[tokio::test]
async fn a_credential_tells_its_end_token_mailboxes_and_remedy() {
    let soon = Timestamp::now() + Duration::from_secs(10 * 86_400);
    let (failing, ending) = (credential("fabrikam", None), credential("contoso", Some(soon)));
    let mut mailboxes: Vec<_> = (0..20).map(|n| mailbox(&format!("m{n:02}"), &failing, &[])).collect();
    mailboxes.push(mailbox("desk", &ending, &[]));
    let plan = plan(&mailboxes);
    let world = World::new(&plan).await;
    let ask = async || world.ask("GET /credentials HTTP/1.1").await.text();
    assert!(ask().await.contains("2 credentials, none fails") && ask().await.contains("not asked for yet"));

    world.report.record_token(&issued(&ending, &["SMTP.SendAsApp"]));
    world.report.record_token(&refused(&failing, Reason::SecretExpired));
    let why = (Phase::Token, Reason::SecretExpired);
    world.report.record(down(&plan.checks[0], dawn(), why, "AADSTS7000222", "Run `New-Secret fabrikam`."));
    let page = ask().await;
    let expected = [
        "1 of 2 credentials cannot get a token",
        "secret_expired",
        "AADSTS7000222: expired",
        "<code>5f2c</code>",
        "<span>New-Secret</span> <span>fabrikam</span>",
        "./mailboxes/m00",
        "and 12 more: <a href=\"./?credential=fabrikam#mailboxes\">in the table</a>, 20 mailboxes, 40 checks",
        "ends in 9 d 23 h",
        "the date is the one declared in the configuration",
        "<code>IMAP.AccessAsApp</code><span class=\"failing\"> (not in the token)</span>",
        "<code>SMTP.SendAsApp</code> (in the token)",
        "Replace the secret in environment variable SECRET",
    ];
    for text in expected {
        assert!(page.contains(text), "{text}: {page}");
    }
    let (first, second) = (page.find("fabrikam-app").unwrap(), page.find("contoso-app").unwrap());
    assert!(first < second, "what fails comes first");
}

#[tokio::test]
async fn the_json_of_a_credential_names_its_mailboxes_and_ends() {
    let ends = dawn() + Duration::from_secs(86_400);
    let shared = credential("contoso", Some(ends));
    let world = World::new(&plan(&[mailbox("b", &shared, &[]), mailbox("a", &shared, &[])])).await;
    let answer = world.ask("GET /api/v1/credentials HTTP/1.1").await;
    let object: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let one = &object["credentials"][0];
    assert_eq!(one["mailboxes"], serde_json::json!(["a", "b"]));
    assert_eq!(one["ends"][0]["source"], "declared");
    assert_eq!(one["checks"], 4);
}
