//! HTTPS to the identity provider: one request, with the failures that the `oauth2` crate would lose.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use serde_json::Value;

use crate::https::{self, Client, Service};
use crate::model::{Cause, Phase};
use crate::net::Dialer;

pub(super) use crate::https::{Peer, Route};

/// Maximum size of an answer in bytes. Token responses have a few thousand.
const LARGEST_BODY: usize = 64 * 1024;
/// Entra writes this header into its sign-in log as "Correlation ID".
const REQUEST_ID: &str = "client-request-id";

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
        /// How the request should prove itself, if the answer says so.
        challenge: Option<String>,
        /// The body as text, truncated.
        body: String,
    },
    /// A success that is no JSON: something else answers in the endpoint's place.
    #[error("HTTP status {status}, and no JSON")]
    Page {
        status: u16,
        /// `Content-Type`.
        kind: Option<String>,
        /// The beginning of the body.
        body: String,
    },
}

/// A client for one request. Keeping connections open would save two round trips an hour, and would hide a
/// change of proxy or certificate.
pub(super) struct Http<'d> {
    client: Client<'d>,
    request_id: String,
}

impl<'d> Http<'d> {
    /// A client for this endpoint, with the trust of its provider.
    pub(super) async fn new(
        dialer: &'d Dialer,
        (url, route): (&str, Route),
        ca_file: Option<&Path>,
        request_id: &str,
        peer: &Peer,
    ) -> Result<Self, Cause> {
        let timeout = Phase::Token.row().bound;
        let service = Service { name: "token endpoint", url, route, ca_file, timeout };
        let client = Client::new(dialer, service, peer).await?;
        Ok(Self { client, request_id: request_id.to_owned() })
    }

    /// Sends the request; anything but a complete success is a fault. The answer is adapted for the `oauth2`
    /// crate, which requires status 200 and the JSON content type.
    pub(super) async fn send(&self, request: oauth2::HttpRequest) -> Result<oauth2::HttpResponse, Fault> {
        let mut request = request;
        if let Ok(id) = self.request_id.parse() {
            request.headers_mut().insert(REQUEST_ID, id);
        }
        let answer = self.client.send(request, LARGEST_BODY).await.map_err(Fault::Network)?;
        if !answer.is_success() || is_refusal(&answer.body) {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            let (status, retry_after, challenge) = (answer.status, answer.retry_after, answer.challenge);
            return Err(Fault::Status { status, retry_after, challenge, body });
        }
        if answer.body.is_empty() || !https::may_be_json(&answer.body) {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(Fault::Page { status: answer.status, kind: answer.kind, body });
        }
        let body = match answer.body.strip_prefix(https::BYTE_ORDER_MARK) {
            Some(json) => json.to_vec(),
            None => answer.body,
        };
        Ok(http::Response::new(body))
    }
}

/// Whether a "success" is really a refusal: some providers refuse with status 200.
fn is_refusal(body: &[u8]) -> bool {
    let json = body.strip_prefix(https::BYTE_ORDER_MARK).unwrap_or(body);
    let Ok(Value::Object(members)) = serde_json::from_slice(json) else { return false };
    let has = |name: &str| members.get(name).is_some_and(|value| !value.is_null());
    has("error") && !has("access_token")
}

impl<'c> oauth2::AsyncHttpClient<'c> for Http<'_> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<oauth2::HttpResponse, Fault>> + Send + 'c>>;

    fn call(&'c self, request: oauth2::HttpRequest) -> Self::Future {
        Box::pin(self.send(request))
    }
}
