//! The running agent goes on by another plan: read, compared, and handed to every room that holds one.
//!
//! Owns the order in which that happens, one reload at a time. What a file means is `config`; what
//! becomes of a check is said by [`Difference`].

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Mutex as Turn;
use tokio::task::spawn_blocking;

use crate::check::Prober;
use crate::config::{ConfigErrors, Loaded, Reading, Sources};
use crate::http::Protection;
use crate::model::{Difference, Plan};
use crate::monitor::Orders;
use crate::readiness::Readiness;
use crate::report::Report;

/// Where the plan comes from, and comes from again at every reload.
pub struct Origin {
    /// What it was made of.
    pub sources: Sources,
    /// Reads it again. Blocks while it reads.
    pub read: Box<dyn Fn() -> Reading + Send + Sync>,
}

/// Why a reload was not taken. What runs runs on.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// Every fault of the configuration.
    #[error("{0}")]
    Faults(ConfigErrors),
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
}

impl Reloader {
    pub(super) fn new(rooms: Rooms, plan: Plan, origin: Option<Origin>) -> Self {
        let sources = origin.as_ref().map(|origin| origin.sources.clone()).unwrap_or_default();
        let (plan, sources) = (Turn::new(plan), Mutex::new(sources));
        Self(Arc::new(Inner { rooms, origin, plan, sources }))
    }

    /// Reads the configuration and goes on by it; `why` is for the log. Whoever stops waiting stops nothing.
    ///
    /// # Errors
    /// As [`ReloadError`] has them; then nothing has changed.
    pub async fn reload(&self, why: &'static str) -> Result<Arc<Difference>, ReloadError> {
        let inner = Arc::clone(&self.0);
        let reload = tokio::spawn(async move {
            let mut plan = inner.plan.lock().await;
            inner.reload(&mut plan, why).await
        });
        reload.await.unwrap_or(Err(ReloadError::Stopping))
    }

    /// Reloads where a file has changed; the folders in which the next change will be.
    pub(super) async fn look(&self) -> BTreeSet<PathBuf> {
        let inner = Arc::clone(&self.0);
        let looked = tokio::spawn(async move {
            // In turn: what is being read just now is no change afterwards.
            let mut plan = inner.plan.lock().await;
            let sources = inner.sources();
            if let Ok(true) = spawn_blocking(move || sources.have_changed()).await {
                // Whether it was taken is in the log.
                let _ = inner.reload(&mut plan, "a file has changed").await;
            }
        });
        // It fails only where the program ends.
        let _ = looked.await;
        let sources = self.0.sources();
        spawn_blocking(move || sources.folders()).await.unwrap_or_default()
    }
}

impl Inner {
    fn sources(&self) -> Sources {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        let read = spawn_blocking(move || reader.origin.as_ref().map(|origin| (origin.read)())).await;
        let Ok(Some(reading)) = read else { return Err(ReloadError::Stopping) };
        *self.sources.lock().unwrap_or_else(PoisonError::into_inner) = reading.sources;
        match reading.outcome {
            Ok(loaded) => self.take(plan, loaded, why).await,
            Err(faults) => {
                self.rooms.report.reload_refused();
                let count = faults.len();
                tracing::error!(why, faults = count, "configuration refused: the one before stays in force");
                for fault in &faults {
                    tracing::error!(%fault, "configuration");
                }
                Err(ReloadError::Faults(faults))
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
        if difference.web {
            self.protect(plan, &mut next).await;
        }
        // The report first: what is observed for a new check must find its place, and what is still
        // observed for one that is gone must find none.
        let Rooms { report, readiness, prober, orders, .. } = &self.rooms;
        report.apply(&next);
        prober.apply(&next);
        let (readiness, plan_of_readiness) = (Arc::clone(readiness), next.clone());
        if spawn_blocking(move || readiness.apply(&plan_of_readiness)).await.is_err() {
            return Err(ReloadError::Stopping);
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
        let followed = spawn_blocking(move || protection.follow(web.as_deref())).await;
        if let Err(fault) = followed.unwrap_or_else(|error| Err(error.to_string())) {
            tracing::error!(%fault, "the web configuration cannot be followed: the one before stays in force");
            next.web.clone_from(&plan.web);
        }
    }
}

/// What a reload has done, for whoever asked for it.
pub(super) fn told(difference: &Difference) -> String {
    let Difference { stays, changes, comes, goes, listen, web, limits: _ } = difference;
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
