//! The proxy between this machine and a service, taken from the environment.
//!
//! Owns its display name, and the tunnel through it. `hyper-util` knows the rules of the environment.

use std::fmt;

use http::header::{HOST, PROXY_AUTHORIZATION, USER_AGENT};
use http::{HeaderValue, Request, StatusCode};
use hyper::client::conn::http1;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
use tokio_util::task::AbortOnDropHandle;

use super::fault;
use super::line::HTTP_HEAD;
use super::origin::Origin;
use crate::model::{Cause, Reason};
use crate::net::Io;

/// A proxy. Its user name and password are sent to it and never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    scheme: String,
    host: String,
    port: Option<u16>,
    /// `Basic …`, marked as sensitive.
    login: Option<HeaderValue>,
}

impl Proxy {
    /// The proxy that requests to this URL go through, if any.
    pub(super) fn before(url: &str) -> Option<Self> {
        Self::of(&Matcher::from_system(), url)
    }

    fn of(environment: &Matcher, url: &str) -> Option<Self> {
        let intercept = environment.intercept(&url.parse().ok()?)?;
        let uri = intercept.uri();
        let mut login = intercept.basic_auth().cloned();
        login.iter_mut().for_each(|login| login.set_sensitive(true));
        let scheme = uri.scheme_str().unwrap_or("http").to_owned();
        Some(Self { scheme, host: uri.host()?.to_owned(), port: uri.port_u16(), login })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// It is not an HTTP proxy.
    pub(super) fn origin(&self) -> Result<Origin, Cause> {
        let host = self.host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (is_secure, usual) = match self.scheme.as_str() {
            "http" => (false, 80),
            "https" => (true, 443),
            other => {
                let why = format!("{other}:// proxies are not supported, only http:// and https://");
                return Err(Cause::new(Reason::NetworkUnreachable, why));
            }
        };
        Ok(Origin { is_secure, host, port: self.port.unwrap_or(usual) })
    }

    /// A connection to this origin through the proxy at the other end of `stream`.
    ///
    /// # Errors
    /// The proxy refuses, or does not answer as one.
    pub(super) async fn tunnel(
        &self,
        stream: Box<dyn Io>,
        to: &Origin,
        name: &str,
    ) -> Result<Box<dyn Io>, Cause> {
        let refused = |why: String| {
            let detail = format!("the proxy {self} (HTTPS_PROXY) refuses the connection: {why}");
            Cause::new(Reason::NetworkUnreachable, detail)
        };
        let unfit = |error: &dyn fmt::Display| Cause::new(Reason::Internal, format!("CONNECT: {error}"));
        let mut request = Request::connect(to.authority())
            .header(HOST, to.authority())
            .header(USER_AGENT, super::USER_AGENT_NAME)
            .body(String::new())
            .map_err(|error| unfit(&error))?;
        if let Some(login) = &self.login {
            request.headers_mut().insert(PROXY_AUTHORIZATION, login.clone());
        }
        let lost = |error: hyper::Error| self.between(fault::http(&error, name));
        let mut builder = http1::Builder::new();
        builder.max_buf_size(HTTP_HEAD).ignore_invalid_headers_in_responses(true);
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(lost)?;
        let _running = AbortOnDropHandle::new(tokio::spawn(async move {
            // The other half hears of its errors.
            let _ = connection.with_upgrades().await;
        }));
        let answer = sender.send_request(request).await.map_err(lost)?;
        match answer.status() {
            status if status.is_success() => {}
            StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                return Err(refused("it requires a login (407)".to_owned()));
            }
            status => return Err(refused(format!("HTTP status {}", status.as_u16()))),
        }
        let upgraded = hyper::upgrade::on(answer).await.map_err(lost)?;
        let parts = upgraded.downcast::<TokioIo<Box<dyn Io>>>();
        let parts = parts.map_err(|_| unfit(&"the stream is not the one that was opened"))?;
        if !parts.read_buf.is_empty() {
            let detail = "it sends data before the connection is used";
            return Err(self.between(Cause::new(Reason::ProtocolError, detail)));
        }
        Ok(parts.io.into_inner())
    }

    /// The cause with the name of the proxy, which may be at fault.
    pub(super) fn between(&self, mut cause: Cause) -> Cause {
        cause.detail = format!("through the proxy {self} (HTTPS_PROXY): {}", cause.detail);
        cause
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_without_its_user_and_only_where_it_is_asked() {
        let environment =
            Matcher::builder().https("http://user:hunter22@proxy.example:3128").no("idp.local").build();
        let named = |url| Proxy::of(&environment, url).map(|proxy| proxy.to_string());
        assert_eq!(named("https://idp.example/token").as_deref(), Some("proxy.example:3128"));
        assert_eq!(named("https://idp.local/token"), None);
        assert_eq!(named("http://idp.example/token"), None);
        let shown = format!("{:?}", Proxy::of(&environment, "https://idp.example/token"));
        assert!(shown.contains("Sensitive") && !shown.contains("dXNlcjpodW50ZXIyMg"), "{shown}");
    }

    #[test]
    fn only_proxies_that_speak_http_are_used() {
        let origin = |proxy: &str| {
            let environment = Matcher::builder().https(proxy).build();
            let proxy = Proxy::of(&environment, "https://idp.example/token");
            proxy.map(|proxy| proxy.origin().map(|origin| (origin.is_secure, origin.authority())))
        };
        let http = |authority: &str| Some(Ok((false, authority.to_owned())));
        assert_eq!(origin("proxy.example:3128"), http("proxy.example:3128"));
        assert_eq!(origin("http://[::1]:3128"), http("[::1]:3128"));
        assert_eq!(origin("http://proxy.example"), http("proxy.example:80"));
        assert_eq!(origin("https://proxy.example"), Some(Ok((true, "proxy.example:443".to_owned()))));
        let refused = origin("socks5://proxy.example:1080");
        assert!(matches!(&refused, Some(Err(cause)) if cause.detail.contains("socks5")), "{refused:?}");
    }
}
