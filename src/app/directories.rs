//! Reads the directories of the plan in force, each feed at its own pace, and passes the readings on.
//!
//! Owns the pace and the log lines. `directory` decides what an answer means.

mod pace;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use self::pace::Pace;
use crate::background::BackgroundTask;
use crate::check::Prober;
use crate::directory::{Fault, Read, Reader};
use crate::model::{Credential, Directory, DirectoryEnds, Feed, FeedReading, Plan, SecretRef};
use crate::readiness::Readiness;
use crate::report::Report;

/// How long to wait before the first reading: a start is a busy moment, and a configuration that is being edited changes
/// again soon.
const CALM: Duration = Duration::from_secs(1);
/// How long to wait after a first failure. Each further failure doubles it, up to the interval.
const FIRST_PAUSE: Duration = Duration::from_secs(60);

/// The directories to read, and the credentials whose ends they may know.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    directories: Vec<Arc<Directory>>,
    credentials: Vec<Arc<Credential>>,
}

/// What a plan wants to be read.
pub(super) fn of(plan: &Plan) -> Arc<Wanted> {
    let credentials = if plan.directories.is_empty() { Vec::new() } else { plan.credentials.clone() };
    Arc::new(Wanted { directories: plan.directories.clone(), credentials })
}

impl Wanted {
    /// The files that readings depend on.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let of_tokens = self.directories.iter().flat_map(|directory| directory.spec.files());
        let places = self.credentials.iter().flat_map(|credential| credential.places());
        of_tokens.chain(places.filter_map(SecretRef::file))
    }
}

/// How often each file has changed. Counted, because two changes may come before one reading is over.
pub(super) type ChangedFiles = Arc<BTreeMap<PathBuf, u64>>;

/// Where readings go.
#[derive(Clone)]
pub(super) struct Sinks {
    pub(super) report: Arc<Report>,
    pub(super) readiness: Arc<Readiness>,
}

/// One feed of one directory, and everything that its reading depends on.
#[derive(Clone, PartialEq, Eq)]
struct Task {
    directory: Arc<Directory>,
    feed: Feed,
    /// Only the feed of ends needs them; empty for any other.
    credentials: Vec<Arc<Credential>>,
}

/// Reads the wanted directories until `stop` is cancelled. If a file that a reading depends on changes, it is repeated
/// soon.
pub(super) async fn follow(
    mut in_force: watch::Receiver<Arc<Wanted>>,
    changed: watch::Receiver<ChangedFiles>,
    reader: Reader,
    sinks: Sinks,
    stop: CancellationToken,
) {
    let mut running: BTreeMap<String, (Task, BackgroundTask)> = BTreeMap::new();
    loop {
        let wanted = Arc::clone(&in_force.borrow_and_update());
        let mut before = std::mem::take(&mut running);
        for task in tasks(&wanted) {
            let source = task.directory.source(task.feed);
            let background = match before.remove(&source) {
                Some((known, background)) if known == task => background,
                other => {
                    if let Some((_, background)) = other {
                        background.stop().await;
                    }
                    let (task, reader, sinks) = (task.clone(), reader.clone(), sinks.clone());
                    let changed = changed.clone();
                    BackgroundTask::start("directory reading", |stop| async move {
                        stop.run_until_cancelled(task.run(changed, reader, sinks)).await;
                    })
                }
            };
            running.insert(source, (task, background));
        }
        for (_, background) in before.into_values() {
            background.stop().await;
        }
        if !matches!(stop.run_until_cancelled(in_force.changed()).await, Some(Ok(()))) {
            break;
        }
    }
    stop.cancelled().await;
    for (_, background) in running.into_values() {
        background.stop().await;
    }
}

fn tasks(wanted: &Wanted) -> impl Iterator<Item = Task> {
    wanted.directories.iter().flat_map(|directory| {
        directory.feeds.iter().map(|feed| {
            let credentials = match feed {
                Feed::Expiry => wanted.credentials.clone(),
                Feed::SignIns => Vec::new(),
            };
            Task { directory: Arc::clone(directory), feed: *feed, credentials }
        })
    })
}

impl Task {
    /// Reads again and again; never ends.
    async fn run(self, mut changed: watch::Receiver<ChangedFiles>, reader: Reader, sinks: Sinks) {
        let source = self.directory.source(self.feed);
        let mut logged = Logged::default();
        let mut last: Option<FeedReading> = None;
        let mut ends = DirectoryEnds::new();
        let (mut pause, mut pace) = (FIRST_PAUSE, Pace::default());
        sleep(CALM).await;
        loop {
            let files = self.changes(&changed.borrow_and_update());
            let outcome = reader.read(&self.directory, self.feed, &self.credentials, last.as_ref()).await;
            logged.log(&source, &outcome);
            let wait = match outcome {
                Ok(read) => {
                    pause = FIRST_PAUSE;
                    last = Some(read.reading.clone());
                    if self.feed == Feed::Expiry {
                        ends = renewed(&ends, &read);
                        sinks.report.note_directory(&self.directory.name, ends.clone());
                    }
                    sinks.readiness.note_directory(&source, Ok(read.reading));
                    self.directory.interval
                }
                Err(fault) => {
                    sinks.readiness.note_directory(&source, Err(fault.to_string()));
                    let wait =
                        if fault.is_lasting() { self.directory.interval } else { pause.max(fault.wait()) };
                    pause = pause.saturating_mul(2);
                    pace.hold(fault.wait());
                    wait.min(self.directory.interval)
                }
            };
            pace.next(wait, self.file_changed(&mut changed, files)).await;
        }
    }

    /// How often the files that the reading depends on have changed.
    fn changes(&self, changed: &ChangedFiles) -> u64 {
        let of_credentials = self.credentials.iter().flat_map(|credential| credential.places());
        let own = self.directory.spec.files().into_iter();
        own.chain(of_credentials.filter_map(SecretRef::file)).filter_map(|file| changed.get(file)).sum()
    }

    /// Returns once one of them has changed since they had changed so often.
    async fn file_changed(&self, changed: &mut watch::Receiver<ChangedFiles>, before: u64) {
        if changed.wait_for(|changed| self.changes(changed) != before).await.is_err() {
            // The files are no longer watched, so no change will come.
            std::future::pending::<()>().await;
        }
    }
}

/// The ends after a reading: those that were refused this time are those of before.
fn renewed(before: &DirectoryEnds, read: &Read) -> DirectoryEnds {
    let refused = read.unmatched.iter().filter(|one| one.refused);
    let kept = refused.filter_map(|one| Some((Arc::clone(&one.credential), *before.get(&one.credential)?)));
    kept.chain(read.ends.clone()).collect()
}

/// What has been logged about one feed, so that nothing is logged twice.
#[derive(Default)]
struct Logged {
    fault: Option<Fault>,
    was_read: bool,
    unmatched: BTreeSet<Arc<str>>,
    bounded: bool,
}

impl Logged {
    fn log(&mut self, source: &str, outcome: &Result<Read, Fault>) {
        let read = match outcome {
            Ok(read) => read,
            Err(fault) => {
                if !self.fault.as_ref().is_some_and(|known| known.is_like(fault)) {
                    tracing::warn!(source, %fault, "directory not read: what was read before still counts");
                }
                self.fault = Some(fault.clone());
                return;
            }
        };
        if self.fault.take().is_some() || !self.was_read {
            tracing::info!(source, rows = read.reading.rows, "directory read");
        }
        self.was_read = true;
        for one in &read.unmatched {
            if !self.unmatched.contains(&one.credential) {
                let (credential, why) = (&one.credential, &one.why);
                tracing::warn!(source, %credential, why, "the directory does not say when the credential ends");
            }
        }
        self.unmatched = read.unmatched.iter().map(|one| Arc::clone(&one.credential)).collect();
        if let Some(bound) = &read.bound
            && !self.bounded
        {
            tracing::warn!(
                source,
                bound,
                "the sign-in log is longer than is read: older sign-ins are missing"
            );
        }
        self.bounded = read.bound.is_some();
    }
}

/// The result of one reading for a command.
pub struct Once {
    pub directory: Arc<Directory>,
    pub feed: Feed,
    pub outcome: Result<Read, String>,
}

/// Reads every directory once, all feeds at the same time, within a time limit.
pub async fn once(plan: &Plan, limit: Duration) -> Vec<Once> {
    let prober = Prober::new(&plan.limits, Arc::new(|_| ()));
    let reader = Reader::new(Arc::clone(prober.dialer()), prober.tokens().clone());
    let mut readings = JoinSet::new();
    for task in tasks(&of(plan)) {
        let reader = reader.clone();
        readings.spawn(async move {
            let Task { directory, feed, credentials } = task;
            let reading = timeout(limit, reader.read(&directory, feed, &credentials, None)).await;
            let outcome = match reading {
                Ok(outcome) => outcome.map_err(|fault| fault.to_string()),
                Err(_) => Err(format!("not read within {} s", limit.as_secs())),
            };
            Once { directory, feed, outcome }
        });
    }
    let mut all = readings.join_all().await;
    all.sort_by_key(|once| once.directory.source(once.feed));
    all
}
