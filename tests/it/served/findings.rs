//! What the wire does not tell, from the simulated fault to hint, page and JSON.

use jiff::SignedDuration;
use mailbox_exporter::app::App;
use mailbox_exporter::model::Reason;
use mailbox_exporter::sim::{Fault, Service, SimMailbox, TokenFault};
use serde_json::Value;

use crate::support::app::{start, stop};
use crate::support::http::ask;
use crate::support::process::run;
use crate::support::wait::eventually;
use crate::support::world::World;

/// Often enough to be waited for.
const PACE: &str = "defaults: { interval: 6s, timeout: 5s }";

/// A page of an agent, once it says what is awaited.
async fn page(app: &App, path: &str, awaited: impl Fn(&str) -> bool) -> String {
    let mut text = String::new();
    eventually(path, async || {
        text = ask(app.address(), &format!("GET {path}")).await.1;
        awaited(&text)
    })
    .await;
    text
}

/// The check of a protocol in a mailbox's facts, once it has been probed.
async fn check(app: &App, mailbox: &SimMailbox, protocol: &str) -> Value {
    let path = format!("/api/v1/mailboxes/{}", mailbox.address());
    let find = |text: &str| -> Option<Value> {
        let object: Value = serde_json::from_str(text).ok()?;
        let checks = object["checks"].as_array()?.clone();
        checks.into_iter().find(|check| check["protocol"] == protocol && check["last"].is_object())
    };
    let text = page(app, &path, |text| find(text).is_some()).await;
    find(&text).unwrap()
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("no {member} in {value}"))
}

#[tokio::test]
async fn the_clock_is_measured_by_the_identity_providers_date() {
    let world = World::start().await;
    let right = world.mailbox(Fault::None).await;
    let refused = world.mailbox(Fault::Token(TokenFault::ClockSkew)).await;
    // Their clock is ten minutes behind: ours is ahead.
    refused.app().set_clock_ahead(SignedDuration::from_mins(-10));
    let config = world.fresh(PACE).with(&right, "").with(&refused, "").write();
    let app = start(&config).await;

    let seen = check(&app, &right, "imap").await;
    assert_eq!(seen["last"]["success"], true, "{seen}");
    assert_eq!(seen["last"]["token"]["clock_skew_seconds"], 0, "{seen}");
    let seen = check(&app, &refused, "imap").await;
    assert_eq!(text(&seen["last"], "reason"), "clock_skew");
    let hint = text(&seen["last"], "hint");
    // The provider's clock shows whole seconds, and its answer takes a while on a busy machine.
    let told = |skew: &str| {
        hint.starts_with(&format!("This machine's clock is {skew} ahead of that of `localhost`"))
    };
    assert!(["9m 58s", "9m 59s", "10m"].into_iter().any(told), "{hint}");

    let credentials = page(&app, "/api/v1/credentials", |text| text.contains("clock_skew")).await;
    let credentials: Value = serde_json::from_str(&credentials).unwrap();
    let skew = &credentials["credentials"][1]["tokens"][0]["last_request"]["clock_skew_seconds"];
    assert!(skew.as_i64().is_some_and(|skew| (598..=600).contains(&skew)), "{credentials}");
    let status = page(&app, "/", |text| text.contains("The clock of this machine is")).await;
    assert!(status.contains("ahead of that of an identity provider"), "{status}");
    stop(app).await;
}

#[tokio::test]
async fn a_token_out_of_a_cache_is_called_old() {
    let world = World::start().await;
    let cached = world.mailbox(Fault::Token(TokenFault::StaleToken)).await;
    let config = world.fresh(PACE).with(&cached, "").write();
    let app = start(&config).await;
    let seen = check(&app, &cached, "imap").await;
    assert_eq!((text(&seen["last"], "phase"), text(&seen["last"], "reason")), ("auth", "token_rejected"));
    let hint = text(&seen["last"], "hint");
    assert!(hint.starts_with("The token's own time had ended when it was shown"), "{hint}");
    assert!(!hint.contains("New-ServicePrincipal"), "{hint}");
    stop(app).await;
}

#[tokio::test]
async fn the_record_of_a_login_proves_how_it_was_done() {
    let world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    let config = world.fresh(PACE).with(&mailbox, "").write();
    let app = start(&config).await;
    for protocol in ["imap", "smtp"] {
        let seen = check(&app, &mailbox, protocol).await;
        let (record, server) = (&seen["last_success"], &seen["last_success"]["server"]);
        assert_eq!(text(server, "tls_version"), "TLSv1.3");
        assert!(text(server, "tls_cipher").starts_with("TLS13_"), "{server}");
        assert!(text(&server["certificate"], "issuer").contains("Simulator authority"), "{server}");
        assert_eq!(text(&server["certificate"], "sha256").len(), 64);
        assert_eq!(server["certificate"]["public_root"], false, "{server}");
        assert!(server["interception_suspected"].is_null(), "localhost is no public host: {server}");
        assert!(text(server, "front_end").contains('.'), "{server}");
        assert!(server["mechanisms"].as_array().is_some_and(|all| all.contains(&"xoauth2".into())));
        assert_eq!(text(record, "mechanism"), "xoauth2");
        assert_eq!(text(&record["credential"], "type"), "client_secret");
        let token = &record["token"];
        assert_eq!(text(token, "fingerprint").len(), 12);
        let requests = mailbox.app().requests();
        assert_eq!(requests[0].client_request_id.as_deref(), token["client_request_id"].as_str());
        let claims = &token["claims"];
        assert_eq!(text(claims, "oid"), mailbox.app().object_id);
        for member in ["aud", "tid", "appid", "appidacr", "iat", "nbf", "exp", "ver", "uti"] {
            assert!(claims[member].is_string(), "{member}: {claims}");
        }
        let dialogue = record["transcript"].to_string();
        assert!(dialogue.contains("<redacted ") && !dialogue.contains("eyJ"), "{dialogue}");
    }
    assert!(mailbox.logins(Service::Imap) > 0);
    let shown = page(&app, &format!("/mailboxes/{}", mailbox.address()), |text| text.contains("uti")).await;
    for expected in [
        "no password was sent",
        "from no public authority",
        "calls itself",
        "agrees with that",
        "Correlation ID",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    stop(app).await;
}

#[tokio::test]
async fn an_untrusted_certificate_is_named_and_gets_no_credential() {
    let world = World::start().await;
    let mailbox = world.mailbox(Fault::CertificateUnknownAuthority).await;
    let config = world.fresh(PACE).with(&mailbox, "").write();
    let app = start(&config).await;
    for protocol in ["imap", "smtp"] {
        let seen = check(&app, &mailbox, protocol).await;
        let last = &seen["last"];
        assert_eq!((text(last, "phase"), text(last, "reason")), ("tls", "tls_certificate_untrusted"));
        assert!(text(last, "detail").contains("issued by CN=Unknown authority"), "{last}");
        assert!(text(&last["server"]["certificate"], "issuer").contains("Unknown authority"), "{last}");
        let hint = text(last, "hint");
        assert!(hint.contains("intercept") && hint.contains("No credential was sent"), "{hint}");
    }
    assert_eq!(mailbox.early_secrets(Service::Smtp) + mailbox.early_secrets(Service::Imap), 0);
    stop(app).await;
}

#[tokio::test]
async fn every_reason_has_a_page_with_remedy_and_mailboxes() {
    let world = World::start().await;
    let mailbox = world.mailbox(Fault::FolderMissing).await;
    let config = world.fresh(PACE).with(&mailbox, "").write();
    let app = start(&config).await;
    let seen = check(&app, &mailbox, "imap").await;
    assert_eq!(text(&seen["last"], "docs"), "/reasons/folder_missing");

    let shown = page(&app, text(&seen["last"], "docs"), |_| true).await;
    for expected in ["renamed or deleted", "Get-EXOMailboxFolderStatistics", "operator of the exporter"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(shown.contains(&format!(">{}</a>", mailbox.address())), "{shown}");
    // Links are relative, so that they also lead somewhere behind a proxy's path.
    for (path, link) in [
        ("/", "./reasons/folder_missing"),
        (&*format!("/mailboxes/{}", mailbox.address()), "../reasons/folder_missing"),
        ("/reasons", "./reasons/folder_missing"),
    ] {
        let shown = page(&app, path, |_| true).await;
        assert!(shown.contains(&format!("href=\"{link}\"")), "{path}: {shown}");
    }
    let index = page(&app, "/reasons", |_| true).await;
    assert!(index.contains("1 check"), "{index}");
    for reason in Reason::ALL {
        assert!(index.contains(&format!("href=\"./reasons/{reason}\"")), "{reason}");
        let shown = page(&app, &format!("/reasons/{reason}"), |_| true).await;
        for part in ["Causes", "What to do", "Is it done?", "mailbox-exporter</span> <span>check"] {
            assert!(shown.contains(part), "{reason}: {part}: {shown}");
        }
        assert!(shown.contains("no mailbox") != (*reason == Reason::FolderMissing), "{reason}");
    }
    let unknown = page(&app, "/reasons/no_such", |_| true).await;
    assert!(unknown.contains("No reason is called <code>no_such</code>"), "{unknown}");
    stop(app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_notes_a_wrong_clock_though_every_mailbox_can_be_used() {
    let world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    mailbox.app().set_clock_ahead(SignedDuration::from_mins(7));
    let config = world.fresh(PACE).with(&mailbox, "").write();
    let run = run(&["check"], Some(&config));
    let said = run.stdout;
    assert_eq!(run.status, Some(0), "{said}");
    let told = said
        .contains("notice  this machine's clock is 6 min 59 s behind that of the identity provider")
        || said.contains("notice  this machine's clock is 7 min behind that of the identity provider");
    assert!(told, "{said}");
}
