//! The operator's settings for readiness: what is expected, what is imported, which passwords may be tried.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::readiness::{Deadline, Import, WordRow};
use super::{Protocol, SecretRef};

const fn word(label: &'static str, meaning: &'static str) -> WordRow {
    WordRow { label, meaning }
}

table! {
    /// Which passwords may be tried.
    pub enum PasswordLogin: WordRow {
        Never => word("never", "no password is ever tried");
        /// Declared passwords, each at most once a day.
        Declared => word("declared", "a mailbox's own declared password, at most once a day");
        /// Also the deliberately wrong password, in tenants that allow it.
        Refusal => word("refusal", "also the deliberate wrong password, in the tenants of refusal_tenants");
    }
}

/// The settings of one mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// The mailbox's real password, to test whether it is still accepted.
    pub password: Option<SecretRef>,
    /// Protocols that are not needed on this mailbox.
    pub not_expected: BTreeSet<Protocol>,
}

/// All settings for readiness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Where the state is stored across restarts.
    pub state_dir: Option<PathBuf>,
    /// Replaces the built-in calendar.
    pub calendar: Option<Vec<Deadline>>,
    /// What the imported CSV files say.
    pub imports: Vec<Arc<Import>>,
    /// The names of all configured imports, those without a file included.
    pub sources: Vec<String>,
    pub password_login: PasswordLogin,
    /// Tenants that allow the deliberately wrong password.
    pub refusal_tenants: BTreeSet<String>,
    /// By mailbox name; only mailboxes with settings.
    pub expectations: BTreeMap<Arc<str>, Expectation>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            state_dir: None,
            calendar: None,
            imports: Vec::new(),
            sources: Vec::new(),
            password_login: PasswordLogin::Never,
            refusal_tenants: BTreeSet::new(),
            expectations: BTreeMap::new(),
        }
    }
}

impl Policy {
    /// Whether the mailbox is expected to use this protocol.
    pub fn expects(&self, mailbox: &str, protocol: Protocol) -> bool {
        self.expectations.get(mailbox).is_none_or(|said| !said.not_expected.contains(&protocol))
    }
}
