//! A person's sign-in: the refresh token opens mailboxes, is replaced as the provider wishes, and names who must act.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use mailbox_exporter::app;
use mailbox_exporter::model::{Observation, Outcome};
use mailbox_exporter::sim::{Fault, Rotation, SimMailbox, TokenFault};

use crate::probes::verdict;
use crate::support::process::Agent;
use crate::support::world::World;
use crate::support::yaml::Door;

const DOORS: [Door; 3] = [Door::Imap, Door::Smtp, Door::Pop3];

/// A mailbox that a person's token opens, by every protocol; and the file of the refresh token.
async fn world(fault: Fault) -> (World, SimMailbox, PathBuf) {
    let mut world = World::start().await;
    let mailbox = world.mailbox(fault).await;
    let file = world.yaml.person("person", mailbox.app(), "");
    sign_in(&mailbox, &file);
    world.yaml.watch_as_person(std::slice::from_ref(&mailbox), &DOORS, "person", "");
    (world, mailbox, file)
}

fn sign_in(mailbox: &SimMailbox, file: &Path) {
    fs::write(file, format!("{}\n", mailbox.app().signed_in())).unwrap();
}

fn token(file: &Path) -> String {
    fs::read_to_string(file).unwrap().trim_end().to_owned()
}

/// One round, by protocol.
async fn round(world: &World) -> BTreeMap<String, Observation> {
    let seen = app::round(&world.plan(), |_| ()).await;
    seen.into_iter().map(|one| (one.check.protocol().to_string(), one)).collect()
}

fn hint(seen: &Observation) -> &str {
    match &seen.outcome {
        Outcome::Down { hint, .. } => hint,
        Outcome::Up => "",
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_protocol_has_its_scope_and_all_share_one_file() {
    for rotation in [Rotation::Keeps, Rotation::Same, Rotation::UntilSuccessorUsed, Rotation::Once] {
        let (world, mailbox, file) = world(Fault::None).await;
        mailbox.app().set_rotation(rotation);
        let before = token(&file);
        for (protocol, permission) in
            [("imap", "IMAP.AccessAsUser.All"), ("smtp", "SMTP.Send"), ("pop3", "POP.AccessAsUser.All")]
        {
            let seen = &round(&world).await[protocol];
            assert_eq!(verdict(seen), "up", "{rotation:?} {:?}", seen.outcome);
            let claims = seen.token.as_ref().and_then(|token| token.claims.as_ref()).unwrap();
            assert_eq!(claims.permissions, [permission]);
            assert_eq!(claims.proof.as_deref(), Some("0"), "a public client proves nothing");
        }
        assert_eq!(mailbox.app().requests().len(), 9, "{rotation:?}");
        assert!(mailbox.app().takes(&token(&file)), "{rotation:?}");
        assert_eq!(token(&file) == before, rotation == Rotation::Same);
        if rotation != Rotation::Same {
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_of_a_refresh_token_has_its_reason_and_remedy() {
    let (world, mailbox, _) = world(Fault::None).await;
    let login = "`mailbox-exporter login --config FILE person`";
    for (fault, verdict_of_it, remedy) in [
        (TokenFault::RefreshTokenIdle, "token refresh_token_expired", login),
        (TokenFault::RefreshTokenExpired, "token refresh_token_expired", login),
        (TokenFault::RefreshTokenRevoked, "token refresh_token_expired", "was written at 20"),
        (TokenFault::SignInFrequency, "token refresh_token_expired", login),
        (TokenFault::MfaRequired, "token mfa_required", login),
        (TokenFault::ConsentMissing, "token consent_missing", "Delegated permissions > `"),
        (TokenFault::ConditionalAccess, "token conditional_access", "device code flow"),
    ] {
        mailbox.app().set_fault(Some(fault));
        for (protocol, seen) in round(&world).await {
            assert_eq!(verdict(&seen), verdict_of_it, "{protocol} {fault:?}");
            assert!(hint(&seen).contains(remedy), "{fault:?}: {}", hint(&seen));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_consent_for_one_protocol_leaves_the_others_alone() {
    let (world, mailbox, _) = world(Fault::None).await;
    mailbox.app().set_consented(&["IMAP.AccessAsUser.All", "POP.AccessAsUser.All"]);
    let seen = round(&world).await;
    assert_eq!(verdict(&seen["imap"]), "up");
    assert_eq!(verdict(&seen["pop3"]), "up");
    assert_eq!(verdict(&seen["smtp"]), "token consent_missing");
    assert!(hint(&seen["smtp"]).contains("`SMTP.Send`"), "{}", hint(&seen["smtp"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confidential_client_shows_its_secret_too() {
    for client_auth in ["body", "basic"] {
        let mut world = World::start().await;
        let mailbox = world.mailbox(Fault::None).await;
        mailbox.app().make_confidential();
        world.file("secret", &mailbox.app().secret);
        let with = world.yaml.person(
            "with",
            mailbox.app(),
            &format!(", secret: {{ file: secret }}, client_auth: {client_auth}"),
        );
        sign_in(&mailbox, &with);
        world.yaml.watch_as_person(std::slice::from_ref(&mailbox), &[Door::Imap], "with", "");
        let seen = &round(&world).await["imap"];
        assert_eq!(verdict(seen), "up", "{:?}", seen.outcome);
        assert_eq!(mailbox.app().requests()[0].basic_header, client_auth == "basic");
    }
    let (world, mailbox, _) = world(Fault::None).await;
    mailbox.app().make_confidential();
    let seen = &round(&world).await["imap"];
    assert_eq!(verdict(seen), "token token_request_invalid");
    assert!(hint(seen).contains("Allow public client flows = Yes"), "{}", hint(seen));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_to_the_file_stays_and_its_target_is_replaced() {
    let (world, mailbox, file) = world(Fault::None).await;
    let real = world.file("real.token", fs::read(&file).unwrap());
    fs::remove_file(&file).unwrap();
    symlink("real.token", &file).unwrap();
    let before = token(&file);
    assert_eq!(verdict(&round(&world).await["imap"]), "up");
    assert_eq!(fs::read_link(&file).unwrap(), Path::new("real.token"));
    assert_ne!(token(&real), before);
    assert!(mailbox.app().takes(&token(&real)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_file_the_remedy_is_to_sign_in() {
    let (world, mailbox, file) = world(Fault::None).await;
    fs::remove_file(&file).unwrap();
    let seen = &round(&world).await["imap"];
    assert_eq!(verdict(seen), "token secret_unreadable");
    assert!(hint(seen).contains("`mailbox-exporter login --config FILE person`"), "{}", hint(seen));
    fs::write(&file, "two\nlines\n").unwrap();
    let seen = &round(&world).await["imap"];
    let detail = &seen.outcome.failure().unwrap().cause.detail;
    assert!(detail.contains("holds no refresh token") && !detail.contains("lines"), "{detail}");
    assert_eq!(mailbox.app().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_sign_in_ends_the_failure_of_a_running_agent() {
    let (mut world, mailbox, file) = world(Fault::None).await;
    world.yaml.head = "defaults: { interval: 1h }".to_owned();
    mailbox.app().revoke_refresh_tokens();
    let mut agent = Agent::serve(&world.configuration(), &[]);
    let failure = r#"mailbox_credential_failure_info{credential="person",reason="refresh_token_expired"} 1"#;
    let page = agent.shows("/metrics", failure);
    assert!(
        page.contains(r#"mailbox_credential_refresh_token_last_used_timestamp_seconds{credential="person"}"#)
    );
    sign_in(&mailbox, &file);
    agent.says(&["credential file changed"]);
    agent.shows("/metrics", r#"mailbox_credential_success{credential="person"} 1"#);
    agent.terminate();
}
