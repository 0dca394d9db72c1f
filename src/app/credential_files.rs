//! Follows the files that logins read: when one appears or changes, everything that uses it is tried again.
//!
//! Owns the log line about it. Not here: how changes are noticed (`file_watch`), and the attempts (`monitor`).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::file_watch::{Contents, FolderWatch, folders};
use crate::files;
use crate::model::Plan;
use crate::monitor::MonitorHandle;

/// Names the job that looks for folders to watch; no file has this name.
const FOLDERS: &str = "folders of credentials";

/// The files that the logins of a plan read.
pub(super) fn of(plan: &Plan) -> Arc<BTreeSet<PathBuf>> {
    Arc::new(plan.checks.iter().flat_map(|check| check.files()).map(PathBuf::from).collect())
}

/// Follows the files of the plan in force until `stop` is cancelled.
pub(super) async fn follow(
    mut in_force: watch::Receiver<Arc<BTreeSet<PathBuf>>>,
    monitor: MonitorHandle,
    stop: CancellationToken,
) {
    let (mut watch, mut contents) = (FolderWatch::start(), Contents::default());
    let work = async {
        loop {
            let files = Arc::clone(&in_force.borrow_and_update());
            let changed = contents.changes(&files).await;
            if let Some(first) = changed.first() {
                let (file, count) = (first.display(), changed.len());
                tracing::info!(%file, files = count, "credential file changed: everything that uses it is tried again");
                files::have_changed(&changed);
                monitor.retry(Arc::new(changed)).await;
            }
            if watch.set_folders(folders_of(&files).await) {
                continue;
            }
            tokio::select! {
                () = watch.changed() => {}
                // Fails if the plan can no longer change.
                Ok(()) = in_force.changed() => {}
            }
        }
    };
    // Ends only when cancelled.
    stop.run_until_cancelled(work).await;
}

/// The folders to watch; empty if a file system does not respond.
async fn folders_of(files: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let Some(first) = files.first() else { return BTreeSet::new() };
    let (place, files) = (first.with_file_name(FOLDERS), files.clone());
    let find = move || folders::of_files(files, []);
    files::within_async(&place, files::PATIENCE, find).await.unwrap_or_default()
}
