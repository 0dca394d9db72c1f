//! A Google service account with domain-wide delegation: each request carries a statement, signed by the account's
//! key, that it acts for one user of the domain (RFC 7523 section 2.1).
//!
//! Source: Google Identity, "Using OAuth 2.0 for Server to Server Applications". Whether the account may act for the
//! user is decided by the Admin console; see [`refusal_facts`].

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ACCEPT, CONTENT_TYPE};
use jiff::SignedDuration;
use serde::Serialize;

use super::assertion::part;
use crate::clock;
use crate::model::{Cause, Reason, Redacted, SecretRef, TokenSpec};
use crate::net;
use crate::safe;
use crate::secret::{Scrubber, ServiceAccount};
use crate::token::exchange::{Exchange, Issued};
use crate::token::http::Route;
use secrecy::ExposeSecret;

/// The grant of an assertion (RFC 7523 section 2.1).
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Google takes at most an hour, counted by its own clock. The token lives for an hour, no matter what is written here.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

pub(super) async fn request(exchange: &Exchange<'_>, place: &SecretRef) -> Result<Issued, Cause> {
    let account = ServiceAccount::read(place).await?;
    let url = endpoint(exchange.spec, &account, place)?;
    let assertion = sign(&account, exchange.spec, &url)?;
    let shown = assertion.expose_secret();
    let form = format!("grant_type={}&assertion={}", safe::url_part(GRANT), safe::url_part(shown));
    let request = http::Request::post(&*url)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header(ACCEPT, "application/json")
        .body(form.into_bytes())
        .map_err(|error| Cause::new(Reason::TokenRequestInvalid, format!("token_url {url}: {error}")))?;
    let answer = exchange
        .within_bound(async {
            let http = exchange.open(&url, Route::AsConfigured).await?;
            exchange.judge(http.send(request).await, &Scrubber::knowing([shown]))
        })
        .await;
    answer.map_err(|cause| match cause.reason {
        // A refused assertion has the same `error`, but no person has to sign in again.
        Reason::RefreshTokenExpired => Cause { reason: Reason::TokenRequestInvalid, ..cause },
        _ => cause,
    })
}

/// Where to ask: the endpoint of the configuration, if one was written, or that of the key.
fn endpoint(spec: &TokenSpec, account: &ServiceAccount, place: &SecretRef) -> Result<String, Cause> {
    let Some(url) = account.token_uri.as_deref().filter(|_| !spec.url_is_written) else {
        return Ok(spec.url.to_string());
    };
    let parsed = url::Url::parse(url).ok();
    let host = parsed.as_ref().and_then(url::Url::host_str).unwrap_or_default();
    let local = net::is_loopback(host.trim_start_matches('[').trim_end_matches(']'));
    match parsed.as_ref().map(url::Url::scheme) {
        Some("https") => Ok(url.to_owned()),
        Some("http") if local => Ok(url.to_owned()),
        _ => Err(Cause::new(
            Reason::SecretUnreadable,
            format!("the token_uri in {place} is not an https address: `{url}`"),
        )),
    }
}

/// An assertion for the user of this specification.
fn sign(account: &ServiceAccount, spec: &TokenSpec, url: &str) -> Result<Redacted, Cause> {
    let user = spec.user.as_deref().unwrap_or_default();
    let now = clock::now();
    let end = now.checked_add(LIFETIME).unwrap_or(now);
    let header = Header { alg: "RS256", typ: "JWT", kid: account.key_id.as_deref() };
    let claims = Claims {
        iss: &account.email,
        sub: user,
        scope: &spec.scope,
        aud: url,
        iat: now.as_second(),
        exp: end.as_second(),
    };
    let message = format!("{}.{}", part(&header)?, part(&claims)?);
    let signature = account.sign(message.as_bytes())?;
    Ok(Redacted::from(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// Why no request can be made with the key at this place.
pub(super) async fn fault(place: &SecretRef) -> Option<Cause> {
    ServiceAccount::read(place).await.err()
}

/// The account's identity, and the entry that the Admin console must have for it.
pub(super) async fn refusal_facts(place: &SecretRef, spec: &TokenSpec, reason: Reason) -> Vec<String> {
    let Ok(account) = ServiceAccount::read(place).await else { return Vec::new() };
    let unknown = "not in the file";
    let client = account.client_id.as_deref().unwrap_or(unknown);
    let mut told = vec![format!(
        "Requests are signed by `{}`, client id `{client}`, with its key `{}`, all as in {place}.",
        account.email,
        account.key_id.as_deref().unwrap_or(unknown),
    )];
    if reason == Reason::ConsentMissing {
        told.push(format!(
            "Domain-wide delegation in the Admin console must list client id `{client}` with the scope `{}`, in the organisation of `{}`.",
            spec.scope,
            spec.user.as_deref().unwrap_or_default(),
        ));
    }
    told
}
