//! The schedule as it runs: when checks are probed, what a refusal changes, and that no check waits for another.
//!
//! The arithmetic alone is tested beside it, in `schedule`.

use std::time::Duration;

use jiff::Timestamp;
use mailbox_exporter::app;
use mailbox_exporter::model::Observation;
use mailbox_exporter::sim::{Fault, Offers};

use crate::clock::{Simulated, gaps};
use crate::support::world::World;
use crate::support::yaml::Door;

const MINUTE: Duration = Duration::from_secs(60);
/// A probe begins within one step of the simulated time.
const STEP: Duration = Duration::from_secs(1);

/// As many minutes, to the nearest.
fn minutes(gaps: &[Duration]) -> Vec<u64> {
    gaps.iter().map(|gap| (gap.as_secs() + 30) / 60).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_probe_comes_in_a_minute_the_others_on_a_grid() {
    let mut world = World::start_here().await;
    let app = world.app();
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    mailbox.set_offers(plain());
    for place in 0..30 {
        let interval = if place % 2 == 0 { "5m" } else { "20s" };
        world.yaml.watch(&format!("m{place}"), &mailbox, Door::ImapPlain, &format!("interval: {interval}"));
    }
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(11 * MINUTE).await;
    let mut firsts = Vec::new();
    for place in 0..30 {
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
    assert!(firsts.len() > 15, "they are spread: {firsts:?}");
    simulated.stop().await;
}

fn plain() -> Offers {
    Offers { without_tls: true, ..Offers::default() }
}

#[tokio::test(start_paused = true)]
async fn equal_refusals_stretch_the_interval_and_a_success_ends_that() {
    let mut world = World::start_here().await;
    let app = world.app();
    let refused = world.mailbox_of(&app, Fault::NotConnected).await;
    let down = world.mailbox_of(&app, Fault::Refused).await;
    let healthy = world.mailbox_of(&app, Fault::None).await;
    for (name, mailbox) in [("refused", &refused), ("down", &down), ("healthy", &healthy)] {
        mailbox.set_offers(plain());
        world.yaml.watch(name, mailbox, Door::ImapPlain, "interval: 5m");
    }
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(190 * MINUTE).await;
    let times = simulated.times("refused");
    assert_eq!(minutes(&gaps(&times)[1..]), [15, 30, 60, 60], "{times:?}");
    let others = (simulated.times("healthy").len(), simulated.times("down").len());
    assert!(
        others.0 >= 37 && others.1 >= 37,
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
    let last = &gaps(&times)[5..];
    assert!(minutes(last)[1..].iter().all(|gap| *gap == 5) && last.len() > 4, "{:?}", minutes(last));
    assert_eq!(interval("refused"), 5 * MINUTE);
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_peace_is_left_in_peace() {
    let mut world = World::start_here().await;
    let app = world.app();
    let throttled = world.mailbox_of(&app, Fault::Throttled).await;
    throttled.set_offers(plain());
    world.yaml.watch("throttled", &throttled, Door::ImapPlain, "interval: 1m");
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
    let silent = world.mailbox_of(&app, Fault::SilentGreeting).await;
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    mailbox.set_offers(plain());
    world.yaml.watch("silent", &silent, Door::ImapPlain, "interval: 1m");
    for place in 0..5 {
        world.yaml.watch(&format!("m{place}"), &mailbox, Door::ImapPlain, "interval: 20s");
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
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    mailbox.set_offers(plain());
    world.yaml.watch("m", &mailbox, Door::ImapPlain, "interval: 1m");
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(5 * MINUTE).await;
    let (probed, skipped) = (simulated.times("m").len(), simulated.app.facts().skipped);
    assert_eq!(skipped, 0);
    simulated.leap(60 * MINUTE).await;
    simulated.pass(10 * MINUTE).await;
    let facts = simulated.app.facts();
    assert!((58..=60).contains(&facts.skipped), "{}", facts.skipped);
    let made = simulated.times("m").len() - probed;
    assert!((10..=12).contains(&made), "{made}");
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_longer_than_its_interval_is_not_doubled() {
    let mut world = World::start_here().await;
    world.yaml.head = "limits: { concurrency: 1 }".to_owned();
    let app = world.app();
    let mailboxes = [
        world.mailbox_of(&app, Fault::SilentGreeting).await,
        world.mailbox_of(&app, Fault::SilentGreeting).await,
    ];
    for (place, mailbox) in mailboxes.iter().enumerate() {
        world.yaml.watch(&format!("m{place}"), mailbox, Door::ImapPlain, "interval: 20s, timeout: 19s");
    }
    let mut simulated = Simulated::start(&world.plan()).await;
    simulated.leave_hanging(&[&mailboxes[0], &mailboxes[1]], 1);
    simulated.pass(10 * MINUTE).await;
    let facts = simulated.app.facts();
    // Two silences of 15 s want 30 of every 20 seconds: each third tick or so finds a probe still waiting.
    assert!((10..=30).contains(&facts.skipped), "{}", facts.skipped);
    let times = simulated.times("m0");
    assert!(gaps(&times).iter().all(|gap| *gap >= Duration::from_secs(15)), "{times:?}");
    let late: Vec<u64> =
        simulated.lines("probe").iter().map(|line| line.field("lateness_ms").parse().unwrap()).collect();
    assert!(late.iter().any(|late| *late >= 5000), "the wait is told: {late:?}");
    let took: Vec<u64> =
        simulated.lines("probe").iter().map(|line| line.field("duration_ms").parse().unwrap()).collect();
    // A step of time may pass while it connects.
    assert!(took.iter().all(|took| (15_000..=17_000).contains(took)), "and belongs to no phase: {took:?}");
    simulated.stop().await;
}

/// The most of these probes that were connected at once.
fn at_once<'a>(probes: impl Iterator<Item = &'a Observation>) -> usize {
    // Their ends, a little early: the next one begins in the same moment.
    let span = |seen: &Observation| {
        let begun = seen.started_at + seen.lateness;
        (begun, begun + seen.duration.mul_f64(0.9))
    };
    let spans: Vec<_> = probes.map(span).collect();
    let during = |at: Timestamp| spans.iter().filter(|(begun, end)| *begun <= at && at < *end).count();
    spans.iter().map(|(begun, _)| during(*begun)).max().unwrap()
}

/// Limits, and how many of six probes at each of two hosts they let run at once: in all, and at one host.
const LIMITS: [(&str, usize, usize); 2] =
    [("concurrency: 4, per_host: 3", 4, 3), ("concurrency: 64, per_host: 2", 4, 2)];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_probes_run_at_once_than_the_limits_allow() {
    for (limits, in_all, per_host) in LIMITS {
        let mut world = World::start().await;
        world.yaml.head = format!("limits: {{ {limits} }}");
        let silent = world.mailbox(Fault::SilentGreeting).await;
        let port = silent.imap_starttls_port();
        world.yaml.credential_of("password", "type: password, password: { file: ca.pem }");
        for host in ["localhost", "127.0.0.1"] {
            world.yaml.provider_of(host, &format!("imap: {{ host: {host}, port: {port}, tls: none }}"));
            for place in 0..6 {
                let keys = format!("name: {host}-{place}, address: a@contoso.example, provider: {host}");
                world
                    .yaml
                    .mailbox_of(&format!("{keys}, credential: password, checks: [imap]"), "timeout: 1s");
            }
        }
        let seen = world.round().await;
        assert_eq!(at_once(seen.values()), in_all, "{limits}");
        for host in ["localhost", "127.0.0.1"] {
            let there = seen.values().filter(|seen| seen.check.endpoint.host == host);
            assert!(at_once(there) <= per_host, "{limits}: {host}");
        }
        assert!(seen.values().all(|seen| seen.duration < 2 * STEP), "waiting is not probing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_is_probed_by_one_protocol_at_a_time() {
    let mut world = World::start().await;
    let app = world.app();
    let silent = world.mailbox_of(&app, Fault::SilentGreeting).await;
    let (imap, smtp) = (silent.imap_starttls_port(), silent.smtp_port());
    let ends = format!(
        "imap: {{ host: localhost, port: {imap}, tls: none }}, smtp: {{ host: localhost, port: {smtp}, tls: none }}"
    );
    world.yaml.credential_of("password", "type: password, password: { file: ca.pem }");
    world.yaml.provider_of("both", &ends);
    world.yaml.mailbox_of(
        "name: m, address: a@contoso.example, provider: both, credential: password",
        "timeout: 1s",
    );
    let observations = app::round(&world.plan(), |_| ()).await;
    let late: Vec<_> = observations.iter().map(|seen| seen.lateness.as_millis()).collect();
    assert!(
        late.len() == 2 && late.iter().any(|late| *late >= 900) && late.iter().any(|late| *late < 900),
        "{late:?}"
    );
}
