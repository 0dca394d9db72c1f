//! HTTPS to services that are no mail servers: each answer is bounded in bytes and in time, and a request without an
//! answer has a cause.
//!
//! Owns the proxy of the environment, `Retry-After` and the clock of the other side. What an answer means is up to
//! `token` and `directory`.

mod proxy;

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{DATE, RETRY_AFTER, WWW_AUTHENTICATE};
use jiff::{SignedDuration, Timestamp};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use self::proxy::Proxy;
use crate::clock;
use crate::diagnosis;
use crate::model::{Cause, Certificate, IpChoice, Phase, Reason};
use crate::net::{self, Dialer, Resolver, Sight};

/// How long a connection to a metadata service may take. Outside Azure, no host answers at its address.
const NEAR: Duration = Duration::from_secs(2);

/// The longest challenge that is kept, in bytes.
const LONGEST_CHALLENGE: usize = 4096;

/// Facts about the server, collected whatever it answers. Clones share them, so they survive a request that
/// is cancelled.
#[derive(Debug, Clone, Default)]
pub struct Peer(Arc<(OnceLock<SignedDuration>, OnceLock<Sight>)>);

impl Peer {
    /// How far our clock is ahead of the server's.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        self.0.0.get().copied()
    }

    /// The certificate from the TLS handshake.
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        self.0.1.get()?.certificate()
    }
}

/// What a request reaches.
#[derive(Debug, Clone, Copy)]
pub struct Service<'a> {
    /// For sentences: `token endpoint`.
    pub name: &'static str,
    /// Any address of it: the proxy depends on it.
    pub url: &'a str,
    pub route: Route,
    /// Certificate authorities that are trusted besides the system's.
    pub ca_file: Option<&'a Path>,
    /// Time limit of one request, its answer included.
    pub timeout: Duration,
}

/// What a service answered. It cannot be printed: its body may hold a token.
pub struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    /// `WWW-Authenticate`: how the request should prove itself. `None` also if it is no text, or long.
    pub challenge: Option<String>,
    /// Of an answer that is no success, only the beginning may be here.
    pub body: Vec<u8>,
}

impl Answer {
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// How a request reaches its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route {
    /// By the proxy of the environment, unless the endpoint is on loopback.
    AsConfigured,
    /// Never by a proxy, and with little patience for a connection: to a metadata service, which is near or absent.
    Direct,
}

/// A client of one service. It lives as long as the requests that belong together: to keep its connections longer
/// would hide a change of proxy or certificate.
pub struct Client {
    client: reqwest::Client,
    /// For sentences.
    name: &'static str,
    peer: Peer,
    /// The proxy between us and the service, if any.
    proxy: Option<Proxy>,
}

impl Client {
    /// A client for this service; what is learnt of the server goes to `peer`.
    ///
    /// # Errors
    /// Authorities that cannot be read.
    pub async fn new(dialer: &Dialer, service: Service<'_>, peer: &Peer) -> Result<Self, Cause> {
        let Service { name, url, route, ca_file, timeout } = service;
        let trust = dialer.trust(ca_file).await?;
        let (tls, sight) = trust.client_config();
        // The cell is empty: every client has a new `Peer`.
        let _ = peer.0.1.set(sight);
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Names(dialer.resolver())))
            .redirect(reqwest::redirect::Policy::none())
            // One malformed header must not hide the answer.
            .http1_ignore_invalid_headers_in_responses(true)
            .connect_timeout(match route {
                Route::AsConfigured => Phase::Connect.row().bound,
                Route::Direct => NEAR,
            })
            .timeout(timeout)
            .user_agent(concat!("mailbox-exporter/", env!("CARGO_PKG_VERSION")));
        let proxy = match route {
            Route::AsConfigured if is_local(url) => {
                builder = builder.no_proxy();
                None
            }
            Route::AsConfigured => Proxy::before(url),
            Route::Direct => {
                builder = builder.no_proxy();
                None
            }
        };
        let client =
            builder.build().map_err(|error| Cause::new(Reason::Internal, format!("HTTP client: {error}")))?;
        Ok(Self { client, name, peer: peer.clone(), proxy })
    }

    /// Sends a request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// Why no answer arrived. A success of more than `limit` bytes is none.
    pub async fn send(&self, request: http::Request<Vec<u8>>, limit: usize) -> Result<Answer, Cause> {
        let request = reqwest::Request::try_from(request).map_err(|error| self.network(&error))?;
        let sent = clock::now();
        let answer = self.client.execute(request).await;
        let mut response = answer.map_err(|error| showing(self.network(&error), self.peer.certificate()))?;
        let status = response.status();
        let date = response.headers().get(DATE).and_then(|date| net::http_date(date.to_str().ok()?));
        if let Some(date) = date {
            // The first answer is as good as a later one.
            let _ = self.peer.0.0.set(skew(sent, clock::now(), date));
        }
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| net::retry_after(value.to_str().ok()?));
        let challenge = response.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        let challenge = challenge.filter(|text| text.len() <= LONGEST_CHALLENGE).map(str::to_owned);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.cut_short(&error))? {
            let room = limit.saturating_sub(body.len());
            body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
            if chunk.len() > room && status.is_success() {
                let detail = format!("the {} answered with more than {limit} bytes", self.name);
                return Err(Cause::new(Reason::ProtocolError, detail));
            } else if chunk.len() > room {
                break;
            }
        }
        Ok(Answer { status: status.as_u16(), retry_after, challenge, body })
    }

    /// The root cause of an HTTP client's error.
    fn network(&self, error: &reqwest::Error) -> Cause {
        let mut cause = bottom(error, self.name);
        if let Some(proxy) = &self.proxy {
            let is_tunnel = chain(error).any(|error| error.to_string().starts_with(TUNNEL));
            cause.detail = if is_tunnel {
                format!("the proxy {proxy} (HTTPS_PROXY) refuses the connection: {}", cause.detail)
            } else {
                format!("through the proxy {proxy} (HTTPS_PROXY): {}", cause.detail)
            };
        }
        cause
    }

    /// An answer that starts but does not finish is a protocol error.
    fn cut_short(&self, error: &reqwest::Error) -> Cause {
        if error.is_timeout() {
            return self.network(error);
        }
        Cause::new(Reason::ProtocolError, format!("the {}'s answer is incomplete", self.name))
    }
}

/// Whether the endpoint is on this machine; such requests never go through a proxy.
fn is_local(url: &str) -> bool {
    let url = reqwest::Url::parse(url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    net::is_loopback(host.trim_start_matches('[').trim_end_matches(']'))
}

/// How far our clock is ahead of a clock that read `date` at some moment between `sent` and `received`.
/// `date` has no fraction of a second; of all possible differences this returns the one nearest to zero.
fn skew(sent: Timestamp, received: Timestamp, date: Timestamp) -> SignedDuration {
    const FRACTION: SignedDuration = SignedDuration::from_secs(1);
    let least = sent.duration_since(date) - FRACTION;
    let most = received.duration_since(date);
    SignedDuration::ZERO.clamp(least.min(most), most)
}

/// Adds the certificate behind a failed handshake: its owner and issuer show which machine intercepts TLS.
fn showing(mut cause: Cause, certificate: Option<Arc<Certificate>>) -> Cause {
    if let Some(shown) = certificate.filter(|_| diagnosis::is_of_certificate(cause.reason)) {
        cause.detail += &format!(" (certificate of {}, issued by {})", shown.subject, shown.issuer);
    }
    cause
}

/// How the HTTP client's message begins if a proxy refuses the tunnel. Its error type is private.
const TUNNEL: &str = "tunnel error:";

/// The client's messages for such a refusal, each with our reason and wording.
const REFUSALS: [(&str, Reason, &str); 3] = [
    ("proxy authorization required", Reason::NetworkUnreachable, "it requires a login (407)"),
    ("unsuccessful", Reason::NetworkUnreachable, "it refused, or its answer is not HTTP"),
    ("proxy response headers too long", Reason::ProtocolError, "the header of its answer is too long"),
];

/// An error and its sources, down to the root cause.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

fn bottom(error: &reqwest::Error, name: &str) -> Cause {
    for error in chain(error) {
        if let Some(unresolved) = error.downcast_ref::<Unresolved>() {
            return unresolved.0.clone();
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // An io::Error can wrap the error that matters.
            if let Some(unresolved) = io.get_ref().and_then(|inner| inner.downcast_ref::<Unresolved>()) {
                return unresolved.0.clone();
            }
            return Cause::new(diagnosis::io(io), format!("{name}: {io}"));
        }
        if let Some(http) = error.downcast_ref::<hyper::Error>()
            && (http.is_parse() || http.is_parse_too_large())
        {
            return Cause::new(Reason::ProtocolError, format!("the {name}'s answer is not HTTP: {http}"));
        }
        let words = error.to_string();
        if let Some(said) = words.strip_prefix(TUNNEL).map(str::trim)
            && let Some((_, reason, sentence)) = REFUSALS.iter().find(|(words, ..)| *words == said)
        {
            return Cause::new(*reason, *sentence);
        }
    }
    let sentence = chain(error).last().map(ToString::to_string).unwrap_or_default();
    let reason = if error.is_timeout() { Reason::Timeout } else { Reason::ConnectionClosed };
    Cause::new(reason, format!("{name}: {sentence}"))
}

/// Our resolver behind the HTTP client's interface.
struct Names(Arc<Resolver>);

/// Carries a cause through the HTTP client's boxed errors.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.detail)]
struct Unresolved(Cause);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = Arc::clone(&self.0);
        Box::pin(async move {
            let address = resolver.resolve(name.as_str(), IpChoice::Auto).await.map_err(Unresolved)?;
            let addresses: Addrs = Box::new(std::iter::once(SocketAddr::new(address, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_skew_is_what_the_journey_cannot_explain() {
        let at = |millis| Timestamp::UNIX_EPOCH + SignedDuration::from_millis(millis);
        // Sent at 100.2 s, received at 100.9 s.
        let measured = |date| skew(at(100_200), at(100_900), at(date)).as_millis();
        assert_eq!(measured(100_000), 0);
        assert_eq!(measured(99_000), 200, "ahead: the other clock was at 99.999 s at most");
        assert_eq!(measured(101_000), -100, "behind: the other clock was at 101.0 s at least");
        assert_eq!(measured(700_000), -599_100);
        assert_eq!(measured(-499_000), 598_200);
        // Our clock was set back in between.
        assert_eq!(skew(at(100_000), at(40_000), at(100_000)).as_secs(), -60);
    }

    #[test]
    fn only_endpoints_on_this_machine_bypass_the_proxy() {
        for url in ["http://localhost:1/x", "https://127.0.0.1/x", "https://[::1]:8443/x"] {
            assert!(is_local(url), "{url}");
        }
        for url in ["https://login.microsoftonline.com/x", "https://localhost.example/x", "nonsense"] {
            assert!(!is_local(url), "{url}");
        }
    }
}
