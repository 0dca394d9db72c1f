//! The running agent goes on by another plan: read, compared, and handed to every room that holds one.
//!
//! Owns the order in which that happens, one reload at a time. What a file means is `config`; what
//! becomes of a check is said by [`Difference`].

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as Turn, watch};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::descriptors::Share;
use crate::check::Prober;
use crate::config::{ConfigErrors, Loaded, Reading, Sources};
use crate::http::Protection;
use crate::model::{Difference, Plan};
use crate::monitor::Orders;
use crate::readiness::Readiness;
use crate::report::Report;

/// How long reading the configuration may take. A network disk that hangs must not end every later reload.
const READING: Duration = Duration::from_secs(30);

/// How long the files of readiness and of the web configuration may take, once the configuration is read.
const TAKING: Duration = Duration::from_secs(30);

/// Where the plan comes from, and comes from again at every reload.
pub struct Origin {
    /// What it was made of.
    pub sources: Sources,
    /// Reads it again. Blocks while it reads.
    pub read: Box<dyn Fn() -> Reading + Send + Sync>,
}

/// Why a reload was not taken. What runs runs on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ReloadError {
    /// Every fault of the configuration.
    #[error("{0}")]
    Faults(Arc<ConfigErrors>),
    /// A file hangs.
    #[error(
        "the configuration could not be read within {} s: one of its files or folders hangs, as on a network disk that is gone; the configuration before stays in force",
        READING.as_secs()
    )]
    Hangs,
    /// There is nothing to read.
    #[error("this agent was not started from a configuration file: there is nothing to read again")]
    NoOrigin,
    /// The program is at its end, or something in it is.
    #[error("the agent is stopping: nothing is read any more")]
    Stopping,
}

/// What has to know of another plan.
pub(super) struct Rooms {
    pub(super) report: Arc<Report>,
    pub(super) readiness: Arc<Readiness>,
    pub(super) prober: Arc<Prober>,
    pub(super) orders: Orders,
    pub(super) protection: Protection,
    /// The limit of file descriptors.
    pub(super) descriptors: Option<u64>,
}

/// Exchanges the plan of the running agent. Clones exchange the same.
#[derive(Clone)]
pub struct Reloader(Arc<Inner>);

struct Inner {
    rooms: Rooms,
    origin: Option<Origin>,
    /// What is in force; held for as long as a reload takes, so that the next one waits for its turn.
    plan: Turn<Plan>,
    /// What was read last, whether or not it was taken.
    sources: Mutex<Sources>,
    /// What the reload will bring that waits for its turn.
    waiting: Mutex<Option<Outcome>>,
    /// Files are being read. While that hangs, no other reading is begun, since each holds a thread.
    reading: Arc<AtomicBool>,
}

type Reloaded = Result<Arc<Difference>, ReloadError>;

/// Will hold what a reload brought.
type Outcome = watch::Receiver<Option<Reloaded>>;

/// Files are being read, for as long as this lives.
struct Busy(Arc<AtomicBool>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Reloader {
    pub(super) fn new(rooms: Rooms, plan: Plan, origin: Option<Origin>) -> Self {
        let sources = origin.as_ref().map(|origin| origin.sources.clone()).unwrap_or_default();
        let (plan, sources) = (Turn::new(plan), Mutex::new(sources));
        let (waiting, reading) = (Mutex::default(), Arc::default());
        Self(Arc::new(Inner { rooms, origin, plan, sources, waiting, reading }))
    }

    /// Reads the configuration and goes on by it; `why` is for the log. A caller that stops waiting stops nothing.
    ///
    /// One reload runs, and one may wait. Callers that come while one waits share what it brings, so a storm of
    /// signals costs two reloads: what a file says when the waiting one begins is what they all asked for.
    ///
    /// # Errors
    /// As [`ReloadError`] has them; then nothing has changed.
    pub async fn reload(&self, why: &'static str) -> Reloaded {
        let mut outcome = {
            let mut waiting = locked(&self.0.waiting);
            waiting.get_or_insert_with(|| self.begin(why)).clone()
        };
        let told = outcome.wait_for(Option::is_some).await;
        // It fails only where the program ends.
        told.ok().and_then(|told| told.clone()).unwrap_or(Err(ReloadError::Stopping))
    }

    /// A reload that waits for its turn.
    fn begin(&self, why: &'static str) -> Outcome {
        let (tell, outcome) = watch::channel(None);
        let inner = Arc::clone(&self.0);
        tokio::spawn(async move {
            let mut plan = inner.plan.lock().await;
            // It reads from here on: a file that changes now is for the next one.
            *locked(&inner.waiting) = None;
            let reloaded = inner.reload(&mut plan, why).await;
            tell.send_replace(Some(reloaded));
        });
        outcome
    }

    /// Reloads where a file has changed; the folders in which the next change will be.
    pub(super) async fn look(&self) -> BTreeSet<PathBuf> {
        let inner = Arc::clone(&self.0);
        let looked = tokio::spawn(async move {
            // In turn: what is being read just now is no change afterwards.
            let mut plan = inner.plan.lock().await;
            let sources = inner.sources();
            if inner.within_bounds(move || sources.have_changed()).await == Some(true) {
                // Whether it was taken is in the log.
                let _ = inner.reload(&mut plan, "a file has changed").await;
            }
            let sources = inner.sources();
            inner.within_bounds(move || sources.folders()).await.unwrap_or_default()
        });
        // It fails only where the program ends.
        looked.await.unwrap_or_default()
    }
}

impl Inner {
    fn sources(&self) -> Sources {
        locked(&self.sources).clone()
    }

    /// Does something with files that may hang; nothing where it took too long, or something before it still hangs.
    /// To be called in turn.
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
            self.rooms.report.reload_refused();
            tracing::error!(why, fault = %ReloadError::Hangs, "configuration refused");
            return Err(ReloadError::Hangs);
        };
        *locked(&self.sources) = reading.sources;
        match reading.outcome {
            Ok(loaded) => self.take(plan, loaded, why).await,
            Err(faults) => {
                self.rooms.report.reload_refused();
                let count = faults.len();
                tracing::error!(why, faults = count, "configuration refused: the one before stays in force");
                for fault in &faults {
                    tracing::error!(%fault, "configuration");
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
            tracing::warn!(%notice, "configuration");
        }
        let mut next = loaded.plan;
        let difference = Arc::new(Difference::between(plan, &next));
        if let Some((running, wanted)) = &difference.listen {
            tracing::warn!(%running, %wanted, "http.listen has changed: that takes a restart, until then the old one stays");
            // Said again at every reload, for as long as it is so.
            next.listen.clone_from(running);
        }
        if difference.address {
            tracing::warn!(
                "http.external_url has changed: that takes a restart, until then the old one stays"
            );
            next.address.clone_from(&plan.address);
        }
        if difference.web {
            self.protect(plan, &mut next).await;
        }
        // The report first: what is observed for a new check must find its place, and what is still
        // observed for one that is gone must find none.
        let Rooms { report, readiness, prober, orders, .. } = &self.rooms;
        report.apply(&next);
        let share = Share::of(self.rooms.descriptors, &next.limits);
        if difference.limits.is_some() {
            share.warn();
        }
        prober.apply(share.fit(&next).as_ref().unwrap_or(&next));
        let (readiness, plan_of_readiness) = (Arc::clone(readiness), next.clone());
        // What hangs here comes to its end later, and counts then.
        match timeout(TAKING, spawn_blocking(move || readiness.apply(&plan_of_readiness))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(ReloadError::Stopping),
            Err(_) => tracing::error!(
                "a readiness file is still being read: its file system does not answer; the file takes effect once it has been read"
            ),
        }
        if !orders.apply(Arc::clone(&difference)).await {
            return Err(ReloadError::Stopping);
        }
        let Difference { stays, changes, comes, goes, .. } = &*difference;
        let [stay, changed, new, gone] = [stays.len(), changes.len(), comes.len(), goes.len()];
        tracing::info!(why, stay, changed, new, gone, "configuration taken");
        *plan = next;
        Ok(difference)
    }
}

impl Inner {
    /// Another file guards the endpoint from now on, or none any more. What the one in force says anew is
    /// followed without being told.
    async fn protect(&self, plan: &Plan, next: &mut Plan) {
        let (protection, web) = (self.rooms.protection.clone(), next.web.clone());
        let followed = timeout(TAKING, spawn_blocking(move || protection.follow(web.as_deref()))).await;
        let followed = match followed {
            Ok(followed) => followed.unwrap_or_else(|error| Err(error.to_string())),
            Err(_) => Err("one of its files hangs".to_owned()),
        };
        if let Err(fault) = followed {
            tracing::error!(%fault, "the web configuration cannot be followed: the one before stays in force");
            next.web.clone_from(&plan.web);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a reload has done, for whoever asked for it.
pub(super) fn told(difference: &Difference) -> String {
    let Difference { stays, changes, comes, goes, listen, web, address: _, limits: _ } = difference;
    let [stay, changed, new, gone] = [stays.len(), changes.len(), comes.len(), goes.len()];
    let mut text = format!("Taken. Checks: {stay} as before, {changed} changed, {new} new, {gone} gone.");
    if let Some((running, wanted)) = listen {
        // Writing to a string cannot fail.
        let _ =
            write!(text, " http.listen has changed: {wanted} takes a restart, until then {running} stays.");
    }
    if *web {
        text += " The endpoint is protected by another http.web_config, or by none any more.";
    }
    text
}
