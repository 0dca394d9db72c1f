//! Where observations go: first to the report, then to readiness.
//!
//! Not here: what the two make of them.

use std::sync::Arc;
use std::time::Duration;

use crate::model::{CheckName, Observation};
use crate::readiness::Readiness;
use crate::report::Report;

/// The receivers of everything that the monitor sees.
pub(super) struct Recorder {
    pub(super) report: Arc<Report>,
    pub(super) readiness: Arc<Readiness>,
}

impl Recorder {
    /// Records an observation; `interval` is in force from now on. Readiness does not learn from a check that is
    /// no longer in the plan.
    pub(super) fn record(&self, observation: Observation, interval: Duration) {
        let observation = Arc::new(observation);
        self.report.interval_in_force(&observation.check.name(), interval);
        if self.report.record(Arc::clone(&observation)) {
            self.readiness.record(&observation, interval);
        }
    }

    /// Records the interval at which a check is probed from now on.
    pub(super) fn interval_in_force(&self, name: &CheckName, interval: Duration) {
        self.report.interval_in_force(name, interval);
    }

    /// See [`Report::tell_of_last_minute`].
    pub(super) fn tell_of_last_minute(&self) {
        self.report.tell_of_last_minute();
    }

    pub(super) fn tick_skipped(&self) {
        self.report.tick_skipped();
    }
}
