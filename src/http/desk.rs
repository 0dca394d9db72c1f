//! What the pages may ask of the running agent, and `POST /-/reload`, which asks for one of it.
//!
//! Not here: who answers, which is up to `app`.

use std::future::ready;
use std::pin::Pin;

use axum::extract::State;
use axum::http::StatusCode;

use crate::model::{CheckName, OnDemand};

use super::Site;

/// An answer that is being worked on. Whoever stops waiting stops nothing.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Asks for a probe now; `None` where the loop has ended.
type AskProbe = Box<dyn Fn(CheckName) -> Pending<Option<OnDemand>> + Send + Sync>;

/// Asks for the configuration to be read again: what was done, or every complaint.
type AskReload = Box<dyn Fn() -> Pending<Result<String, String>> + Send + Sync>;

/// Where the pages ask.
pub struct Desk {
    /// For a probe.
    pub probe: AskProbe,
    /// For a reload.
    pub reload: AskReload,
}

impl Default for Desk {
    /// Nobody is there.
    fn default() -> Self {
        let refused = || Err("This agent cannot read its configuration again.".to_owned());
        Self {
            probe: Box::new(|_| Box::pin(ready(None))),
            reload: Box::new(move || Box::pin(ready(refused()))),
        }
    }
}

pub(super) async fn reload(State(site): State<Site>) -> (StatusCode, String) {
    match (site.desk.reload)().await {
        Ok(done) => (StatusCode::OK, format!("{done}\n")),
        Err(complaints) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{complaints}\n")),
    }
}
