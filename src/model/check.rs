//! A check: one mailbox over one protocol. The unit of scheduling.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Credential, Endpoint, IpChoice, Mailbox, Mechanism, Protocol, SecretRef};

/// What a probe must achieve to count as a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// IMAP: opening a folder.
    Folder {
        name: String,
        /// Use EXAMINE instead of SELECT.
        read_only: bool,
    },
    /// SMTP: logging in.
    Submission {
        /// Also ask whether the address may send: MAIL FROM, then RSET. Sends no mail.
        sender: bool,
        /// The name in EHLO; `None` uses the address literal of the connection.
        ehlo: Option<String>,
    },
}

impl Goal {
    /// The protocol of this goal.
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Folder { .. } => Protocol::Imap,
            Self::Submission { .. } => Protocol::Smtp,
        }
    }
}

/// Which token to request, and where. Equal specifications share one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSpec {
    /// The credential that requests it.
    pub credential: Arc<Credential>,
    /// The token endpoint, with `{tenant}` filled in.
    pub url: Arc<str>,
    pub scope: Arc<str>,
    /// Certificate authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
}

impl TokenSpec {
    /// The `resource` label: the host of the scope, or the whole scope if it is not a URL.
    pub fn resource(&self) -> &str {
        let rest = self.scope.split_once("://").map_or(&*self.scope, |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }
}

/// How a check logs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// With an access token.
    Token {
        spec: TokenSpec,
        /// [`Mechanism::Xoauth2`] or [`Mechanism::Oauthbearer`].
        mechanism: Mechanism,
        /// The permission that the token should carry, if one is known (`IMAP.AccessAsApp`).
        permission: Option<&'static str>,
    },
    /// With a password, by any password mechanism that the server offers.
    Password { password: SecretRef },
}

/// One mailbox × one protocol, fully resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    pub mailbox: Arc<Mailbox>,
    pub endpoint: Endpoint,
    pub ip: IpChoice,
    pub access: Access,
    pub goal: Goal,
    /// From the start of one probe to the start of the next.
    pub interval: Duration,
    /// Time limit of the whole probe, without the wait for permits.
    pub timeout: Duration,
}

impl Check {
    pub const fn protocol(&self) -> Protocol {
        self.goal.protocol()
    }

    /// Identifies the check across reloads.
    pub fn name(&self) -> CheckName {
        CheckName { mailbox: Arc::clone(&self.mailbox.name), protocol: self.protocol() }
    }
}

/// `mailbox/protocol`: the key of a check in metrics, schedule and history.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckName {
    pub mailbox: Arc<str>,
    pub protocol: Protocol,
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mailbox, self.protocol)
    }
}
