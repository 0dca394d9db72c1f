//! HTTPS to the identity provider: one request, bounded in bytes, with the failures that the `oauth2` crate
//! would lose.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{DATE, RETRY_AFTER};
use jiff::{SignedDuration, Timestamp};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::Value;

use super::proxy::Proxy;
use crate::clock;
use crate::diagnosis;
use crate::model::{Cause, Certificate, IpChoice, Phase, Reason};
use crate::net::{self, Dialer, Resolver, Sight};

/// Maximum size of an answer in bytes. Token responses have a few thousand.
const LARGEST_BODY: usize = 64 * 1024;
/// How long a connection to a metadata service may take. Elsewhere than in Azure nobody answers at its address.
const NEAR: Duration = Duration::from_secs(2);
/// Entra writes this header into its sign-in log as "Correlation ID".
const REQUEST_ID: &str = "client-request-id";

/// Facts about the server, collected whatever it answers. Clones share them, so they survive a request that
/// is cancelled.
#[derive(Debug, Clone, Default)]
pub(super) struct Peer(Arc<(OnceLock<SignedDuration>, OnceLock<Sight>)>);

impl Peer {
    /// How far our clock is ahead of the server's.
    pub(super) fn clock_skew(&self) -> Option<SignedDuration> {
        self.0.0.get().copied()
    }

    /// The certificate from the TLS handshake.
    pub(super) fn certificate(&self) -> Option<Arc<Certificate>> {
        self.0.1.get()?.certificate()
    }
}

/// Why a request brought no token response.
#[derive(Debug, Clone, thiserror::Error)]
pub(super) enum Fault {
    /// No answer arrived.
    #[error("{}", .0.detail)]
    Network(Cause),
    /// An answer without a token.
    #[error("HTTP status {status}")]
    Status {
        status: u16,
        retry_after: Option<Duration>,
        /// The body as text, truncated.
        body: String,
    },
}

/// How a request reaches its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// By the proxy of the environment, unless the endpoint is on loopback.
    AsConfigured,
    /// Never by a proxy, and with little patience for a connection: to a metadata service, which is near or absent.
    Direct,
}

/// A client for one request. Keeping connections open would save two round trips an hour, and would hide a
/// change of proxy or certificate.
pub(super) struct Http {
    client: reqwest::Client,
    request_id: String,
    peer: Peer,
    /// The proxy between us and the endpoint, if any.
    proxy: Option<Proxy>,
}

impl Http {
    /// A client for this endpoint, with the trust of its provider.
    pub(super) async fn new(
        dialer: &Dialer,
        (url, route): (&str, Route),
        ca_file: Option<&Path>,
        request_id: &str,
        peer: &Peer,
    ) -> Result<Self, Cause> {
        let trust = dialer.trust(ca_file).await?;
        let (tls, sight) = trust.client_config();
        // The cell is empty: every request has a new `Peer`.
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
            .timeout(Phase::Token.row().bound)
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
        Ok(Self { client, request_id: request_id.to_owned(), peer: peer.clone(), proxy })
    }

    /// Sends the request; anything but a complete success is a fault. The answer is adapted for the `oauth2`
    /// crate, which requires status 200 and the JSON content type.
    pub(super) async fn send(&self, request: oauth2::HttpRequest) -> Result<oauth2::HttpResponse, Fault> {
        let proxy = self.proxy.as_ref();
        let mut request = reqwest::Request::try_from(request).map_err(|error| network(&error, proxy))?;
        if let Ok(id) = self.request_id.parse() {
            request.headers_mut().insert(REQUEST_ID, id);
        }
        let sent = clock::now();
        let answer = self.client.execute(request).await;
        let mut response = answer.map_err(|error| network(&error, proxy).showing(self.peer.certificate()))?;
        let status = response.status();
        let date = response.headers().get(DATE).and_then(|date| net::http_date(date.to_str().ok()?));
        if let Some(date) = date {
            // The cell is empty: one request gets one answer.
            let _ = self.peer.0.0.set(skew(sent, clock::now(), date));
        }
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| net::retry_after(value.to_str().ok()?));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| cut_short(&error, proxy))? {
            let room = LARGEST_BODY.saturating_sub(body.len());
            body.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
            if chunk.len() > room && status.is_success() {
                let detail = format!("the token endpoint answered with more than {LARGEST_BODY} bytes");
                return Err(Fault::Network(Cause::new(Reason::ProtocolError, detail)));
            } else if chunk.len() > room {
                break;
            }
        }
        if !status.is_success() || is_refusal(&body) {
            let body = String::from_utf8_lossy(&body).into_owned();
            return Err(Fault::Status { status: status.as_u16(), retry_after, body });
        }
        if let Some(json) = body.strip_prefix(BYTE_ORDER_MARK) {
            body = json.to_vec();
        }
        Ok(http::Response::new(body))
    }
}

/// Some editors and servers write these bytes before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a "success" is really a refusal: some providers refuse with status 200.
fn is_refusal(body: &[u8]) -> bool {
    let json = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
    let Ok(Value::Object(members)) = serde_json::from_slice(json) else { return false };
    let has = |name: &str| members.get(name).is_some_and(|value| !value.is_null());
    has("error") && !has("access_token")
}

impl<'c> oauth2::AsyncHttpClient<'c> for Http {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<oauth2::HttpResponse, Fault>> + Send + 'c>>;

    fn call(&'c self, request: oauth2::HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
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

impl Fault {
    /// Adds the certificate behind a failed handshake: its owner and issuer show which machine intercepts
    /// TLS.
    fn showing(self, certificate: Option<Arc<Certificate>>) -> Self {
        match (self, certificate) {
            (Self::Network(mut cause), Some(shown)) if diagnosis::is_of_certificate(cause.reason) => {
                cause.detail += &format!(" (certificate of {}, issued by {})", shown.subject, shown.issuer);
                Self::Network(cause)
            }
            (fault, _) => fault,
        }
    }
}

/// The root cause of an HTTP client's error.
fn network(error: &reqwest::Error, proxy: Option<&Proxy>) -> Fault {
    let mut cause = bottom(error);
    if let Some(proxy) = proxy {
        let is_tunnel = chain(error).any(|error| error.to_string().starts_with(TUNNEL));
        cause.detail = if is_tunnel {
            format!("the proxy {proxy} (HTTPS_PROXY) refuses the connection: {}", cause.detail)
        } else {
            format!("through the proxy {proxy} (HTTPS_PROXY): {}", cause.detail)
        };
    }
    Fault::Network(cause)
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

fn bottom(error: &reqwest::Error) -> Cause {
    for error in chain(error) {
        if let Some(unresolved) = error.downcast_ref::<Unresolved>() {
            return unresolved.0.clone();
        }
        if let Some(io) = error.downcast_ref::<io::Error>() {
            // An io::Error can wrap the error that matters.
            if let Some(unresolved) = io.get_ref().and_then(|inner| inner.downcast_ref::<Unresolved>()) {
                return unresolved.0.clone();
            }
            return Cause::new(diagnosis::io(io), format!("token endpoint: {io}"));
        }
        if let Some(http) = error.downcast_ref::<hyper::Error>()
            && (http.is_parse() || http.is_parse_too_large())
        {
            return Cause::new(
                Reason::ProtocolError,
                format!("the token endpoint's answer is not HTTP: {http}"),
            );
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
    Cause::new(reason, format!("token endpoint: {sentence}"))
}

/// An answer that starts but does not finish is a protocol error.
fn cut_short(error: &reqwest::Error, proxy: Option<&Proxy>) -> Fault {
    if error.is_timeout() {
        return network(error, proxy);
    }
    Fault::Network(Cause::new(Reason::ProtocolError, "the token endpoint's answer is incomplete"))
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
