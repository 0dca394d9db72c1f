//! Who asks out of turn, and what becomes of the order; nothing here reaches a server, because every check is on hold.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use tokio::task::JoinHandle;

use super::*;
use crate::model::Protocol;
use crate::report::samples::{credential, dawn, mailbox, plan, up};

/// Longer than a test takes.
const LONG: Duration = Duration::from_secs(3600);

struct World {
    plan: Plan,
    report: Arc<Report>,
    orders: Orders,
    stop: CancellationToken,
    monitor: JoinHandle<()>,
}

impl World {
    fn new() -> Self {
        let shared = credential("contoso", None);
        let plan = plan(&[mailbox("invoices", &shared, &[]), mailbox("desk", &shared, &[])]);
        let report = Arc::new(Report::new(&plan));
        let prober = Arc::new(Prober::new(&plan.limits, Arc::new(|_| ())));
        let mut monitor = Monitor::new(&plan, prober, Arc::clone(&report));
        for line in monitor.lines.values_mut() {
            // The secret of these samples is nowhere: its fingerprint is that of nothing.
            line.hold = Some(Hold::now(Instant::now() + LONG, None, 0));
        }
        let (orders, stop) = (monitor.orders(), CancellationToken::new());
        let monitor = tokio::spawn(monitor.run(stop.clone(), || ()));
        Self { plan, report, orders, stop, monitor }
    }

    async fn ask(&self, mailbox: &str) -> Option<OnDemand> {
        let name = CheckName { mailbox: mailbox.into(), protocol: Protocol::Imap };
        self.orders.probe(name, LONG).await
    }
}

#[tokio::test]
async fn a_check_on_hold_is_left_alone_a_young_observation_answers_and_a_stranger_is_unknown() {
    let world = World::new();
    assert_eq!(world.ask("nobody").await, Some(OnDemand::Unknown));
    world.report.record(up(&world.plan.checks[0], dawn()));
    assert_eq!(world.ask("invoices").await, Some(OnDemand::Held), "what was seen at dawn is old");
    let ahead = Timestamp::now() + LONG;
    world.report.record(up(&world.plan.checks[0], ahead));
    assert_eq!(world.ask("invoices").await, Some(OnDemand::Held), "what was seen in the future has no age");
    world.report.record(up(&world.plan.checks[0], Timestamp::now()));
    assert_eq!(world.ask("invoices").await, Some(OnDemand::Recent));
    assert_eq!(
        world.ask("desk").await,
        Some(OnDemand::Held),
        "another mailbox's observation answers nothing"
    );
    let seen = world.report.checks();
    assert!(seen.iter().all(|record| record.failed() == 0), "nobody was probed");
}

#[tokio::test]
async fn after_the_stop_nobody_answers_and_nobody_waits_for_ever() {
    let world = World::new();
    world.stop.cancel();
    world.monitor.await.unwrap();
    let name = CheckName { mailbox: "desk".into(), protocol: Protocol::Imap };
    assert_eq!(world.orders.probe(name, LONG).await, None);
    let difference = Arc::new(Difference::between(&world.plan, &world.plan));
    assert!(!world.orders.apply(difference).await);
}

#[tokio::test]
async fn a_plan_that_takes_over_ends_holds_of_refusals_and_forgets_what_is_gone() {
    let world = World::new();
    let mut next = world.plan.clone();
    next.checks.retain(|check| &*check.mailbox.name == "desk");
    let difference = Arc::new(Difference::between(&world.plan, &next));
    world.report.apply(&next);
    world.report.interval_in_force(&next.checks[0].name(), LONG);
    assert!(world.orders.apply(difference).await);
    assert_eq!(world.ask("invoices").await, Some(OnDemand::Unknown));
    let record = world.report.check(&next.checks[0].name()).unwrap();
    assert_eq!(record.interval, next.checks[0].interval);
}
