//! How the HTTP endpoint is protected: the values of a web configuration in the format that Prometheus' own
//! servers and exporters share.
//!
//! Names are that format's, which are Go's. Reading the file is `config`, acting by it `net` and `http`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::mailbox::{LabelRow, label};

/// A web configuration without faults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// Where it was read, and is read again.
    pub file: PathBuf,
    /// TLS; `None` serves clear text.
    pub tls: Option<WebTls>,
    /// Headers of every answer, each of a table of its own in `config`.
    pub headers: Vec<(&'static str, String)>,
    /// Who may ask; nobody listed means everybody.
    pub users: Users,
}

/// User names and the bcrypt hashes of their passwords.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Users(pub BTreeMap<String, String>);

/// By hand: a hash can be guessed at.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Users({})", self.0.len())
    }
}

/// TLS of the HTTP endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebTls {
    /// The certificate and what leads up to its authority, PEM.
    pub cert_file: PathBuf,
    /// Its private key, PEM.
    pub key_file: PathBuf,
    /// What is asked of clients.
    pub client_auth: ClientAuth,
    /// Whose clients are believed, PEM.
    pub client_ca_file: Option<PathBuf>,
    /// One of these names must stand in a client's certificate, letter by letter; `None` asks for none.
    pub client_allowed_sans: Option<Vec<String>>,
    /// The oldest version.
    pub min_version: TlsVersion,
    /// The newest version.
    pub max_version: TlsVersion,
    /// Of TLS 1.2, the best first; empty means all. Those of TLS 1.3 are not to be chosen, as in Go.
    pub cipher_suites: Vec<CipherSuite>,
    /// Whether the order above counts, or the client's.
    pub prefer_server_cipher_suites: bool,
    /// The best first; empty means all.
    pub curve_preferences: Vec<Curve>,
}

table! {
    /// What is asked of clients, in the words of Go's `tls.ClientAuthType`.
    pub enum ClientAuth: LabelRow {
        /// Nothing.
        NoClientCert => label("NoClientCert");
        /// A certificate, which may be missing and may be anybody's.
        RequestClientCert => label("RequestClientCert");
        /// A certificate, which may be anybody's.
        RequireAnyClientCert => label("RequireAnyClientCert");
        /// A certificate of the authority, which may be missing.
        VerifyClientCertIfGiven => label("VerifyClientCertIfGiven");
        /// A certificate of the authority.
        RequireAndVerifyClientCert => label("RequireAndVerifyClientCert");
    }
}

impl ClientAuth {
    /// Whether a client without a certificate is sent away.
    pub const fn is_required(self) -> bool {
        matches!(self, Self::RequireAnyClientCert | Self::RequireAndVerifyClientCert)
    }

    /// Whether a certificate must come from the authority.
    pub const fn is_verified(self) -> bool {
        matches!(self, Self::VerifyClientCertIfGiven | Self::RequireAndVerifyClientCert)
    }
}

table! {
    /// Versions of TLS that are spoken.
    pub enum TlsVersion: LabelRow {
        /// RFC 5246.
        Tls12 => label("TLS12");
        /// RFC 8446.
        Tls13 => label("TLS13");
    }
}

table! {
    /// Cipher suites that are spoken, by their IANA names.
    pub enum CipherSuite: LabelRow {
        /// TLS 1.2.
        EcdheEcdsaAes256 => label("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384");
        /// TLS 1.2.
        EcdheEcdsaAes128 => label("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256");
        /// TLS 1.2.
        EcdheEcdsaChacha20 => label("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
        /// TLS 1.2.
        EcdheRsaAes256 => label("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384");
        /// TLS 1.2.
        EcdheRsaAes128 => label("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
        /// TLS 1.2.
        EcdheRsaChacha20 => label("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256");
        /// TLS 1.3, always on.
        Aes256 => label("TLS_AES_256_GCM_SHA384");
        /// TLS 1.3, always on.
        Aes128 => label("TLS_AES_128_GCM_SHA256");
        /// TLS 1.3, always on.
        Chacha20 => label("TLS_CHACHA20_POLY1305_SHA256");
    }
}

table! {
    /// Groups of the key exchange, in the words of Go's `tls.CurveID`.
    pub enum Curve: LabelRow {
        /// secp256r1.
        P256 => label("CurveP256");
        /// secp384r1.
        P384 => label("CurveP384");
        /// RFC 7748.
        X25519 => label("X25519");
        /// With ML-KEM besides, against quantum computers.
        X25519MlKem768 => label("X25519MLKEM768");
    }
}
