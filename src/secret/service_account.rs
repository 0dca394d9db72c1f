//! The key of a Google service account, read from its place at the moment it is used.
//!
//! Owns the form of the JSON file that the Google Cloud console downloads. `token` decides what is signed with it.

use secrecy::ExposeSecret;
use serde_json::{Map, Value};

use super::pair::key::Key;
use super::pair::pem;
use super::read_bytes;
use crate::model::{Algorithm, Cause, Reason, Redacted, SecretRef};

/// The largest key file in bytes. Google's have about 2400.
const LARGEST: usize = 64 * 1024;
/// The longest id, address or URL in it that is taken, in characters.
const LONGEST: usize = 2048;

/// Where the file comes from.
const ORIGIN: &str =
    "Google Cloud console > IAM & Admin > Service accounts > the account > Keys > Add key > JSON";

/// A service account: who it is, and its private key.
pub struct ServiceAccount {
    key: Key,
    /// Its address, which signs.
    pub email: String,
    /// The number that the Admin console knows it by. Not needed for a request.
    pub client_id: Option<String>,
    /// Which of its keys this is.
    pub key_id: Option<String>,
    /// Where it asks for tokens.
    pub token_uri: Option<String>,
}

impl ServiceAccount {
    /// Reads the key now.
    ///
    /// # Errors
    /// [`Reason::SecretUnreadable`], naming the place and what is wrong.
    pub async fn read(place: &SecretRef) -> Result<Self, Cause> {
        let bytes = read_bytes(place).await?;
        parse(place, &bytes).map_err(|why| Cause::new(Reason::SecretUnreadable, why))
    }

    /// The signature of a JSON Web Signature by this key (RS256).
    ///
    /// # Errors
    /// [`Reason::Internal`] if the library refuses, which no input explains.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Cause> {
        self.key.sign(message).map_err(|_| Cause::new(Reason::Internal, "signing the assertion failed"))
    }
}

/// Other files that people put in the place of the key, by their `type`; each sentence follows the place.
const OTHER_TYPES: &[(&str, &str)] = &[
    ("authorized_user", "is the sign-in of a person by gcloud (type authorized_user)"),
    (
        "external_account",
        "describes a federated identity (type external_account), which cannot act for a mailbox",
    ),
    ("impersonated_service_account", "describes an impersonated account (type impersonated_service_account)"),
];

fn parse(place: &SecretRef, bytes: &[u8]) -> Result<ServiceAccount, String> {
    let wanted = format!("the key of a service account is the JSON file from {ORIGIN}");
    if bytes.len() > LARGEST {
        return Err(format!(
            "{place} has {} bytes, and a key has fewer than {LARGEST}: {wanted}",
            bytes.len()
        ));
    }
    let Ok(Value::Object(members)) = serde_json::from_slice::<Value>(bytes) else {
        let is = match bytes {
            [0x30, 0x80..=0x84, ..] => "is a P12 key and not JSON",
            _ if bytes.windows(10).any(|part| part == b"-----BEGIN") => "is a bare private key and not JSON",
            _ => "is no JSON object",
        };
        return Err(format!("{place} {is}: {wanted}"));
    };
    if members.contains_key("installed") || members.contains_key("web") {
        return Err(format!("{place} is an OAuth client's file and no service account's: {wanted}"));
    }
    match text(&members, "type").as_deref() {
        Some("service_account") => {}
        Some(other) => {
            let known = OTHER_TYPES.iter().find(|(name, _)| *name == other);
            let is = known.map_or("has another type than service_account", |(_, is)| *is);
            return Err(format!("{place} {is}: {wanted}"));
        }
        None => return Err(format!("{place} has no member `type`: {wanted}")),
    }
    let (email, pem) = (text(&members, "client_email"), secret(&members, "private_key"));
    let (Some(email), Some(pem)) = (&email, &pem) else {
        let lacks = [("client_email", email.is_none()), ("private_key", pem.is_none())];
        let lacks: Vec<&str> = lacks.iter().filter(|(_, lacks)| *lacks).map(|(name, _)| *name).collect();
        return Err(format!("{place} lacks {}: {wanted}", lacks.join(" and ")));
    };
    let unusable = |why: String| format!("{why} (private_key); {wanted}");
    let blocks = pem::blocks(place, pem.expose_secret().as_bytes()).map_err(unusable)?;
    let block = pem::key(place, &blocks).map_err(unusable)?;
    let key = Key::read(&block, None, Algorithm::Rs256)
        .map_err(|_| format!("the private_key in {place} is no RSA key: {wanted}"))?;
    Ok(ServiceAccount {
        key,
        email: email.clone(),
        client_id: text(&members, "client_id"),
        key_id: text(&members, "private_key_id"),
        token_uri: text(&members, "token_uri"),
    })
}

/// A member that is text and can be shown.
fn text(members: &Map<String, Value>, name: &str) -> Option<String> {
    let text = members.get(name)?.as_str()?.trim();
    let fits = !text.is_empty() && text.chars().nth(LONGEST).is_none() && !text.chars().any(char::is_control);
    fits.then(|| text.to_owned())
}

/// The private key. Some tools escape its line ends twice, so that `\n` is left in the text.
fn secret(members: &Map<String, Value>, name: &str) -> Option<Redacted> {
    let text = members.get(name)?.as_str().filter(|text| !text.trim().is_empty())?;
    Some(Redacted::from(text.replace("\\r", "").replace("\\n", "\n")))
}

#[cfg(test)]
// A test that cannot be set up has failed.
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_RSA_SHA256, RsaKeySize};
    use serde_json::json;

    use super::*;
    use proptest::prelude::*;
    use proptest::sample::Index;

    fn read(content: &[u8]) -> Result<ServiceAccount, String> {
        parse(&SecretRef::Env("KEY".to_owned()), content)
    }

    fn why(content: &[u8]) -> String {
        read(content).err().unwrap()
    }

    fn file(private_key: &str) -> Value {
        json!({
            "type": "service_account",
            "project_id": "contoso-mail",
            "private_key_id": "0123456789abcdef",
            "private_key": private_key,
            "client_email": "mailbox-exporter@contoso-mail.iam.gserviceaccount.com",
            "client_id": "104000000000000000000",
            "token_uri": "https://oauth2.googleapis.com/token",
        })
    }

    #[test]
    fn a_key_is_read_as_downloaded_and_as_escaped_twice() {
        let pem = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap().serialize_pem();
        let twice = pem.replace("\r\n", "\n").replace('\n', "\\n");
        for key in [pem, twice] {
            let account = read(file(&key).to_string().as_bytes()).unwrap();
            assert_eq!(account.client_id.as_deref(), Some("104000000000000000000"));
            assert_eq!(account.sign(b"message").unwrap().len(), 256);
        }
    }

    #[test]
    fn what_is_no_key_is_refused_by_name_and_without_its_content() {
        let other = |kind: &str| json!({ "type": kind, "refresh_token": "hunter2hunter2" }).to_string();
        let without = |name: &str| {
            let mut file = file("hunter2hunter2");
            file.as_object_mut().unwrap().remove(name);
            file.to_string()
        };
        let curve = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
        for (content, words) in [
            ("hunter2hunter2".to_owned(), "is no JSON object"),
            ("[1]".to_owned(), "is no JSON object"),
            ("-----BEGIN PRIVATE KEY-----\nhunter2hunter2".to_owned(), "is a bare private key and not JSON"),
            ("0\u{0}".to_owned(), "is no JSON object"),
            ("{}".to_owned(), "has no member `type`"),
            (r#"{"installed":{"client_secret":"hunter2hunter2"}}"#.to_owned(), "is an OAuth client's file"),
            (other("authorized_user"), "is the sign-in of a person by gcloud"),
            (other("hunter2hunter2"), "has another type than service_account"),
            (without("client_email"), "lacks client_email:"),
            (without("private_key"), "lacks private_key:"),
            (file("").to_string(), "lacks private_key:"),
            (file("hunter2hunter2").to_string(), "is not PEM"),
            (
                file("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----").to_string(),
                "holds a public key",
            ),
            (
                file("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----").to_string(),
                "is no RSA key",
            ),
            (file(&curve).to_string(), "is no RSA key"),
            (" ".repeat(LARGEST + 1), "has 65537 bytes"),
        ] {
            let why = why(content.as_bytes());
            assert!(why.contains(words) && !why.contains("hunter2"), "{content}: {why}");
            assert!(why.contains("Add key > JSON"), "{why}");
        }
        assert!(why(&[0x30, 0x82, 0x09, 0x00]).contains("is a P12 key"));
    }

    proptest! {
        #[test]
        fn no_damaged_key_file_shows_what_it_holds(
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..6),
            end in prop::option::of(any::<Index>()),
            text in "\\PC{0,80}",
        ) {
            let whole = file("-----BEGIN PRIVATE KEY-----\nhunter2hunter2\n-----END PRIVATE KEY-----").to_string();
            let mut damaged = whole.clone().into_bytes();
            for (at, byte) in changes {
                *at.get_mut(&mut damaged) = byte;
            }
            damaged.truncate(end.map_or(usize::MAX, |end| end.index(whole.len())));
            for content in [&damaged, text.as_bytes()] {
                let why = read(content).err();
                prop_assert!(why.is_some_and(|why| !why.contains("hunter2") && !why.contains(['\r', '\n'])));
            }
        }
    }
}
