//! The sign-in log over several readings and over a restart: nothing is counted twice, and nothing is lost.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mailbox_exporter::app::App;
use mailbox_exporter::sim::{DirectoryFault, SimSignIn};
use serde_json::Value;

use super::{SIGN_INS, Tenant, fault, rows, wait};
use crate::clock::Simulated;
use crate::support::app;
use crate::support::http::ask;
use crate::support::scrape::value;
use crate::support::world::World;

fn row(user: &str, hours: i64) -> SimSignIn {
    let at = Timestamp::now() - SignedDuration::from_hours(hours);
    SimSignIn { user: user.to_owned(), client_app: "IMAP4", at, error_code: 0 }
}

/// What the board says of the mailbox's use, and the findings behind it.
async fn usage(agent: &App) -> (String, Vec<String>) {
    let json: Value = serde_json::from_str(&ask(agent.address(), "GET /api/v1/readiness").await.1).unwrap();
    let desk = &json["mailboxes"][0];
    let of_usage = |row: &&Value| row["signal"] == "usage";
    let findings = desk["evidence"].as_array().unwrap().iter().filter(of_usage);
    let findings = findings.map(|row| row["finding"].as_str().unwrap().to_owned()).collect();
    (desk["use"].as_str().unwrap().to_owned(), findings)
}

#[tokio::test(start_paused = true)]
async fn later_readings_add_what_is_new_and_count_nothing_twice() {
    let tenant = Tenant::of(World::start_here().await, "expiry: false, interval: 6h").await;
    tenant.signs_in(7);
    let simulated = Simulated::start(&tenant.world.plan()).await;
    let counted = async || value(&app::metrics(&simulated.app).await, &rows(SIGN_INS));
    simulated.pass(Duration::from_secs(60)).await;
    assert_eq!(counted().await, Some(7.0));
    // One row arrives late, one user signs in again, and five rows are older than what is read again.
    tenant.graph.sign_in([row("late@contoso.example", 2), row("printer6@contoso.example", 1)]);
    for _ in 0..3 {
        simulated.pass(Duration::from_secs(6 * 60 * 60)).await;
        assert_eq!(counted().await, Some(8.0), "{:?}", tenant.graph.requests());
    }
    assert_eq!(tenant.graph.requests().len(), 4);
    simulated.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_makes_nobody_unused_who_was_seen() {
    let mut tenant = Tenant::new("expiry: false").await;
    tenant.signs_in(3);
    tenant.world.file("usage.csv", "mailbox,protocol,used\ndesk,imap,unused\n");
    let more = "state_dir: state\nreadiness: { usage: usage.csv }\n";
    let (with, without) = (format!("{more}{}", tenant.world.yaml.head), more.to_owned());
    tenant.world.yaml.head.clone_from(&with);
    let agent = tenant.start().await;
    wait(&agent, &rows(SIGN_INS), Some(3.0)).await;
    let seen = || ("seen".to_owned(), vec!["signed_in".to_owned(), "unused".to_owned()]);
    assert_eq!(usage(&agent).await, seen());
    app::stop(agent).await;

    // Microsoft Graph cannot be asked after the restart.
    tenant.graph.faults(std::iter::repeat_n(Some(DirectoryFault::Html(200)), 2));
    let agent = tenant.start().await;
    fault(&agent, SIGN_INS, "is not Microsoft Graph").await;
    assert_eq!(usage(&agent).await, seen());
    app::stop(agent).await;

    // The next one reads the whole log again, and counts each user once.
    tenant.graph.faults([None]);
    tenant.graph.sign_in([row("late@contoso.example", 24 * 20)]);
    let agent = tenant.start().await;
    wait(&agent, &rows(SIGN_INS), Some(4.0)).await;
    assert_eq!(usage(&agent).await, seen());
    app::stop(agent).await;

    // Without a directory nothing of it counts any more.
    tenant.world.yaml.head = without;
    let agent = tenant.start().await;
    assert_eq!(usage(&agent).await, ("none".to_owned(), vec!["unused".to_owned()]));
    app::stop(agent).await;
}
