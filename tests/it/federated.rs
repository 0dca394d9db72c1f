//! Workload identity: a token that another issuer wrote into a file takes the place of a secret.

use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;
use mailbox_exporter::model::Outcome;
use mailbox_exporter::sim::{Fault, SimIssuer, SimMailbox};

use crate::probes::verdict;
use crate::support::process::{Program, Run};
use crate::support::world::World;
use crate::support::yaml::Door;

const HOUR: Duration = Duration::from_secs(3600);
const SUBJECT: &str = "system:serviceaccount:mail:mailbox-exporter";

/// A mailbox whose application trusts a service account of a cluster, probed with what lies in `token`.
async fn world() -> (World, SimMailbox, SimIssuer) {
    let mut world = World::start().await;
    let issuer = SimIssuer::new().unwrap();
    let app = world.app();
    app.trust(&issuer, SUBJECT);
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    world.yaml.credential_of(
        "aks",
        &format!("type: federated, tenant: {}, client_id: {}, token_file: token", app.tenant, app.client_id),
    );
    world.yaml.watch_with("it", &mailbox, Door::Imap, "aks");
    (world, mailbox, issuer)
}

fn write(world: &World, token: &str) -> PathBuf {
    world.file("token", format!("{token}\n"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_the_trusted_service_account_opens_the_mailbox() {
    let (world, _, issuer) = world().await;
    write(&world, &issuer.token(SUBJECT, SignedDuration::ZERO, HOUR).unwrap());
    let seen = world.round().await;
    assert_eq!(verdict(&seen["it"]), "up", "{:?}", seen["it"].outcome);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_identity_is_shown_with_its_token_claims() {
    let (world, mailbox, issuer) = world().await;
    let token = issuer.token("system:serviceaccount:mail:other", SignedDuration::ZERO, HOUR).unwrap();
    write(&world, &token);
    let seen = world.round().await;
    assert_eq!(verdict(&seen["it"]), "token federated_identity_mismatch");
    let Outcome::Down { hint, .. } = &seen["it"].outcome else { panic!("it is refused") };
    let facts = format!(
        "has the issuer `{}`, the subject `system:serviceaccount:mail:other` and the audience `api://AzureADTokenExchange`.",
        issuer.url
    );
    assert!(hint.contains(&facts), "{hint}");
    assert!(!hint.contains(token.rsplit('.').next().unwrap()), "{hint}");
    assert_eq!(mailbox.app().requests().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_issuer_or_audience_is_refused_and_shown() {
    let (world, mailbox, issuer) = world().await;
    let (other, now) = (SimIssuer::new().unwrap(), SignedDuration::ZERO);
    let for_another = "api://of-another-program";
    for (token, number, facts) in [
        (other.token(SUBJECT, now, HOUR), "AADSTS700211", format!("has the issuer `{}`", other.url)),
        (
            issuer.token_for(for_another, SUBJECT, now, HOUR),
            "AADSTS700212",
            format!(
                "the audience `{for_another}`.\nIts audience should be `api://AzureADTokenExchange` alone."
            ),
        ),
    ] {
        let requests = mailbox.app().requests().len();
        write(&world, &token.unwrap());
        let seen = world.round().await;
        assert_eq!(verdict(&seen["it"]), "token federated_identity_mismatch");
        let Outcome::Down { hint, failure } = &seen["it"].outcome else { panic!("it is refused") };
        assert!(failure.cause.detail.contains(number), "{failure:?}");
        assert!(hint.contains(&facts), "{facts}: {hint}");
        assert_eq!(mailbox.app().requests().len(), requests + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stale_token_file_is_told_apart_and_not_sent() {
    let (world, mailbox, issuer) = world().await;
    write(&world, &issuer.token(SUBJECT, SignedDuration::from_hours(2), HOUR).unwrap());
    let seen = world.round().await;
    assert_eq!(verdict(&seen["it"]), "token secret_unreadable");
    let detail = &seen["it"].outcome.failure().unwrap().cause.detail;
    assert!(detail.contains("it is no longer renewed"), "{detail}");
    assert_eq!(mailbox.app().requests().len(), 0);
}

/// A configuration that leaves everything to the webhook of Azure Workload Identity.
async fn for_the_webhook() -> (World, SimMailbox, SimIssuer) {
    let (mut world, mailbox, issuer) = world().await;
    world.yaml = world.fresh("");
    world.yaml.credential_of("aks", "type: federated");
    world.yaml.watch_with("it", &mailbox, Door::Imap, "aks");
    (world, mailbox, issuer)
}

fn run(world: &World, command: &str, variables: &[(&str, &str)]) -> Run {
    let mut program = Program::new(&[command]).config(&world.configuration());
    for (name, value) in variables {
        program = program.env(name, value);
    }
    program.run()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_webhook_will_say_is_a_warning_where_it_is_absent() {
    let (mut world, mailbox, _) = for_the_webhook().await;
    let validated = run(&world, "validate", &[]);
    assert_eq!(validated.status, Some(0), "{}", validated.said());
    let words = "not set here: AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE.";
    assert!(validated.stdout.contains(words), "{}", validated.stdout);
    let checked = run(&world, "check", &[]);
    assert_eq!(checked.status, Some(1), "{}", checked.said());
    assert!(checked.stdout.contains("secret_unreadable"), "{}", checked.said());
    assert!(checked.stdout.contains("not set: AZURE_CLIENT_ID, AZURE_TENANT_ID."), "{}", checked.said());
    assert!(checked.stdout.contains("kubectl rollout restart"), "{}", checked.said());
    let setup = run(&world, "setup", &[]);
    assert!(setup.stdout.contains("New-ServicePrincipal -AppId 'CLIENT_ID'"), "{}", setup.said());
    assert_eq!(mailbox.app().requests().len(), 0);
    // A token that is mounted by hand has no webhook.
    world.yaml = world.fresh("");
    world.yaml.credential_of("aks", "type: federated, token_file: token");
    world.yaml.watch_with("it", &mailbox, Door::Imap, "aks");
    let validated = run(&world, "validate", &[]);
    assert_eq!(validated.status, Some(2), "{}", validated.said());
    assert!(validated.stdout.contains("client_id is missing"), "{}", validated.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_written_token_url_wins_over_the_environment() {
    let (world, mailbox, issuer) = for_the_webhook().await;
    let token = write(&world, &issuer.token(SUBJECT, SignedDuration::ZERO, HOUR).unwrap());
    let app = mailbox.app();
    let variables = [
        ("AZURE_CLIENT_ID", app.client_id.as_str()),
        ("AZURE_TENANT_ID", app.tenant.as_str()),
        ("AZURE_FEDERATED_TOKEN_FILE", token.to_str().unwrap()),
        ("AZURE_AUTHORITY_HOST", "https://login.partner.microsoftonline.cn/"),
    ];
    let checked = run(&world, "check", &variables);
    assert_eq!(checked.status, Some(0), "{}", checked.said());
    assert_eq!(app.requests().len(), 1);
}
