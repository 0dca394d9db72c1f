//! What tokens cost: one request for a whole credential, renewed early, and as few as possible where it fails.
//!
//! What each refusal of an identity provider means is in `probes` and `recorded`.

use std::collections::HashSet;
use std::time::Duration;

use mailbox_exporter::sim::{Fault, Offers, SimApp, SimMailbox, TokenFault};

use crate::clock::{Line, Simulated, gaps};
use crate::support::world::World;
use crate::support::yaml::Door;

const MINUTE: Duration = Duration::from_secs(60);

/// When tokens were asked for.
fn asked(simulated: &Simulated) -> Vec<Duration> {
    simulated.lines("token request").iter().map(|line| line.at).collect()
}

fn seconds(gaps: &[Duration]) -> Vec<u64> {
    gaps.iter().map(Duration::as_secs).collect()
}

/// Whether each gap is as long as wanted, or a little longer: a token is asked for when a probe is due.
fn must_be(gaps: &[Duration], wanted: &[u64], slack: u64) {
    let gaps = seconds(gaps);
    let fits = gaps.len() == wanted.len()
        && gaps.iter().zip(wanted).all(|(gap, wanted)| (*wanted..=wanted + slack).contains(gap));
    assert!(fits, "{gaps:?}, wanted {wanted:?}");
}

/// A mailbox of this application that can be probed without TLS.
async fn mailbox(world: &World, app: &SimApp, fault: Fault) -> SimMailbox {
    let mailbox = world.mailbox_of(app, fault).await;
    mailbox.set_offers(Offers { without_tls: true, ..Offers::default() });
    mailbox
}

/// So many mailboxes of the configuration, all the same one on the server.
fn watch_often(world: &mut World, mailbox: &SimMailbox, count: usize, interval: &str) {
    for place in 0..count {
        world.yaml.watch(&format!("m{place}"), mailbox, Door::ImapPlain, &format!("interval: {interval}"));
    }
}

fn failed(line: &Line) -> bool {
    line.field("outcome") == "failure"
}

#[tokio::test(start_paused = true)]
async fn a_thousand_mailboxes_cost_one_token_in_half_an_hour() {
    let mut world = World::start_here().await;
    let app = world.app();
    let healthy = mailbox(&world, &app, Fault::None).await;
    let refused = mailbox(&world, &app, Fault::TokenRejected).await;
    watch_often(&mut world, &healthy, 1000, "1h");
    world.yaml.watch("refused", &refused, Door::ImapPlain, "interval: 1m");
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(32 * MINUTE).await;
    // The first ticks on the grid come half an hour after the first probes, few at first: one of them asks.
    must_be(&gaps(&asked(&simulated)), &[1800], 100);
    assert_eq!(app.requests().len(), 2);
    let probes = simulated.lines("probe");
    assert!(probes.len() > 1000);
    assert!(probes.iter().all(|line| failed(line) == (line.field("mailbox") == "refused")));
    assert!(simulated.probes("refused").len() >= 3);
    simulated.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_many_ask_at_once_one_request_is_sent() {
    let mut world = World::start().await;
    let (good, bad) = (world.app(), world.app());
    let mailboxes = [
        world.mailbox_of(&good, Fault::None).await,
        world.mailbox_of(&bad, Fault::Token(TokenFault::SecretExpired)).await,
    ];
    for (name, mailbox) in ["good", "bad"].iter().zip(&mailboxes) {
        mailbox.set_offers(Offers { without_tls: true, ..Offers::default() });
        for place in 0..100 {
            world.yaml.watch(&format!("{name}{place}"), mailbox, Door::ImapPlain, "");
        }
    }
    let seen = world.round().await;
    assert_eq!((good.requests().len(), bad.requests().len()), (1, 1));
    let up = seen.values().filter(|observation| observation.outcome.is_up()).count();
    assert_eq!(up, 100);
}

#[tokio::test(start_paused = true)]
async fn a_broken_credential_is_tried_once_per_step_of_its_back_off() {
    let mut world = World::start_here().await;
    let app = world.app();
    let mailbox = mailbox(&world, &app, Fault::Token(TokenFault::SecretInvalid)).await;
    watch_often(&mut world, &mailbox, 200, "1m");
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(27 * MINUTE).await;
    must_be(&gaps(&asked(&simulated)), &[30, 60, 120, 240, 480, 600], 2);
    assert_eq!(app.requests().len(), 7);
    let probes = simulated.lines("probe");
    assert!(probes.len() > 5000, "a failure of the token stretches nothing: {}", probes.len());
    assert!(probes.iter().all(|line| line.field("reason") == "secret_invalid"));
    let ids: HashSet<_> =
        app.requests().iter().map(|request| request.client_request_id.clone().unwrap()).collect();
    let logged: HashSet<_> =
        simulated.lines("token request").iter().map(|line| line.field("request_id").to_owned()).collect();
    assert!(
        ids.len() == 7 && ids == logged,
        "each request has an id of its own, and the log has it: {ids:?} {logged:?}"
    );
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_an_identity_provider_asks_for_is_granted() {
    let mut world = World::start_here().await;
    let app = world.app();
    app.set_retry_after(Duration::from_secs(150));
    let mailbox = mailbox(&world, &app, Fault::Token(TokenFault::IdpThrottled)).await;
    watch_often(&mut world, &mailbox, 60, "1m");
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(14 * MINUTE).await;
    must_be(&gaps(&asked(&simulated)), &[150, 150, 150, 240], 3);
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_secret_is_used_as_soon_as_it_is_there() {
    let mut world = World::start_here().await;
    let app = world.app();
    let mailbox = mailbox(&world, &app, Fault::None).await;
    watch_often(&mut world, &mailbox, 60, "1m");
    app.expect_secret("the new one");
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(10 * MINUTE).await;
    let failures = asked(&simulated).len();
    assert_eq!(failures, 5, "{:?}", asked(&simulated));
    let place = world.yaml.credential(&app);
    world.file(&format!("{place}.secret"), "the new one\n");
    simulated.pass(Duration::from_secs(8)).await;
    assert_eq!(asked(&simulated).len(), failures + 1);
    simulated.pass(MINUTE).await;
    let probes = simulated.lines("probe");
    assert!(probes.iter().rev().take(50).all(|line| !failed(line)));
    simulated.stop().await;
}

/// Lifetime and `refresh_in` in minutes, and the minutes between requests where `token_max_age` is 30.
const RENEWALS: [(u32, Option<u32>, u32); 3] = [(20, None, 15), (75, Some(12), 12), (75, Some(60), 30)];

#[tokio::test(start_paused = true)]
async fn tokens_are_renewed_early_and_serve_on_while_that_fails() {
    for (lifetime, refresh_in, renewed) in RENEWALS {
        let mut world = World::start_here().await;
        let app = world.app();
        app.set_lifetime(lifetime * MINUTE, refresh_in.map(|minutes| minutes * MINUTE));
        let mailbox = mailbox(&world, &app, Fault::None).await;
        watch_often(&mut world, &mailbox, 4, "30s");
        let simulated = Simulated::start(&world.plan()).await;
        simulated.pass((renewed + 1) * MINUTE).await;
        must_be(&gaps(&asked(&simulated)), &[u64::from(renewed) * 60], 30);
        assert!(simulated.lines("probe").iter().all(|line| !failed(line)));
        simulated.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_serves_through_an_outage_until_it_ends() {
    let mut world = World::start_here().await;
    let app = world.app();
    app.set_lifetime(20 * MINUTE, None);
    let mailbox = mailbox(&world, &app, Fault::None).await;
    watch_often(&mut world, &mailbox, 10, "30s");
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(MINUTE).await;
    let issued = asked(&simulated)[0];
    app.set_fault(Some(TokenFault::IdpOutage));
    simulated.pass(21 * MINUTE).await;
    let first = simulated.lines("probe").into_iter().find(failed).expect("a token does not live for ever");
    assert_eq!(first.field("reason"), "idp_unavailable");
    let served = first.at - issued;
    // A login must not outlive its token: the last half minute is not used. A probe comes every three seconds; on a busy
    // machine simulated time runs ahead of a connection by a probe or two.
    assert!(served.abs_diff(20 * MINUTE - Duration::from_secs(30)) <= Duration::from_secs(10), "{served:?}");
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_never_worked_is_replaced_every_quarter_hour() {
    for fault in [Fault::TokenRejected, Fault::SessionExpired] {
        let mut world = World::start_here().await;
        world.yaml.head = "limits: { token_max_age: 4h }".to_owned();
        let app = world.app();
        app.set_lifetime(300 * MINUTE, None);
        let mailboxes = [mailbox(&world, &app, fault).await, mailbox(&world, &app, fault).await];
        for (place, mailbox) in mailboxes.iter().enumerate() {
            world.yaml.watch(&format!("m{place}"), mailbox, Door::ImapPlain, "interval: 1m");
        }
        let simulated = Simulated::start(&world.plan()).await;
        simulated.pass(50 * MINUTE).await;
        let gaps = gaps(&asked(&simulated));
        assert!(gaps[0] < 5 * MINUTE, "{fault:?}: the first one is doubted at once: {gaps:?}");
        assert!(gaps[1..].iter().all(|gap| *gap >= 15 * MINUTE), "{fault:?}: {gaps:?}");
        simulated.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_worked_is_not_replaced_because_it_is_refused() {
    let mut world = World::start_here().await;
    let app = world.app();
    let mailbox = mailbox(&world, &app, Fault::None).await;
    watch_often(&mut world, &mailbox, 10, "1m");
    let simulated = Simulated::start(&world.plan()).await;
    simulated.pass(2 * MINUTE).await;
    app.revoke_tokens();
    simulated.pass(27 * MINUTE).await;
    assert_eq!(asked(&simulated).len(), 1);
    assert!(failed(simulated.lines("probe").last().unwrap()));
    simulated.pass(32 * MINUTE).await;
    assert_eq!(asked(&simulated).len(), 2, "its age ends it");
    assert!(!failed(simulated.lines("probe").last().unwrap()));
    simulated.stop().await;
}
