//! Credentials: who logs in, and *where* the secret is stored. Never the secret itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::mailbox::{LabelRow, label};

/// A secret in memory: it cannot be printed, and is wiped when dropped.
pub type Redacted = secrecy::SecretString;

/// Where a secret is stored. It is read at every use, so a rotated secret needs no restart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SecretRef {
    /// A file. A leading byte order mark and trailing line ends are not part of the secret.
    File(PathBuf),
    Env(String),
    /// The fixed wrong password, [`WRONG_PASSWORD`]. No configuration can name it.
    WrongPassword,
}

/// The password for the trial whether passwords are still checked. It never changes, because directories
/// count a repeated wrong password only once, and it names the program in their logs.
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
    /// Where a token request carries the client secret (RFC 6749 section 2.3.1).
    pub enum SecretIn: LabelRow {
        /// In the form, next to the client id.
        Body => label("body");
        /// In the `Authorization` header.
        Basic => label("basic");
    }
}

/// Provider-specific form of the token request.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenForm {
    pub secret_in: SecretIn,
    /// Additional fields, such as `resource` or `audience`.
    pub parameters: BTreeMap<String, String>,
}

impl Default for TokenForm {
    fn default() -> Self {
        Self { secret_in: SecretIn::Body, parameters: BTreeMap::new() }
    }
}

/// The proof that a credential offers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Grant {
    /// OAuth2 client credentials with a shared secret (RFC 6749 section 4.4).
    ClientSecret {
        /// Directory (tenant) id; replaces `{tenant}` in the token URL.
        tenant: Option<String>,
        /// Application (client) id.
        client_id: String,
        secret: SecretRef,
        form: TokenForm,
    },
    /// A mailbox password, for PLAIN or LOGIN: the method that is being switched off.
    Password { password: SecretRef },
}

impl Grant {
    /// The value of `type` in the configuration.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::ClientSecret { .. } => "client_secret",
            Self::Password { .. } => "password",
        }
    }

    pub fn tenant(&self) -> Option<&str> {
        match self {
            Self::ClientSecret { tenant, .. } => tenant.as_deref(),
            Self::Password { .. } => None,
        }
    }

    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::ClientSecret { client_id, .. } => Some(client_id),
            Self::Password { .. } => None,
        }
    }

    pub const fn secret(&self) -> &SecretRef {
        match self {
            Self::ClientSecret { secret, .. } => secret,
            Self::Password { password } => password,
        }
    }
}

/// An identity that logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Unique; a label value in metrics.
    pub name: Arc<str>,
    pub grant: Grant,
    /// The expiry of the secret, as declared in the configuration.
    pub expires: Option<Timestamp>,
}

/// The claims of an access token. They are not verified and never a reason to reject a token, because only
/// the mail server's opinion counts. An opaque token has no claims.
///
/// The names follow Entra's access token reference; v1 and v2 spellings are merged.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// `aud`: the recipient of the token.
    pub audience: Option<String>,
    /// `tid`: the tenant that issued it.
    pub tenant: Option<String>,
    /// `appid` or `azp`: the application.
    pub app: Option<String>,
    /// `oid`: the object id of the service principal, needed for `New-ServicePrincipal`.
    pub object_id: Option<String>,
    /// `roles`, and the words of `scp`.
    pub permissions: Vec<String>,
    /// `exp`.
    pub expires_at: Option<Timestamp>,
    /// `iat`.
    pub issued_at: Option<Timestamp>,
    /// `nbf`: the token is not valid before this time.
    pub not_before: Option<Timestamp>,
    /// `ver`: `1.0` or `2.0`.
    pub version: Option<String>,
    /// `appidacr` or `azpacr`: how the application authenticated, `1` by secret, `2` by certificate.
    pub proof: Option<String>,
    /// `uti`: "Unique token identifier" of the sign-in log.
    pub token_id: Option<String>,
}
