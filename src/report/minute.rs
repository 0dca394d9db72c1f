//! What is counted for the log between two of its summaries.

use std::time::Duration;

use tokio::time::Instant;

use crate::model::Observation;

/// How often the log has a summary while probes run.
const EVERY: Duration = Duration::from_secs(60);

/// The probes since the last summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Minute {
    pub(super) probes: u64,
    pub(super) failures: u64,
    /// Outcomes that differed from the check's last one; each has a line of its own.
    pub(super) changes: u64,
    /// The lateness of the latest probe.
    pub(super) latest: Duration,
}

/// The minute that is being counted.
#[derive(Debug)]
pub(super) struct Counted {
    since: Instant,
    minute: Minute,
}

impl Counted {
    pub(super) fn start() -> Self {
        Self { since: Instant::now(), minute: Minute::default() }
    }

    pub(super) fn note(&mut self, observation: &Observation, is_news: bool) {
        self.minute.probes += 1;
        self.minute.failures += u64::from(!observation.outcome.is_up());
        self.minute.changes += u64::from(is_news);
        self.minute.latest = self.minute.latest.max(observation.lateness);
    }

    /// Takes what was counted once a minute is over, if anything was.
    pub(super) fn take(&mut self) -> Option<Minute> {
        if self.since.elapsed() < EVERY {
            return None;
        }
        self.since = Instant::now();
        Some(std::mem::take(&mut self.minute)).filter(|minute| minute.probes > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Phase;
    use crate::model::Reason;
    use crate::report::samples::{credential, dawn, down, mailbox, plan, up};

    #[tokio::test(start_paused = true)]
    async fn a_minute_is_told_once_it_is_over_and_only_if_something_ran() {
        let plan = plan(&[mailbox("desk", &credential("contoso", None), &[])]);
        let desk = &plan.checks[0];
        let mut counted = Counted::start();
        counted.note(&up(desk, dawn()), true);
        counted.note(&down(desk, dawn(), (Phase::Auth, Reason::TokenRejected), "NO", ""), false);
        assert_eq!(counted.take(), None);
        tokio::time::advance(EVERY).await;
        let latest = up(desk, dawn()).lateness;
        assert_eq!(counted.take(), Some(Minute { probes: 2, failures: 1, changes: 1, latest }));
        assert_eq!(counted.take(), None);
        tokio::time::advance(EVERY).await;
        assert_eq!(counted.take(), None, "nothing ran");
    }
}
