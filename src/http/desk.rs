//! What the pages may ask of the running agent, and `POST /-/reload`, which asks for one of it.
//!
//! Not here: who answers, which is up to `app`.

use std::future::ready;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};

use crate::model::{CheckName, OnDemand};

use super::Site;

/// An answer that is being worked on. Whoever stops waiting stops nothing.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Asks for a probe now, which may take so long; `None` where nobody probes any more.
type AskProbe = Box<dyn Fn(CheckName, Duration) -> Pending<Option<OnDemand>> + Send + Sync>;

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
            probe: Box::new(|_, _| Box::pin(ready(None))),
            reload: Box::new(move || Box::pin(ready(refused()))),
        }
    }
}

pub(super) async fn reload(State(site): State<Site>, headers: HeaderMap) -> (StatusCode, String) {
    if is_from_another_page(&headers) {
        let why = "A page of another site asks for this in somebody's name: refused.\n";
        return (StatusCode::FORBIDDEN, why.to_owned());
    }
    match (site.desk.reload)().await {
        Ok(done) => (StatusCode::OK, format!("{done}\n")),
        Err(complaints) => (StatusCode::UNPROCESSABLE_ENTITY, format!("{complaints}\n")),
    }
}

/// Whether a browser sends this for a page that is not ours, with whatever it knows of its user: browsers say
/// so (Fetch Metadata, `Sec-Fetch-Site`), older ones by `Origin` (RFC 6454). Programs send neither.
fn is_from_another_page(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let elsewhere = text("sec-fetch-site").is_some_and(|site| !matches!(site, "same-origin" | "none"));
    let origin = text(header::ORIGIN.as_str());
    let host = text(header::HOST.as_str()).unwrap_or_default();
    elsewhere || origin.is_some_and(|origin| origin.split_once("://").map(|(_, rest)| rest) != Some(host))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    #[test]
    fn only_pages_of_other_sites_are_refused() {
        let asked = |given: &[(&'static str, &'static str)]| {
            let named = |(name, value): &(&'static str, &'static str)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            };
            is_from_another_page(&given.iter().map(named).collect())
        };
        let host = ("host", "agent.example:9993");
        assert!(!asked(&[host]));
        assert!(!asked(&[host, ("origin", "http://agent.example:9993"), ("sec-fetch-site", "same-origin")]));
        assert!(asked(&[host, ("sec-fetch-site", "cross-site")]));
        assert!(asked(&[host, ("sec-fetch-site", "same-site")]));
        assert!(asked(&[host, ("origin", "https://evil.example")]));
        assert!(asked(&[host, ("origin", "null")]));
    }
}
