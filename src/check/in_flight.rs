//! The count of probes that are talking to their server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Debug, Default)]
pub(super) struct InFlight(Arc<AtomicUsize>);

/// Counts as a running probe until dropped.
#[derive(Debug)]
pub(super) struct Running(Arc<AtomicUsize>);

impl InFlight {
    pub(super) fn begin(&self) -> Running {
        self.0.fetch_add(1, Ordering::Relaxed);
        Running(Arc::clone(&self.0))
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_counts_until_its_guard_is_dropped() {
        let in_flight = InFlight::default();
        let running = [in_flight.begin(), in_flight.begin()];
        assert_eq!(in_flight.count(), 2);
        drop(running);
        assert_eq!(in_flight.count(), 0);
    }
}
