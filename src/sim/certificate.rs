//! Certificates of applications: made here, and what the identity provider keeps of a registered one.
//!
//! Does not verify anything (`assertion.rs`).

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, DnType, KeyPair, PublicKeyData as _, RsaKeySize, date_time_ymd};
use sha2::{Digest as _, Sha256};

/// A certificate that has signed itself, and its RSA key, as PEM.
#[derive(Clone)]
pub struct SimCertificate {
    pub certificate: String,
    pub private_key: String,
    pub(super) registered: Registered,
    thumbprint: String,
}

/// What the identity provider keeps.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Registered {
    /// base64url of the SHA-1 digest.
    pub(super) x5t: String,
    /// base64url of the SHA-256 digest.
    pub(super) x5t_s256: String,
    /// The RSA public key, PKCS#1 in DER.
    pub(super) key: Vec<u8>,
}

impl SimCertificate {
    /// A certificate valid from 2020 to the first of January of this year.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub fn until(year: i32) -> io::Result<Self> {
        let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048)
            .map_err(io::Error::other)?;
        let mut params = CertificateParams::new([]).map_err(io::Error::other)?;
        params.distinguished_name.push(DnType::CommonName, "contoso-mail");
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        let der = certificate.der();
        let sha1 = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, der);
        let thumbprint = sha1.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let registered = Registered {
            x5t: URL_SAFE_NO_PAD.encode(sha1),
            x5t_s256: URL_SAFE_NO_PAD.encode(Sha256::digest(der)),
            key: key.der_bytes().to_vec(),
        };
        Ok(Self { certificate: certificate.pem(), private_key: key.serialize_pem(), registered, thumbprint })
    }

    /// The SHA-1 digest, as portals write it.
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }
}
