//! The result of a token request, without the token itself. Read by metrics, pages and hints.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Cause, Certificate, End, TokenSpec};

/// Clock differences below this are not reported: Entra tolerates five minutes, but people expect none.
pub const NOTABLE_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// What is known about an issued token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// When the token expires.
    pub expires_at: Timestamp,
    /// The token's claims; `None` if it is opaque.
    pub claims: Option<Arc<Claims>>,
}

/// One request to an identity provider.
#[derive(Debug, Clone)]
pub struct TokenReport {
    pub spec: TokenSpec,
    pub started_at: Timestamp,
    /// How long the answer took.
    pub duration: Duration,
    /// Our `client-request-id`, which finds the request in the provider's sign-in log. `None` if the secret
    /// could not be read, so that no request was sent.
    pub request_id: Option<String>,
    /// How far this machine's clock is ahead of the identity provider's (negative: behind), in whole seconds,
    /// from the `Date` header of the answer (RFC 9110 section 6.6.1). `None` without that header.
    pub clock_skew: Option<SignedDuration>,
    /// The server's certificate, even if it was rejected; `None` without TLS.
    pub certificate: Option<Arc<Certificate>>,
    /// True if a public identity provider presents a certificate that no public authority issued.
    pub intercepted: bool,
    /// When the proof expires, as far as the request found out.
    pub ends: Vec<End>,
    /// When the refresh token was last known to work; `None` for credentials without one.
    pub refresh_token_used: Option<Timestamp>,
    pub outcome: Result<TokenFacts, Cause>,
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

/// Permissions that include another one. Source: Microsoft Learn, "Get mailFolder", permissions from least to most.
const INCLUDED: &[(&str, &[&str])] = &[
    ("Mail.ReadBasic.All", &["Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite"]),
    ("Mail.ReadBasic", &["Mail.Read", "Mail.ReadWrite", "Mail.Read.Shared", "Mail.ReadWrite.Shared"]),
];

impl Claims {
    /// Whether the token holds a permission, or one that includes it.
    pub fn grants(&self, permission: &str) -> bool {
        let wider = INCLUDED.iter().filter(|(name, _)| *name == permission).flat_map(|(_, wider)| *wider);
        let good = || wider.clone().chain([&permission]);
        self.permissions.iter().any(|held| good().any(|good| good == held))
    }
}
