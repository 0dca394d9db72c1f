//! File descriptors: raises the limit, and divides them between probes and HTTP clients if they are scarce.
//!
//! The soft limit is low only for the sake of programs that use `select`, so the start raises it to the hard
//! limit, as Go programs do. If even the hard limit is too low for the configured limits, fewer probes and
//! clients run at once, so that the endpoint stays reachable.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::CONNECTIONS;
use crate::model::{Limits, Plan};

/// Reserved for everything that is neither a probe nor a client: runtime, file watches, files, token
/// endpoints, DNS.
const RESERVE: u64 = 32;

/// Per probe: its connection, plus a DNS query or a file.
const PER_PROBE: u64 = 2;

/// The minimum for clients; they get a quarter of a small limit.
const FEWEST_CLIENTS: u64 = 4;

/// The minimum to start at all: the runtime alone needs these.
pub const FEWEST: u64 = 16;

/// Raises the soft limit to the hard limit. Returns the limit now in force, `None` without one.
pub fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if raised.is_ok() { maximum } else { current }
}

/// The soft limit in force; `None` without one.
pub(super) fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// The division of the descriptors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// The soft limit.
    limit: u64,
    /// What the configured limits could need.
    needed: u64,
    /// Concurrent probes.
    probes: usize,
    /// Concurrent HTTP clients.
    pub(super) clients: usize,
}

impl Share {
    pub(super) fn of(limit: Option<u64>, limits: &Limits) -> Self {
        let (probes, clients) = (limits.concurrency as u64, CONNECTIONS as u64);
        let needed = RESERVE + PER_PROBE.saturating_mul(probes) + clients;
        let limit = limit.unwrap_or(u64::MAX);
        if limit >= needed {
            return Self { limit, needed, probes: limits.concurrency, clients: CONNECTIONS };
        }
        let free = limit.saturating_sub(RESERVE);
        let clients = (free / 4).clamp(FEWEST_CLIENTS, clients);
        let probes = (free.saturating_sub(clients) / PER_PROBE).clamp(1, probes);
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self { limit, needed, probes: count(probes), clients: count(clients) }
    }

    /// Logs a warning if the limit is too low for the configured limits.
    pub(super) fn warn(&self) {
        if self.limit < self.needed {
            let Self { limit, needed, probes, clients } = self;
            tracing::warn!(
                limit,
                needed,
                probes,
                clients,
                "too few file descriptors: concurrent probes and HTTP clients are reduced to these numbers; raise the hard limit (ulimit -Hn, LimitNOFILE) or lower limits.concurrency"
            );
        }
    }

    /// The plan with reduced limits; `None` if the plan fits as it is.
    pub(super) fn fit(&self, plan: &Plan) -> Option<Plan> {
        (plan.limits.concurrency > self.probes).then(|| {
            let limits = Limits { concurrency: self.probes, ..plan.limits };
            Plan { limits, ..plan.clone() }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn few_descriptors_are_shared_out_and_many_change_nothing() {
        let limits = Limits { concurrency: 256, per_host: 128, token_max_age: Duration::ZERO };
        let share = |limit| {
            let Share { probes, clients, .. } = Share::of(limit, &limits);
            (probes, clients)
        };
        assert_eq!(share(None), (256, 256));
        assert_eq!(share(Some(1024)), (256, 256), "systemd's default suffices");
        assert_eq!(share(Some(512)), (180, 120));
        assert_eq!(share(Some(64)), (12, 8));
        assert_eq!(share(Some(20)), (1, 4));
        for limit in 0..2000 {
            let (probes, clients) = share(Some(limit));
            let used = RESERVE + PER_PROBE * probes as u64 + clients as u64;
            assert!(used <= limit.max(RESERVE + PER_PROBE + FEWEST_CLIENTS), "{limit}: {used}");
        }
    }

    #[test]
    fn the_soft_limit_is_raised_to_the_hard_one() {
        let before = getrlimit(Resource::Nofile);
        assert_eq!(raise(), before.maximum);
        assert_eq!(getrlimit(Resource::Nofile).current, before.maximum);
    }
}
