//! `/probe`: now, within the scraper's time, and never a way to hammer logins.

use std::time::Duration;

use mailbox_exporter::model::{CheckName, Protocol};
use mailbox_exporter::schedule::Schedule;
use mailbox_exporter::sim::{Fault, Service, SimMailbox};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::app::{observed, record, start};
use crate::support::http::{ask, ask_with};
use crate::support::scrape::value;
use crate::support::wait::eventually;
use crate::support::world::World;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A mailbox whose own first probe is far away: whatever happens before is asked for.
async fn late(world: &World, fault: Fault) -> SimMailbox {
    for _ in 0..50 {
        let mailbox = world.mailbox(fault).await;
        let first = |protocol: &Protocol| {
            Schedule::of(&CheckName { mailbox: mailbox.address().into(), protocol: *protocol }, HOUR).first()
        };
        if Protocol::ALL.iter().all(|protocol| first(protocol) > Duration::from_secs(30)) {
            return mailbox;
        }
    }
    panic!("no name is late enough");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scraper_cannot_hammer_logins() {
    let world = World::start().await;
    let (fine, broken) = (late(&world, Fault::None).await, late(&world, Fault::TokenRejected).await);
    world.fresh("defaults: { interval: 1h }").with(&fine, "").with(&broken, "").write();
    let app = start(&world.folder.config()).await;
    let address = app.address();
    for (mailbox, success) in [(&fine, 1.0), (&broken, 0.0)] {
        let name = mailbox.address();
        let request = format!("GET /probe?mailbox={name}");
        let together: Vec<_> = (0..20)
            .map(|_| {
                let request = request.clone();
                tokio::spawn(async move { ask(address, &request).await })
            })
            .collect();
        for answer in together {
            let (status, page) = answer.await.unwrap();
            assert_eq!(status, 200, "{page}");
            for protocol in ["imap", "smtp"] {
                let series = format!("mailbox_probe_success{{mailbox=\"{name}\",protocol=\"{protocol}\"}}");
                assert_eq!(value(&page, &series), Some(success), "{page}");
            }
        }
        for _ in 0..20 {
            assert_eq!(ask(address, &request).await.0, 200);
        }
        let debug = ask(address, &format!("{request}&debug=true&protocol=imap")).await.1;
        assert!(debug.contains("younger than a minute") && debug.contains("AUTHENTICATE XOAUTH2"), "{debug}");
        let connections = [Service::Imap, Service::Smtp].map(|service| mailbox.connections(service).total);
        assert_eq!(connections, [1, 1], "{name} was asked {connections:?} times for 41 scrapes");
        assert_eq!(observed(&app, mailbox, Protocol::Imap), 1, "recorded like a scheduled probe");
    }
    app.stop().await;
}

#[tokio::test]
async fn a_probe_is_never_cut_short_by_its_asker() {
    let world = World::start().await;
    let silent = late(&world, Fault::SilentGreeting).await;
    let yaml = world.fresh("defaults: { interval: 1h, timeout: 3s, checks: [imap] }");
    yaml.with(&silent, "").write();
    let app = start(&world.folder.config()).await;
    let name = silent.address();
    let address = app.address();
    let within = async |seconds: u32| {
        let headers = format!("X-Prometheus-Scrape-Timeout-Seconds: {seconds}\r\n");
        ask_with(address, &format!("GET /probe?mailbox={name}"), &headers).await
    };
    let (status, said) = within(1).await;
    assert_eq!(status, 503, "{said}");
    assert!(said.contains("says nothing about the mailbox") && !said.contains("mailbox_probe"), "{said}");
    assert_eq!(
        observed(&app, &silent, Protocol::Imap),
        0,
        "nothing is recorded because a scraper is in a hurry"
    );

    let (status, page) = within(20).await;
    assert_eq!(status, 200, "{page}");
    let series = format!(
        "mailbox_probe_failure_info{{mailbox=\"{name}\",protocol=\"imap\",phase=\"greeting\",reason=\"timeout\"}}"
    );
    assert_eq!(value(&page, &series), Some(1.0), "{page}");
    let last = record(&app, &silent, Protocol::Imap).unwrap().last.clone().unwrap();
    assert!(last.duration > Duration::from_millis(2_900), "by its own timeout: {:?}", last.duration);
    assert_eq!(silent.connections(Service::Imap).total, 1, "both askers waited for one probe");
    app.stop().await;
}

#[tokio::test]
async fn a_scraper_that_goes_away_stops_nothing() {
    let world = World::start().await;
    let silent = late(&world, Fault::SilentGreeting).await;
    world.fresh("defaults: { interval: 1h, timeout: 2s, checks: [imap] }").with(&silent, "").write();
    let app = start(&world.folder.config()).await;
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    let request = format!("GET /probe?mailbox={} HTTP/1.1\r\nHost: x\r\n\r\n", silent.address());
    stream.write_all(request.as_bytes()).await.unwrap();
    eventually("the probe is under way", async || silent.connections(Service::Imap).now == 1).await;
    drop(stream);
    eventually("it is recorded", async || observed(&app, &silent, Protocol::Imap) == 1).await;
    app.stop().await;
}

#[tokio::test]
async fn what_a_changed_check_had_to_say_is_no_answer() {
    let world = World::start().await;
    let mailbox = late(&world, Fault::None).await;
    let head = "defaults: { interval: 1h, checks: [imap] }";
    world.fresh(head).with(&mailbox, "").write();
    let app = start(&world.folder.config()).await;
    let request = format!("GET /probe?mailbox={}", mailbox.address());
    for (labels, connections) in [("", 1), ("labels: { team: x }", 1), ("imap: { folder: Other }", 2)] {
        world.fresh(head).with(&mailbox, labels).write();
        assert_eq!(ask(app.address(), "POST /-/reload").await.0, 200);
        assert_eq!(ask(app.address(), &request).await.0, 200);
        assert_eq!(mailbox.connections(Service::Imap).total, connections, "{labels}");
    }
    let record = record(&app, &mailbox, Protocol::Imap).unwrap();
    assert_eq!(
        (record.successes + record.failed(), record.past.len()),
        (2, 2),
        "counts and past stay with the name"
    );
    app.stop().await;
}
