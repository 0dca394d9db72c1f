//! Reloads the configuration of the running agent, and hands the new plan to every part that keeps one.
//!
//! Owns the order of these steps, and runs one reload at a time. Files are read by `config`; [`Difference`]
//! says how each check changes.

mod summary;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::credential_files;
use super::descriptors::Share;
use super::directories;
use crate::check::Prober;
use crate::config::{ConfigErrors, Loaded, Reading, Sources};
use crate::file_watch::FolderWatch;
use crate::http::Protection;
use crate::model::{Difference, Plan, WebChange};
use crate::monitor::MonitorHandle;
use crate::readiness::Readiness;
use crate::report::Report;

pub(super) use self::summary::summary;

/// Time limit for reading the configuration. Without it, one network disk that hangs would block all later
/// reloads.
const READING: Duration = Duration::from_secs(30);

/// Time limit for saving readiness and for reading the files of the web configuration.
const TAKING: Duration = Duration::from_secs(30);

/// The source of the plan, read again at every reload.
pub struct Origin {
    /// The files and folders that the plan was made from.
    pub sources: Sources,
    /// Reads the plan again. Blocks the thread.
    pub read: Box<dyn Fn() -> Reading + Send + Sync>,
}

/// Why a reload failed. The running plan stays in force.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReloadError {
    #[error("{0}")]
    Faults(Arc<ConfigErrors>),
    /// Reading exceeded its time limit.
    #[error(
        "the configuration could not be read within {} s: a file or folder does not respond, for example on a disconnected network disk; the previous configuration stays in force",
        READING.as_secs()
    )]
    Hangs,
    /// The agent has no configuration file.
    #[error("this agent was not started from a configuration file: there is nothing to reload")]
    NoOrigin,
    /// The agent is shutting down, or one of its tasks panicked.
    #[error("the agent is shutting down and no longer reloads its configuration")]
    Stopping,
}

/// The parts that receive a new plan.
pub(super) struct Parts {
    pub(super) report: Arc<Report>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) prober: Arc<Prober>,
    pub(super) monitor_handle: MonitorHandle,
    pub(super) protection: Protection,
    /// The soft limit of open files; `None` without one.
    pub(super) descriptors: Option<u64>,
    /// The files that logins read, for their watcher.
    pub(super) credential_files: watch::Sender<Arc<credential_files::Followed>>,
    /// What is read from directories.
    pub(super) directories: watch::Sender<Arc<directories::Wanted>>,
}

/// Reloads the plan of the running agent. Clones share one agent.
#[derive(Clone)]
pub struct Reloader(Arc<Inner>);

struct Inner {
    parts: Parts,
    origin: Option<Origin>,
    /// The plan in force. Locked during a whole reload, so that reloads run one after the other.
    plan: AsyncMutex<Plan>,
    /// The files that were read last, whether or not the reload succeeded.
    sources: Mutex<Sources>,
    /// The result of the reload that waits for the lock, if there is one.
    waiting: Mutex<Option<Outcome>>,
    /// True while files are being read. A read that hangs occupies a thread, so no second one is started
    /// meanwhile.
    reading: Arc<AtomicBool>,
}

type Reloaded = Result<Arc<Difference>, ReloadError>;

/// Receives the result of a reload.
type Outcome = watch::Receiver<Option<Reloaded>>;

/// Marks that files are being read, until dropped.
struct Busy(Arc<AtomicBool>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Reloader {
    pub(super) fn new(parts: Parts, plan: Plan, origin: Option<Origin>) -> Self {
        let sources = origin.as_ref().map(|origin| origin.sources.clone()).unwrap_or_default();
        let (plan, sources) = (AsyncMutex::new(plan), Mutex::new(sources));
        let (waiting, reading) = (Mutex::default(), Arc::default());
        Self(Arc::new(Inner { parts, origin, plan, sources, waiting, reading }))
    }

    /// Reloads the configuration; `why` appears in the log. The reload goes on if the caller stops waiting.
    ///
    /// One reload runs and at most one waits. Callers that arrive while one waits share its result: it reads
    /// the files only when it starts, so it covers their request too. A burst of signals therefore costs two
    /// reloads.
    ///
    /// # Errors
    /// See [`ReloadError`]. After an error nothing has changed.
    pub async fn reload(&self, why: &'static str) -> Reloaded {
        let mut outcome = {
            let mut waiting = locked(&self.0.waiting);
            waiting.get_or_insert_with(|| self.begin(why)).clone()
        };
        let result = outcome.wait_for(Option::is_some).await;
        // The sender is dropped only at shutdown.
        result.ok().and_then(|result| result.clone()).unwrap_or(Err(ReloadError::Stopping))
    }

    /// Starts a reload that waits for the lock.
    fn begin(&self, why: &'static str) -> Outcome {
        let (sender, outcome) = watch::channel(None);
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            let mut plan = inner.plan.lock().await;
            // The files are read from here on, so a later change needs another reload.
            *locked(&inner.waiting) = None;
            let reloaded = inner.reload(&mut plan, why).await;
            sender.send_replace(Some(reloaded));
        });
        outcome
    }

    /// Reloads whenever a file of the configuration changes, until `stop` is cancelled.
    pub(super) async fn follow_files(self, stop: CancellationToken) {
        let mut watch = FolderWatch::start();
        while let Some(folders) = stop.run_until_cancelled(self.reload_if_changed()).await {
            if !watch.set_folders(folders) {
                stop.run_until_cancelled(watch.changed()).await;
            }
        }
    }

    /// Reloads if a file has changed, and returns the folders to watch for the next change.
    async fn reload_if_changed(&self) -> BTreeSet<PathBuf> {
        let inner = Arc::clone(&self.0);
        let checked = tokio::spawn(async move {
            // Checked under the lock, so that a running reload is not mistaken for a change.
            let mut plan = inner.plan.lock().await;
            let sources = inner.sources();
            if inner.within_bounds(move || sources.have_changed()).await == Some(true) {
                // The reload logs its own result.
                let _ = inner.reload(&mut plan, "a file has changed").await;
            }
            let sources = inner.sources();
            inner.within_bounds(move || sources.folders()).await.unwrap_or_default()
        });
        // The task fails only at shutdown.
        checked.await.unwrap_or_default()
    }
}

impl Inner {
    fn sources(&self) -> Sources {
        locked(&self.sources).clone()
    }

    /// Runs file operations that may hang, within a time limit. `None` after a timeout, or while an earlier
    /// one still hangs. The caller must hold the lock on the plan.
    async fn within_bounds<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        if self.reading.swap(true, Ordering::Relaxed) {
            return None;
        }
        let reading = Busy(Arc::clone(&self.reading));
        let work = move || {
            let _reading = reading;
            work()
        };
        timeout(READING, spawn_blocking(work)).await.ok()?.ok()
    }

    async fn reload(
        self: &Arc<Self>,
        plan: &mut Plan,
        why: &'static str,
    ) -> Result<Arc<Difference>, ReloadError> {
        if self.origin.is_none() {
            return Err(ReloadError::NoOrigin);
        }
        let reader = Arc::clone(self);
        let read = self.within_bounds(move || reader.origin.as_ref().map(|origin| (origin.read)())).await;
        let Some(reading) = read.flatten() else {
            self.parts.report.reload_refused();
            tracing::error!(why, fault = %ReloadError::Hangs, "configuration refused");
            return Err(ReloadError::Hangs);
        };
        *locked(&self.sources) = reading.sources;
        match reading.outcome {
            Ok(loaded) => self.take(plan, loaded, why).await,
            Err(faults) => {
                self.parts.report.reload_refused();
                let count = faults.len();
                tracing::error!(
                    why,
                    faults = count,
                    "configuration refused: the previous one stays in force"
                );
                for fault in &faults {
                    tracing::error!(%fault, "fault in the configuration");
                }
                Err(ReloadError::Faults(Arc::new(faults)))
            }
        }
    }

    async fn take(
        &self,
        plan: &mut Plan,
        loaded: Loaded,
        why: &'static str,
    ) -> Result<Arc<Difference>, ReloadError> {
        for notice in &loaded.warnings {
            tracing::warn!(%notice, "notice about the configuration");
        }
        let mut next = loaded.plan;
        let mut difference = Difference::between(plan, &next);
        if let Some((running, wanted)) = &difference.listen {
            tracing::warn!(%running, %wanted, "http.listen has changed: the change takes effect after a restart");
            // The warning repeats at every reload until the restart.
            next.listen.clone_from(running);
        }
        if let Some([running, wanted]) = &difference.state_dir {
            let [was, wanted] =
                [running, wanted].map(|folder| summary::or_none(folder.as_deref().map(Path::display)));
            tracing::warn!(running = %was, %wanted, "state_dir has changed: the change takes effect after a restart");
            next.policy.state_dir.clone_from(running);
        }
        if let Some([running, wanted]) = &difference.address {
            let [was, wanted] = [running, wanted].map(|url| summary::or_none(url.as_ref()));
            tracing::warn!(running = %was, %wanted, "http.external_url has changed: the change takes effect after a restart");
            next.address.clone_from(&plan.address);
        }
        if difference.web != WebChange::None {
            difference.web = self.protect(plan, &mut next).await;
        }
        let difference = Arc::new(difference);
        // The report goes first, so that the first observation of a new check finds its record, and a late
        // one of a removed check finds none.
        let Parts { report, readiness, prober, monitor_handle, .. } = &self.parts;
        report.apply(&next);
        let share = Share::of(self.parts.descriptors, &next.limits);
        if difference.limits.is_some() {
            share.warn();
        }
        prober.apply(share.fit(&next).as_ref().unwrap_or(&next));
        let (readiness, plan_of_readiness) = (Arc::clone(readiness), next.clone());
        // If this times out, it still completes later and takes effect then.
        match timeout(TAKING, spawn_blocking(move || readiness.apply(&plan_of_readiness))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(ReloadError::Stopping),
            Err(_) => tracing::error!(
                "the state directory does not respond: the readiness settings take effect once it does"
            ),
        }
        if !monitor_handle.apply(Arc::clone(&difference)).await {
            return Err(ReloadError::Stopping);
        }
        self.parts.credential_files.send_replace(credential_files::of(&next));
        self.parts.directories.send_replace(directories::of(&next));
        let Difference { stays, changes, comes, goes, .. } = &*difference;
        let [stay, changed, new, gone] = [stays.len(), changes.len(), comes.len(), goes.len()];
        tracing::info!(why, stay, changed, new, gone, "configuration reloaded");
        *plan = next;
        Ok(difference)
    }
}

impl Inner {
    /// Switches to another web configuration file, or to none. Changes inside the current file are picked up
    /// without a reload.
    async fn protect(&self, plan: &Plan, next: &mut Plan) -> WebChange {
        let (protection, web) = (self.parts.protection.clone(), next.web.clone());
        let followed = timeout(TAKING, spawn_blocking(move || protection.follow(web.as_deref()))).await;
        let followed = match followed {
            Ok(followed) => followed.unwrap_or_else(|error| Err(error.to_string())),
            Err(_) => Err("reading one of its files timed out".to_owned()),
        };
        if let Err(fault) = followed {
            tracing::error!(%fault, "web configuration rejected: the previous one stays in force");
            next.web.clone_from(&plan.web);
            return WebChange::Refused;
        }
        WebChange::Taken
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
