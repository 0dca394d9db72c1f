//! Follows the files that logins and directories read: when one appears or changes, everything that uses it is tried again.
//!
//! Owns the log line about it. Not here: how changes are noticed (`file_watch`), and the attempts (`monitor`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::directories::{self, ChangedFiles};
use crate::check::Prober;
use crate::file_watch::{Contents, FolderWatch, folders};
use crate::files;
use crate::model::{Credential, Plan};
use crate::monitor::MonitorHandle;
use crate::report::Report;
use crate::secret;

/// Names the job that looks for folders to watch; no file has this name.
const FOLDERS: &str = "folders of credentials";

/// The files of a plan that are followed.
#[derive(Debug, Default)]
pub(super) struct Followed {
    all: BTreeSet<PathBuf>,
    /// Those that hold the date on which a credential expires, by its name.
    ends: BTreeMap<Arc<str>, PathBuf>,
}

/// The files that the logins of a plan read, and those that hold the dates of its credentials.
pub(super) fn of(plan: &Plan) -> Arc<Followed> {
    let end = |credential: &Arc<Credential>| {
        Some((Arc::clone(&credential.name), credential.end_file()?.to_owned()))
    };
    let ends: BTreeMap<_, _> = plan.credentials.iter().filter_map(end).collect();
    let of_directories = directories::of(plan);
    let of_checks = plan.checks.iter().flat_map(|check| check.files());
    let files = of_checks.chain(of_directories.files()).map(PathBuf::from);
    Arc::new(Followed { all: files.chain(ends.values().cloned()).collect(), ends })
}

type Dates = BTreeMap<Arc<str>, Result<Timestamp, String>>;

/// Reads the dates. An unreadable one is said once.
async fn dates(files: &Followed, known: &Dates) -> Dates {
    let mut dates = Dates::new();
    for (credential, file) in &files.ends {
        let read = secret::declared_end(file).await;
        if let Err(why) = &read
            && known.get(credential) != Some(&read)
        {
            tracing::warn!(%credential, why, "the date on which the credential expires cannot be read");
        }
        dates.insert(Arc::clone(credential), read);
    }
    dates
}

/// Follows the files of the plan in force until `stop` is cancelled.
pub(super) async fn follow(
    mut in_force: watch::Receiver<Arc<Followed>>,
    (monitor, told): (MonitorHandle, watch::Sender<ChangedFiles>),
    report: Arc<Report>,
    prober: Arc<Prober>,
    stop: CancellationToken,
) {
    let (mut watch, mut contents) = (FolderWatch::start(), Contents::default());
    let mut known = Dates::new();
    let work = async {
        loop {
            let files = Arc::clone(&in_force.borrow_and_update());
            let changed = by_others(contents.changes(&files.all).await, &prober).await;
            // Also one that is gone, which is not a change that is worth a new login.
            known = dates(&files, &known).await;
            report.declare_ends(known.clone());
            if let Some(first) = changed.first() {
                let (file, count) = (first.display(), changed.len());
                tracing::info!(%file, files = count, "credential file changed: everything that uses it is tried again");
                files::have_changed(&changed);
                let changed = Arc::new(changed);
                monitor.retry(Arc::clone(&changed)).await;
                told.send_modify(|counts| tally(counts, &changed, &files));
            }
            if watch.set_folders(folders_of(&files.all).await) {
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

/// Counts what has changed. A file that is no longer followed is forgotten.
fn tally(counts: &mut ChangedFiles, changed: &BTreeSet<PathBuf>, files: &Followed) {
    let counts = Arc::make_mut(counts);
    counts.retain(|file, _| files.all.contains(file));
    for file in changed {
        *counts.entry(file.clone()).or_default() += 1;
    }
}

/// Without the refresh tokens that a request of our own has written back: nothing rests on those but the next request.
async fn by_others(mut changed: BTreeSet<PathBuf>, prober: &Prober) -> BTreeSet<PathBuf> {
    for file in changed.clone() {
        if prober.tokens().wrote(&file).await {
            changed.remove(&file);
        }
    }
    changed
}

/// The folders to watch; empty if a file system does not respond.
async fn folders_of(files: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
    let Some(first) = files.first() else { return BTreeSet::new() };
    let (place, files) = (first.with_file_name(FOLDERS), files.clone());
    let find = move || folders::of_files(files, []);
    files::within_async(&place, files::PATIENCE, find).await.unwrap_or_default()
}
