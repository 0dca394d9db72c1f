//! The certificate instead of a secret: what is sent is verified by the simulated identity provider, bit by bit.

use std::process::Command;

use mailbox_exporter::model::Observation;
use mailbox_exporter::sim::{Fault, SimApp, SimCertificate, SimMailbox};

use crate::probes::verdict;
use crate::support::world::World;
use crate::support::yaml::Door;

/// A mailbox of a new application that has this certificate registered.
async fn mailbox(world: &World, registered: &SimCertificate) -> SimMailbox {
    let app = world.app();
    app.register(&[registered]);
    world.mailbox_of(&app, Fault::None).await
}

/// Configures a probe by a certificate that lies in `NAME.pem`, its key in `NAME.key`.
fn watch(world: &mut World, name: &str, mailbox: &SimMailbox, shown: &SimCertificate, extra: &str) {
    world.file(&format!("{name}.pem"), &shown.certificate);
    world.file(&format!("{name}.key"), &shown.private_key);
    let SimApp { tenant, client_id, .. } = mailbox.app();
    world.yaml.credential_of(
        name,
        &format!(
            "type: certificate, tenant: {tenant}, client_id: {client_id}, certificate: {name}.pem, private_key: {{ file: {name}.key }}{extra}"
        ),
    );
    world.yaml.watch_with(name, mailbox, Door::Imap, name);
}

fn hint(seen: &Observation) -> String {
    match &seen.outcome {
        mailbox_exporter::model::Outcome::Down { hint, .. } => hint.clone(),
        mailbox_exporter::model::Outcome::Up => String::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_signs_in_by_ps256_and_by_rs256() {
    let mut world = World::start().await;
    let certificate = SimCertificate::until(2120).unwrap();
    let mailbox = mailbox(&world, &certificate).await;
    watch(&mut world, "new", &mailbox, &certificate, "");
    watch(&mut world, "old", &mailbox, &certificate, ", algorithm: rs256");
    let seen = world.round().await;
    for name in ["new", "old"] {
        assert_eq!(verdict(&seen[name]), "up", "{:?}", seen[name].outcome);
        let claims = seen[name].token.as_ref().and_then(|token| token.claims.as_ref()).unwrap();
        assert_eq!(claims.proof.as_deref(), Some("2"), "the token says that a certificate was shown");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_certificate_is_named_by_its_thumbprint() {
    let mut world = World::start().await;
    let (registered, shown) = (SimCertificate::until(2120).unwrap(), SimCertificate::until(2119).unwrap());
    let mailbox = mailbox(&world, &registered).await;
    watch(&mut world, "stranger", &mailbox, &shown, "");
    let seen = world.round().await;
    assert_eq!(verdict(&seen["stranger"]), "token certificate_rejected");
    let hint = hint(&seen["stranger"]);
    assert!(hint.contains(&format!("thumbprint {}", shown.thumbprint())), "{hint}");
    assert!(hint.contains("to 2119-01-01T00:00:00Z"), "{hint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_another_certificate_sends_no_request() {
    let mut world = World::start().await;
    let (one, other) = (SimCertificate::until(2120).unwrap(), SimCertificate::until(2120).unwrap());
    let mailbox = mailbox(&world, &one).await;
    watch(&mut world, "crossed", &mailbox, &one, "");
    world.file("crossed.key", &other.private_key);
    let seen = world.round().await;
    assert_eq!(verdict(&seen["crossed"]), "token secret_unreadable");
    let detail = &seen["crossed"].outcome.failure().unwrap().cause.detail;
    assert!(detail.contains("does not belong to the certificate"), "{detail}");
    assert_eq!(mailbox.app().requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validate_refuses_a_pair_that_does_not_fit() {
    let mut world = World::start().await;
    let (one, other) = (SimCertificate::until(2120).unwrap(), SimCertificate::until(2120).unwrap());
    let mailbox = mailbox(&world, &one).await;
    watch(&mut world, "pair", &mailbox, &one, "");
    let configuration = world.configuration();
    let validate = || {
        let program = env!("CARGO_BIN_EXE_mailbox-exporter");
        let output =
            Command::new(program).arg("validate").arg("--config").arg(&configuration).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(validate().0, Some(0), "{}", validate().1);
    let key = world.file("pair.key", &other.private_key);
    let (code, text) = validate();
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("credentials.pair: the private key in file"), "{text}");
    std::fs::remove_file(key).unwrap();
    assert_eq!(validate().0, Some(0), "a configuration is also validated where its files are not");
}
