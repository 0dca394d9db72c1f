//! The actions of the running agent that a client can request, and the route `POST /-/reload`.
//!
//! Not here: performing them, which is up to `app`.

use std::future::ready;
use std::pin::Pin;

use axum::extract::State;
use axum::http::StatusCode;

use crate::model::{CheckName, OnDemand};

use super::Site;

/// The outcome of an action that is under way. The action goes on even if the caller stops waiting.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Probes a check now; `None` if the monitor has ended.
type Probe = Box<dyn Fn(CheckName) -> Pending<Option<OnDemand>> + Send + Sync>;

/// Reloads the configuration: a summary, or every fault.
type Reload = Box<dyn Fn() -> Pending<Result<String, String>> + Send + Sync>;

/// What clients can make the agent do.
pub struct Actions {
    pub probe: Probe,
    pub reload: Reload,
}

impl Default for Actions {
    /// Refuses every action.
    fn default() -> Self {
        let refused = || Err("This agent cannot read its configuration again.".to_owned());
        Self {
            probe: Box::new(|_| Box::pin(ready(None))),
            reload: Box::new(move || Box::pin(ready(refused()))),
        }
    }
}

pub(super) async fn reload(State(site): State<Site>) -> (StatusCode, String) {
    match (site.actions.reload)().await {
        Ok(summary) => (StatusCode::OK, format!("{summary}\n")),
        Err(faults) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{faults}\n")),
    }
}
