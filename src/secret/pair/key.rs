//! A private key that signs: RSA, or the elliptic curve P-256.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{self, EcdsaKeyPair, KeyPair as _, RsaEncoding};
use pkcs8::EncryptedPrivateKeyInfo;
use secrecy::ExposeSecret;

use super::pem::KeyBlock;
use crate::model::{Algorithm, Redacted};

/// A private key that signs by one algorithm.
pub(in crate::secret) enum Key {
    Rsa(rsa::KeyPair, &'static dyn RsaEncoding),
    P256(EcdsaKeyPair),
}

impl Key {
    /// Decodes a key: PKCS#8, PKCS#1 and SEC1 alike. The error follows the key's place.
    pub(in crate::secret) fn read(
        block: &KeyBlock<'_>,
        passphrase: Option<&Redacted>,
        algorithm: Algorithm,
    ) -> Result<Self, String> {
        match (block, passphrase) {
            (KeyBlock::Plain(der), _) => Self::decode(der, algorithm),
            (KeyBlock::Encrypted(_), None) => {
                Err("is encrypted: its passphrase is needed, passphrase: {file: PATH}".to_owned())
            }
            (KeyBlock::Encrypted(der), Some(passphrase)) => {
                let encrypted = EncryptedPrivateKeyInfo::try_from(*der)
                    .map_err(|_| "is not an encrypted PKCS#8 key that can be read".to_owned())?;
                let plain = encrypted
                    .decrypt(passphrase.expose_secret())
                    .map_err(|_| "does not open with its passphrase".to_owned())?;
                Self::decode(plain.as_bytes(), algorithm)
            }
        }
    }

    fn decode(der: &[u8], algorithm: Algorithm) -> Result<Self, String> {
        let rsa = || rsa::KeyPair::from_pkcs8(der).or_else(|_| rsa::KeyPair::from_der(der));
        let p256 = || EcdsaKeyPair::from_private_key_der(&signature::ECDSA_P256_SHA256_FIXED_SIGNING, der);
        let found = match algorithm {
            Algorithm::Ps256 => rsa().ok().map(|key| Self::Rsa(key, &signature::RSA_PSS_SHA256)),
            Algorithm::Rs256 => rsa().ok().map(|key| Self::Rsa(key, &signature::RSA_PKCS1_SHA256)),
            Algorithm::Es256 => p256().ok().map(Self::P256),
        };
        found.ok_or_else(|| match algorithm {
            Algorithm::Ps256 | Algorithm::Rs256 if p256().is_ok() => {
                format!("is an elliptic-curve key, and algorithm {algorithm} needs an RSA key: write algorithm: es256 if the provider takes it (Entra does not)")
            }
            Algorithm::Es256 if rsa().is_ok() => {
                "is an RSA key, and algorithm es256 needs one of the elliptic curve P-256: write algorithm: ps256".to_owned()
            }
            Algorithm::Ps256 | Algorithm::Rs256 => {
                "is no RSA key of 2048 to 8192 bits: `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out app.key` makes one".to_owned()
            }
            Algorithm::Es256 => {
                "is not a key of the elliptic curve P-256: `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out app.key` makes one".to_owned()
            }
        })
    }

    /// The public key, as a certificate holds it.
    pub(in crate::secret) fn public(&self) -> &[u8] {
        match self {
            Self::Rsa(key, _) => key.public_key().as_ref(),
            Self::P256(key) => key.public_key().as_ref(),
        }
    }

    /// The signature in the form of JWS (RFC 7518 section 3).
    pub(in crate::secret) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(key, encoding) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(*encoding, &random, message, &mut signature)?;
                Ok(signature)
            }
            Self::P256(key) => Ok(key.sign(&random, message)?.as_ref().to_vec()),
        }
    }
}
