//! Secrets that are replaced every second while many mailboxes are probed: the new one is made known, deployed, and a
//! moment later the old one is withdrawn, as administrators do it.

use std::path::Path;
use std::time::Duration;

use jiff::SignedDuration;
use mailbox_exporter::sim::{Fault, Offers, Rotation, SimApp, SimCertificate, SimIssuer, TokenOutcome};
use tokio::time::{Instant, sleep, sleep_until};

use crate::support::app;
use crate::support::world::World;
use crate::support::yaml::Door;

/// Mailboxes of each credential.
const MAILBOXES: usize = 50;
/// How often everything is replaced, and how far apart.
const ROTATIONS: usize = 10;
const PERIOD: Duration = Duration::from_secs(1);
/// From the deployment of a secret to the end of the old one.
const MOMENT: Duration = Duration::from_millis(300);
const SUBJECT: &str = "system:serviceaccount:mail:mailbox-exporter";

/// Replaces a file as deployments do: whole, by a rename.
fn replace(folder: &Path, name: &str, content: &str) {
    let new = folder.join(format!("{name}.new"));
    std::fs::write(&new, content).unwrap();
    std::fs::rename(&new, folder.join(name)).unwrap();
}

/// Mailboxes of this application that are probed by one credential: the same one on the server.
async fn watch(world: &mut World, app: &SimApp, credential: &str) {
    let mailbox = world.mailbox_of(app, Fault::None).await;
    mailbox.set_offers(Offers { without_tls: true, ..Offers::default() });
    for place in 0..MAILBOXES {
        world.yaml.watch_with(&format!("{credential}-{place}"), &mailbox, Door::ImapPlain, credential);
    }
}

/// The same for a person, whose token has a scope of its own.
async fn watch_as_person(world: &mut World, app: &SimApp, credential: &str) {
    let mailbox = world.mailbox_of(app, Fault::None).await;
    mailbox.set_offers(Offers { without_tls: true, ..Offers::default() });
    let name = |place: usize| format!("name: {credential}-{place}");
    world.yaml.watch_as_person(std::slice::from_ref(&mailbox), &[Door::ImapPlain], credential, &name(0));
    let address = mailbox.address();
    let provider = format!("of-{}", address.split('@').next().unwrap());
    for place in 1..MAILBOXES {
        let keys =
            format!("address: {address}, provider: {provider}, credential: {credential}, checks: [imap]");
        world.yaml.mailbox_of(&keys, &name(place));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_probe_fails_while_every_secret_is_replaced_each_second() {
    let mut world = World::start().await;
    let apps = [world.app(), world.app(), world.app(), world.app()];
    let [by_secret, by_certificate, by_token, by_sign_in] = &apps;
    let mut certificates = (0..=ROTATIONS).map(|_| SimCertificate::until(2120).unwrap());
    let mut issuers = (0..=ROTATIONS).map(|_| SimIssuer::new().unwrap());
    let hour = Duration::from_secs(3600);
    let folder = world.folder.path().to_owned();

    let (mut certificate, mut issuer) = (certificates.next().unwrap(), issuers.next().unwrap());
    by_certificate.register(&[&certificate]);
    by_token.trust(&issuer, SUBJECT);
    replace(&folder, "secret", &by_secret.secret);
    replace(&folder, "app.pem", &certificate.certificate);
    replace(&folder, "app.key", &certificate.private_key);
    replace(&folder, "token", &issuer.token(SUBJECT, SignedDuration::ZERO, hour).unwrap());
    let of = |app: &SimApp| format!("tenant: {}, client_id: {}", app.tenant, app.client_id);
    let secret = format!("type: client_secret, {}, secret: {{ file: secret }}", of(by_secret));
    let pair = format!(
        "type: certificate, {}, certificate: app.pem, private_key: {{ file: app.key }}",
        of(by_certificate)
    );
    let token = format!("type: federated, {}, token_file: token", of(by_token));
    for (name, keys, app) in
        [("secret", secret, by_secret), ("pair", pair, by_certificate), ("token", token, by_token)]
    {
        world.yaml.credential_of(name, &keys);
        watch(&mut world, app, name).await;
    }
    // The provider itself replaces this one, at each request, and takes none twice.
    by_sign_in.set_rotation(Rotation::Once);
    let refresh_token = world.yaml.person("person", by_sign_in, "");
    std::fs::write(&refresh_token, by_sign_in.signed_in()).unwrap();
    watch_as_person(&mut world, by_sign_in, "person").await;
    // A token lives for a second only, so that every secret is used.
    world.yaml.head = "defaults: { interval: 4s }\nlimits: { token_max_age: 1s }".to_owned();
    let agent = app::start(&world.configuration()).await;

    let mut old = by_secret.secret.clone();
    let begun = Instant::now();
    for turn in 1..=ROTATIONS {
        sleep_until(begun + PERIOD * u32::try_from(turn).unwrap()).await;
        let new = format!("sim8Q~rotated{turn:03}rotated{turn:03}");
        let (new_certificate, new_issuer) = (certificates.next().unwrap(), issuers.next().unwrap());
        // Both are known …
        by_secret.expect_secrets(&[&old, &new]);
        by_certificate.register(&[&certificate, &new_certificate]);
        by_token.trust_all(&[&issuer, &new_issuer], SUBJECT);
        // … the new one is deployed, a pair in two steps …
        replace(&folder, "secret", &new);
        replace(&folder, "app.pem", &new_certificate.certificate);
        replace(&folder, "token", &new_issuer.token(SUBJECT, SignedDuration::ZERO, hour).unwrap());
        sleep(MOMENT / 3).await;
        replace(&folder, "app.key", &new_certificate.private_key);
        sleep(MOMENT).await;
        // … and the old one ends.
        by_secret.expect_secrets(&[&new]);
        by_certificate.register(&[&new_certificate]);
        by_token.trust_all(&[&new_issuer], SUBJECT);
        (old, certificate, issuer) = (new, new_certificate, new_issuer);
    }
    let checks = agent.report().checks();
    let probes: u64 = checks.iter().map(|record| record.successes).sum();
    let failed: Vec<_> = checks
        .iter()
        .filter(|record| record.failed() > 0)
        .map(|record| {
            format!(
                "{}: {:?}",
                record.check.mailbox.name,
                record.last_failure.as_ref().map(|seen| &seen.outcome)
            )
        })
        .collect();
    app::stop(agent).await;
    assert!(failed.is_empty(), "{failed:?}");
    assert!(probes >= (apps.len() * MAILBOXES) as u64, "{probes}");
    assert!(by_sign_in.takes(std::fs::read_to_string(refresh_token).unwrap().trim_end()));
    for app in &apps {
        let requests = app.requests();
        assert!(requests.len() > ROTATIONS / 2, "every secret is used: {}", requests.len());
        assert!(requests.iter().all(|seen| seen.outcome == TokenOutcome::Issued), "{requests:?}");
    }
}
