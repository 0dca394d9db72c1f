//! The plan: a configuration with all defaults resolved.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{Address, Check, Credential, Directory, Mailbox, Policy, Shard, TokenSpec, Web};

/// The address of the HTTP endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Host name, or IP literal without brackets.
    pub host: String,
    /// TCP port; 0 picks a free one.
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

/// Limits of the whole program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Concurrent probes.
    pub concurrency: usize,
    /// Concurrent connections to one mail server.
    pub per_host: usize,
    /// Maximum age of a token before renewal, so that a revoked secret is noticed.
    pub token_max_age: Duration,
}

/// All checks, everything they depend on, and the listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub listen: Listen,
    /// The protection of the HTTP endpoint; `None` without any.
    pub web: Option<Arc<Web>>,
    /// The public address of the pages.
    pub address: Address,
    pub limits: Limits,
    /// The shard of the configured mailboxes that this agent probes.
    pub shard: Shard,
    /// All credentials in the configuration, used or not.
    pub credentials: Vec<Arc<Credential>>,
    pub mailboxes: Vec<Arc<Mailbox>>,
    pub checks: Vec<Arc<Check>>,
    /// What is read from directories.
    pub directories: Vec<Arc<Directory>>,
    /// The settings for readiness.
    pub policy: Policy,
}

impl Plan {
    /// The checks of one mail protocol each: what is said about passwords concerns no other check.
    pub fn mail_checks(&self) -> impl Iterator<Item = &Arc<Check>> {
        self.checks.iter().filter(|check| check.protocol().mail().is_some())
    }

    /// The tokens that checks and directories need.
    pub fn token_specs(&self) -> impl Iterator<Item = &TokenSpec> {
        let of_checks = self.checks.iter().flat_map(|check| check.legs()).filter_map(Check::token_spec);
        of_checks.chain(self.directories.iter().map(|directory| &directory.spec))
    }
}
