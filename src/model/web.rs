//! The protection of the HTTP endpoint, in the web configuration format that Prometheus' servers and
//! exporters share.
//!
//! The names are those of that format, which has them from Go. `config` reads the file; `net` and `http` apply it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::mailbox::{LabelRow, label};

/// A valid web configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Web {
    /// The file that it was read from, and is reread from.
    pub file: PathBuf,
    /// `None` serves plain HTTP.
    pub tls: Option<WebTls>,
    /// Headers for every answer; `config` lists the permitted ones.
    pub headers: Vec<(&'static str, String)>,
    /// Users that may log in; empty means that no login is needed.
    pub users: Users,
}

/// A protection, by the words of a log line, and whether a configuration has it.
type Guard = (&'static str, fn(&Web) -> bool);

/// Every protection that a file can lose as a whole.
const GUARDS: &[Guard] = &[
    ("TLS", |web| web.tls.is_some()),
    ("passwords", |web| !web.users.0.is_empty()),
    ("client certificates", |web| web.clients(ClientAuth::is_required)),
    ("client certificates of an authority", |web| {
        web.clients(|policy| policy.is_required() && policy.is_verified())
    }),
    ("names in client certificates", |web| {
        web.tls.as_ref().is_some_and(|tls| tls.client_allowed_sans.is_some())
    }),
];

impl Web {
    /// The protections of this configuration that another one does not have.
    pub fn guards_missing_in<'w>(&'w self, other: &'w Self) -> impl Iterator<Item = &'static str> + 'w {
        GUARDS.iter().filter(move |(_, has)| has(self) && !has(other)).map(|(name, _)| *name)
    }

    fn clients(&self, demands: fn(ClientAuth) -> bool) -> bool {
        self.tls.as_ref().is_some_and(|tls| demands(tls.client_auth))
    }
}

/// User names and the bcrypt hashes of their passwords.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Users(pub BTreeMap<String, String>);

/// Prints no hash: a printed one could be attacked offline.
impl fmt::Debug for Users {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Users({})", self.0.len())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebTls {
    /// The certificate and its chain, PEM.
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    /// The demands on client certificates.
    pub client_auth: ClientAuth,
    /// The authority of client certificates, PEM.
    pub client_ca_file: Option<PathBuf>,
    /// A client's certificate must contain one of these names exactly; `None` accepts any.
    pub client_allowed_sans: Option<Vec<String>>,
    /// The oldest TLS version.
    pub min_version: TlsVersion,
    /// The newest TLS version.
    pub max_version: TlsVersion,
    /// Cipher suites of TLS 1.2, in order of preference; empty means all. As in Go, those of TLS 1.3 are
    /// fixed.
    pub cipher_suites: Vec<CipherSuite>,
    /// Whether the server's order of preference wins over the client's.
    pub prefer_server_cipher_suites: bool,
    /// Key exchange groups, in order of preference; empty means all.
    pub curve_preferences: Vec<Curve>,
}

table! {
    /// Demands on client certificates, named as in Go's `tls.ClientAuthType`.
    pub enum ClientAuth: LabelRow {
        /// No certificate is requested.
        NoClientCert => label("NoClientCert");
        /// A certificate is requested; it may be missing, and any authority may have issued it.
        RequestClientCert => label("RequestClientCert");
        /// A certificate is required; any authority may have issued it.
        RequireAnyClientCert => label("RequireAnyClientCert");
        /// A certificate is optional, but must come from the authority.
        VerifyClientCertIfGiven => label("VerifyClientCertIfGiven");
        /// A certificate from the authority is required.
        RequireAndVerifyClientCert => label("RequireAndVerifyClientCert");
    }
}

impl ClientAuth {
    /// Whether clients without a certificate are rejected.
    pub const fn is_required(self) -> bool {
        matches!(self, Self::RequireAnyClientCert | Self::RequireAndVerifyClientCert)
    }

    /// Whether a certificate must come from the authority.
    pub const fn is_verified(self) -> bool {
        matches!(self, Self::VerifyClientCertIfGiven | Self::RequireAndVerifyClientCert)
    }
}

table! {
    /// Supported TLS versions.
    pub enum TlsVersion: LabelRow {
        /// RFC 5246.
        Tls12 => label("TLS12");
        /// RFC 8446.
        Tls13 => label("TLS13");
    }
}

table! {
    /// Supported cipher suites, by their IANA names.
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
    /// Key exchange groups, named as in Go's `tls.CurveID`.
    pub enum Curve: LabelRow {
        /// secp256r1.
        P256 => label("CurveP256");
        /// secp384r1.
        P384 => label("CurveP384");
        /// RFC 7748.
        X25519 => label("X25519");
        /// X25519 combined with ML-KEM, against quantum computers.
        X25519MlKem768 => label("X25519MLKEM768");
    }
}
