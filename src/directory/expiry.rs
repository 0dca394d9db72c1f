//! When the secrets and certificates of the configured apps end.
//!
//! An app may have several of each. The first characters of the secret, or the digest of the certificate, tell which
//! one is ours; if several fit, the one that ends last counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::Read;
use super::fault::Fault;
use super::graph::{Graph, time};
use crate::model::{Cause, Credential, DirectoryEnds, Feed, FeedReading, Proof, Reason};
use crate::safe;
use crate::secret::{self, Pair};

/// How many characters of a secret Entra shows.
const HINT: usize = 3;

/// A credential whose end the directory does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    pub credential: Arc<str>,
    /// Why, and what to do.
    pub why: String,
}

/// The members of an application that are read here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Application {
    #[serde(default)]
    password_credentials: Vec<Secret>,
    #[serde(default)]
    key_credentials: Vec<Certificate>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Secret {
    hint: Option<String>,
    end_date_time: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Certificate {
    custom_key_identifier: Option<String>,
    end_date_time: Option<String>,
}

/// What tells a credential's secret or certificate from the others of its application.
enum Mark {
    /// The first characters of a secret.
    Hint(String),
    /// The digests of a certificate: SHA-1 and SHA-256.
    Digests(Vec<u8>, Vec<u8>),
}

/// Reads the applications of these credentials, one after the other.
pub(super) async fn read(
    graph: &mut Graph<'_>,
    at: Timestamp,
    credentials: &[Arc<Credential>],
) -> Result<Read, Fault> {
    let tenant = graph.tenant().await?;
    let mut apps: BTreeMap<&str, Vec<&Arc<Credential>>> = BTreeMap::new();
    for credential in credentials {
        if !graph.directory.has(credential, tenant.as_deref()) || !has_own_end(credential) {
            continue;
        }
        if let Some(client_id) = credential.client_id() {
            apps.entry(client_id).or_default().push(credential);
        }
    }
    let (mut ends, mut unmatched) = (DirectoryEnds::new(), Vec::new());
    for (client_id, credentials) in apps {
        let url = format!(
            "{}/v1.0/applications(appId='{}')?$select=appId,displayName,passwordCredentials,keyCredentials",
            graph.directory.base_url,
            safe::url_part(client_id)
        );
        let application = graph.get::<Application>(&url, Feed::Expiry).await?;
        for credential in credentials {
            let name = Arc::clone(&credential.name);
            match end(credential, application.as_ref()).await {
                Ok(at) => drop(ends.insert(name, at)),
                Err(why) => unmatched.push(Unmatched { credential: name, why }),
            }
        }
    }
    let reading = FeedReading { at, rows: ends.len(), sightings: Arc::default(), irrelevant: 0, unclear: 0 };
    Ok(Read { reading, ends, unmatched, bound: None })
}

/// Whether a credential has a secret or a certificate that is registered at its application and that expires.
fn has_own_end(credential: &Credential) -> bool {
    credential.auth.token().is_some_and(|proof| match &**proof {
        Proof::ClientSecret { .. } | Proof::Certificate { .. } => true,
        Proof::RefreshToken { secret, .. } => secret.is_some(),
        Proof::Federated { .. } | Proof::GoogleServiceAccount { .. } | Proof::ManagedIdentity { .. } => false,
    })
}

/// When this credential ends; an error says why that is not known.
async fn end(credential: &Credential, application: Option<&Application>) -> Result<Timestamp, String> {
    let Some(application) = application else {
        return Err(
            "its application is not registered in this tenant: the directory knows only apps of its own"
                .to_owned(),
        );
    };
    let mark = mark(credential)
        .await
        .map_err(|cause| format!("what it proves itself with cannot be read: {}", cause.detail))?;
    application.end(&mark).ok_or_else(|| {
        let place = credential.places_in_words().unwrap_or_default();
        match mark {
            Mark::Hint(_) => format!(
                "none of the app's {} secrets begins like the one in {place}: if it works, it is of another app; write `expires` on the credential",
                application.password_credentials.len()
            ),
            Mark::Digests(..) => format!(
                "none of the app's {} certificates has the thumbprint of the one in {place}: upload it, or compare `client_id`",
                application.key_credentials.len()
            ),
        }
    })
}

async fn mark(credential: &Credential) -> Result<Mark, Cause> {
    let unknown = || Cause::new(Reason::Internal, "it has neither secret nor certificate");
    let proof = credential.auth.token().ok_or_else(unknown)?;
    if let Proof::Certificate { pair, algorithm, .. } = &**proof {
        let leaf = Pair::read(pair, *algorithm).await?.certificate;
        return Ok(Mark::Digests(leaf.sha1, leaf.sha256));
    }
    let secret = secret::read(proof.pasted().ok_or_else(unknown)?).await?;
    Ok(Mark::Hint(secret.expose_secret().chars().take(HINT).collect()))
}

impl Application {
    /// When the latest of those with this mark ends.
    fn end(&self, mark: &Mark) -> Option<Timestamp> {
        match mark {
            Mark::Hint(hint) => {
                let fits = |secret: &&Secret| secret.hint.as_ref() == Some(hint);
                self.password_credentials
                    .iter()
                    .filter(fits)
                    .filter_map(|secret| time(secret.end_date_time.as_deref()))
                    .max()
            }
            Mark::Digests(sha1, sha256) => {
                let fits = |key: &&Certificate| {
                    let digest = key.custom_key_identifier.as_deref().and_then(digest);
                    digest.is_some_and(|digest| digest == *sha1 || digest == *sha256)
                };
                self.key_credentials
                    .iter()
                    .filter(fits)
                    .filter_map(|key| time(key.end_date_time.as_deref()))
                    .max()
            }
        }
    }
}

/// A digest as Graph writes it, in base64, or as portals and tools do, in hexadecimal.
fn digest(text: &str) -> Option<Vec<u8>> {
    const HEXADECIMAL: [usize; 2] = [40, 64];
    let text = text.trim();
    if HEXADECIMAL.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let byte = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
        return (0..text.len()).step_by(2).map(byte).collect();
    }
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [STANDARD, URL_SAFE].iter().find_map(|alphabet| GeneralPurpose::new(alphabet, config).decode(text).ok())
}

#[cfg(test)]
// A test that cannot go on has failed.
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn application(json: &str) -> Application {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_latest_of_the_secrets_that_begin_alike_counts() {
        let app = application(
            r#"{"passwordCredentials":[
                {"hint":"abc","endDateTime":"2027-01-01T00:00:00Z","keyId":"x","unheard":{"of":1}},
                {"hint":"abc","endDateTime":"2028-01-01T00:00:00.1234567Z"},
                {"hint":"abd","endDateTime":"2029-01-01T00:00:00Z"},
                {"hint":null,"endDateTime":"2030-01-01T00:00:00Z"}]}"#,
        );
        let end = |hint: &str| app.end(&Mark::Hint(hint.to_owned())).map(|at| at.to_string());
        assert_eq!(end("abc").as_deref(), Some("2028-01-01T00:00:00.1234567Z"));
        assert_eq!(end("abd").as_deref(), Some("2029-01-01T00:00:00Z"));
        assert_eq!(end("xyz"), None);
        assert_eq!(end(""), None, "a secret without a hint is nobody's");
    }

    #[test]
    fn a_certificate_is_known_by_either_digest_in_either_form() {
        let (sha1, sha256) = (vec![0xab; 20], vec![0xcd; 32]);
        let mark = Mark::Digests(sha1.clone(), sha256.clone());
        let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let forms = [
            base64(&sha1),
            base64(&sha256),
            base64(&sha256).trim_end_matches('=').to_owned(),
            base64::engine::general_purpose::URL_SAFE.encode(&sha1),
            "AB".repeat(20),
            "cd".repeat(32),
        ];
        for form in forms {
            let json = serde_json::json!({ "keyCredentials": [
                { "customKeyIdentifier": form, "endDateTime": "2027-01-01T00:00:00Z" },
                { "customKeyIdentifier": base64(&[0xee; 20]), "endDateTime": "2029-01-01T00:00:00Z" },
                { "customKeyIdentifier": "no digest", "endDateTime": "2029-01-01T00:00:00Z" },
            ]});
            let found = application(&json.to_string()).end(&mark);
            assert_eq!(found, Some("2027-01-01T00:00:00Z".parse().unwrap()), "{form}");
        }
        assert_eq!(application("{}").end(&mark), None);
    }
}
