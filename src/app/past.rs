//! Saves the past of the checks every few minutes, and once more when the agent stops.
//!
//! Not here: the content and its format (`report`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::model::Plan;
use crate::report::Report;

/// The pause between two saves. A crash may lose this much: the past is only a convenience of the pages.
const EVERY: Duration = Duration::from_secs(5 * 60);

/// Restores the past that an earlier run saved, if the plan has a state directory.
pub(super) async fn restore(plan: &Plan, report: &Arc<Report>) {
    let Some(folder) = plan.policy.state_dir.clone() else { return };
    let report = Arc::clone(report);
    // A panic in there loses only the past.
    let _ = spawn_blocking(move || report.restore_past(&folder)).await;
}

/// Saves every few minutes until `stop` is cancelled, then once more.
pub(super) async fn keep_saved(report: Arc<Report>, folder: PathBuf, stop: CancellationToken) {
    while stop.run_until_cancelled(sleep(EVERY)).await.is_some() {
        save(&report, &folder).await;
    }
    save(&report, &folder).await;
}

async fn save(report: &Arc<Report>, folder: &Path) {
    let (report, folder) = (Arc::clone(report), folder.to_owned());
    if let Err(error) = spawn_blocking(move || report.save_past(&folder)).await {
        tracing::error!(%error, "saving the past of the checks panicked");
    }
}
