//! The schedule as it runs: when checks are probed, what a refusal changes, and that nobody waits for anybody.
//!
//! The arithmetic alone is tested beside it, in `schedule`.

use std::time::Duration;

use mailbox_exporter::sim::Fault;

use crate::clock::{Simulated, gaps};
use crate::world::{Door, World};

const MINUTE: Duration = Duration::from_secs(60);
/// A probe begins within one step of the simulated time.
const STEP: Duration = Duration::from_secs(1);

/// As many minutes, to the nearest.
fn minutes(gaps: &[Duration]) -> Vec<u64> {
    gaps.iter().map(|gap| (gap.as_secs() + 30) / 60).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_probe_comes_within_a_minute_and_the_others_on_a_grid() {
    let mut world = World::start_here().await;
    let app = world.app();
    let mailbox = world.mailbox(&app, Fault::None).await;
    mailbox.set_offers(plain());
    for place in 0..40 {
        let interval = if place % 2 == 0 { "5m" } else { "20s" };
        world.watch(&format!("m{place}"), &mailbox, Door::ImapPlain, &format!("interval: {interval}"));
    }
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(16 * MINUTE).await;
    let mut firsts = Vec::new();
    for place in 0..40 {
        let interval = if place % 2 == 0 { 5 * MINUTE } else { 20 * STEP };
        let times = simulated.times(&format!("m{place}"));
        assert!(times[0] <= interval.min(MINUTE) + STEP, "{place}: {times:?}");
        firsts.push(times[0].as_secs());
        for gap in &gaps(&times)[1..] {
            assert!(gap.abs_diff(interval) <= STEP, "{place}: {times:?}");
        }
        assert!(simulated.probes(&format!("m{place}")).iter().all(|line| line.field("outcome") == "success"));
    }
    firsts.sort_unstable();
    firsts.dedup();
    assert!(firsts.len() > 20, "they are spread: {firsts:?}");
    simulated.stop().await;
}

fn plain() -> mailbox_exporter::sim::Offers {
    mailbox_exporter::sim::Offers { without_tls: true, ..Default::default() }
}

#[tokio::test(start_paused = true)]
async fn equal_refusals_stretch_the_interval_and_a_success_ends_that() {
    let mut world = World::start_here().await;
    let app = world.app();
    let refused = world.mailbox(&app, Fault::NotConnected).await;
    let down = world.mailbox(&app, Fault::Refused).await;
    let healthy = world.mailbox(&app, Fault::None).await;
    for (name, mailbox) in [("refused", &refused), ("down", &down), ("healthy", &healthy)] {
        mailbox.set_offers(plain());
        world.watch(name, mailbox, Door::ImapPlain, "interval: 5m");
    }
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(Duration::from_secs(4 * 3600 + 20 * 60)).await;
    let times = simulated.times("refused");
    assert_eq!(minutes(&gaps(&times)[1..]), [15, 30, 60, 60, 60], "{times:?}");
    let others = (simulated.times("healthy").len(), simulated.times("down").len());
    assert!(
        others.0 >= 51 && others.1 >= 51,
        "neither a success nor a network fault is asked less: {others:?}"
    );
    let interval = |name: &str| {
        let record =
            simulated.app.report().checks().into_iter().find(|record| &*record.check.mailbox.name == name);
        record.unwrap().interval
    };
    assert_eq!((interval("refused"), interval("down")), (60 * MINUTE, 5 * MINUTE));

    refused.set_fault(Fault::None);
    simulated.pass(90 * MINUTE).await;
    let times = simulated.times("refused");
    let last = &gaps(&times)[6..];
    assert!(minutes(last)[1..].iter().all(|gap| *gap == 5) && last.len() > 4, "{:?}", minutes(last));
    assert_eq!(interval("refused"), 5 * MINUTE);
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_peace_is_left_in_peace() {
    let mut world = World::start_here().await;
    let app = world.app();
    let throttled = world.mailbox(&app, Fault::Throttled).await;
    throttled.set_offers(plain());
    world.watch("throttled", &throttled, Door::ImapPlain, "interval: 1m");
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(31 * MINUTE).await;
    let times = simulated.times("throttled");
    // It asks for 300 s each time, and the grid is one of minutes.
    assert!(
        times.len() >= 5 && gaps(&times).iter().all(|gap| (300..=360).contains(&gap.as_secs())),
        "{times:?}"
    );
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn one_silent_mailbox_delays_no_other() {
    let mut world = World::start_here().await;
    let app = world.app();
    let silent = world.mailbox(&app, Fault::SilentGreeting).await;
    let mailbox = world.mailbox(&app, Fault::None).await;
    mailbox.set_offers(plain());
    world.watch("silent", &silent, Door::ImapPlain, "interval: 1m");
    for place in 0..5 {
        world.watch(&format!("m{place}"), &mailbox, Door::ImapPlain, "interval: 20s");
    }
    let mut simulated = Simulated::start(&world.plan()).await;
    simulated.leave_hanging(&[&silent], 0);
    simulated.pass(10 * MINUTE).await;
    for place in 0..5 {
        let times = simulated.times(&format!("m{place}"));
        assert!(gaps(&times)[1..].iter().all(|gap| gap.abs_diff(20 * STEP) <= STEP), "{times:?}");
    }
    let held = simulated.probes("silent");
    assert!(held.len() >= 9);
    for line in &held {
        assert_eq!((line.field("phase"), line.field("reason")), ("greeting", "timeout"));
        assert_eq!(line.field("duration_ms"), "15000", "the bound of its phase");
    }
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn ticks_that_are_missed_are_counted_and_not_made_up_for() {
    let mut world = World::start_here().await;
    let app = world.app();
    let mailbox = world.mailbox(&app, Fault::None).await;
    mailbox.set_offers(plain());
    world.watch("m", &mailbox, Door::ImapPlain, "interval: 1m");
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(5 * MINUTE).await;
    let (probed, skipped) = (simulated.times("m").len(), simulated.app.report().facts().skipped);
    assert_eq!(skipped, 0);
    simulated.leap(60 * MINUTE).await;
    simulated.pass(10 * MINUTE).await;
    let facts = simulated.app.report().facts();
    assert!((58..=60).contains(&facts.skipped), "{}", facts.skipped);
    let made = simulated.times("m").len() - probed;
    assert!((10..=12).contains(&made), "{made}");
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_outlasts_its_interval_is_not_joined_by_a_second_one() {
    let mut world = World::start_here().await;
    world.settings = "limits: { concurrency: 1 }".to_owned();
    let app = world.app();
    let mailboxes =
        [world.mailbox(&app, Fault::SilentGreeting).await, world.mailbox(&app, Fault::SilentGreeting).await];
    for (place, mailbox) in mailboxes.iter().enumerate() {
        world.watch(&format!("m{place}"), mailbox, Door::ImapPlain, "interval: 20s, timeout: 19s");
    }
    let mut simulated = Simulated::start(&world.plan()).await;
    simulated.leave_hanging(&[&mailboxes[0], &mailboxes[1]], 1);
    simulated.pass(10 * MINUTE).await;
    let facts = simulated.app.report().facts();
    // Two silences of 15 s want 30 of every 20 seconds: each third tick or so finds a probe still waiting.
    assert!((10..=30).contains(&facts.skipped), "{}", facts.skipped);
    let highest = mailboxes[0].connections(mailbox_exporter::sim::Service::Imap).highest;
    assert_eq!(highest, 1);
    let late: Vec<u64> =
        simulated.lines("probe").iter().map(|line| line.field("lateness_ms").parse().unwrap()).collect();
    assert!(late.iter().any(|late| *late >= 5000), "the wait is told: {late:?}");
    assert!(
        simulated.lines("probe").iter().all(|line| line.field("duration_ms") == "15000"),
        "and belongs to no phase"
    );
    simulated.stop().await;
}
