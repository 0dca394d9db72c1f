//! A request for one probe: which check, when it was due, and whether the result counts for the check.

use std::sync::Arc;

use tokio::time::Instant;

use crate::model::{Access, Check, SecretRef};

/// A request for one probe.
#[derive(Debug, Clone)]
pub struct ProbeRequest {
    check: Arc<Check>,
    due: Instant,
    purpose: Purpose,
}

/// What a result is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The result is the check's own.
    Check,
    /// The result says something about a password, and nothing about the check.
    PasswordTrial,
}

impl ProbeRequest {
    /// A request to probe a check that was due at this time.
    pub fn of_check(check: &Arc<Check>, due: Instant) -> Self {
        Self { check: Arc::clone(check), due, purpose: Purpose::Check }
    }

    /// A request to log in once with this password instead of the check's own credential.
    pub fn of_password(check: &Check, password: SecretRef) -> Self {
        let check = Arc::new(Check { access: Access::Password(password), ..check.clone() });
        Self { check, due: Instant::now(), purpose: Purpose::PasswordTrial }
    }

    pub fn check(&self) -> &Arc<Check> {
        &self.check
    }

    /// When the probe should have begun.
    pub const fn due(&self) -> Instant {
        self.due
    }

    pub(super) const fn purpose(&self) -> Purpose {
        self.purpose
    }
}
