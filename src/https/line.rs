//! A connection to a service: resolved, through a proxy where there is one, secured, and ready for requests.

use std::net::SocketAddr;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio_util::task::AbortOnDropHandle;

use super::origin::Origin;
use super::proxy::Proxy;
use super::{Peer, fault};
use crate::diagnosis;
use crate::model::{Cause, IpChoice};
use crate::net::{Allowance, Dialer, Io, TlsFacts, Trust};

/// Maximum size of the header of an answer in bytes.
pub(super) const HTTP_HEAD: usize = 64 * 1024;

/// A connection that is open.
pub(super) struct Line {
    pub(super) to: Origin,
    pub(super) sender: SendRequest<String>,
    _running: AbortOnDropHandle<()>,
}

/// How connections are opened.
pub(super) struct Way<'d> {
    pub(super) dialer: &'d Dialer,
    pub(super) trust: Trust,
    pub(super) proxy: Option<Proxy>,
    pub(super) allowance: Allowance,
    /// The service's name, for sentences.
    pub(super) name: &'static str,
}

impl Way<'_> {
    /// Opens a connection.
    ///
    /// # Errors
    /// Why that is not possible; the proxy is named if there is one.
    pub(super) async fn open(&self, to: Origin, peer: &Peer) -> Result<Line, Cause> {
        let stream = match &self.proxy {
            None => self.reach(&to).await?,
            Some(proxy) => {
                let between = |cause| proxy.between(cause);
                let at = proxy.origin().map_err(between)?;
                let stream = self.reach(&at).await.map_err(between)?;
                let stream = match at.is_secure {
                    true => self.secure(stream, &at.host, &Peer::default()).await.map_err(between)?,
                    false => stream,
                };
                proxy.tunnel(stream, &to, self.name).await?
            }
        };
        let stream = match to.is_secure {
            true => self.secure(stream, &to.host, peer).await.map_err(|cause| self.between(cause))?,
            false => stream,
        };
        let mut builder = http1::Builder::new();
        // One malformed header must not hide the answer.
        builder.max_buf_size(HTTP_HEAD).ignore_invalid_headers_in_responses(true);
        let (sender, connection) =
            builder.handshake(TokioIo::new(stream)).await.map_err(|error| self.lost(&error))?;
        let running = tokio::spawn(async move {
            // Requests hear of its errors.
            let _ = connection.await;
        });
        Ok(Line { to, sender, _running: AbortOnDropHandle::new(running) })
    }

    /// A request that got no answer.
    pub(super) fn lost(&self, error: &hyper::Error) -> Cause {
        self.between(fault::http(error, self.name))
    }

    /// The cause with the name of the proxy, if there is one.
    pub(super) fn between(&self, cause: Cause) -> Cause {
        match &self.proxy {
            Some(proxy) => proxy.between(cause),
            None => cause,
        }
    }

    async fn reach(&self, at: &Origin) -> Result<Box<dyn Io>, Cause> {
        let address = self.dialer.resolve(&at.host, IpChoice::Auto).await?;
        let address = SocketAddr::new(address, at.port);
        let connected = self.dialer.connect(address, self.allowance.clone()).await;
        Ok(Box::new(connected.map_err(|error| fault::io(&error, self.name))?))
    }

    async fn secure(&self, stream: Box<dyn Io>, host: &str, peer: &Peer) -> Result<Box<dyn Io>, Cause> {
        let mut facts = TlsFacts::default();
        let secured = self.trust.handshake(stream, host, &mut facts).await;
        let shown = facts.certificate;
        if let Some(certificate) = &shown {
            peer.saw(certificate);
        }
        let stream = secured.map_err(|error| {
            let mut cause = fault::io(&error, self.name);
            // Owner and issuer of the certificate show which machine intercepts TLS.
            if let Some(shown) = shown.filter(|_| diagnosis::is_of_certificate(cause.reason)) {
                cause.detail += &format!(" (certificate of {}, issued by {})", shown.subject, shown.issuer);
            }
            cause
        })?;
        Ok(Box::new(stream))
    }
}
