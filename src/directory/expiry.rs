//! When the secrets and certificates of the configured apps end.
//!
//! An app may have several of each. The first characters of the secret, or the digest of the certificate, tell which
//! one is ours; if several fit, the one that ends last counts.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::{SignedDuration, Timestamp, civil};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::Read;
use super::fault::Fault;
use super::graph::{Graph, Item, items, time};
use crate::model::{Cause, Credential, DirectoryEnds, Feed, FeedReading, Proof, Reason};
use crate::safe;
use crate::secret::{self, Pair};

/// How many characters of a secret Entra shows.
const HINT: usize = 3;

/// An end as far away as this is none: Entra writes the year 9999 for "never".
const NEVER: SignedDuration = SignedDuration::from_hours(100 * 366 * 24);

/// A credential whose end the directory does not tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmatched {
    pub credential: Arc<str>,
    /// Why, and what to do.
    pub why: String,
    /// Graph refused to show the application this time, so an end that was read before still holds.
    pub refused: bool,
}

/// The members of an application that are read here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Application {
    #[serde(default, deserialize_with = "items")]
    password_credentials: Vec<Item<Secret>>,
    #[serde(default, deserialize_with = "items")]
    key_credentials: Vec<Item<Certificate>>,
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
    let (mut rows, mut answered, mut refusal) = (0, false, None);
    for (client_id, credentials) in apps {
        let url = format!(
            "{}/v1.0/applications(appId='{}')?$select=appId,displayName,passwordCredentials,keyCredentials",
            graph.directory.base_url,
            safe::url_part(client_id)
        );
        let application = match graph.get::<Application>(&url, Feed::Expiry).await {
            Ok(application) => application,
            Err(fault) if fault.is_of_one_address() => {
                let why = fault.to_string();
                unmatched.extend(credentials.iter().map(|credential| Unmatched {
                    credential: Arc::clone(&credential.name),
                    why: why.clone(),
                    refused: true,
                }));
                refusal.get_or_insert(fault);
                continue;
            }
            Err(fault) => return Err(fault),
        };
        answered = true;
        for credential in credentials {
            let name = Arc::clone(&credential.name);
            match end(credential, application.as_ref()).await {
                Ok(end) => {
                    rows += 1;
                    if end.duration_since(at) < NEVER {
                        ends.insert(name, end);
                    }
                }
                Err(why) => unmatched.push(Unmatched { credential: name, why, refused: false }),
            }
        }
    }
    // One refusal is about one application; if there is nothing else, it is about all.
    if let Some(fault) = refusal.filter(|_| !answered) {
        return Err(fault);
    }
    let remark = remark(&unmatched);
    let reading = FeedReading { at, rows, sightings: Arc::default(), irrelevant: 0, unclear: 0, remark };
    Ok(Read { reading, ends, unmatched, bound: None })
}

/// Names the credentials whose applications Graph refuses to show.
fn remark(unmatched: &[Unmatched]) -> Option<String> {
    let refused: Vec<&Unmatched> = unmatched.iter().filter(|one| one.refused).collect();
    let (first, rest) = refused.split_first()?;
    let more = if rest.is_empty() { String::new() } else { format!(" (and {} more)", rest.len()) };
    Some(format!("the application of credential {}{more} is not shown: {}", first.credential, first.why))
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
    application.end(&mark).map_err(|miss| {
        let place = credential.places_in_words().unwrap_or_default();
        match (miss, mark) {
            (Miss::NoEnd, _) => format!("the directory gives no end for the one in {place}: write `expires` on the credential"),
            (Miss::NoHint(count), _) => format!(
                "the directory gives no hint for {count} of the app's secrets, so it is not known which one is in {place}: write `expires` on the credential"
            ),
            (Miss::NoneFits(count), Mark::Hint(_)) => format!(
                "none of the app's {count} secrets begins like the one in {place}: if it works, it is of another app; write `expires` on the credential"
            ),
            (Miss::NoneFits(count), Mark::Digests(..)) => format!(
                "none of the app's {count} certificates has the thumbprint of the one in {place}: upload it, or compare `client_id`"
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

/// Why an application does not tell an end.
#[derive(Debug, PartialEq, Eq)]
enum Miss {
    /// None of so many bears the mark.
    NoneFits(usize),
    /// None bears the mark, and so many secrets have no hint.
    NoHint(usize),
    /// Those that bear the mark have no end that can be read.
    NoEnd,
}

impl Application {
    /// When the latest of those with this mark ends.
    fn end(&self, mark: &Mark) -> Result<Timestamp, Miss> {
        let (count, without_hint, ends): (_, _, Vec<Option<Timestamp>>) = match mark {
            Mark::Hint(hint) => {
                let secrets = || self.password_credentials.iter().filter_map(Item::read);
                let fits = |secret: &&Secret| secret.hint.as_ref() == Some(hint);
                let ends = secrets().filter(fits).map(|secret| end_time(secret.end_date_time.as_deref()));
                let without_hint = secrets().filter(|secret| secret.hint.is_none()).count();
                (self.password_credentials.len(), without_hint, ends.collect())
            }
            Mark::Digests(sha1, sha256) => {
                let fits = |key: &&Certificate| {
                    let digest = key.custom_key_identifier.as_deref().and_then(digest);
                    digest.is_some_and(|digest| digest == *sha1 || digest == *sha256)
                };
                let keys = self.key_credentials.iter().filter_map(Item::read).filter(fits);
                let ends = keys.map(|key| end_time(key.end_date_time.as_deref()));
                (self.key_credentials.len(), 0, ends.collect())
            }
        };
        match (ends.is_empty(), without_hint) {
            (true, 0) => Err(Miss::NoneFits(count)),
            (true, _) => Err(Miss::NoHint(without_hint)),
            (false, _) => ends.into_iter().flatten().max().ok_or(Miss::NoEnd),
        }
    }
}

/// An end as Graph writes it. One after the last time that can be held, such as the end of 9999, counts as that time.
fn end_time(text: Option<&str>) -> Option<Timestamp> {
    let text = text?.trim();
    time(Some(text)).or_else(|| {
        let written: civil::DateTime = text.trim_end_matches(['Z', 'z']).parse().ok()?;
        (written.year() == civil::DateTime::MAX.year()).then_some(Timestamp::MAX)
    })
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
    use proptest::prelude::*;

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
        assert_eq!(end("abc").as_deref(), Ok("2028-01-01T00:00:00.1234567Z"));
        assert_eq!(end("abd").as_deref(), Ok("2029-01-01T00:00:00Z"));
        assert_eq!(end("xyz"), Err(Miss::NoHint(1)));
        assert_eq!(end(""), Err(Miss::NoHint(1)), "a secret without a hint is of unknown origin");
    }

    #[test]
    fn odd_ends_and_odd_rows_cost_only_themselves() {
        let app = application(
            r#"{"keyCredentials":null,"passwordCredentials":[null,"odd",{"hint":7},
                {"hint":"abc","endDateTime":"2027-01-01T00:00:00Z"},
                {"hint":"abc","endDateTime":"9999-12-31T23:59:59Z"},
                {"hint":"abd","endDateTime":"2027-01-01T00:00:00"},
                {"hint":"abe","endDateTime":"9999-12-31T23:59:59.9999999+00:00"},
                {"hint":"abf","endDateTime":"soon"},{"hint":"abf","endDateTime":null}]}"#,
        );
        let end = |hint: &str| app.end(&Mark::Hint(hint.to_owned()));
        assert_eq!(end("abc"), Ok(Timestamp::MAX), "the end of an older secret does not count");
        assert_eq!(end("abd"), Ok("2027-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(end("abe"), Ok(Timestamp::MAX));
        assert_eq!(end("abf"), Err(Miss::NoEnd));
        assert_eq!(end("xyz"), Err(Miss::NoneFits(9)));
        assert_eq!(app.end(&Mark::Digests(Vec::new(), Vec::new())), Err(Miss::NoneFits(0)));
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
            assert_eq!(found, Ok("2027-01-01T00:00:00Z".parse().unwrap()), "{form}");
        }
        assert_eq!(application("{}").end(&mark), Err(Miss::NoneFits(0)));
    }

    proptest! {
        #[test]
        fn an_end_is_that_of_a_secret_with_the_hint_or_none(
            secrets in prop::collection::vec(
                ("abc|abd|[ -!#-\\[\\]-~]{0,4}", "20[0-9]{2}-0[1-9]-0[1-9](T00:00:00(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:00)?)?|9999-12-31T23:59:59Z|[ -!#-\\[\\]-~]{0,12}"),
                0..5,
            ),
            body in "\\PC{0,80}",
            key in "[0-9a-fA-F]{38,41}|[A-Za-z0-9+/_=-]{0,50}|\\PC{0,44}",
        ) {
            let _ = serde_json::from_str::<Application>(&body);
            let _ = digest(&key);
            let rows = secrets.iter().map(|(hint, end)| serde_json::json!({ "hint": hint, "endDateTime": end }));
            let app = application(&serde_json::json!({ "passwordCredentials": rows.collect::<Vec<_>>() }).to_string());
            let ours = || secrets.iter().filter(|(hint, _)| hint == "abc");
            match app.end(&Mark::Hint("abc".to_owned())) {
                Ok(end) => prop_assert!(ours().any(|(_, written)| end_time(Some(written)) == Some(end))),
                Err(Miss::NoEnd) => prop_assert!(ours().all(|(_, written)| end_time(Some(written)).is_none())),
                Err(_) => prop_assert_eq!(ours().count(), 0),
            }
        }
    }
}
