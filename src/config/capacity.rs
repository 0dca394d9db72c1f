//! Whether the limits allow as many connections as a plan needs.
//!
//! Owns the arithmetic of the warning. The limits themselves are enforced where probes are started.

use std::collections::BTreeMap;
use std::time::Duration;

use super::fault::Faults;
use super::file::Limits;
use super::place::{Place, Written};
use crate::model::Plan;

/// How long a probe of a healthy but slow mailbox takes, with a token in hand and about eight exchanges with the
/// server. Probes take longer in an outage. A plan need not allow for that: late probes are counted, not piled up.
const TYPICAL_PROBE: Duration = Duration::from_secs(5);

/// Warns if checks need more connections than `limits` allow.
///
/// A check holds a connection for min([`TYPICAL_PROBE`], timeout) of every interval, so the checks of one host keep
/// `Σ min(5 s, timeout) / interval` connections busy on average. If that is more than `per_host`, or the sum over all
/// hosts is more than `concurrency`, probes will be skipped.
pub(super) fn warn(plan: &Plan, written: &Limits, top: &Place, faults: &Faults) {
    let mut hosts: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for check in &plan.checks {
        let held = TYPICAL_PROBE.min(check.timeout).as_secs_f64() / check.interval.as_secs_f64();
        let (checks, load) = hosts.entry(&check.endpoint.host).or_default();
        *checks += 1;
        *load += held;
    }
    let seconds = TYPICAL_PROBE.as_secs();
    let place = |key: &str, limit: &Written<usize>| match limit {
        Written::Is(at) => at.place.clone(),
        Written::Absent | Written::Faulty => Place { trail: top.trail.key("limits").key(key), ..top.clone() },
    };
    let per_host = plan.limits.per_host;
    for (host, (checks, load)) in &hosts {
        if exceeds(*load, per_host) {
            let message = format!(
                "{checks} checks at {host} keep about {load:.0} connections busy ({seconds} s each), {per_host} are allowed at once: probes will be skipped; raise per_host or lengthen the interval"
            );
            faults.warn_of_whole(&place("per_host", &written.per_host), message);
        }
    }
    let (checks, load) = hosts.values().fold((0, 0.0), |(n, sum), (checks, load)| (n + checks, sum + load));
    let concurrency = plan.limits.concurrency;
    if exceeds(load, concurrency) {
        let message = format!(
            "{checks} checks keep about {load:.0} probes busy ({seconds} s each), {concurrency} are allowed at once: probes will be skipped; raise concurrency or lengthen the interval"
        );
        faults.warn_of_whole(&place("concurrency", &written.concurrency), message);
    }
}

fn exceeds(load: f64, limit: usize) -> bool {
    u32::try_from(limit).is_ok_and(|limit| load > f64::from(limit))
}
