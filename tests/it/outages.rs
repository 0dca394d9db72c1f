//! Do no harm: whatever is out of order, it is asked no more than in health, and nothing rushes back afterwards.
//!
//! Counted at the simulator, by the minute of simulated time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mailbox_exporter::sim::{
    Fault, GraphFault, Offers, Service, SimApp, SimGraphMailbox, SimMailbox, TokenFault,
};
use tokio::io::AsyncWriteExt;

use crate::clock::Simulated;
use crate::script::listen;
use crate::support::process::Agent;
use crate::support::scrape::Scrape;
use crate::support::wait::until;
use crate::support::world::World;
use crate::support::yaml::Door;

const MINUTE: Duration = Duration::from_secs(60);
/// Mailboxes of one credential on one server, each probed once a minute.
const MAILBOXES: usize = 40;

/// Connections to the server, probes whether or not they came so far, and requests to the identity provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    connections: usize,
    probes: usize,
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
        let probes = self.simulated.lines("probe").len();
        Asked { connections, probes, tokens: self.app.requests().len() }
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
                probes: after.probes - before.probes,
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
        world.yaml.watch(&format!("m{place}"), &mailbox, Door::ImapPlain, "interval: 1m, timeout: 20s");
    }
    let mut simulated = Simulated::start(&world.plan()).await;
    // Only where the server is silent do its connections last.
    simulated.leave_hanging(&[&mailbox], 0);
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
    // Nothing listens where a connection is refused. What began in the minute before may end in this one.
    let probes: usize = minutes.iter().map(|asked| asked.probes).sum();
    assert!(probes <= (minutes.len() + 1) * MAILBOXES, "{when}: {minutes:?}");
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
        (Fault::Refused, 20),
        (Fault::SilentGreeting, 20),
        (Fault::ClosedAuth, 20),
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
    for fault in [
        TokenFault::SecretInvalid,
        TokenFault::IdpOutage,
        TokenFault::BareOutage,
        TokenFault::IdpThrottled,
        TokenFault::TokenClosed,
    ] {
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

/// Requests to Microsoft Graph in each of the next minutes.
async fn graph_minutes(simulated: &Simulated, mailboxes: &[SimGraphMailbox], count: usize) -> Vec<usize> {
    let all = || mailboxes.iter().map(|mailbox| mailbox.requests().len()).sum::<usize>();
    let mut minutes = Vec::new();
    for _ in 0..count {
        let before = all();
        simulated.pass(MINUTE).await;
        minutes.push(all() - before);
    }
    minutes
}

#[tokio::test(start_paused = true)]
async fn a_graph_that_fails_is_asked_no_more_and_not_stampeded() {
    for fault in [GraphFault::Throttled, GraphFault::BareLimit, GraphFault::Unavailable, GraphFault::Closed] {
        let mut world = World::start_here().await;
        let app = world.app();
        let credential = world.yaml.credential(&app);
        let mailboxes = [(); MAILBOXES].map(|()| world.graph_mailbox(&app, GraphFault::None));
        for (place, mailbox) in mailboxes.iter().enumerate() {
            mailbox.set_retry_after(Duration::from_secs(300));
            world.yaml.watch_graph(&format!("m{place}"), mailbox, &credential, "interval: 1m");
        }
        let simulated = Simulated::start(&world.plan()).await;
        graph_minutes(&simulated, &mailboxes, 3).await;
        let before = graph_minutes(&simulated, &mailboxes, 5).await;
        mailboxes.iter().for_each(|mailbox| mailbox.set_fault(fault));
        let during = graph_minutes(&simulated, &mailboxes, 15).await;
        mailboxes.iter().for_each(|mailbox| mailbox.set_fault(GraphFault::None));
        let after = graph_minutes(&simulated, &mailboxes, 15).await;
        simulated.stop().await;
        let most = *before.iter().max().unwrap() + MAILBOXES / 10;
        assert!(before.iter().sum::<usize>() >= 5 * MAILBOXES - MAILBOXES / 10, "health: {before:?}");
        assert!(
            during.iter().all(|asked| *asked <= most),
            "during {fault:?}: {during:?}, in health {before:?}"
        );
        assert!(after.iter().all(|asked| *asked <= most), "after {fault:?}: {after:?}, in health {before:?}");
        if fault == GraphFault::Throttled {
            let asked: usize = during.iter().sum();
            assert!(asked <= 4 * MAILBOXES, "once in five minutes each, as Graph asked: {during:?}");
        }
        assert_eq!(after.last().map(|asked| asked / (MAILBOXES - 4)), Some(1), "well again: {after:?}");
    }
}

/// The proxy is out, or takes connections and ends them: ten mailboxes of one credential are probed twice a second in
/// all, and the proxy sees what the back-off allows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_fails_is_asked_by_the_back_off_alone() {
    let mut world = World::start().await;
    world.file("secret", "battery staple");
    world.yaml.credential_of("one", "type: client_secret, client_id: probe, secret: { file: secret }");
    world.yaml.provider_of("one", "imap: { host: 127.0.0.1, port: 1, tls: none }, token_url: 'https://idp.contoso.example/token', scope: x");
    for place in 0..10 {
        let keys = format!(
            "name: m{place}, address: m{place}@contoso.example, provider: one, credential: one, checks: [imap]"
        );
        world.yaml.mailbox_of(&keys, "interval: 5s, timeout: 4s");
    }
    let asked = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&asked);
    let port = listen(move |stream| {
        counting.fetch_add(1, Ordering::SeqCst);
        async move { stream.into_inner().shutdown().await }
    })
    .await;
    let proxy = format!("http://127.0.0.1:{port}");
    let agent =
        Agent::serve_with(&world.configuration(), &[], &[("HTTPS_PROXY", &*proxy), ("https_proxy", &*proxy)]);
    until("each mailbox has been probed twice", || {
        let scrape = Scrape::of(agent.address);
        let failures = scrape.metric("mailbox_probes_total").label("outcome", "failure");
        (failures.count() == 10).then(|| failures.least()).flatten().filter(|least| *least >= 2.0)
    });
    let asked = asked.load(Ordering::SeqCst);
    assert!((1..=2).contains(&asked), "at once, and after half a minute at the earliest: {asked}");
    assert_eq!(agent.terminate().status, Some(0));
}
