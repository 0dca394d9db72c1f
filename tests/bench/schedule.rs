//! What it costs to know when a hundred thousand checks are due: the monitor's memory, and the arithmetic of an hour.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Duration;

use mailbox_exporter::check::Prober;
use mailbox_exporter::model::{CheckName, Protocol};
use mailbox_exporter::monitor::Monitor;
use mailbox_exporter::readiness::Readiness;
use mailbox_exporter::report::Report;
use mailbox_exporter::schedule::Schedule;

use crate::counterpart::{Servers, Wanted};
use crate::{Scale, meter, millis, per};

const INTERVAL: Duration = Duration::from_secs(300);
const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn run(scale: Scale) {
    let count = scale.mailboxes(50_000, 50);
    arithmetic(2 * count);
    let servers = Servers::start(Wanted::idle(count));
    let (begun, before) = (meter::cpu(), meter::memory());
    let plan = servers.plan();
    let (read, known) = (meter::cpu() - begun, meter::memory().saturating_sub(before));
    let checks = plan.checks.len();
    println!("a configuration of {checks} checks: {:.0} ms, {}", millis(read), per(known, checks, "check"));
    let prober = Arc::new(Prober::new(&plan.limits, Arc::new(|_| ())));
    let (report, readiness) = (Arc::new(Report::new(&plan)), Arc::new(Readiness::open(&plan).unwrap()));
    let (begun, before) = (meter::cpu(), meter::memory());
    let monitor = Monitor::new(&plan, prober, report, readiness);
    let (took, held) = (meter::cpu() - begun, meter::memory().saturating_sub(before));
    println!("the monitor over them: {:.0} ms, {}", millis(took), per(held, checks, "check"));
    drop(monitor);
}

/// Every due time of an hour, in order, as the monitor's heap has them.
fn arithmetic(checks: usize) {
    let named = |number| CheckName {
        mailbox: format!("user{number}@contoso.example").into(),
        protocol: Protocol::Imap,
    };
    let begun = meter::cpu();
    let schedules: Vec<_> = (0..checks).map(|number| Schedule::of(&named(number), INTERVAL)).collect();
    let mut due: BinaryHeap<_> =
        schedules.iter().enumerate().map(|(id, schedule)| Reverse((schedule.first(), id))).collect();
    let mut ticks = 0_u32;
    while let Some(Reverse((at, id))) = due.pop().filter(|Reverse((at, _))| *at < HOUR) {
        ticks += 1;
        due.push(Reverse((schedules[id].after(at), id)));
    }
    let took = meter::cpu() - begun;
    println!(
        "{checks} checks every {} s for an hour: {ticks} due times in {:.0} ms, {:.2} µs each",
        INTERVAL.as_secs(),
        millis(took),
        millis(took / ticks.max(1)) * 1000.0
    );
}
