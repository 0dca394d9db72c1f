//! A signed statement in the place of a client secret (RFC 7521 and RFC 7523).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use serde::Serialize;

use crate::clock;
use crate::model::{Algorithm, App, Cause, Reason, Redacted};
use crate::secret::{Pair, Scrubber};
use crate::token::exchange::{Exchange, Issued};

/// What `client_assertion_type` says of a JWT (RFC 7523 section 2.2).
const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Long enough for a clock that is a few minutes off, and the longest that Entra takes.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);

/// Requests a token with this assertion.
pub(super) async fn request(
    exchange: &Exchange<'_>,
    app: &App,
    assertion: &Redacted,
) -> Result<Issued, Cause> {
    let client = exchange.client(app)?;
    let shown = assertion.expose_secret();
    let fields = app.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields = fields.chain([("client_assertion_type", TYPE), ("client_assertion", shown)]);
    exchange.client_credentials(&client, fields, &Scrubber::knowing([shown])).await
}

#[derive(Serialize)]
struct Header<'a> {
    alg: &'a str,
    typ: &'a str,
    /// The certificate's digest, by which the provider finds the public key.
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    x5t_s256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5t: Option<String>,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    iss: &'a str,
    sub: &'a str,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// An assertion for one request to this token endpoint.
pub(super) fn sign(pair: &Pair, algorithm: Algorithm, client_id: &str, url: &str) -> Result<Redacted, Cause> {
    let leaf = &pair.certificate;
    let (x5t, x5t_s256) = match algorithm {
        // The older form names the certificate by the older digest.
        Algorithm::Rs256 => (Some(URL_SAFE_NO_PAD.encode(&leaf.sha1)), None),
        Algorithm::Ps256 | Algorithm::Es256 => (None, Some(URL_SAFE_NO_PAD.encode(&leaf.sha256))),
    };
    let now = clock::now();
    let end = now.checked_add(LIFETIME).unwrap_or(now);
    let header = Header { alg: algorithm.row().jose, typ: "JWT", x5t_s256, x5t };
    let claims = Claims {
        aud: url,
        iss: client_id,
        sub: client_id,
        jti: uuid::Uuid::new_v4().to_string(),
        iat: now.as_second(),
        nbf: now.as_second(),
        exp: end.as_second(),
    };
    let message = format!("{}.{}", part(&header)?, part(&claims)?);
    let signature = pair.sign(message.as_bytes())?;
    Ok(Redacted::from(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))))
}

/// One part of a JSON Web Signature.
pub(super) fn part(value: &impl Serialize) -> Result<String, Cause> {
    let json = serde_json::to_vec(value)
        .map_err(|error| Cause::new(Reason::Internal, format!("writing the assertion: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}
