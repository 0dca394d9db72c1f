//! A check: one mailbox over one protocol. The unit of scheduling.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Auth, Endpoint, IpChoice, Mailbox, Mechanism, Proof, Protocol, RoundTrip, SecretRef};

/// How long a folder may be left alone, as its owner sees it. These limits are for alerts: no probe fails by them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Patience {
    /// How long a message may stay unread.
    pub read_within: Option<Duration>,
    /// How long no message may arrive.
    pub arrives_within: Option<Duration>,
}

/// What a probe must achieve to count as a success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// IMAP: opening a folder.
    Folder {
        name: String,
        /// Use EXAMINE instead of SELECT.
        read_only: bool,
        /// Also ask how many messages are unread, and since when.
        unread: Option<Patience>,
    },
    /// SMTP: logging in.
    Submission {
        /// Also ask whether the address may send: MAIL FROM, then RSET. Sends no mail.
        sender: bool,
        /// The name in EHLO; `None` uses the address literal of the connection.
        ehlo: Option<String>,
    },
    /// POP3: counting the messages, which opens the maildrop.
    Maildrop,
    /// Graph: opening a folder, by its well-known name or its id.
    GraphFolder { folder: String },
    /// A message that reaches a mailbox. The check's own endpoint and login are those of the sending leg.
    RoundTrip(Arc<RoundTrip>),
}

impl Goal {
    /// The protocol of this goal.
    pub const fn protocol(&self) -> Protocol {
        match self {
            Self::Folder { .. } => Protocol::Imap,
            Self::Submission { .. } => Protocol::Smtp,
            Self::Maildrop => Protocol::Pop3,
            Self::GraphFolder { .. } => Protocol::Graph,
            Self::RoundTrip(_) => Protocol::RoundTrip,
        }
    }

    /// The folder that a success has counted.
    pub fn folder(&self) -> Option<&str> {
        match self {
            Self::Folder { name: folder, .. } | Self::GraphFolder { folder } => Some(folder),
            Self::Submission { .. } | Self::Maildrop | Self::RoundTrip(_) => None,
        }
    }
}

/// Which token to request, and where. Equal specifications share one token.
///
/// It contains every parameter of the request, so a redefined credential never inherits tokens or failures of
/// the old one with the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSpec {
    /// The name of the credential that requests it.
    pub credential: Arc<str>,
    /// What the request proves its identity with.
    pub proof: Arc<Proof>,
    /// The token endpoint, with `{tenant}` filled in.
    pub url: Arc<str>,
    /// The endpoint was written in the configuration: what a key file or the environment says does not count.
    pub url_is_written: bool,
    pub scope: Arc<str>,
    /// Certificate authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The login name whose mailbox the token opens, if the kind has a token for each.
    pub user: Option<Arc<str>>,
}

/// Every probe looks a specification up several times. Those of one plan differ in these parts, unless they are equal.
impl Hash for TokenSpec {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.credential, &self.scope, &self.user).hash(state);
    }
}

impl TokenSpec {
    /// The `resource` label: the host of the scope, or the whole scope if it is not a URL.
    pub fn resource(&self) -> &str {
        let rest = self.scope.split_once("://").map_or(&*self.scope, |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// The files that a request reads.
    pub fn files(&self) -> Vec<&Path> {
        let places = self.proof.places().into_iter().filter_map(SecretRef::file);
        places.chain(self.ca_file.as_deref()).collect()
    }
}

/// How a check logs in with an access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAccess {
    pub spec: TokenSpec,
    /// The configured mechanism, [`Mechanism::Xoauth2`] or [`Mechanism::Oauthbearer`]; `None` takes what the
    /// server offers.
    pub mechanism: Option<Mechanism>,
    /// The permission that the token should carry, if one is known (`IMAP.AccessAsApp`).
    pub permission: Option<&'static str>,
}

/// How a check logs in. A password is sent by any password mechanism that the server offers.
pub type Access = Auth<TokenAccess, SecretRef>;

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

    /// The conversations of a probe: the check itself, or the legs of a round trip.
    pub fn legs(&self) -> Vec<&Self> {
        match &self.goal {
            Goal::RoundTrip(trip) => trip.legs().collect(),
            Goal::Folder { .. } | Goal::Submission { .. } | Goal::Maildrop | Goal::GraphFolder { .. } => {
                vec![self]
            }
        }
    }

    /// The token that the check logs in with; `None` if it logs in with a password.
    pub fn token_spec(&self) -> Option<&TokenSpec> {
        self.access.token().map(|access| &access.spec)
    }

    /// The places that the logins read and never write: a change of what they hold deserves a new attempt.
    pub fn steady_places(&self) -> Vec<&SecretRef> {
        self.legs().into_iter().flat_map(Self::own_steady_places).collect()
    }

    /// The files that the logins read: secrets, certificates and certificate authorities.
    pub fn files(&self) -> Vec<&Path> {
        self.legs().into_iter().flat_map(Self::own_files).collect()
    }

    fn own_steady_places(&self) -> Vec<&SecretRef> {
        match &self.access {
            Access::Token(access) => access.spec.proof.steady_places(),
            Access::Password(place) => vec![place],
        }
    }

    fn own_files(&self) -> Vec<&Path> {
        let mut files: Vec<&Path> = match &self.access {
            Access::Token(access) => access.spec.files(),
            Access::Password(place) => place.file().into_iter().collect(),
        };
        files.extend(self.mailbox.provider.ca_file.as_deref());
        files
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
