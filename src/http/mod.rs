//! The HTTP endpoint: the table of its routes, and what they share.
//!
//! Not here: what is shown (`report`), and anything about mail.

mod api;
mod desk;
mod health;
mod negotiate;
mod page;
mod probe;
mod protection;
mod scrape;
mod serve;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use crate::report::Report;

pub use desk::{Desk, Pending};
pub use health::{Pulse, Ready, SILENCE};
pub use protection::{Protection, Reader};
pub use serve::serve;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    report: Arc<Report>,
    pulse: Arc<Pulse>,
    ready: Arc<Ready>,
    scrapes: Arc<scrape::Scrapes>,
    desk: Arc<Desk>,
}

impl Site {
    /// The pages of `report`; `pulse` decides `/-/healthy`, `ready` decides `/-/ready`.
    pub fn new(report: Arc<Report>, pulse: Arc<Pulse>, ready: Arc<Ready>) -> Self {
        Self { report, pulse, ready, scrapes: Arc::default(), desk: Arc::default() }
    }

    /// The same pages with somebody to ask for probes and reloads.
    #[must_use]
    pub fn asking(self, desk: Desk) -> Self {
        Self { desk: Arc::new(desk), ..self }
    }
}

/// One route: what it is called, what it answers, who answers.
pub struct Route {
    /// The method. HEAD is answered wherever GET is.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// What it answers, for people.
    pub answers: &'static str,
    handler: fn() -> MethodRouter<Site>,
}

/// Every route.
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/",
        answers: "status page: what is broken, why, and what to do about it",
        handler: || get(page::index),
    },
    Route {
        method: "GET",
        path: "/mailboxes/{name}",
        answers: "one mailbox: phases, facts, what was said at the last failure and the last success",
        handler: || get(page::mailbox),
    },
    Route {
        method: "GET",
        path: "/readiness",
        answers: "the switch-off board: who would break without passwords, and what to do",
        handler: || get(page::readiness),
    },
    Route {
        method: "GET",
        path: "/reasons",
        answers: "every reason of a failure, and what fails for it now",
        handler: || get(page::reasons),
    },
    Route {
        method: "GET",
        path: "/reasons/{name}",
        answers: "one reason: meaning, who acts, causes, what to do, how to see that it is done",
        handler: || get(page::reason),
    },
    Route {
        method: "GET",
        path: "/metrics",
        answers: "metrics for Prometheus: text, or OpenMetrics when asked for",
        handler: || get(scrape::metrics),
    },
    Route {
        method: "GET",
        path: "/probe",
        answers: "one mailbox now (?mailbox=NAME[&protocol=imap][&debug=true]), as metrics",
        handler: || get(probe::probe),
    },
    Route {
        method: "GET",
        path: "/api/v1/mailboxes",
        answers: "every mailbox with its last observations, as JSON",
        handler: || get(api::mailboxes),
    },
    Route {
        method: "GET",
        path: "/api/v1/mailboxes/{name}",
        answers: "one mailbox with transcripts, as JSON",
        handler: || get(api::one_mailbox),
    },
    Route {
        method: "GET",
        path: "/api/v1/readiness",
        answers: "the switch-off board, as JSON",
        handler: || get(api::readiness),
    },
    Route {
        method: "GET",
        path: "/api/v1/credentials",
        answers: "every credential with its tokens, as JSON",
        handler: || get(api::credentials),
    },
    Route {
        method: "GET",
        path: "/-/healthy",
        answers: "200 while the scheduler turns; never depends on mail servers",
        handler: || get(health::healthy),
    },
    Route {
        method: "GET",
        path: "/-/ready",
        answers: "200 while probes are scheduled, 503 before and after",
        handler: || get(health::ready),
    },
    Route {
        method: "POST",
        path: "/-/reload",
        answers: "reads the configuration again: 200 taken, 422 with every fault of it",
        handler: || post(desk::reload),
    },
];

/// The routes, ready to be served.
pub fn router(site: Site) -> Router {
    ROUTES
        .iter()
        .fold(Router::new(), |router, route| router.route(route.path, (route.handler)()))
        .fallback(unknown_path)
        .layer(middleware::map_response(guard))
        .with_state(site)
}

async fn unknown_path() -> impl IntoResponse {
    let mut text = String::from("There is no such page. These are:\n\n");
    for route in ROUTES {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<5} {:<25} {}", route.method, route.path, route.answers);
    }
    (StatusCode::NOT_FOUND, text)
}

/// Headers of every answer: facts of now, never to be kept, guessed at or led elsewhere.
async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
