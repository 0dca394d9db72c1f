//! The HTTP endpoint: the table of its routes, and what they share.
//!
//! Not here: what is shown (`report`), and anything about mail.

mod actions;
mod api;
mod chosen;
mod filter;
mod health;
mod kept;
mod negotiate;
mod origin;
mod page;
mod places;
mod prefix;
mod probe;
mod protection;
mod rows;
mod scrape;
mod serve;
#[cfg(test)]
mod tests;
mod view;

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};

use crate::background::Heartbeat;
use crate::check::Prober;
use crate::clock;
use crate::model::Board;
use crate::readiness::Readiness;
use crate::report::{Facts, Live, Report};

pub use actions::{Actions, Pending};
pub use health::{Ready, SILENCE};
pub use origin::Names;
pub use protection::{Protection, Reader};
pub use serve::serve;

/// Connections at once, if there are descriptors enough.
pub const CONNECTIONS: usize = 256;

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    report: Arc<Report>,
    readiness: Arc<Readiness>,
    prober: Arc<Prober>,
    heartbeat: Arc<Heartbeat>,
    ready: Arc<Ready>,
    pages: Arc<kept::Pages>,
    actions: Arc<Actions>,
    names: Arc<Names>,
    prefix: Arc<str>,
}

impl Site {
    /// Pages that show the state of these parts.
    pub fn new(report: Arc<Report>, readiness: Arc<Readiness>, prober: Arc<Prober>) -> Self {
        Self {
            report,
            readiness,
            prober,
            heartbeat: Arc::new(Heartbeat::start()),
            ready: Arc::default(),
            pages: Arc::default(),
            actions: Arc::default(),
            names: Arc::default(),
            prefix: "".into(),
        }
    }

    /// The same pages with these answers to `/-/healthy` and `/-/ready`.
    #[must_use]
    pub fn judged_by(self, heartbeat: Arc<Heartbeat>, ready: Arc<Ready>) -> Self {
        Self { heartbeat, ready, ..self }
    }

    /// The same pages by these names, and below this path as well.
    #[must_use]
    pub fn known_as(self, names: Names, prefix: &str) -> Self {
        Self { names: Arc::new(names), prefix: prefix.into(), ..self }
    }

    /// The same pages, from which clients can request these actions.
    #[must_use]
    pub fn offering(self, actions: Actions) -> Self {
        Self { actions: Arc::new(actions), ..self }
    }

    /// The readiness of all mailboxes, as of now.
    fn board(&self) -> Board {
        self.readiness.board(clock::now())
    }

    /// What the metrics page shows besides the report.
    fn live(&self) -> Live {
        Live { overview: self.readiness.overview(clock::now()), in_flight: self.prober.in_flight() }
    }

    /// What the status page shows.
    fn facts(&self) -> Facts {
        self.report.facts(self.prober.in_flight())
    }
}

/// What a route is for, which decides who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    /// The kubelet asks.
    Liveness,
    /// Prometheus asks.
    Scrape,
    /// People and programs read.
    Page,
    /// Something is done.
    Act,
}

/// One route: its path, a description of its answer, and its handler.
pub struct Route {
    /// The method. HEAD is answered wherever GET is.
    pub method: &'static str,
    /// The path.
    pub path: &'static str,
    /// What it answers, for people.
    pub answers: &'static str,
    purpose: Purpose,
    handler: fn() -> MethodRouter<Site>,
}

/// Every route.
pub const ROUTES: &[Route] = &[
    Route {
        method: "GET",
        path: "/",
        answers: "status page: what is broken, why, and what to do about it",
        purpose: Purpose::Page,
        handler: || get(page::index),
    },
    Route {
        method: "GET",
        path: "/mailboxes/{name}",
        answers: "one mailbox: phases, facts, what was said at the last failure and the last success",
        purpose: Purpose::Page,
        handler: || get(page::mailbox),
    },
    Route {
        method: "POST",
        path: "/mailboxes/{name}/probe",
        answers: "probes the mailbox now, by the rules of /probe, and leads back to its page",
        purpose: Purpose::Act,
        handler: || post(probe::now),
    },
    Route {
        method: "GET",
        path: "/readiness",
        answers: "the switch-off board: who would break without passwords, and what to do",
        purpose: Purpose::Page,
        handler: || get(page::readiness),
    },
    Route {
        method: "GET",
        path: "/credentials",
        answers: "every credential: its end and who says so, its tokens, what rests on it, what to do",
        purpose: Purpose::Page,
        handler: || get(page::credentials),
    },
    Route {
        method: "GET",
        path: "/reasons",
        answers: "every reason of a failure, and what fails for it now",
        purpose: Purpose::Page,
        handler: || get(page::reasons),
    },
    Route {
        method: "GET",
        path: "/reasons/{name}",
        answers: "one reason: meaning, who acts, causes, what to do, how to see that it is done",
        purpose: Purpose::Page,
        handler: || get(page::reason),
    },
    Route {
        method: "GET",
        path: "/page.js",
        answers: "the script of the pages, which work without it: refreshes them in place, copies commands",
        purpose: Purpose::Page,
        handler: || get(page::script),
    },
    Route {
        method: "GET",
        path: "/metrics",
        answers: "metrics for Prometheus: text, or OpenMetrics when asked for",
        purpose: Purpose::Scrape,
        handler: || get(scrape::metrics),
    },
    Route {
        method: "GET",
        path: "/probe",
        answers: "one mailbox now (?mailbox=NAME[&protocol=imap][&debug=true]), as metrics",
        purpose: Purpose::Act,
        handler: || get(probe::probe),
    },
    Route {
        method: "GET",
        path: "/api/v1/mailboxes",
        answers: "every mailbox with its last observations, as JSON or CSV (?limit, ?offset, ?sort, ?format, filters)",
        purpose: Purpose::Page,
        handler: || get(api::mailboxes),
    },
    Route {
        method: "GET",
        path: "/api/v1/mailboxes/{name}",
        answers: "one mailbox with transcripts, as JSON",
        purpose: Purpose::Page,
        handler: || get(api::one_mailbox),
    },
    Route {
        method: "GET",
        path: "/api/v1/readiness",
        answers: "the switch-off board, as JSON or CSV, with the same parameters",
        purpose: Purpose::Page,
        handler: || get(api::readiness),
    },
    Route {
        method: "GET",
        path: "/api/v1/credentials",
        answers: "every credential with its tokens, as JSON or CSV, with the same parameters",
        purpose: Purpose::Page,
        handler: || get(api::credentials),
    },
    Route {
        method: "GET",
        path: "/-/healthy",
        answers: "200 while the scheduler turns; never depends on mail servers",
        purpose: Purpose::Liveness,
        handler: || get(health::healthy),
    },
    Route {
        method: "GET",
        path: "/-/ready",
        answers: "200 while probes are scheduled, 503 before and after",
        purpose: Purpose::Liveness,
        handler: || get(health::ready),
    },
    Route {
        method: "POST",
        path: "/-/reload",
        answers: "reads the configuration again: 200 taken, 422 with every fault of it",
        purpose: Purpose::Act,
        handler: || post(actions::reload),
    },
];

impl Route {
    /// The route of a path; a part in braces matches anything.
    fn of(path: &str) -> Option<&'static Self> {
        let fits = |route: &&Self| {
            let mut parts = path.split('/');
            let fits = route
                .path
                .split('/')
                .all(|part| parts.next().is_some_and(|is| part.starts_with('{') || part == is));
            fits && parts.next().is_none()
        };
        ROUTES.iter().find(fits)
    }
}

/// The routes, ready to be served.
pub fn router(site: Site) -> Router {
    ROUTES
        .iter()
        .fold(Router::new(), |router, route| router.route(route.path, (route.handler)()))
        .fallback(unknown_path)
        .layer(middleware::from_fn_with_state(site.clone(), origin::guard))
        .layer(middleware::map_response(guard))
        .with_state(site)
}

async fn unknown_path() -> impl IntoResponse {
    let mut text = String::from("There is no such page. These are:\n\n");
    for route in ROUTES {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<5} {:<27} {}", route.method, route.path, route.answers);
    }
    (StatusCode::NOT_FOUND, text)
}

/// Headers of every answer: no caching, no guessing of its type, no other origins.
async fn guard(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Not `no-referrer`: browsers would then send `Origin: null` with our own forms.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}
