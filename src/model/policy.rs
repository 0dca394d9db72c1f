//! The operator's word on passwords: what is expected, imported, and allowed to be tried.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::readiness::{Deadline, WordRow};
use super::{Protocol, SecretRef};

const fn word(label: &'static str, meaning: &'static str) -> WordRow {
    WordRow { label, meaning }
}

table! {
    /// Which passwords may be tried.
    pub enum PasswordLogin: WordRow {
        /// None.
        Never => word("never", "no password is ever tried");
        /// Those that mailboxes declare, at most once a day.
        Declared => word("declared", "a mailbox's own declared password, at most once a day");
        /// The deliberate wrong one as well, in tenants that allow it.
        Refusal => word("refusal", "also the deliberate wrong password, in the tenants of refusal_tenants");
    }
}

/// What is said of one mailbox.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expectation {
    /// Its real password, to see whether it is still taken.
    pub password: Option<SecretRef>,
    /// Protocols that nobody expects on it.
    pub not_expected: BTreeSet<Protocol>,
}

/// Everything that readiness is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Where memory survives a restart.
    pub state_dir: Option<PathBuf>,
    /// In the place of the shipped calendar.
    pub calendar: Option<Vec<Deadline>>,
    /// Who still uses passwords: CSV files.
    pub usage: Vec<PathBuf>,
    /// How the switches are set: CSV files.
    pub switches: Vec<PathBuf>,
    /// Which passwords may be tried.
    pub password_login: PasswordLogin,
    /// Tenants that opted into the deliberate wrong password.
    pub refusal_tenants: BTreeSet<String>,
    /// Providers of US Government clouds, by name: never the wrong password there.
    pub government: BTreeSet<Arc<str>>,
    /// By the mailbox's name; only mailboxes of which something is said.
    pub expectations: BTreeMap<Arc<str>, Expectation>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            state_dir: None,
            calendar: None,
            usage: Vec::new(),
            switches: Vec::new(),
            password_login: PasswordLogin::Never,
            refusal_tenants: BTreeSet::new(),
            government: BTreeSet::new(),
            expectations: BTreeMap::new(),
        }
    }
}

impl Policy {
    /// Whether a protocol is expected on a mailbox.
    pub fn expects(&self, mailbox: &str, protocol: Protocol) -> bool {
        self.expectations.get(mailbox).is_none_or(|said| !said.not_expected.contains(&protocol))
    }
}
