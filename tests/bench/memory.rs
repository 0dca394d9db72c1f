//! Memory per mailbox that waits for its turn, and per probe that waits for its server.

use std::sync::Arc;
use std::time::Duration;

use mailbox_exporter::app::App;
use mailbox_exporter::check::{ProbeRequest, Prober};
use mailbox_exporter::model::Protocol;
use mailbox_exporter::report::Report;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::counterpart::{Servers, Wanted};
use crate::dialogue::observe;
use crate::{Scale, meter, per};

/// How long a fleet is left alone before its memory is read: what was needed to build it is given back.
const REST: Duration = Duration::from_millis(300);

pub(crate) async fn run(scale: Scale) {
    let count = scale.mailboxes(10_000, 50);
    let servers = Servers::start(Wanted::idle(count));
    let before = meter::memory();
    let plan = servers.plan();
    let app = App::start(&plan).await.unwrap();
    sleep(REST).await;
    let idle = meter::memory().saturating_sub(before);
    app.stop().await;
    println!("{count} mailboxes by two protocols, before the first probe: {}", per(idle, 2 * count, "check"));
    let prober = Prober::new(&plan.limits, Arc::new(|_| ()));
    let report = Report::new(&plan);
    for check in &plan.checks {
        report.record(observe(&prober, check).await);
    }
    sleep(REST).await;
    let probed = meter::memory().saturating_sub(before);
    println!("{:>48} {}", "after a probe of each:", per(probed, 2 * count, "check"));
    drop(servers);
    in_flight(scale.mailboxes(2000, 20)).await;
}

/// Probes that wait for an answer, all at once.
async fn in_flight(count: usize) {
    let servers = Servers::start(Wanted { silent: true, ..Wanted::idle(count) });
    let plan = servers.plan();
    let prober = Arc::new(Prober::new(&plan.limits, Arc::new(|_| ())));
    let checks: Vec<_> =
        plan.checks.iter().filter(|check| check.protocol() == Protocol::Imap).cloned().collect();
    let before = meter::memory();
    let mut probes = JoinSet::new();
    for check in &checks {
        let (prober, request) = (Arc::clone(&prober), ProbeRequest::of_check(check, Instant::now()));
        probes.spawn(async move { prober.probe(&request).await });
    }
    while prober.in_flight() < checks.len() {
        sleep(REST).await;
    }
    sleep(10 * REST).await;
    let waiting = meter::memory().saturating_sub(before);
    println!("{:>48} {}", format!("{count} probes in flight:"), per(waiting, checks.len(), "probe"));
    probes.abort_all();
}
