//! Why a directory could not be read. The variants differ by who must act.

use std::time::Duration;

use crate::invocation;
use crate::model::{Cause, Reason};

/// Why a reading is not complete.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// The identity provider gives no token.
    #[error("no token for Microsoft Graph: {}: {}", .0.reason, .0.detail)]
    Token(Cause),
    /// There was no answer, or only a part of one.
    #[error("{}: {}", .0.reason, .0.detail)]
    Network(Cause),
    /// The tenant pays for no sign-in log.
    #[error(
        "the tenant has no Entra ID P1 or P2 licence, and without one Microsoft Graph gives no sign-in log: write sign_ins: false"
    )]
    NoLicence,
    /// The token lacks a permission.
    #[error(
        "the app lacks the application permission {permission} of Microsoft Graph, or no administrator has consented to it; {} prints the steps ({said})",
        invocation::complete("`mailbox-exporter setup --config FILE`")
    )]
    NoPermission { permission: &'static str, said: String },
    /// Two tokens in a row were refused.
    #[error("Microsoft Graph refuses the token: {0}; compare base_url with the cloud of the tenant")]
    TokenRefused(String),
    /// Microsoft Graph asks to wait longer than one reading takes.
    #[error("Microsoft Graph is throttling ({said}): it is asked again in {} s", .wait.as_secs())]
    Throttled { said: String, wait: Duration },
    /// Microsoft Graph asked to wait more often than one reading does.
    #[error("Microsoft Graph is throttling or unavailable ({said}), after {waits} waits")]
    Busy { said: String, waits: usize },
    /// Another refusal.
    #[error("Microsoft Graph answers with status {status}: {said}")]
    Refused { status: u16, said: String },
    /// Something else than Microsoft Graph says that there is nothing, or answers with a page.
    #[error(
        "what answers at this address is not Microsoft Graph: status {status} ({said}); compare base_url"
    )]
    NotGraph { status: u16, said: String },
    /// An answer of success whose body does not have the documented form.
    #[error("the answer of Microsoft Graph has another form than documented: {0}")]
    Unreadable(String),
    /// A page points to another server, which must not see the token.
    #[error("the next page is on another server than base_url: {0}; it is not asked")]
    Elsewhere(String),
    /// The time is up.
    #[error("the reading took longer than {} min", .0.as_secs() / 60)]
    Slow(Duration),
}

impl Fault {
    /// Whether it is no use to ask again before the interval is over: a licence is not bought in minutes.
    pub const fn is_lasting(&self) -> bool {
        matches!(self, Self::NoLicence)
    }

    /// How long to wait at least before the next reading.
    pub const fn wait(&self) -> Duration {
        match self {
            Self::Throttled { wait, .. } => *wait,
            _ => Duration::ZERO,
        }
    }

    /// Whether it may be about one address alone, so that others are worth a request.
    pub(super) const fn is_of_one_address(&self) -> bool {
        matches!(
            self,
            Self::NoPermission { .. } | Self::Refused { .. } | Self::NotGraph { .. } | Self::Unreadable(_)
        )
    }

    /// Whether both are the same fault. Ids and times in their texts do not count.
    pub fn is_like(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    fn key(&self) -> (std::mem::Discriminant<Self>, Option<Reason>, Option<u16>) {
        let (reason, status) = match self {
            Self::Token(cause) | Self::Network(cause) => (Some(cause.reason), None),
            Self::Refused { status, .. } => (None, Some(*status)),
            _ => (None, None),
        };
        (std::mem::discriminant(self), reason, status)
    }
}
