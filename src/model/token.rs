//! What a token request brought: read by metrics, pages and hints; the token itself is not here.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Cause, Certificate, Claims, TokenSpec};

/// From this difference on a clock is called wrong: Entra forgives five minutes, people expect none.
pub const NOTABLE_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// What is known of a token that was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    /// When it ends.
    pub expires_at: Timestamp,
    /// What it says of itself; `None` where it is opaque.
    pub claims: Option<Claims>,
}

/// One request to an identity provider.
#[derive(Debug, Clone)]
pub struct TokenReport {
    /// What was asked for.
    pub spec: TokenSpec,
    /// When.
    pub started_at: Timestamp,
    /// How long the answer took.
    pub duration: Duration,
    /// Our `client-request-id`: the key to the provider's sign-in log. `None` where no request was sent,
    /// because the secret could not be read.
    pub request_id: Option<String>,
    /// How far this machine's clock is ahead of the identity provider's, negative where it is behind, to
    /// the second: by the `Date` of its answer (RFC 9110 section 6.6.1). `None` where it gave none.
    pub clock_skew: Option<SignedDuration>,
    /// The certificate of whoever answered, also of one that was refused; `None` without TLS.
    pub certificate: Option<Certificate>,
    /// The certificate of a public identity provider comes from no public authority.
    pub intercepted: bool,
    /// What came.
    pub outcome: Result<TokenFacts, Cause>,
}
