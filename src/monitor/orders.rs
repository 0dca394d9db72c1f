//! What others may ask of the loop, and the bounded channel by which they do.
//!
//! Not here: what becomes of it.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::model::{CheckName, Difference, OnDemand};

/// So many may ask at once; more wait until the loop has turned.
const WAITING: usize = 64;

/// One thing that is asked.
pub(super) enum Order {
    /// A probe out of turn.
    Probe { name: CheckName, answer: oneshot::Sender<OnDemand> },
    /// Another plan.
    Apply { difference: Arc<Difference>, done: oneshot::Sender<()> },
}

/// The asking end. Clones ask the same loop.
#[derive(Clone)]
pub struct Orders(mpsc::Sender<Order>);

impl Orders {
    pub(super) fn channel() -> (Self, mpsc::Receiver<Order>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Asks for a probe now, which has the check's own timeout. A probe under way, an observation younger than a
    /// minute and a hold after refusals are answers too. A caller that stops waiting stops nothing: what is
    /// observed is recorded. `None` where the loop has ended, or the check has been changed meanwhile.
    pub async fn probe(&self, name: CheckName) -> Option<OnDemand> {
        let (answer, told) = oneshot::channel();
        self.0.send(Order::Probe { name, answer }).await.ok()?;
        told.await.ok()
    }

    /// Goes on by another plan; returns when it is in force. False where the loop has ended.
    pub async fn apply(&self, difference: Arc<Difference>) -> bool {
        let (done, told) = oneshot::channel();
        self.0.send(Order::Apply { difference, done }).await.is_ok() && told.await.is_ok()
    }
}
