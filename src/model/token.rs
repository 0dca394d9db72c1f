//! What a token request brought: read by metrics, pages and hints; the token itself is not here.

use std::time::Duration;

use jiff::Timestamp;

use super::{Cause, Claims, TokenSpec};

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
    /// What came.
    pub outcome: Result<TokenFacts, Cause>,
}
