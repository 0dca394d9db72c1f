//! Do no harm: whatever is out of order, it is asked no more than in health, and nothing rushes back afterwards.
//!
//! Counted at the simulator, by the minute of simulated time.

use std::time::Duration;

use mailbox_exporter::sim::{Fault, Offers, Service, SimApp, SimMailbox, TokenFault};

use crate::clock::Simulated;
use crate::support::world::World;
use crate::support::yaml::Door;

const MINUTE: Duration = Duration::from_secs(60);
/// Mailboxes of one credential on one server, each probed once a minute.
const MAILBOXES: usize = 40;

/// Connections to the server and requests to the identity provider in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    connections: usize,
    tokens: usize,
}

struct Counted<'w> {
    simulated: &'w Simulated,
    mailbox: &'w SimMailbox,
    app: &'w SimApp,
}

impl Counted<'_> {
    fn now(&self) -> Asked {
        let connections = self.mailbox.server_connections(Service::Imap).total;
        Asked { connections, tokens: self.app.requests().len() }
    }

    /// What each of the next minutes brings.
    async fn minutes(&self, count: usize) -> Vec<Asked> {
        let mut minutes = Vec::new();
        for _ in 0..count {
            let before = self.now();
            self.simulated.pass(MINUTE).await;
            let after = self.now();
            minutes.push(Asked {
                connections: after.connections - before.connections,
                tokens: after.tokens - before.tokens,
            });
        }
        minutes
    }
}

/// Health, then the fault for a while, then health again; what was asked in each minute of the three.
async fn through(fault: Fault, lasting: usize, healing: usize) -> [Vec<Asked>; 3] {
    let mut world = World::start_here().await;
    let app = world.app();
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    mailbox.set_offers(Offers { without_tls: true, ..Offers::default() });
    for place in 0..MAILBOXES {
        world.yaml.watch(&format!("m{place}"), &mailbox, Door::ImapPlain, "interval: 1m");
    }
    let simulated = Simulated::start(&world.plan()).await;
    let counted = Counted { simulated: &simulated, mailbox: &mailbox, app: &app };
    // The first minutes bring the grid into being.
    counted.minutes(3).await;
    let before = counted.minutes(5).await;
    mailbox.set_fault(fault);
    let during = counted.minutes(lasting).await;
    mailbox.set_fault(Fault::None);
    let after = counted.minutes(healing).await;
    let last = simulated.lines("probe").into_iter().rev().take(MAILBOXES);
    let well = last.filter(|line| line.field("outcome") == "success").count();
    simulated.stop().await;
    assert_eq!(well, MAILBOXES, "all is well again after {fault:?}");
    [before, during, after]
}

/// In no minute more connections than the mailboxes are due in it, and no token request but by the back-off.
fn must_be_polite(minutes: &[Asked], tokens: usize, when: &str) {
    // A probe on the edge of a minute may fall on either side.
    let most = MAILBOXES + MAILBOXES / 10;
    assert!(minutes.iter().all(|asked| asked.connections <= most), "{when}: {minutes:?}");
    let requests: usize = minutes.iter().map(|asked| asked.tokens).sum();
    assert!(requests <= tokens, "{when}: {requests} token requests: {minutes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_fails_is_asked_no_more_and_not_stampeded() {
    // A refusal stretches the intervals, so it takes longer until all is well again.
    let rows = [
        (Fault::ServerUnavailable, 20),
        (Fault::ByeGreeting, 20),
        (Fault::Throttled, 20),
        (Fault::NotConnected, 70),
    ];
    for (fault, healing) in rows {
        let [before, during, after] = through(fault, 20, healing).await;
        let when = |which: &str| format!("{which} {fault:?}");
        must_be_polite(&before, 0, &when("before"));
        must_be_polite(&during, 1, &when("during"));
        // A token may be renewed in these minutes, as in health; a refused one is asked for once more.
        must_be_polite(&after, 2, &when("after"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_fails_is_asked_by_the_back_off_alone() {
    for fault in [TokenFault::SecretInvalid, TokenFault::IdpOutage, TokenFault::BareOutage] {
        let [before, during, after] = through(Fault::Token(fault), 80, 20).await;
        let when = |which: &str| format!("{which} {fault:?}");
        must_be_polite(&before, 0, &when("before"));
        // Steps of 30 s, doubled up to 10 minutes: at most eleven of them begin in 80 minutes.
        must_be_polite(&during, 11, &when("during"));
        must_be_polite(&after, 2, &when("after"));
        let least = during.iter().map(|asked| asked.connections).min();
        assert_eq!(least, Some(0), "without a token no server is asked: {during:?}");
    }
}
