//! Credentials: who we are, and *where* the secret lies. Never the secret itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::mailbox::{LabelRow, label};

/// A secret in memory: no `Debug`, log line or page can show it, and it is wiped when dropped.
pub type Redacted = secrecy::SecretString;

/// The place of a secret. It is read again whenever the secret is used, so that a rotated secret
/// needs no restart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// A file; a byte order mark in front and line ends behind do not belong to the secret.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// No secret at all: [`WRONG_PASSWORD`], which no configuration can name.
    WrongPassword,
}

/// The password that is shown where readiness asks whether passwords are still looked at. It is always the
/// same one, because directories count a repeated wrong password once, and it says in their logs whose it is.
pub const WRONG_PASSWORD: &str = "mailbox-exporter-deliberately-wrong-password";

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::WrongPassword => write!(f, "the deliberate wrong password"),
        }
    }
}

table! {
    /// Where a token request carries the client secret, RFC 6749 section 2.3.1.
    pub enum SecretIn: LabelRow {
        /// In the form, beside the client id.
        Body => label("body");
        /// In the `Authorization` header.
        Basic => label("basic");
    }
}

/// How a token request is written, where a provider wants more than RFC 6749 asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenForm {
    /// Where the secret stands.
    pub secret_in: SecretIn,
    /// Further fields: `resource`, `audience` and the like.
    pub parameters: BTreeMap<String, String>,
}

impl Default for TokenForm {
    fn default() -> Self {
        Self { secret_in: SecretIn::Body, parameters: BTreeMap::new() }
    }
}

/// How a credential proves itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Grant {
    /// OAuth2 client credentials with a shared secret (RFC 6749 section 4.4).
    ClientSecret {
        /// Directory (tenant) of the application; fills `{tenant}` of the token URL, where it has that.
        tenant: Option<String>,
        /// Application (client) id.
        client_id: String,
        /// The client secret.
        secret: SecretRef,
        /// How the request is written.
        form: TokenForm,
    },
    /// A mailbox password: PLAIN or LOGIN, the thing that is to be switched off.
    Password {
        /// The password.
        password: SecretRef,
    },
}

impl Grant {
    /// The `type` key of the configuration.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client_secret",
            Self::Password { .. } => "password",
        }
    }

    /// The tenant, where the grant has one.
    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::ClientSecret { tenant, .. } => tenant.as_deref(),
            Self::Password { .. } => None,
        }
    }

    /// The application (client) id, where the grant has one.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::ClientSecret { client_id, .. } => Some(client_id),
            Self::Password { .. } => None,
        }
    }

    /// Where the secret lies.
    pub const fn secret(&self) -> &SecretRef {
        match self {
            Self::ClientSecret { secret, .. } => secret,
            Self::Password { password } => password,
        }
    }
}

/// Who logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Label value, unique.
    pub name: Arc<str>,
    /// How it proves itself.
    pub grant: Grant,
    /// When the secret ends, as the operator declared it.
    pub expires: Option<Timestamp>,
}

/// What an access token says of itself. Read without being verified: only the mail server's opinion
/// counts, so nothing is ever refused because of a claim. An opaque token has none.
///
/// Names as in Entra's access token reference; v1 and v2 spellings are folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// `aud`: for whom the token is.
    pub audience: Option<String>,
    /// `tid`: the tenant that issued it.
    pub tenant: Option<String>,
    /// `appid` or `azp`: the application.
    pub app: Option<String>,
    /// `oid`: the service principal's object id, the one that `New-ServicePrincipal` needs.
    pub object_id: Option<String>,
    /// `roles` and the words of `scp`.
    pub permissions: Vec<String>,
    /// `exp`.
    pub expires_at: Option<Timestamp>,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `nbf`: before then nobody has to accept it.
    pub not_before: Option<Timestamp>,
    /// `ver`: `1.0` or `2.0`.
    pub version: Option<String>,
    /// `appidacr` or `azpacr`: by what the application proved itself, `1` a secret, `2` a certificate.
    pub proof: Option<String>,
    /// `uti`: "Unique token identifier" of the sign-in log.
    pub token_id: Option<String>,
}
