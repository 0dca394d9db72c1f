//! An issuer of workload tokens, as a Kubernetes cluster is one: its key, and the tokens that it writes.
//!
//! Does not judge a token (`assertion.rs`).

use std::io;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PublicKeyData as _, RsaKeySize};
use serde_json::json;
use uuid::Uuid;

/// What Entra wants a federated token to be for.
pub(super) const AUDIENCE: &str = "api://AzureADTokenExchange";

/// A cluster that issues tokens to its service accounts.
pub struct SimIssuer {
    /// Its name, a URL.
    pub url: String,
    key: String,
    public: Vec<u8>,
}

/// A federated credential of an application: whom it trusts.
#[derive(Clone)]
pub(super) struct Trusted {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) key: Vec<u8>,
}

impl SimIssuer {
    /// A cluster with a key of its own.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn new() -> io::Result<Self> {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)
            .map_err(io::Error::other)?;
        let url = format!("https://cluster.example/{}/", Uuid::new_v4());
        Ok(Self { url, public: key.der_bytes().to_vec(), key: key.serialize_pem() })
    }

    /// A token for this subject, good for so long from `ago` before now.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn token(&self, subject: &str, ago: SignedDuration, life: Duration) -> io::Result<String> {
        self.token_for(AUDIENCE, subject, ago, life)
    }

    /// The same for another audience than Entra wants.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub fn token_for(
        &self,
        audience: &str,
        subject: &str,
        ago: SignedDuration,
        life: Duration,
    ) -> io::Result<String> {
        let begin = (Timestamp::now() - ago).as_second();
        let claims = json!({
            "iss": self.url,
            "sub": subject,
            "aud": [audience],
            "iat": begin,
            "nbf": begin,
            "exp": begin + i64::try_from(life.as_secs()).map_err(io::Error::other)?,
        });
        let key = EncodingKey::from_rsa_pem(self.key.as_bytes()).map_err(io::Error::other)?;
        encode(&Header::new(Algorithm::RS256), &claims, &key).map_err(io::Error::other)
    }

    pub(super) fn trusted(&self, subject: &str) -> Trusted {
        Trusted { issuer: self.url.clone(), subject: subject.to_owned(), key: self.public.clone() }
    }
}
