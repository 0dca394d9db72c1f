//! Saves readiness regularly, and once more at the end.
//!
//! Not here: what is written (`contents`), and where (`store`).

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Readiness;

/// How often the state is saved. A crash loses at most this much.
const EVERY: Duration = Duration::from_secs(5);

impl Readiness {
    /// Saves every few seconds until `stop` is cancelled, then once more.
    pub async fn keep_saved(self: Arc<Self>, stop: CancellationToken) {
        while stop.run_until_cancelled(sleep(EVERY)).await.is_some() {
            self.save().await;
        }
        self.save().await;
    }

    /// Saves the changes since the last save, on a thread of its own because the disk may be slow.
    pub async fn save(self: &Arc<Self>) {
        let readiness = Arc::clone(self);
        if let Err(error) = spawn_blocking(move || readiness.flush()).await {
            tracing::error!(%error, "saving the state of readiness panicked");
        }
    }
}
