//! What the page of credentials says, over a real listener.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::http::tests::World;
use crate::model::{
    App, Auth, Credential, IdentityService, Phase, Proof, Reason, SecretIn, SecretRef, TokenReport,
};
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

/// A credential that proves its identity so.
fn proving(name: &str, proof: Proof) -> Arc<Credential> {
    Arc::new(Credential { auth: Auth::Token(Arc::new(proof)), ..(*credential(name, None)).clone() })
}

#[tokio::test]
async fn what_never_ends_or_dies_unused_is_told_as_such() {
    let managed = proving(
        "vm",
        Proof::ManagedIdentity {
            client_id: Some("vm-identity".to_owned()),
            service: IdentityService::Imds,
            url: "http://169.254.169.254".to_owned(),
        },
    );
    let app = App { tenant: None, client_id: "desk-app".to_owned(), parameters: Default::default() };
    let signed_in = proving(
        "desk",
        Proof::RefreshToken {
            app,
            token: SecretRef::File("/run/desk.token".into()),
            secret: None,
            sent_in: SecretIn::Body,
            device_url: None,
        },
    );
    let mailboxes = [mailbox("a", &managed, &[]), mailbox("b", &signed_in, &[])];
    let world = World::new(&plan(&mailboxes)).await;
    for credential in [&managed, &signed_in] {
        let report = issued(credential, &["SMTP.SendAsApp"]);
        world.report.record_token(&TokenReport { ends: Vec::new(), ..report });
    }
    let page = world.ask("GET /credentials HTTP/1.1").await.text();
    for text in [
        "never: nothing of a managed identity ends",
        "client <code>vm-identity</code>",
        "signed in; the refresh token last worked ",
        "secret in file /run/desk.token",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    // A managed identity has no consent page.
    assert!(
        !page.contains("<span>consent-url</span> <span>--config</span> <span>FILE</span> <span>vm</span>"),
        "{page}"
    );
    assert!(
        page.contains("<span>setup</span> <span>--config</span> <span>FILE</span> <span>vm</span>"),
        "{page}"
    );
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
