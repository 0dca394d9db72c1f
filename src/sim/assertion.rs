//! What applications sign instead of showing a secret (RFC 7523): verified as Entra does, or more strictly.
//!
//! Owns the checks of a client assertion. `idp.rs` knows the applications.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

use crate::sim::app::SimApp;
use crate::sim::issuer::AUDIENCE;
use crate::sim::reply::Refusal;

/// The one value of `client_assertion_type`.
pub(super) const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The longest time that an assertion may be valid.
const LONGEST_SECONDS: i64 = 10 * 60;
/// How far clocks may differ.
const LEEWAY_SECONDS: i64 = 5 * 60;

#[derive(Deserialize)]
struct Claims {
    aud: String,
    iss: String,
    sub: String,
    jti: String,
    iat: i64,
    nbf: i64,
    exp: i64,
}

fn refused<T>(code: u32, text: impl Into<String>) -> Result<T, Refusal> {
    Err((401, "invalid_client", code, text.into()))
}

/// Verifies an assertion that was sent to this address, written without its scheme. Each is good for one request.
pub(super) fn verify(app: &SimApp, assertion: &str, address: &str, now: Timestamp) -> Result<(), Refusal> {
    let Ok(header) = decode_header(assertion) else {
        return refused(50_027, "JWT token is invalid or malformed.");
    };
    if header.x5t.is_none() && header.x5t_s256.is_none() && !app.trusted().is_empty() {
        return verify_federated(app, assertion, now);
    }
    let registered = app.certificates().into_iter().find(|known| match header.alg {
        Algorithm::PS256 => header.x5t_s256.as_ref() == Some(&known.x5t_s256),
        Algorithm::RS256 => {
            header.x5t.as_ref() == Some(&known.x5t) || header.x5t_s256.as_ref() == Some(&known.x5t_s256)
        }
        _ => false,
    });
    let Some(registered) = registered else {
        let used = header.x5t_s256.or(header.x5t).unwrap_or_default();
        return refused(
            700_027,
            format!(
                "The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: '{used}', Please visit the Azure Portal, Graph Explorer or directly use MS Graph to see configured keys for app Id '{}'.",
                app.client_id
            ),
        );
    };
    let claims =
        match decode::<Claims>(assertion, &DecodingKey::from_rsa_der(&registered.key), &lax(header.alg)) {
            Ok(verified) => verified.claims,
            Err(error) => {
                return refused(
                    700_027,
                    format!("Client assertion failed signature validation. [Reason - {error}]"),
                );
            }
        };
    if claims.iss != app.client_id || claims.sub != app.client_id {
        return refused(
            700_021,
            "Client assertion application identifier doesn't match 'client_id' parameter.",
        );
    }
    let audience = claims.aud.strip_prefix("https://").or_else(|| claims.aud.strip_prefix("http://"));
    if audience != Some(address) {
        return refused(
            700_023,
            format!("Client assertion audience claim does not match Realm issuer. Expected '{address}'."),
        );
    }
    let seconds = now.as_second();
    let is_now = claims.nbf <= seconds + LEEWAY_SECONDS && seconds < claims.exp + LEEWAY_SECONDS;
    if !is_now || claims.iat > claims.exp || claims.exp - claims.nbf > LONGEST_SECONDS {
        return refused(
            700_024,
            format!(
                "Client assertion is not within its valid time range. Current time: {now}, assertion valid from {}, expiry time of assertion {}.",
                claims.nbf, claims.exp
            ),
        );
    }
    if claims.jti.len() < 16 || !app.uses(&claims.jti) {
        return refused(50_013, "Assertion failed: its identifier `jti` is missing, or was used before.");
    }
    Ok(())
}

/// Checks the signature and nothing else.
pub(super) fn lax(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    validation
}

#[derive(Deserialize)]
struct Federated {
    iss: String,
    sub: String,
    aud: Vec<String>,
    exp: i64,
}

/// Verifies a token of another issuer (workload identity federation).
fn verify_federated(app: &SimApp, assertion: &str, now: Timestamp) -> Result<(), Refusal> {
    let trusted = app.trusted();
    let verified = trusted.iter().find_map(|trusted| {
        let key = DecodingKey::from_rsa_der(&trusted.key);
        Some((trusted, decode::<Federated>(assertion, &key, &lax(Algorithm::RS256)).ok()?.claims))
    });
    let Some((trusted, claims)) = verified else {
        return refused(
            700_211,
            "No matching federated identity record found for presented assertion issuer. Please check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
        );
    };
    if claims.iss != trusted.issuer || claims.sub != trusted.subject {
        return refused(
            700_213,
            format!(
                "No matching federated identity record found for presented assertion subject '{}'. Please note that the matching is done using a case-sensitive comparison. Check your federated identity credential Subject, Audience and Issuer against the presented assertion.",
                claims.sub
            ),
        );
    }
    if claims.aud != [AUDIENCE] {
        return refused(
            700_212,
            format!(
                "No matching federated identity record found for presented assertion audience '{}'.",
                claims.aud.join(",")
            ),
        );
    }
    if claims.exp + LEEWAY_SECONDS < now.as_second() {
        return refused(
            700_024,
            format!(
                "Client assertion is not within its valid time range. Current time: {now}, expiry time of assertion {}.",
                claims.exp
            ),
        );
    }
    Ok(())
}
