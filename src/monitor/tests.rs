//! Requests for a probe ahead of schedule. Every check is on hold, so nothing here reaches a server.
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
    handle: MonitorHandle,
    stop: CancellationToken,
    monitor: JoinHandle<()>,
}

impl World {
    fn new(prepare: impl Fn(&mut Entry)) -> Self {
        let shared = credential("contoso", None);
        let plan = plan(&[mailbox("invoices", &shared, &[]), mailbox("desk", &shared, &[])]);
        let report = Arc::new(Report::new(&plan));
        let prober = Arc::new(Prober::new(&plan.limits, Arc::new(|_| ())));
        let readiness = Arc::new(Readiness::open(&plan).unwrap());
        let mut monitor = Monitor::new(&plan, prober, Arc::clone(&report), readiness);
        for entry in monitor.entries.values_mut() {
            // The sample credentials have no secret, so its fingerprint is `None`.
            entry.hold = Some(Hold::now(Instant::now() + LONG, None, 0));
            prepare(entry);
        }
        let (handle, stop) = (monitor.handle(), CancellationToken::new());
        let monitor = tokio::spawn(monitor.run(Arc::new(Heartbeat::start()), stop.clone()));
        Self { plan, report, handle, stop, monitor }
    }

    async fn ask(&self, mailbox: &str) -> Option<OnDemand> {
        let name = CheckName { mailbox: mailbox.into(), protocol: Protocol::Imap };
        self.handle.probe(name).await
    }
}

#[tokio::test]
async fn a_probe_on_demand_respects_holds_and_young_observations() {
    // Seconds since the last observation of `invoices`.
    for (age, expected) in [(0, OnDemand::Recent), (59, OnDemand::Recent), (61, OnDemand::Held)] {
        let world = World::new(|entry| {
            let of_invoices = &*entry.check.mailbox.name == "invoices";
            entry.observed_at = of_invoices.then(|| Instant::now() - Duration::from_secs(age));
        });
        assert_eq!(world.ask("invoices").await, Some(expected), "{age} s");
        assert_eq!(
            world.ask("desk").await,
            Some(OnDemand::Held),
            "an observation of another mailbox does not count"
        );
        assert_eq!(world.ask("absent").await, Some(OnDemand::Unknown));
        assert!(world.report.checks().iter().all(|record| record.last.is_none()), "no check was probed");
    }
}

#[tokio::test]
async fn after_the_stop_absent_answers_and_absent_waits_for_ever() {
    let world = World::new(|_| ());
    world.stop.cancel();
    world.monitor.await.unwrap();
    let name = CheckName { mailbox: "desk".into(), protocol: Protocol::Imap };
    assert_eq!(world.handle.probe(name).await, None);
    let difference = Arc::new(Difference::between(&world.plan, &world.plan));
    assert!(!world.handle.apply(difference).await);
}

#[tokio::test]
async fn a_new_plan_ends_holds_and_forgets_removed_checks() {
    let world = World::new(|_| ());
    let mut next = world.plan.clone();
    next.checks.retain(|check| &*check.mailbox.name == "desk");
    let difference = Arc::new(Difference::between(&world.plan, &next));
    world.report.apply(&next);
    world.report.interval_in_force(&next.checks[0].name(), LONG);
    assert!(world.handle.apply(difference).await);
    assert_eq!(world.ask("invoices").await, Some(OnDemand::Unknown));
    let record = world.report.check(&next.checks[0].name()).unwrap();
    assert_eq!(record.interval, next.checks[0].interval);
}

#[tokio::test(start_paused = true)]
async fn a_tick_during_a_requested_probe_is_not_skipped() {
    // Two mailboxes by two protocols, each with one tick in the first minute.
    for (running, skipped) in [(Start::Tick, 4), (Start::Request, 0)] {
        let world = World::new(|entry| entry.running = Some(running));
        tokio::time::sleep(Duration::from_secs(61)).await;
        assert_eq!(world.report.facts(0).skipped, skipped, "{running:?}");
    }
}
