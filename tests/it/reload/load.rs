//! Reloads while probes run: none is lost, none is doubled, no counter goes back.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mailbox_exporter::model::Protocol;
use mailbox_exporter::sim::{Fault, Service};
use tokio::time::sleep;

use crate::support::app::{metrics, observed, record, start};
use crate::support::http::ask;
use crate::support::wait::eventually;
use crate::support::world::World;

const INTERVAL: Duration = Duration::from_secs(1);
/// Mailboxes that stay as they are, but for a label.
const STAYING: usize = 8;
const RELOADS: usize = 24;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_under_load_loses_no_probe_and_no_counter() {
    let world = World::start().await;
    let mut mailboxes = Vec::new();
    for _ in 0..STAYING + 2 {
        mailboxes.push(world.mailbox(Fault::None).await);
    }
    let (changing, coming) = (&mailboxes[STAYING], &mailboxes[STAYING + 1]);
    let write = |round: usize| {
        let mut yaml = world.fresh("defaults: { interval: 1s }");
        for mailbox in &mailboxes[..STAYING] {
            yaml = yaml.with(mailbox, &format!("labels: {{ round: r{round} }}"));
        }
        yaml = yaml.with(changing, &format!("imap: {{ folder: Box{round} }}"));
        if round.is_multiple_of(2) {
            yaml = yaml.with(coming, "");
        }
        yaml.write();
    };
    write(0);
    let begun = Instant::now();
    let app = start(&world.folder.config()).await;
    let report = Arc::clone(app.report());

    let mut counters: BTreeMap<String, f64> = BTreeMap::new();
    for round in 1..=RELOADS {
        write(round);
        let (status, said) = ask(app.address(), "POST /-/reload").await;
        assert_eq!(status, 200, "{said}");
        let page = metrics(&app).await;
        let here = page.contains(coming.address());
        assert_eq!(here, round.is_multiple_of(2), "round {round}");
        assert!(page.contains(&format!("round=\"r{round}\"")), "labels are shown at once");
        let now = page.lines().filter(|line| line.contains("_total{") && !line.contains(coming.address()));
        for line in now {
            let (name, count) = line.rsplit_once(' ').unwrap();
            let count: f64 = count.parse().unwrap();
            let before = counters.insert(name.to_owned(), count).unwrap_or_default();
            assert!(count >= before, "{name} went from {before} to {count}");
        }
        sleep(Duration::from_millis(250)).await;
    }
    let lasted = begun.elapsed();
    assert!(counters.len() > 2 * 2 * STAYING, "{counters:?}");
    // The stop waits for what is under way.
    let skipped = app.facts().skipped;
    app.stop().await;
    let counts = |protocol| {
        let name = |address: &str| mailbox_exporter::model::CheckName { mailbox: address.into(), protocol };
        let of = |address: &str| {
            let record = report.check(&name(address)).unwrap();
            record.successes + record.failed()
        };
        mailboxes[..=STAYING].iter().map(|mailbox| of(mailbox.address())).collect::<Vec<_>>()
    };
    for (protocol, service) in [(Protocol::Imap, Service::Imap), (Protocol::Smtp, Service::Smtp)] {
        let seen = mailboxes[..=STAYING].iter().map(|mailbox| mailbox.connections(service).total as u64);
        assert_eq!(counts(protocol), seen.collect::<Vec<_>>(), "every probe is recorded once: {protocol}");
    }
    // Schedules went on as if nothing had happened.
    let due = lasted.as_secs_f64() / INTERVAL.as_secs_f64();
    for (mailbox, count) in mailboxes[..STAYING].iter().zip(counts(Protocol::Imap)) {
        let count = count as f64;
        assert!(
            count <= due + 2.0 && count + 2.0 + skipped as f64 >= due,
            "{count} of {due}: {}",
            mailbox.address()
        );
    }
}

#[tokio::test]
async fn a_probe_that_outlives_its_check_ends_and_brings_nothing_back() {
    let world = World::start().await;
    let stays = world.mailbox(Fault::None).await;
    let goes = world.mailbox(Fault::SilentGreeting).await;
    let head = "defaults: { interval: 4s, timeout: 3s }";
    world.fresh(head).with(&stays, "").with(&goes, "checks: [imap]").write();
    let app = start(&world.folder.config()).await;
    let open = || goes.connections(Service::Imap).now;
    eventually("the probe is under way", async || open() == 1).await;
    world.fresh(head).with(&stays, "").write();
    assert_eq!(ask(app.address(), "POST /-/reload").await.0, 200);
    assert_eq!(open(), 1, "it is not torn away");
    assert!(!metrics(&app).await.contains(goes.address()));
    eventually("it has come to its end", async || open() == 0 && app.facts().in_flight == 0).await;
    assert!(!metrics(&app).await.contains(goes.address()));
    assert_eq!(goes.connections(Service::Imap).total, 1, "it is not probed again");
    app.stop().await;
}

#[tokio::test]
async fn a_new_check_is_probed_soon_and_a_changed_one_anew() {
    let world = World::start().await;
    let (old, new) = (world.mailbox(Fault::None).await, world.mailbox(Fault::None).await);
    let head = "defaults: { interval: 2s, checks: [imap] }";
    world.fresh(head).with(&old, "interval: 1h").write();
    let app = start(&world.folder.config()).await;
    world.fresh(head).with(&old, "imap: { folder: Other }").with(&new, "").write();
    let began = Instant::now();
    assert_eq!(ask(app.address(), "POST /-/reload").await.0, 200);
    eventually("both are probed", async || {
        observed(&app, &old, Protocol::Imap) > 0 && observed(&app, &new, Protocol::Imap) > 0
    })
    .await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert!(old.heard(Service::Imap).iter().any(|heard| heard.words.to_lowercase().contains("select other")));
    let interval = record(&app, &old, Protocol::Imap).unwrap().check.interval;
    assert_eq!(interval, Duration::from_secs(2));
    app.stop().await;
}
