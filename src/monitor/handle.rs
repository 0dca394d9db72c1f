//! Requests to the monitor loop, and the bounded channel that carries them.
//!
//! Not here: how the loop serves them.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::model::{CheckName, Difference, OnDemand};

/// Requests that can be queued; further senders wait.
const WAITING: usize = 64;

/// A request to the loop.
pub(super) enum Request {
    /// Probe a check now, ahead of its schedule.
    Probe { name: CheckName, answer: oneshot::Sender<OnDemand> },
    /// Soon try again every check that reads one of these files.
    Retry(Arc<BTreeSet<PathBuf>>),
    /// Switch to a new plan.
    Apply { difference: Arc<Difference>, done: oneshot::Sender<()> },
}

/// Sends requests to the monitor. Clones share one loop.
#[derive(Clone)]
pub struct MonitorHandle(mpsc::Sender<Request>);

impl MonitorHandle {
    pub(super) fn channel() -> (Self, mpsc::Receiver<Request>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Probes a check now, within the check's own timeout. Instead of a new probe the answer may be: a
    /// running probe, an observation younger than a minute, or a hold after refusals. The probe goes on, and
    /// is recorded, if the caller stops waiting. `None` if the loop has ended or the check changed in the
    /// meantime.
    pub async fn probe(&self, name: CheckName) -> Option<OnDemand> {
        let (answer, answered) = oneshot::channel();
        self.0.send(Request::Probe { name, answer }).await.ok()?;
        answered.await.ok()
    }

    /// Soon tries again every check that reads one of these files, because the files have changed.
    pub async fn retry(&self, files: Arc<BTreeSet<PathBuf>>) {
        // The send fails if the loop has ended.
        let _ = self.0.send(Request::Retry(files)).await;
    }

    /// Switches to a new plan, and returns once it is in force. False if the loop has ended.
    pub async fn apply(&self, difference: Arc<Difference>) -> bool {
        let (done, answered) = oneshot::channel();
        self.0.send(Request::Apply { difference, done }).await.is_ok() && answered.await.is_ok()
    }
}
