//! A token that another issuer gave to this workload, such as a Kubernetes cluster: the identity provider trusts
//! the issuer, so there is no secret to keep.

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::assertion;
use crate::clock;
use crate::model::{App, Cause, End, EndSource, Reason, Redacted, SecretRef};
use crate::secret;
use crate::token::exchange::{Exchange, Issued};

/// How far clocks may differ: a token that ended longer ago than this is not sent.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// The claims of the token that are read. Other claims are ignored.
#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    sub: String,
    #[serde(default)]
    aud: Audience,
    exp: Option<f64>,
}

/// RFC 7519 section 4.1.3: one value or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Claims {
    fn of(token: &Redacted) -> Option<Self> {
        jsonwebtoken::dangerous::insecure_decode_claims(token.expose_secret()).ok()
    }

    /// A NumericDate (RFC 7519 section 2). Fractions are ignored.
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and a point in time is checked next")]
    fn end(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.exp? as i64).ok()
    }
}

/// Why the token at this place cannot be sent at this time.
fn judge(place: &SecretRef, token: &Redacted, now: Timestamp) -> Result<Option<Timestamp>, String> {
    let Some(claims) = Claims::of(token) else {
        return Err(format!("{place} holds no JSON Web Token, which Kubernetes and other issuers write"));
    };
    match claims.end() {
        Some(end) if now.duration_since(end) > TOLERANCE => Err(format!(
            "the token in {place} expired at {end}: it is no longer renewed. On Kubernetes the kubelet writes it; compare the pod's volume and service account"
        )),
        end => Ok(end),
    }
}

pub(super) async fn request(exchange: &Exchange<'_>, app: &App, place: &SecretRef) -> Result<Issued, Cause> {
    identified(app, &exchange.spec.url)?;
    let token = secret::read(place).await?;
    let judged = judge(place, &token, clock::now());
    if let Some(at) = Claims::of(&token).and_then(|claims| claims.end()) {
        exchange.note_end(End { source: EndSource::TokenFile, at });
    }
    judged.map_err(|why| Cause::new(Reason::SecretUnreadable, why))?;
    assertion::request(exchange, app, &token).await
}

/// Whether the webhook of Azure Workload Identity has told this workload who it is.
fn identified(app: &App, url: &str) -> Result<(), Cause> {
    let absent =
        [("AZURE_CLIENT_ID", app.client_id.is_empty()), ("AZURE_TENANT_ID", url.contains("{tenant}"))];
    let absent: Vec<&str> = absent.iter().filter(|(_, absent)| *absent).map(|(name, _)| *name).collect();
    if absent.is_empty() {
        return Ok(());
    }
    Err(Cause::new(
        Reason::SecretUnreadable,
        format!(
            "not set: {}. A pod gets them with the label azure.workload.identity/use: \"true\" and a service account with the annotation azure.workload.identity/client-id; or write client_id and tenant",
            absent.join(", ")
        ),
    ))
}

/// When the token expires; `None` while it cannot be read.
pub(super) async fn end(place: &SecretRef) -> Option<End> {
    let at = Claims::of(&secret::read(place).await.ok()?)?.end()?;
    Some(End { source: EndSource::TokenFile, at })
}

/// Why no request can be made with the token at this place.
pub(super) async fn fault(place: &SecretRef) -> Option<Cause> {
    let token = match secret::read(place).await {
        Ok(token) => token,
        Err(cause) => return Some(cause),
    };
    judge(place, &token, clock::now()).err().map(|why| Cause::new(Reason::SecretUnreadable, why))
}

/// What the token says about its bearer, to be compared with the federated credentials of the application.
pub(super) async fn refusal_facts(place: &SecretRef, wanted: &str) -> Vec<String> {
    /// Names of issuers and service accounts are shorter.
    const SHOWN: usize = 200;
    let Ok(token) = secret::read(place).await else { return Vec::new() };
    let Some(claims) = Claims::of(&token) else { return Vec::new() };
    let cut = |text: &str| text.chars().filter(|c| !c.is_control()).take(SHOWN).collect::<String>();
    let audience = match &claims.aud {
        Audience::One(one) => cut(one),
        Audience::Several(several) => cut(&several.join(" and ")),
    };
    let (issuer, subject) = (cut(&claims.iss), cut(&claims.sub));
    let mut told = vec![format!(
        "The token in {place} has the issuer `{issuer}`, the subject `{subject}` and the audience `{audience}`."
    )];
    if audience != wanted {
        told.push(format!("Its audience should be `{wanted}` alone."));
    }
    told
}

#[cfg(test)]
// A test that cannot continue must fail at once.
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn a_token_is_sent_until_five_minutes_after_its_end() {
        let place = SecretRef::Env("TOKEN".to_owned());
        let token = |claims: &str| {
            let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
            Redacted::from(format!("{}.{}.c2ln", part(r#"{"alg":"RS256"}"#), part(claims)))
        };
        let at = |second| Timestamp::from_second(second).ok();
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(2_000_000);
        for (claims, end) in [
            (r#"{"exp":2003600,"aud":["a","b"]}"#, Ok(at(2_003_600))),
            (r#"{"exp":1999701,"aud":"a"}"#, Ok(at(1_999_701))),
            ("{}", Ok(None)),
            (r#"{"exp":1999699}"#, Err("expired at 1970-01-24T03:28:19Z: it is no longer renewed")),
        ] {
            match (judge(&place, &token(claims), now), end) {
                (Ok(found), Ok(end)) => assert_eq!(found, end, "{claims}"),
                (Err(found), Err(words)) => assert!(found.contains(words), "{found}"),
                (found, _) => panic!("{claims}: {found:?}"),
            }
        }
        let nonsense = judge(&place, &Redacted::from("hunter2hunter2"), now).unwrap_err();
        assert!(nonsense.contains("holds no JSON Web Token") && !nonsense.contains("hunter2"), "{nonsense}");
    }
}
