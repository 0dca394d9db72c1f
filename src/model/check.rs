//! A check: one mailbox by one protocol, the unit that is scheduled.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Credential, Endpoint, IpChoice, Mailbox, Mechanism, Protocol, SecretRef};

/// What has to work for a probe to be a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// IMAP: the folder opens.
    Folder {
        /// The folder's name as the server spells it.
        name: String,
        /// EXAMINE instead of SELECT.
        read_only: bool,
    },
    /// SMTP: the login is accepted.
    Submission {
        /// Also ask whether the address may send: MAIL FROM, then RSET. No mail is sent.
        sender: bool,
        /// The name that EHLO gives; `None` is the address literal of the connection.
        ehlo: Option<String>,
    },
}

impl Goal {
    /// The protocol in which this goal can be reached.
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Folder { .. } => Protocol::Imap,
            Self::Submission { .. } => Protocol::Smtp,
        }
    }
}

/// Which token is wanted, from where. Equal specifications share one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSpec {
    /// Who asks.
    pub credential: Arc<Credential>,
    /// The token endpoint, `{tenant}` filled in.
    pub url: Arc<str>,
    /// The scope asked for.
    pub scope: Arc<str>,
    /// Trusted besides the system's roots.
    pub ca_file: Option<PathBuf>,
}

impl TokenSpec {
    /// The `resource` label: the host of the scope, or the scope itself where it is no URL.
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
        /// The token.
        spec: TokenSpec,
        /// [`Mechanism::Xoauth2`] or [`Mechanism::Oauthbearer`].
        mechanism: Mechanism,
        /// The permission the token should carry, where one is known (`IMAP.AccessAsApp`).
        permission: Option<&'static str>,
    },
    /// With a password, by whichever password mechanism the server offers.
    Password {
        /// Where the password lies.
        password: SecretRef,
    },
}

/// One mailbox × one protocol, complete: nothing is left to interpret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Whose mailbox.
    pub mailbox: Arc<Mailbox>,
    /// Which server.
    pub endpoint: Endpoint,
    /// By which address family.
    pub ip: IpChoice,
    /// How to log in.
    pub access: Access,
    /// What must work.
    pub goal: Goal,
    /// Start to start.
    pub interval: Duration,
    /// Bound of the whole probe, waiting for permits excluded.
    pub timeout: Duration,
}

impl Check {
    /// The protocol, which the goal decides.
    pub const fn protocol(&self) -> Protocol {
        self.goal.protocol()
    }

    /// The identity of the check across reloads.
    pub fn name(&self) -> CheckName {
        CheckName { mailbox: Arc::clone(&self.mailbox.name), protocol: self.protocol() }
    }
}

/// `mailbox/protocol`: what metrics, schedule and history know a check by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CheckName {
    /// The mailbox's name.
    pub mailbox: Arc<str>,
    /// The protocol.
    pub protocol: Protocol,
}

impl fmt::Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.mailbox, self.protocol)
    }
}
