//! HTTPS to services that are no mail servers: each answer is limited in bytes and in time, and a request without an
//! answer has a cause.
//!
//! Owns the proxy of the environment, `Retry-After` and the clock of the other side; HTTP itself is hyper's. Nothing is
//! compressed, and redirects are not followed. What an answer means is up to `token` and `directory`.

mod body;
mod fault;
mod line;
mod origin;
mod proxy;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, DATE, HOST, RETRY_AFTER, USER_AGENT, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Request, Response, Uri};
use hyper::body::Incoming;
use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;
use url::Url;

use self::line::{Line, Way};
use self::origin::Origin;
use self::proxy::Proxy;
use crate::clock;
use crate::model::{Cause, Certificate, Phase, Reason};
use crate::net::{self, Allowance, Dialer};

pub use self::body::{BYTE_ORDER_MARK, Body, End, is_fault, may_be_json, read as read_body};

/// How long a connection to a metadata service may take. Outside Azure, no host answers at its address.
const NEAR: Duration = Duration::from_secs(2);
/// How we name ourselves.
const USER_AGENT_NAME: &str = concat!("mailbox-exporter/", env!("CARGO_PKG_VERSION"));
/// Bytes that may arrive before the body of an answer: handshakes, interim answers, headers. Around the body come as many
/// as it may have itself, and these.
const BESIDES_BODY: usize = 256 * 1024;

/// The longest challenge that is kept, in bytes.
const LONGEST_CHALLENGE: usize = 4096;

/// Facts about the server, collected whatever it answers. Clones share them, so they survive a request that
/// is cancelled.
#[derive(Debug, Clone, Default)]
pub struct Peer(Arc<(OnceLock<SignedDuration>, OnceLock<Arc<Certificate>>)>);

impl Peer {
    /// How far our clock is ahead of the server's.
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        self.0.0.get().copied()
    }

    /// The certificate from the TLS handshake.
    pub fn certificate(&self) -> Option<Arc<Certificate>> {
        self.0.1.get().cloned()
    }

    fn saw(&self, certificate: &Arc<Certificate>) {
        // The first one is as good as a later one.
        let _ = self.0.1.set(Arc::clone(certificate));
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
    /// `Content-Type`.
    pub kind: Option<String>,
    /// `WWW-Authenticate`: how the request should prove itself. `None` also if it is no text, or long.
    pub challenge: Option<String>,
    /// Only the beginning may be here of an answer that is no success, or is not JSON.
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
/// would hide a change of proxy or certificate. Requests are sent one after the other.
pub struct Client<'d> {
    way: Way<'d>,
    peer: Peer,
    timeout: Duration,
    /// How long a connection may take to open.
    patience: Duration,
    /// The connection of the last request, if it can be used again.
    kept: Mutex<Option<Line>>,
}

impl<'d> Client<'d> {
    /// A client for this service; what is learnt of the server goes to `peer`.
    ///
    /// # Errors
    /// Authorities that cannot be read.
    pub async fn new(dialer: &'d Dialer, service: Service<'_>, peer: &Peer) -> Result<Self, Cause> {
        let Service { name, url, route, ca_file, timeout } = service;
        let trust = dialer.trust(ca_file).await?;
        let (proxy, patience) = match route {
            Route::AsConfigured if is_local(url) => (None, Phase::Connect.row().bound),
            Route::AsConfigured => (Proxy::before(url), Phase::Connect.row().bound),
            Route::Direct => (None, NEAR),
        };
        let way = Way { dialer, trust, proxy, allowance: Allowance::of(0), name };
        Ok(Self { way, peer: peer.clone(), timeout, patience, kept: Mutex::default() })
    }

    /// Sends a request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// Why no answer arrived. A success of more than `limit` bytes is none.
    pub async fn send(&self, request: Request<Vec<u8>>, limit: usize) -> Result<Answer, Cause> {
        let name = self.way.name;
        self.way.allowance.renew(BESIDES_BODY);
        let answer = timeout(self.timeout, self.exchange(request, limit)).await.unwrap_or_else(|_| {
            let detail = format!("the {name} gave no answer within {} s", self.timeout.as_secs());
            Err(self.way.between(Cause::new(Reason::Timeout, detail)))
        });
        answer.map_err(|cause| match self.way.allowance.is_exceeded() {
            true => {
                let sent = &self.way.allowance;
                let detail = format!("the {name} sent {sent} before its answer was complete");
                Cause::new(Reason::ProtocolError, detail)
            }
            false => cause,
        })
    }

    async fn exchange(&self, request: Request<Vec<u8>>, limit: usize) -> Result<Answer, Cause> {
        let (to, request) = written(request)?;
        let sent = clock::now();
        let (line, response) = self.ask(to, request).await?;
        self.way.allowance.renew_unless_exceeded(limit.saturating_mul(2).saturating_add(BESIDES_BODY));
        let (head, body) = response.into_parts();
        let text = |name: HeaderName| head.headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(date) = text(DATE).and_then(net::http_date) {
            // The first answer is as good as a later one.
            let _ = self.peer.0.0.set(skew(sent, clock::now(), date));
        }
        let status = head.status.as_u16();
        let body = body::read(body, status, limit, |_| ()).await;
        let name = self.way.name;
        match body.end {
            End::Whole => *self.kept() = Some(line),
            End::Limit if head.status.is_success() => {
                let detail = format!("the {name} answered with more than {limit} bytes");
                return Err(Cause::new(Reason::ProtocolError, detail));
            }
            End::Lost if !is_fault(status) => {
                let detail = format!("the {name}'s answer is incomplete");
                return Err(Cause::new(Reason::ProtocolError, detail));
            }
            End::Limit | End::Lost | End::Enough => {}
        }
        Ok(Answer {
            status,
            retry_after: text(RETRY_AFTER).and_then(net::retry_after),
            kind: text(CONTENT_TYPE).map(str::to_owned),
            challenge: text(WWW_AUTHENTICATE)
                .filter(|text| text.len() <= LONGEST_CHALLENGE)
                .map(str::to_owned),
            body: body.bytes,
        })
    }

    /// Sends the request by the connection that is kept, or by a new one.
    async fn ask(
        &self,
        to: Origin,
        mut request: Request<String>,
    ) -> Result<(Line, Response<Incoming>), Cause> {
        let kept = self.kept().take().filter(|line| line.to == to);
        if let Some(mut line) = kept
            && line.sender.ready().await.is_ok()
        {
            match line.sender.try_send_request(request).await {
                Ok(response) => return Ok((line, response)),
                Err(mut error) => match error.take_message() {
                    // The server has closed the connection in the meantime.
                    Some(unsent) => request = unsent,
                    None => return Err(self.way.lost(&error.into_error())),
                },
            }
        }
        let opened = timeout(self.patience, self.way.open(to, &self.peer)).await;
        let mut line = opened.unwrap_or_else(|_| {
            let (name, bound) = (self.way.name, self.patience.as_secs());
            let detail = format!("{name}: no connection within {bound} s");
            Err(self.way.between(Cause::new(Reason::Timeout, detail)))
        })?;
        let response = line.sender.send_request(request).await;
        response.map(|response| (line, response)).map_err(|error| self.way.lost(&error))
    }

    fn kept(&self) -> MutexGuard<'_, Option<Line>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The request as it stands on the wire, and where it goes.
fn written(request: Request<Vec<u8>>) -> Result<(Origin, Request<String>), Cause> {
    let unfit = |why: &str| Cause::new(Reason::Internal, format!("HTTP request: {why}"));
    let (mut head, body) = request.into_parts();
    let body = String::from_utf8(body).map_err(|_| unfit("its body is not text"))?;
    let to = Origin::of(&head.uri).ok_or_else(|| unfit("its address has no host"))?;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    head.uri = path.parse::<Uri>().map_err(|_| unfit("its path is malformed"))?;
    let host = HeaderValue::try_from(to.to_string()).map_err(|_| unfit("its host is malformed"))?;
    head.headers.insert(HOST, host);
    head.headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT_NAME));
    head.headers.entry(ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    Ok((to, Request::from_parts(head, body)))
}

/// Whether the endpoint is on this machine; such requests never go through a proxy.
fn is_local(url: &str) -> bool {
    let url = Url::parse(url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
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
