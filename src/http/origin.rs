//! Where a request comes from: its headers tell whether the page of another site sent it in a user's name.
//!
//! Owns two checks. A page of another site may not make the agent act (`/probe`, `/-/reload`). And a name that an
//! attacker has led to this address (DNS rebinding) is not taken for ours, where ours are known: on a loopback
//! listener, and where an external URL is configured.
//! Not here: passwords and certificates (`protection`).

use std::net::{IpAddr, Ipv6Addr};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::model::{Address, ExternalUrl};

use super::{Purpose, Route, Site};

/// The names by which this agent is known.
#[derive(Debug, Clone, Default)]
pub struct Names {
    /// The listener is for this machine alone.
    loopback: bool,
    /// The host name that it was told to listen at.
    listen: String,
    external: Option<ExternalUrl>,
}

impl Names {
    /// The names of an agent that was told to listen at `listen`, which turned out to be the address `bound`.
    pub fn new(listen: &str, bound: IpAddr, address: &Address) -> Self {
        let listen = listen.trim_end_matches('.').to_ascii_lowercase();
        Self { loopback: bound.is_loopback(), listen, external: address.external.clone() }
    }

    /// Whether a host name, as a browser writes it, may be one of ours.
    ///
    /// An IP literal is not a name that could be led elsewhere. Neither is a name without a dot: it belongs to this
    /// machine or this network, and no stranger can register it.
    fn knows(&self, host: &str) -> bool {
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let literal = name.trim_start_matches('[').trim_end_matches(']');
        literal.parse::<IpAddr>().is_ok()
            || !name.contains('.')
            || name.ends_with(".localhost")
            || name == self.listen
            || self.external.as_ref().is_some_and(|external| external.host == name)
    }

    /// Whether a request to such a route by this host name is answered.
    fn admits(&self, purpose: Purpose, host: Option<&str>) -> bool {
        let checked = match purpose {
            Purpose::Liveness => false,
            // Prometheus may reach it by yet another name than people do.
            Purpose::Scrape => self.loopback,
            Purpose::Page | Purpose::Act => self.loopback || self.external.is_some(),
        };
        // Browsers always send a host.
        !checked || host.is_none_or(|host| self.knows(host))
    }
}

/// Refuses requests that other sites have sent.
pub(super) async fn guard(State(site): State<Site>, request: Request, next: Next) -> Response {
    let purpose = Route::of(request.uri().path()).map_or(Purpose::Page, |route| route.purpose);
    let host = host(&request);
    if !site.names.admits(purpose, host.as_deref()) {
        let host = host.unwrap_or_default().chars().take(SHOWN).collect::<String>();
        let why = format!(
            "This agent is not known by the name {host:?}: ask for it by its IP address, by localhost, or by the host of http.external_url (--web.external-url).\n"
        );
        return (StatusCode::MISDIRECTED_REQUEST, why).into_response();
    }
    if purpose == Purpose::Act && is_from_another_page(request.headers(), site.names.external.as_ref()) {
        let why = "Refused: a page of another site sent this request. Open the agent's own page, or use a program such as curl.\n";
        return (StatusCode::FORBIDDEN, why).into_response();
    }
    next.run(request).await
}

/// How many letters of a strange name are repeated.
const SHOWN: usize = 80;

/// The host without its port: of the request line, if it has one, as RFC 9112 has it.
fn host(request: &Request) -> Option<String> {
    if let Some(host) = request.uri().host() {
        return Some(host.to_owned());
    }
    let lines: Vec<_> = request.headers().get_all(header::HOST).iter().collect();
    let [host] = lines.as_slice() else {
        // Two hosts are none of ours.
        return (!lines.is_empty()).then(|| "two.hosts".to_owned());
    };
    let host = String::from_utf8_lossy(host.as_bytes()).trim().to_owned();
    Some(without_port(&host).to_owned())
}

fn without_port(host: &str) -> &str {
    if host.parse::<Ipv6Addr>().is_ok() || host.ends_with(']') {
        return host;
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// Whether a browser sends this for a page that is not ours. Browsers say so (Fetch Metadata, `Sec-Fetch-Site`),
/// older ones by `Origin` (RFC 6454). Programs send neither.
fn is_from_another_page(headers: &HeaderMap, external: Option<&ExternalUrl>) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    if let Some(site) = text("sec-fetch-site") {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = text(header::ORIGIN.as_str()) else { return false };
    if external.is_some_and(|external| external.origin() == origin) {
        return false;
    }
    let host = text(header::HOST.as_str()).unwrap_or_default();
    origin.split_once("://").is_none_or(|(_, rest)| rest != host)
}

#[cfg(test)]
mod tests;
