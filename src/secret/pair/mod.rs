//! A certificate and its private key, read from their places at the moment they are used.
//!
//! Owns what makes them a pair. The forms that are refused are in `pem`; `token` decides what is signed.

pub(super) mod key;
pub(super) mod pem;

use aws_lc_rs::digest::{self, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use jiff::Timestamp;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use self::key::Key;
use super::{read, read_bytes};
use crate::model::{Algorithm, Cause, PairRef, Reason, Redacted};

/// A certificate and the private key that belongs to it.
pub struct Pair {
    key: Key,
    pub certificate: Leaf,
}

/// The facts about the certificate of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    pub subject: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// The SHA-1 digest of the DER form: what portals show as the thumbprint.
    pub sha1: Vec<u8>,
    /// The SHA-256 digest of the DER form.
    pub sha256: Vec<u8>,
}

impl Pair {
    /// Reads the pair now. The key is decoded on a thread of its own: opening an encrypted one takes long on
    /// purpose.
    ///
    /// # Errors
    /// [`Reason::SecretUnreadable`], naming the place, what is wrong, and the command that mends it if there is one.
    pub async fn read(places: &PairRef, algorithm: Algorithm) -> Result<Self, Cause> {
        let certificate = read_bytes(&places.certificate).await?;
        let key = match places.private_key == places.certificate {
            true => certificate.clone(),
            false => read_bytes(&places.private_key).await?,
        };
        let passphrase = match &places.passphrase {
            Some(place) => Some(read(place).await?),
            None => None,
        };
        let places = places.clone();
        let made = move || assemble(&places, &certificate, &key, passphrase.as_ref(), algorithm);
        let made = tokio::task::spawn_blocking(made).await.unwrap_or_else(|_| {
            Err("decoding the private key panicked; see the panic message in the log".to_owned())
        });
        made.map_err(|why| Cause::new(Reason::SecretUnreadable, why))
    }

    /// The signature of a JSON Web Signature by this key.
    ///
    /// # Errors
    /// [`Reason::Internal`] if the library refuses, which no input explains.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Cause> {
        self.key
            .sign(message)
            .map_err(|_| Cause::new(Reason::Internal, "signing the client assertion failed"))
    }
}

fn assemble(
    places: &PairRef,
    certificate: &[u8],
    key: &[u8],
    passphrase: Option<&Redacted>,
    algorithm: Algorithm,
) -> Result<Pair, String> {
    let blocks = pem::blocks(&places.private_key, key)?;
    let block = pem::key(&places.private_key, &blocks)?;
    let key = Key::read(&block, passphrase, algorithm)
        .map_err(|why| format!("the private key in {} {why}", places.private_key))?;
    let blocks = pem::blocks(&places.certificate, certificate)?;
    let found = pem::certificates(&places.certificate, &blocks)?;
    // A file may also hold the authorities' certificates.
    let mut subjects = Vec::new();
    for der in found {
        let (_, parsed) = X509Certificate::from_der(der)
            .map_err(|_| format!("{} holds a certificate that cannot be read", places.certificate))?;
        if *parsed.public_key().subject_public_key.data == *key.public() {
            let certificate = Leaf::of(&parsed, der);
            return Ok(Pair { key, certificate });
        }
        subjects.push(parsed.subject().to_string());
    }
    Err(format!(
        "the private key in {} does not belong to the certificate in {} ({}): compare `openssl x509 -in {} -noout -pubkey` with `openssl pkey -in {} -pubout`",
        places.private_key,
        places.certificate,
        subjects.join("; "),
        pem::Shell(&places.certificate),
        pem::Shell(&places.private_key),
    ))
}

impl Leaf {
    fn of(certificate: &X509Certificate<'_>, der: &[u8]) -> Self {
        let validity = certificate.validity();
        let time = |at: i64| Timestamp::from_second(at).unwrap_or(Timestamp::MAX);
        Self {
            subject: certificate.subject().to_string(),
            not_before: time(validity.not_before.timestamp()),
            not_after: time(validity.not_after.timestamp()),
            sha1: digest::digest(&SHA1_FOR_LEGACY_USE_ONLY, der).as_ref().to_vec(),
            sha256: digest::digest(&SHA256, der).as_ref().to_vec(),
        }
    }

    /// The SHA-1 digest as portals write it.
    pub fn thumbprint(&self) -> String {
        self.sha1.iter().map(|byte| format!("{byte:02X}")).collect()
    }
}

#[cfg(test)]
mod tests;
