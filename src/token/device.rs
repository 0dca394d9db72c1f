//! Signs a person in without a browser on this machine: the device authorization grant (RFC 8628).
//!
//! Owns the address that is asked for a code, and what each outcome means. The `oauth2` crate asks again and again for
//! the token, at longer intervals if the provider says `slow_down`. Not here: what the person is told (`cli::login`).

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use oauth2::{
    AsyncHttpClient, DeviceAuthorizationUrl, DeviceCodeErrorResponseType, HttpRequest, HttpResponse,
    RequestTokenError, Scope, StandardDeviceAuthorizationResponse, TokenResponse,
};
use secrecy::ExposeSecret;
use tokio::time::sleep;

use super::exchange::Exchange;
use super::http::{Fault, Http};
use super::proof::refresh_token::Parts;
use crate::model::{Cause, Proof, Reason, Redacted, TokenSpec};
use crate::net::Dialer;
use crate::secret::Scrubber;

/// How a token endpoint's address ends, and how that of the provider's device authorization endpoint does.
const ENDPOINTS: &[(&str, &str)] = &[
    // Entra: Microsoft Learn, "OAuth 2.0 device authorization grant".
    ("/oauth2/v2.0/token", "/oauth2/v2.0/devicecode"),
    // Google: "OAuth 2.0 for TV and limited-input device applications".
    ("://oauth2.googleapis.com/token", "://oauth2.googleapis.com/device/code"),
    // Keycloak: "Securing applications", endpoints of a realm.
    ("/protocol/openid-connect/token", "/protocol/openid-connect/auth/device"),
];

/// How long to wait for a code at most, no matter what the provider says.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// Why a sign-in did not complete.
#[derive(Debug, thiserror::Error)]
pub enum Unfinished {
    #[error("the sign-in was declined in the browser")]
    Declined,
    #[error("the code has expired before anybody entered it")]
    Expired,
    #[error("{}", .0.detail)]
    Failed(Cause),
}

/// What the person enters, and where.
#[derive(Debug)]
pub struct Code {
    response: StandardDeviceAuthorizationResponse,
}

impl Code {
    pub fn user_code(&self) -> &str {
        self.response.user_code().secret()
    }

    pub fn page(&self) -> &str {
        self.response.verification_uri().as_str()
    }

    /// The page that knows the code already, if the provider has one.
    pub fn page_with_code(&self) -> Option<&str> {
        self.response.verification_uri_complete().map(|url| url.secret().as_str())
    }

    /// How long the person has to enter the code.
    pub fn good_for(&self) -> Duration {
        self.response.expires_in().min(LONGEST_WAIT)
    }
}

/// The address to request a code from: as configured, or derived from the token endpoint.
pub fn endpoint(spec: &TokenSpec) -> Option<String> {
    if let Proof::RefreshToken { device_url: Some(url), .. } = &*spec.proof {
        return Some(url.clone());
    }
    ENDPOINTS.iter().find_map(|(token, device)| Some(format!("{}{device}", spec.url.strip_suffix(token)?)))
}

/// Asks for a code at this endpoint.
///
/// # Errors
/// The provider's refusal, or why there was no answer.
pub async fn begin(dialer: &Dialer, spec: &TokenSpec, endpoint: &str) -> Result<Code, Cause> {
    let url = DeviceAuthorizationUrl::new(endpoint.to_owned()).map_err(|error| {
        Cause::new(Reason::TokenRequestInvalid, format!("device_url {endpoint}: {error}"))
    })?;
    // The endpoint is trusted as the token endpoint is (`ca_file`).
    let asked = TokenSpec { url: endpoint.into(), ..spec.clone() };
    let exchange = Exchange::new(dialer, &asked);
    let parts = Parts::of(&spec.proof)?;
    let (client, secrets) = parts.client(&exchange).await?;
    let client = client.set_device_authorization_url(url);
    let request = client.exchange_device_code().add_scope(Scope::new(spec.scope.to_string()));
    let request = parts.fields().fold(request, |request, (name, value)| request.add_extra_param(name, value));
    let http = exchange.http().await?;
    let scrubber = Scrubber::knowing(secrets.iter().map(ExposeSecret::expose_secret));
    let response = request.request_async(&http).await.map_err(|error| exchange.refused(error, &scrubber))?;
    Ok(Code { response })
}

/// Waits until the person has entered the code, and returns the refresh token.
///
/// # Errors
/// See [`Unfinished`].
pub async fn finish(dialer: &Dialer, spec: &TokenSpec, code: &Code) -> Result<Redacted, Unfinished> {
    let exchange = Exchange::new(dialer, spec);
    let prepare = async {
        let parts = Parts::of(&spec.proof)?;
        let (client, secrets) = parts.client(&exchange).await?;
        Ok::<_, Cause>((parts, client, secrets, exchange.http().await?))
    };
    let (parts, client, mut secrets, http) = prepare.await.map_err(Unfinished::Failed)?;
    secrets.push(Redacted::from(code.response.device_code().secret().clone()));
    let scrubber = Scrubber::knowing(secrets.iter().map(ExposeSecret::expose_secret));
    let polls = Polls { http, last: Mutex::default() };
    let request = client.exchange_device_access_token(&code.response);
    let request = parts.fields().fold(request, |request, (name, value)| request.add_extra_param(name, value));
    let answer = request.request_async(&polls, sleep, Some(code.good_for())).await;
    let last = polls.last.into_inner().unwrap_or_else(PoisonError::into_inner);
    let failed = |last| match last {
        Some(fault) => exchange.not_answered(fault, &scrubber),
        None => {
            Cause::new(Reason::ProtocolError, "the token endpoint's answer to a device code cannot be read")
        }
    };
    match answer {
        Ok(answer) => answer.refresh_token().map(|token| Redacted::from(token.secret().clone())).ok_or_else(|| {
            Unfinished::Failed(Cause::new(
                Reason::ScopeInvalid,
                format!("the provider issued no refresh token for the scope `{}`: most want `offline_access` in it", spec.scope),
            ))
        }),
        Err(RequestTokenError::ServerResponse(refusal)) => Err(match refusal.error() {
            DeviceCodeErrorResponseType::AccessDenied => Unfinished::Declined,
            // Entra's own word.
            other if other.as_ref() == "authorization_declined" => Unfinished::Declined,
            // The crate also reports this when the time is up. If the provider could not be reached, that is reported
            // instead.
            DeviceCodeErrorResponseType::ExpiredToken => match last {
                Some(fault @ Fault::Network(_)) => Unfinished::Failed(exchange.not_answered(fault, &scrubber)),
                _ => Unfinished::Expired,
            },
            _ => Unfinished::Failed(failed(last)),
        }),
        Err(_) => Err(Unfinished::Failed(failed(last))),
    }
}

/// Passes refusals on to the crate, which must see `authorization_pending`, and keeps the last failure as it was.
struct Polls<'d> {
    http: Http<'d>,
    last: Mutex<Option<Fault>>,
}

impl<'c> AsyncHttpClient<'c> for Polls<'_> {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Fault>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(async move {
            let answer = self.http.call(request).await;
            let (shown, last) = match answer {
                Ok(response) => (Ok(response), None),
                Err(Fault::Status { status, retry_after, challenge, body }) => {
                    let mut response = HttpResponse::new(body.clone().into_bytes());
                    *response.status_mut() = http::StatusCode::BAD_REQUEST;
                    let fault = Fault::Status { status, retry_after, challenge, body };
                    // A temporary failure is treated as if there had been no answer: the crate asks again.
                    let is_temporary = status == 429 || status >= 500;
                    (if is_temporary { Err(fault.clone()) } else { Ok(response) }, Some(fault))
                }
                // The crate cannot read it, and stops: a page does not go away while somebody signs in.
                Err(fault @ Fault::Page { .. }) => (Ok(HttpResponse::default()), Some(fault)),
                Err(fault) => (Err(fault.clone()), Some(fault)),
            };
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = last;
            shown
        })
    }
}
