//! Managed identities of Azure: the metadata services of virtual machines and of App Service, each simulated with its
//! own headers and queries.
//!
//! Their addresses come from the environment, so that the program is run as it is typed.

use mailbox_exporter::sim::{Fault, SimApp, SimMailbox};
use serde_json::Value;

use crate::support::process::{Program, Run};
use crate::support::wait::Reserved;
use crate::support::world::World;
use crate::support::yaml::Door;

/// A mailbox that is probed by IMAP and SMTP by the managed identity of its application.
async fn world(keys: &str) -> (World, SimMailbox) {
    let mut world = World::start().await;
    let app = world.app();
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    world.yaml.credential_of("vm", &format!("type: managed_identity{}", keys.replace("APP", &app.client_id)));
    for (name, door) in [("reads", Door::Imap), ("sends", Door::Smtp)] {
        world.yaml.watch_with(name, &mailbox, door, "vm");
    }
    (world, mailbox)
}

/// A round by the program, in the environment of a virtual machine.
fn round_at(world: &World, imds: &str) -> Run {
    let program = Program::new(&["check", "--output", "json"]);
    program.config(&world.configuration()).env("AZURE_POD_IDENTITY_AUTHORITY_HOST", imds).run()
}

fn round(world: &World) -> Run {
    round_at(world, &world.metadata_url())
}

/// The results of a round, IMAP first.
fn results(run: &Run) -> Vec<Value> {
    let mut results = run.json()["results"].as_array().unwrap().clone();
    results.sort_by_key(|result| result["protocol"].to_string());
    assert_eq!(results.len(), 2, "{}", run.said());
    results
}

fn up(run: &Run) {
    assert!(results(run).iter().all(|result| result["success"] == true), "{}", run.said());
}

/// The reason and the hint of the first result.
fn down(run: &Run) -> (String, String, String) {
    let result = results(run).remove(0);
    assert_eq!(result["phase"], "token", "{}", run.said());
    let text = |name: &str| result[name].as_str().unwrap().to_owned();
    (text("reason"), text("detail"), text("hint"))
}

fn asked(app: &SimApp) -> usize {
    app.requests().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_virtual_machine_opens_mailboxes_without_any_secret() {
    let (world, mailbox) = world("").await;
    mailbox.app().assign_identity(true);
    up(&round(&world));
    assert_eq!(asked(mailbox.app()), 1, "IMAP and SMTP share the token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_that_a_user_assigned_is_named_by_its_client_id() {
    let (world, mailbox) = world(", client_id: APP").await;
    mailbox.app().assign_identity(false);
    up(&round(&world));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_identity_that_is_not_assigned_is_told_with_its_client_id() {
    let (world, mailbox) = world(", client_id: APP").await;
    let (reason, detail, hint) = down(&round(&world));
    assert_eq!(reason, "app_not_found");
    assert!(detail.contains("Identity not found"), "{detail}");
    assert!(hint.contains(&mailbox.app().client_id) && hint.contains("az vm identity assign"), "{hint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_passes_by_itself_is_asked_again_within_the_phase() {
    let (world, mailbox) = world("").await;
    mailbox.app().assign_identity(true);
    world.metadata_answers(&[429, 503]);
    up(&round(&world));
    assert_eq!(world.metadata_requests(), 3);
    // Each of these alone; the next answer is a token.
    for status in [404, 410, 429, 500, 502, 503, 504] {
        let before = world.metadata_requests();
        world.metadata_answers(&[status]);
        up(&round(&world));
        assert_eq!(world.metadata_requests(), before + 2, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_pass_is_asked_once() {
    let (world, mailbox) = world("").await;
    mailbox.app().assign_identity(true);
    for (status, reason) in [
        (400, "token_request_invalid"),
        (401, "token_request_invalid"),
        (403, "unexpected"),
        (405, "token_request_invalid"),
    ] {
        let before = world.metadata_requests();
        world.metadata_answers(&[status]);
        assert_eq!(down(&round(&world)).0, reason, "{status}");
        assert_eq!(world.metadata_requests(), before + 1, "{status}");
    }
}

/// The detail of the failure where this status is the answer to every attempt that fits into the phase.
async fn answered_by_nothing_else(status: u16) -> String {
    let (world, _mailbox) = world("").await;
    world.metadata_answers(&[status; 5]);
    let (reason, detail, _) = down(&round(&world));
    assert_eq!((reason.as_str(), world.metadata_requests()), ("idp_unavailable", 5), "{detail}");
    detail
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_the_metadata_service_is_named() {
    let detail = answered_by_nothing_else(503).await;
    assert!(!detail.contains("is being updated"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_metadata_service_that_is_not_there_may_be_updated() {
    let detail = answered_by_nothing_else(404).await;
    assert!(detail.contains("is being updated, or is not Azure's"), "{detail}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_machine_without_a_metadata_service_says_so() {
    let (world, _mailbox) = world("").await;
    let nobody = Reserved::new();
    let (reason, detail, hint) = down(&round_at(&world, &format!("http://127.0.0.1:{}", nobody.port())));
    assert_eq!(reason, "connection_refused");
    assert!(detail.contains("no metadata service answers at"), "{detail}");
    assert!(hint.contains("This machine is not in Azure"), "{hint}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn app_service_is_asked_with_its_header() {
    let (world, mailbox) = world(", client_id: APP").await;
    mailbox.app().assign_identity(false);
    let (endpoint, header) = world.app_service();
    let round = |header: &str| {
        Program::new(&["check", "--output", "json"])
            .config(&world.configuration())
            .env("IDENTITY_ENDPOINT", &endpoint)
            .env("IDENTITY_HEADER", header)
            .run()
    };
    up(&round(&header));
    let run = round("hunter2hunter2");
    let (reason, _, hint) = down(&run);
    assert_eq!(reason, "token_request_invalid", "no secret of ours is wrong: {hint}");
    assert!(!run.said().contains("hunter2"), "{}", run.said());
    let neither =
        Program::new(&["validate"]).config(&world.configuration()).env("IDENTITY_ENDPOINT", &endpoint).run();
    assert_eq!(neither.status, Some(2), "{}", neither.said());
    let words = "IDENTITY_ENDPOINT is set without IDENTITY_HEADER";
    assert!(neither.stdout.contains(words), "{}", neither.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_assigns_the_app_role_and_there_is_no_consent_url() {
    let (world, mailbox) = world(", client_id: APP").await;
    mailbox.app().assign_identity(false);
    let run = |arguments: &[&str]| {
        let program = Program::new(arguments).config(&world.configuration());
        program.env("AZURE_POD_IDENTITY_AUTHORITY_HOST", &world.metadata_url()).run()
    };
    let setup = run(&["setup", "vm"]).stdout;
    for words in [
        "New-MgServicePrincipalAppRoleAssignment",
        "IMAP.AccessAsApp",
        &mailbox.app().client_id,
        &mailbox.app().object_id,
    ] {
        assert!(setup.contains(words), "{words}: {setup}");
    }
    let consent = run(&["consent-url", "vm"]);
    assert_eq!(consent.status, Some(2));
    assert!(consent.stderr.contains("no consent"), "{}", consent.stderr);
}
