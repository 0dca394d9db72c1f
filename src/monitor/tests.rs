//! Who asks out of turn, and what becomes of the order; nothing here reaches a server, because every check is on hold.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use tokio::task::JoinHandle;

use super::*;
use crate::model::Protocol;
use crate::report::samples::{credential, mailbox, plan};

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
    fn new(prepare: impl Fn(&mut Line)) -> Self {
        let shared = credential("contoso", None);
        let plan = plan(&[mailbox("invoices", &shared, &[]), mailbox("desk", &shared, &[])]);
        let report = Arc::new(Report::new(&plan));
        let prober = Arc::new(Prober::new(&plan.limits, Arc::new(|_| ())));
        let mut monitor = Monitor::new(&plan, prober, Arc::clone(&report));
        for line in monitor.lines.values_mut() {
            // The secret of these samples is nowhere: its fingerprint is that of nothing.
            line.hold = Some(Hold::now(Instant::now() + LONG, None, 0));
            prepare(line);
        }
        let (orders, stop) = (monitor.orders(), CancellationToken::new());
        let monitor = tokio::spawn(monitor.run(stop.clone(), || ()));
        Self { plan, report, orders, stop, monitor }
    }

    async fn ask(&self, mailbox: &str) -> Option<OnDemand> {
        let name = CheckName { mailbox: mailbox.into(), protocol: Protocol::Imap };
        self.orders.probe(name).await
    }
}

#[tokio::test]
async fn a_check_on_hold_is_left_alone_a_young_observation_answers_and_a_stranger_is_unknown() {
    // Seconds since the last observation of `invoices`.
    for (age, expected) in [(0, OnDemand::Recent), (59, OnDemand::Recent), (61, OnDemand::Held)] {
        let world = World::new(|line| {
            let of_invoices = &*line.check.mailbox.name == "invoices";
            line.observed_at = of_invoices.then(|| Instant::now() - Duration::from_secs(age));
        });
        assert_eq!(world.ask("invoices").await, Some(expected), "{age} s");
        assert_eq!(
            world.ask("desk").await,
            Some(OnDemand::Held),
            "another mailbox's observation answers nothing"
        );
        assert_eq!(world.ask("nobody").await, Some(OnDemand::Unknown));
        assert!(world.report.checks().iter().all(|record| record.last.is_none()), "nobody was probed");
    }
}

#[tokio::test]
async fn after_the_stop_nobody_answers_and_nobody_waits_for_ever() {
    let world = World::new(|_| ());
    world.stop.cancel();
    world.monitor.await.unwrap();
    let name = CheckName { mailbox: "desk".into(), protocol: Protocol::Imap };
    assert_eq!(world.orders.probe(name).await, None);
    let difference = Arc::new(Difference::between(&world.plan, &world.plan));
    assert!(!world.orders.apply(difference).await);
}

#[tokio::test]
async fn a_plan_that_takes_over_ends_holds_of_refusals_and_forgets_what_is_gone() {
    let world = World::new(|_| ());
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
