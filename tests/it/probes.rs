//! The table: fault × protocol → phase and reason, through the real probe and the real token client.

use std::time::Duration;

use mailbox_exporter::sim::{Fault, SimMailbox, TokenFault};

use crate::world::{Door, World, verdict};

/// Long enough for the steps before a silence on a machine that is busy.
const SHORT: &str = "timeout: 4s";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_has_its_phase_and_reason() {
    let mut world = World::start().await;
    let app = world.app();
    world.settings = "defaults: { smtp: { sender: true } }\nlimits: { concurrency: 48 }".to_owned();
    let only = std::env::var("ONLY").unwrap_or_default();
    let all: Vec<Fault> = Fault::ALL
        .iter()
        .copied()
        .filter(|f| only.is_empty() || only.split(',').any(|o| o == f.label()))
        .collect();
    for &fault in &all {
        let own = world.app();
        let mailbox = world.mailbox(if matches!(fault, Fault::Token(_)) { &own } else { &app }, fault).await;
        for door in Door::ALL {
            let extra = if fault.label().starts_with("silent")
                || fault == Fault::SlowDrip
                || fault == Fault::Token(TokenFault::TokenSilence)
            {
                SHORT
            } else {
                ""
            };
            world.watch(
                &format!("{}-{}-{}", fault.label(), door.protocol(), door.tls()),
                &mailbox,
                door,
                extra,
            );
        }
    }
    let began = std::time::Instant::now();
    let seen = world.round().await;
    println!("{:?}", began.elapsed());
    for &fault in &all {
        let d: Vec<_> = Door::ALL
            .iter()
            .map(|door| {
                let o = &seen[&format!("{}-{}-{}", fault.label(), door.protocol(), door.tls())];
                (o.duration, o.outcome.failure().map(|f| f.cause.detail.clone()))
            })
            .collect();
        println!("{d:?}");
        let v: Vec<_> = Door::ALL
            .iter()
            .map(|door| verdict(&seen[&format!("{}-{}-{}", fault.label(), door.protocol(), door.tls())]))
            .collect();
        println!("{:30} {v:?}", fault.label());
    }
}
