//! The token request of each kind of credential. The `oauth2` crate writes the requests.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use oauth2::basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse};
use oauth2::{
    AuthType, ClientId, ClientSecret, RequestTokenError, Scope, StandardRevocableToken, TokenResponse,
    TokenUrl,
};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::answer::Answer;
use super::{claims, http};
use crate::clock;
use crate::diagnosis;
use crate::model::{Cause, Claims, Reason, Redacted, SecretIn, TokenForm, TokenSpec};
use crate::net::Dialer;
use crate::secret::Scrubber;

/// The issued token.
#[derive(Debug)]
pub(super) struct Issued {
    pub(super) value: Redacted,
    pub(super) claims: Option<Claims>,
    /// The request's `client-request-id`.
    pub(super) request_id: String,
    /// How far our clock is ahead of the issuer's.
    pub(super) clock_skew: Option<SignedDuration>,
    /// From `expires_in`, limited by the token's own `exp`.
    pub(super) lifetime: Option<Duration>,
    /// `refresh_in`: Entra's suggestion for when to renew the token.
    pub(super) refresh_in: Option<Duration>,
}

type Client = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
>;

/// Maximum number of characters shown of a provider's answer.
const SHOWN: usize = 400;

/// The application that requests the token, and the form of the request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Application<'a> {
    pub(super) client_id: &'a str,
    pub(super) secret: &'a Redacted,
    pub(super) form: &'a TokenForm,
}

/// Client credentials with a shared secret (RFC 6749 sections 2.3.1 and 4.4).
pub(super) async fn client_secret(
    dialer: &Dialer,
    spec: &TokenSpec,
    Application { client_id, secret, form }: Application<'_>,
    request_id: &str,
    peer: &http::Peer,
) -> Result<Issued, Cause> {
    let url = TokenUrl::new(spec.url.to_string()).map_err(|error| {
        Cause::new(Reason::TokenRequestInvalid, format!("token_url {}: {error}", spec.url))
    })?;
    let http = http::Http::new(dialer, spec, request_id, peer).await?;
    let client = Client::new(ClientId::new(client_id.to_owned()))
        .set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()))
        .set_auth_type(match form.secret_in {
            SecretIn::Body => AuthType::RequestBody,
            SecretIn::Basic => AuthType::BasicAuth,
        })
        .set_token_uri(url);
    let request = client.exchange_client_credentials().add_scope(Scope::new(spec.scope.to_string()));
    let request = form
        .parameters
        .iter()
        .fold(request, |request, (name, value)| request.add_extra_param(name.as_str(), value.as_str()));
    let scrubber = Scrubber::knowing([secret.expose_secret()]);
    let answer = request.request_async(&http).await.map_err(|error| refused(error, &scrubber))?;
    issued(&answer, request_id, peer.clock_skew())
}

fn issued(answer: &Answer, request_id: &str, skew: Option<SignedDuration>) -> Result<Issued, Cause> {
    if !answer.has_usable_token() {
        return Err(Cause::new(
            Reason::ProtocolError,
            "the `access_token` of the answer is no token: it is empty, or contains spaces or control characters",
        ));
    }
    let value = Redacted::from(answer.access_token().secret().clone());
    let claims = claims::read(&value);
    let end = claims.as_ref().and_then(|claims| claims.expires_at).or_else(|| answer.expires_on());
    Ok(Issued {
        lifetime: lifetime(clock::now(), answer.expires_in(), end, skew),
        refresh_in: answer.refresh_in(),
        value,
        claims,
        request_id: request_id.to_owned(),
        clock_skew: skew,
    })
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

/// The failure in words without secrets. Parse errors quote the text that they could not parse, so only
/// their position is given.
fn refused(error: RequestTokenError<http::Fault, BasicErrorResponse>, scrubber: &Scrubber) -> Cause {
    match error {
        RequestTokenError::Request(http::Fault::Network(cause)) => cause,
        RequestTokenError::Request(http::Fault::Status { status, retry_after, body }) => {
            let answer = diagnosis::TokenAnswer { status: Some(status), retry_after, body: &body };
            let verdict = diagnosis::token(&answer);
            Cause {
                reason: verdict.reason,
                detail: scrubber.clean(&sentence(status, &body), SHOWN),
                retry_after: verdict.retry_after,
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_as_long_as_said_and_never_beyond_its_own_end_by_the_issuers_clock() {
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
