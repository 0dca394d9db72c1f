//! Round trips through the real probe: what becomes of the message decides phase, reason, metrics and remedies.
//!
//! Not here: real servers, and runs that are killed; see `tests/real`.

use std::sync::Arc;

use mailbox_exporter::check::{ProbeRequest, Prober};
use mailbox_exporter::model::{Check, Observation, Outcome, Plan, Protocol};
use mailbox_exporter::sim::{Fault, Marks, Route, Service, SimFolders, SimMailbox};
use tokio::time::Instant;

use crate::support::app;
use crate::support::http::ask;
use crate::support::wait::eventually;
use crate::support::world::World;
use crate::support::yaml::EXCHANGE;

/// A letter that has nothing to do with round trips.
const OTHER: &str = "Subject: Invoice 4711\r\n\r\nPay.\r\n";

/// Where the message goes, within which time, and what the probe makes of it: `up`, or phase and reason; and words of
/// the detail.
pub(crate) const VERDICTS: [(Route, &str, &str, &str); 4] = [
    (Route::Delivered, "60s", "up", ""),
    (
        Route::Junk,
        "60s",
        "deliver delivered_to_junk",
        "the folder Junk Email of reads (the server says: spf pass, dkim none, dmarc none)",
    ),
    (
        Route::Returned,
        "60s",
        "deliver bounced",
        "5.1.10 (550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found)",
    ),
    (Route::Held, "4s", "deliver not_delivered", "Queued mail for delivery"),
];

/// Two mailboxes, the first of which sends to the second.
struct Way {
    world: World,
    from: SimMailbox,
    to: SimMailbox,
    prober: Prober,
}

impl Way {
    async fn new(route: Route, timeout: &str) -> Self {
        let mut world = World::start().await;
        let app = world.app();
        let (from, to) =
            (world.mailbox_of(&app, Fault::None).await, world.mailbox_of(&app, Fault::None).await);
        from.send_to(&to, route);
        for mailbox in [&from, &to] {
            mailbox.put_message(OTHER);
        }
        let trip = format!("checks: [round_trip], round_trip: {{ to: reads, timeout: {timeout} }}");
        world.yaml.both("writes", &from, EXCHANGE, &trip);
        world.yaml.both("reads", &to, EXCHANGE, "checks: [imap]");
        let prober = Prober::new(&world.plan().limits, Arc::new(|_| ()));
        Self { world, from, to, prober }
    }

    fn check(plan: &Plan) -> &Arc<Check> {
        plan.checks.iter().find(|check| check.protocol() == Protocol::RoundTrip).unwrap()
    }

    async fn run(&self) -> Observation {
        let plan = self.world.plan();
        self.prober.probe(&ProbeRequest::of_check(Self::check(&plan), Instant::now())).await
    }

    /// Fails where anything but the other letters is left.
    fn is_clean(&self) {
        for mailbox in [&self.from, &self.to] {
            assert_eq!(mailbox.letters(), [OTHER], "{}", mailbox.address());
        }
    }
}

/// `up`, or phase and reason; and what was said about it.
fn verdict(seen: &Observation) -> (String, String) {
    match &seen.outcome {
        Outcome::Up => ("up".to_owned(), String::new()),
        Outcome::Down { failure, hint } => {
            assert!(hint.len() > 20, "{failure:?}");
            (format!("{} {}", failure.phase, failure.cause.reason), failure.cause.detail.clone())
        }
    }
}

#[tokio::test]
async fn what_becomes_of_the_message_is_the_verdict() {
    for (route, timeout, expected, detail) in VERDICTS {
        let way = Way::new(route, timeout).await;
        let seen = way.run().await;
        let (found, said) = verdict(&seen);
        assert_eq!(found, expected, "{route:?}: {said}");
        assert!(said.contains(detail), "{route:?}: {said}");
        way.is_clean();
        assert_eq!(seen.server.trip.deliver.is_some(), matches!(route, Route::Delivered | Route::Junk));
    }
}

#[tokio::test]
async fn a_late_message_is_told_from_a_lost_one() {
    let way = Way::new(Route::Held, "4s").await;
    assert_eq!(verdict(&way.run().await).0, "deliver not_delivered");
    let (_, lost) = verdict(&way.run().await);
    assert!(lost.contains("is lost: not found after"), "{lost}");
    way.from.send_to(&way.to, Route::Delivered);
    let seen = way.run().await;
    assert_eq!(verdict(&seen).0, "up");
    let earlier = &seen.server.trip.earlier;
    assert!(earlier.len() == 2 && earlier.iter().all(|said| said.ends_with("arrived late")), "{earlier:?}");
    way.is_clean();
    // Nothing is missing any more.
    assert!(way.run().await.server.trip.earlier.is_empty());
}

#[tokio::test]
async fn a_message_that_a_killed_run_marked_as_deleted_is_removed() {
    let way = Way::new(Route::Held, "4s").await;
    assert_eq!(verdict(&way.run().await).0, "deliver not_delivered");
    way.from.send_to(&way.to, Route::Delivered);
    way.to.mark_newest_as_deleted();
    assert_eq!(verdict(&way.run().await).0, "up");
    way.is_clean();
}

#[tokio::test]
async fn each_leg_fails_in_its_own_phase() {
    let way = Way::new(Route::Delivered, "30s").await;
    for (fault, expected) in [
        (Fault::Refused, "connect connection_refused"),
        (Fault::TokenRejected, "auth token_rejected"),
        (Fault::SenderRefused, "send mailbox_access_denied"),
    ] {
        way.from.set_fault(fault);
        let port_is_closed = fault == Fault::Refused;
        if port_is_closed {
            let port = way.from.smtp_port();
            eventually("the port is closed", async || {
                tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err()
            })
            .await;
        }
        assert_eq!(verdict(&way.run().await).0, expected, "{fault:?}");
    }
    way.from.set_fault(Fault::None);
    for (fault, expected, said) in [
        (Fault::NotConnected, "deliver mailbox_not_connected", "IMAP at reads, phase select: "),
        (Fault::CredentialsRejected, "deliver token_rejected", "IMAP at reads, phase auth: "),
    ] {
        way.to.set_fault(fault);
        let (found, detail) = verdict(&way.run().await);
        assert_eq!(found, expected, "{fault:?}");
        assert!(detail.starts_with(said), "{detail}");
    }
    way.to.set_fault(Fault::None);
    assert_eq!(verdict(&way.run().await).0, "up");
    way.is_clean();
}

#[tokio::test]
async fn junk_and_copies_are_found_in_the_folders_that_are_marked() {
    let names = SimFolders { junk: "Unerw&APw-nscht", sent: "Gesendet", ..SimFolders::default() };
    let copies = SimFolders { keeps_copies: true, ..names };
    // The sender's folders and the receiver's, what the configuration adds, the verdict, words of its detail.
    let rows = [
        (
            Marks::Extended,
            Marks::Extended,
            "",
            "deliver delivered_to_junk",
            "the folder Unerwünscht of reads",
        ),
        (Marks::Plain, Marks::Plain, "", "deliver delivered_to_junk", "the folder Unerwünscht of reads"),
        (Marks::Extended, Marks::None, "", "deliver not_delivered", "neither in INBOX nor in Junk Email of"),
        (
            Marks::None,
            Marks::None,
            ", junk: Unerwünscht, sent: Gesendet",
            "deliver delivered_to_junk",
            "Unerwünscht",
        ),
    ];
    for (at_sender, at_receiver, extra, expected, detail) in rows {
        let way = Way::new(Route::Junk, &format!("4s{extra}")).await;
        way.from.set_folders(SimFolders { marks: at_sender, ..copies });
        way.to.set_folders(SimFolders { marks: at_receiver, ..names });
        let (found, said) = verdict(&way.run().await);
        assert_eq!(found, expected, "{said}");
        assert!(said.contains(detail), "{said}");
        assert_eq!(way.from.letters(), [OTHER], "no copy is left: {at_sender:?}");
        if expected == "deliver delivered_to_junk" {
            way.is_clean();
        }
    }
}

#[tokio::test]
async fn metrics_and_pages_show_round_trips() {
    let way = Way::new(Route::Delivered, "60s").await;
    let app = app::start(&way.world.configuration()).await;
    let (status, probed) = ask(app.address(), "GET /probe?mailbox=writes&protocol=round_trip").await;
    assert_eq!(status, 200);
    let success = "mailbox_probe_success{mailbox=\"writes\",protocol=\"round_trip\"} 1";
    assert!(probed.contains(success), "{probed}");
    // A second request sends no second message.
    ask(app.address(), "GET /probe?mailbox=writes&protocol=round_trip").await;
    let page = app::metrics(&app).await;
    for series in [
        "mailbox_round_trip_send_seconds_count{mailbox=\"writes\",to=\"reads\"} 1",
        "mailbox_round_trip_deliver_seconds_count{mailbox=\"writes\",to=\"reads\"} 1",
        "mailbox_round_trip_authentication_info{mailbox=\"writes\",to=\"reads\",method=\"spf\",result=\"pass\"} 1",
        "mailbox_check_interval_seconds{mailbox=\"writes\",protocol=\"round_trip\"} 3600",
    ] {
        assert!(page.contains(series), "{series} in:\n{page}");
    }
    assert!(
        !page.contains("mailbox_readiness{mailbox=\"writes\""),
        "a round trip says nothing about passwords"
    );
    assert_eq!(way.from.logins(Service::Smtp), 1);
    let (_, html) = ask(app.address(), "GET /mailboxes/writes").await;
    for words in ["to reads, accepted after", "The receiving server says: spf pass, dkim none, dmarc none"] {
        assert!(html.contains(words), "{words}");
    }
    app::stop(app).await;
}
