//! The plan: what a configuration means, with no `Option` left to interpret.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Address, Check, Credential, Mailbox, Policy, Shard, Web};

/// Where the HTTP endpoint listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Host name or IP literal (without brackets).
    pub host: String,
    /// TCP port; 0 asks the system for a free one.
    pub port: u16,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Bounds of the whole program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Probes in flight at once.
    pub concurrency: usize,
    /// Connections at once to one mail server.
    pub per_host: usize,
    /// A token is renewed at the latest then, so that a revoked secret shows.
    pub token_max_age: Duration,
}

/// Every check, what it rests on, and the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The HTTP endpoint.
    pub listen: Listen,
    /// How it is protected; `None` is not at all.
    pub web: Option<Arc<Web>>,
    /// By which address people reach it.
    pub address: Address,
    /// Bounds.
    pub limits: Limits,
    /// Which part of the file's mailboxes this is.
    pub shard: Shard,
    /// Every credential of the file, used or not.
    pub credentials: Vec<Arc<Credential>>,
    /// Every mailbox.
    pub mailboxes: Vec<Arc<Mailbox>>,
    /// Every check.
    pub checks: Vec<Arc<Check>>,
    /// The operator's word on passwords.
    pub policy: Policy,
}
