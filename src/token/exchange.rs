//! One exchange with a token endpoint: the request, which the `oauth2` crate writes, and what the answer is worth.
//!
//! Not here: what a request proves its identity with (`proof`), and the connection (`http`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::{
    ClientId, EndpointNotSet, EndpointSet, RefreshToken, RequestTokenError, Scope, StandardRevocableToken,
    TokenResponse, TokenUrl,
};
use secrecy::ExposeSecret;
use serde::Deserialize;
use tokio::time::timeout;

use super::answer::Answer;
use super::http::Route;
use super::{claims, http, proof};
use crate::clock;
use crate::diagnosis;
use crate::model::{App, Cause, Claims, End, Phase, Reason, Redacted, TokenSeal, TokenSpec};
use crate::net::Dialer;
use crate::secret::{self, Scrubber};

/// The issued token.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) value: Redacted,
    pub(super) claims: Option<Arc<Claims>>,
    /// The request's `client-request-id`.
    pub(super) request_id: String,
    /// How far our clock is ahead of the issuer's.
    pub(super) clock_skew: Option<SignedDuration>,
    /// From `expires_in`, limited by the token's own `exp`.
    pub(super) lifetime: Option<Duration>,
    /// `refresh_in`: Entra's suggestion for when to renew the token.
    pub(super) refresh_in: Option<Duration>,
}

impl Issued {
    /// What may be kept of the token.
    pub(super) fn seal(&self) -> TokenSeal {
        /// Bytes of a token's hash that are kept to tell it from other tokens.
        const KEPT: usize = 6;
        let fingerprint = secret::fingerprint_of(&self.value);
        TokenSeal {
            fingerprint: fingerprint.iter().take(KEPT).map(|byte| format!("{byte:02x}")).collect(),
            request_id: self.request_id.clone(),
            clock_skew: self.clock_skew,
            claims: self.claims.clone(),
        }
    }
}

/// A client whose token endpoint is known.
pub(super) type Client = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Maximum number of characters shown of a provider's answer.
const SHOWN: usize = 400;

/// One request for a token, not yet sent.
pub(super) struct Exchange<'a> {
    pub(super) spec: &'a TokenSpec,
    dialer: &'a Dialer,
    /// Finds the request in the provider's sign-in log.
    request_id: String,
    peer: http::Peer,
    is_sent: AtomicBool,
    /// When the proof expires, as far as it says.
    ends: Mutex<Vec<End>>,
    /// When the refresh token was last known to work.
    refresh_token_used: OnceLock<Timestamp>,
}

impl<'a> Exchange<'a> {
    pub(super) fn new(dialer: &'a Dialer, spec: &'a TokenSpec) -> Self {
        let request_id = uuid::Uuid::new_v4().to_string();
        let (peer, is_sent, ends) = (http::Peer::default(), AtomicBool::new(false), Mutex::default());
        let refresh_token_used = OnceLock::new();
        Self { spec, dialer, request_id, peer, is_sent, ends, refresh_token_used }
    }

    /// Notes the expiry date that a proof states.
    pub(super) fn note_end(&self, end: End) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(end);
    }

    pub(super) fn ends(&self) -> Vec<End> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes when the refresh token was last known to work.
    pub(super) fn note_refresh_token_used(&self, at: Timestamp) {
        // The cell is empty: a request has one outcome.
        let _ = self.refresh_token_used.set(at);
    }

    pub(super) fn refresh_token_used(&self) -> Option<Timestamp> {
        self.refresh_token_used.get().copied()
    }

    /// The facts about the server, no matter what it answered.
    pub(super) const fn peer(&self) -> &http::Peer {
        &self.peer
    }

    /// The id of the request; `None` if nothing was sent.
    pub(super) fn request_id(&self) -> Option<&str> {
        self.is_sent.load(Ordering::Relaxed).then_some(&*self.request_id)
    }

    /// A connection to the endpoint of the specification.
    pub(super) async fn http(&self) -> Result<http::Http<'a>, Cause> {
        self.open(&self.spec.url, Route::AsConfigured).await
    }

    /// A client that has not yet proven its identity.
    pub(super) fn client(&self, app: &App) -> Result<Client, Cause> {
        let url = TokenUrl::new(self.spec.url.to_string()).map_err(|error| {
            Cause::new(Reason::TokenRequestInvalid, format!("token_url {}: {error}", self.spec.url))
        })?;
        Ok(oauth2::Client::new(ClientId::new(app.client_id.clone())).set_token_uri(url))
    }

    /// Requests a token by client credentials (RFC 6749 section 4.4), with further fields of the form.
    pub(super) async fn client_credentials(
        &self,
        client: &Client,
        fields: impl IntoIterator<Item = (&str, &str)>,
        scrubber: &Scrubber,
    ) -> Result<Issued, Cause> {
        let scope = Scope::new(self.spec.scope.to_string());
        let request = client.exchange_client_credentials().add_scope(scope);
        let request =
            fields.into_iter().fold(request, |request, (name, value)| request.add_extra_param(name, value));
        self.within_bound(async {
            let http = self.http().await?;
            let answer = request.request_async(&http).await.map_err(|error| self.refused(error, scrubber))?;
            self.issued(&answer)
        })
        .await
    }

    /// A connection to this endpoint, for requests that the `oauth2` crate does not write.
    pub(super) async fn open(&self, url: &str, route: Route) -> Result<http::Http<'a>, Cause> {
        let ca_file = self.spec.ca_file.as_deref();
        http::Http::new(self.dialer, (url, route), ca_file, &self.request_id, &self.peer).await
    }

    /// The result of the answer to such a request.
    pub(super) fn judge(
        &self,
        answer: Result<oauth2::HttpResponse, http::Fault>,
        scrubber: &Scrubber,
    ) -> Result<Issued, Cause> {
        let response = answer.map_err(|fault| self.not_answered(fault, scrubber))?;
        // The parser's message may quote the token.
        let answer = serde_json::from_slice::<Answer>(response.body()).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let why = format!(
                "the token response does not follow RFC 6749 section 5.1, at line {line}, column {column}"
            );
            Cause::new(Reason::ProtocolError, why)
        })?;
        self.issued(&answer)
    }

    /// Requests a token by a refresh token (RFC 6749 section 6). Returns its successor too, if the answer has one,
    /// no matter what else the answer says: the one that was shown may be used up.
    pub(super) async fn refresh(
        &self,
        client: &Client,
        token: &Redacted,
        fields: impl IntoIterator<Item = (&str, &str)>,
        scrubber: &Scrubber,
    ) -> Result<(Result<Issued, Cause>, Option<Redacted>), Cause> {
        let token = RefreshToken::new(token.expose_secret().to_owned());
        let request =
            client.exchange_refresh_token(&token).add_scope(Scope::new(self.spec.scope.to_string()));
        let request =
            fields.into_iter().fold(request, |request, (name, value)| request.add_extra_param(name, value));
        self.within_bound(async {
            let http = self.http().await?;
            let answer = request.request_async(&http).await.map_err(|error| self.refused(error, scrubber))?;
            let successor = answer.refresh_token().map(|next| Redacted::from(next.secret().clone()));
            Ok((self.issued(&answer), successor))
        })
        .await
    }

    /// Sends a request, or several, within the bound of the phase.
    pub(super) async fn within_bound<T>(
        &self,
        request: impl Future<Output = Result<T, Cause>>,
    ) -> Result<T, Cause> {
        self.is_sent.store(true, Ordering::Relaxed);
        let bound = Phase::Token.row().bound;
        timeout(bound, request).await.unwrap_or_else(|_| {
            let why = format!("the token endpoint gave no answer within {} s", bound.as_secs());
            Err(Cause::new(Reason::Timeout, why))
        })
    }

    /// Why there is no token response.
    pub(super) fn not_answered(&self, fault: http::Fault, scrubber: &Scrubber) -> Cause {
        match fault {
            http::Fault::Network(cause) => cause,
            http::Fault::Page { status, kind, body } => Cause::new(
                Reason::ProtocolError,
                scrubber.clean(&in_place_of_token(status, kind, &body), SHOWN),
            ),
            http::Fault::Status { status, retry_after, body, .. } => {
                let answer = diagnosis::TokenAnswer { status: Some(status), retry_after, body: &body };
                let verdict = diagnosis::token(&answer);
                Cause {
                    reason: proof::refused(&self.spec.proof, verdict.reason),
                    detail: scrubber.clean(&sentence(status, &body), SHOWN),
                    retry_after: verdict.retry_after,
                }
            }
        }
    }

    /// The failure in words without secrets. Parse errors quote the text that they could not parse, so only
    /// their position is given.
    pub(super) fn refused(
        &self,
        error: RequestTokenError<http::Fault, BasicErrorResponse>,
        scrubber: &Scrubber,
    ) -> Cause {
        match error {
            RequestTokenError::Request(fault) => self.not_answered(fault, scrubber),
            RequestTokenError::Parse(error, _) => Cause::new(
                Reason::ProtocolError,
                format!("the token response does not follow RFC 6749 section 5.1, at `{}`", error.path()),
            ),
            RequestTokenError::ServerResponse(error) => {
                Cause::new(Reason::ProtocolError, scrubber.clean(&error.to_string(), SHOWN))
            }
            RequestTokenError::Other(sentence) => {
                Cause::new(Reason::ProtocolError, scrubber.clean(&sentence, SHOWN))
            }
        }
    }

    fn issued(&self, answer: &Answer) -> Result<Issued, Cause> {
        if !answer.has_usable_token() {
            return Err(Cause::new(
                Reason::ProtocolError,
                "the `access_token` of the answer is not a token: it is empty, or contains spaces or control characters",
            ));
        }
        let value = Redacted::from(answer.access_token().secret().clone());
        let claims = claims::read(&value).map(Arc::new);
        let end = claims.as_ref().and_then(|claims| claims.expires_at).or_else(|| answer.expires_on());
        let skew = self.peer.clock_skew();
        Ok(Issued {
            lifetime: lifetime(clock::now(), answer.expires_in(), end, skew),
            refresh_in: answer.refresh_in(),
            value,
            claims,
            request_id: self.request_id.clone(),
            clock_skew: skew,
        })
    }
}

/// The lifetime of a token from now: as the issuer states it, but not beyond the token's own `exp` on the
/// issuer's clock. If that clock is unknown, `exp` is ignored rather than compared with ours.
fn lifetime(
    now: Timestamp,
    said: Option<Duration>,
    end: Option<Timestamp>,
    skew: Option<SignedDuration>,
) -> Option<Duration> {
    let left = |end: Timestamp| {
        let left = end.duration_since(now) + skew.unwrap_or_default();
        Duration::try_from(left).unwrap_or_default()
    };
    match (said, end.map(left), skew) {
        (Some(said), Some(left), Some(_)) => Some(said.min(left)),
        (said, left, _) => said.or(left),
    }
}

/// The members of an error response that people need (RFC 6749 section 5.2).
#[derive(Deserialize)]
struct ErrorBody {
    error: String,
    error_description: Option<String>,
}

/// The provider's own message: `error: description`, or the status and the body as text.
fn sentence(status: u16, body: &str) -> String {
    match serde_json::from_str::<ErrorBody>(body) {
        Ok(ErrorBody { error, error_description: Some(description) }) => format!("{error}: {description}"),
        Ok(ErrorBody { error, error_description: None }) => error,
        Err(_) if body.trim().is_empty() => format!("HTTP status {status} without a body"),
        Err(_) => format!("HTTP status {status}: {}", body.trim()),
    }
}

/// What came in place of a token response, on one line.
fn in_place_of_token(status: u16, kind: Option<String>, body: &str) -> String {
    let words = body.split_whitespace().collect::<Vec<_>>().join(" ");
    let words = if words.is_empty() { "an empty body" } else { &words };
    let kind = kind.unwrap_or_else(|| "no content type".to_owned());
    format!("HTTP {status} with {kind} in place of a token; a proxy or a login page may answer: {words}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_ends_as_said_and_never_after_its_own_exp() {
        let now = Timestamp::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        let cases = [
            // `expires_in`, the token's own expiry, our clock ahead by (minutes), expected lifetime
            (Some(60), Some(60), Some(0), Some(60)),
            (Some(60), Some(20), Some(0), Some(20)),
            (Some(60), Some(20), Some(40), Some(60)),
            (Some(60), Some(-5), Some(0), Some(0)),
            // The issuer's clock is unknown.
            (Some(60), Some(20), None, Some(60)),
            (None, Some(20), None, Some(20)),
            (None, Some(20), Some(10), Some(30)),
            (Some(60), None, Some(10), Some(60)),
            (None, None, None, None),
        ];
        for (said, end, ahead, good) in cases {
            let end = end.map(|minutes: i64| now + SignedDuration::from_mins(minutes));
            let found = lifetime(now, said.map(minutes), end, ahead.map(SignedDuration::from_mins));
            assert_eq!(found, good.map(minutes), "{said:?} {end:?} {ahead:?}");
        }
    }
}
