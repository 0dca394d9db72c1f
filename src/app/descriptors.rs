//! File descriptors: as many as the system allows, and shared out where they are few.
//!
//! A soft limit below the hard one is there for programs that use `select`; it is raised at the start, as Go
//! programs do. Where even the hard limit is too low for the configured limits, probes and clients get less, so
//! that the endpoint can always be reached.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::http::CONNECTIONS;
use crate::model::{Limits, Plan};

/// For everything that is neither a probe nor a client: the runtime, watches, files, token endpoints, names.
const RESERVE: u64 = 32;

/// For a probe: its connection, and a name server or a file beside it.
const PER_PROBE: u64 = 2;

/// Clients get at least this many, and a quarter where there are few in all.
const FEWEST_CLIENTS: u64 = 4;

/// Below this nothing works: the runtime alone needs them.
pub const FEWEST: u64 = 16;

/// Raises the soft limit to the hard one; the limit that holds then, `None` without one.
pub fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if raised.is_ok() { maximum } else { current }
}

/// The limit in force, `None` without one.
pub(super) fn limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// How the descriptors are shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Share {
    /// The limit of the system.
    limit: u64,
    /// What the configured limits could need.
    needed: u64,
    /// Probes at once.
    probes: usize,
    /// Clients at once.
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

    /// Says where the limit is too low for the configured limits.
    pub(super) fn warn(&self) {
        if self.limit < self.needed {
            let Self { limit, needed, probes, clients } = self;
            tracing::warn!(
                limit,
                needed,
                probes,
                clients,
                "too few file descriptors: only so many probes and HTTP clients at once; raise the hard limit (ulimit -Hn, LimitNOFILE) or lower limits.concurrency"
            );
        }
    }

    /// The plan with the limits that can be kept; nothing where it can be kept as it is.
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
