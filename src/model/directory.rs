//! Directories: what Microsoft Graph is asked about apps and sign-ins, and what it has answered.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::{Credential, Protocol, TokenSpec};

/// The facts of one feed.
#[derive(Debug)]
pub struct FeedRow {
    /// The key in the configuration, and the last part of the label `source`.
    pub label: &'static str,
    /// The application permission of Microsoft Graph that it needs.
    pub permission: &'static str,
}

table! {
    /// What is read from a directory.
    pub enum Feed: FeedRow {
        /// When the secrets and certificates of the configured apps end.
        Expiry => FeedRow { label: "expiry", permission: "Application.Read.All" };
        /// Who signs in by IMAP, POP and SMTP.
        SignIns => FeedRow { label: "sign_ins", permission: "AuditLog.Read.All" };
    }
}

/// One directory of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    pub name: Arc<str>,
    /// The token that opens it.
    pub spec: TokenSpec,
    /// Where Microsoft Graph is, without a slash at the end.
    pub base_url: Arc<str>,
    /// From one reading to the next.
    pub interval: Duration,
    /// What is read; never empty.
    pub feeds: Vec<Feed>,
}

impl Directory {
    /// The value of the label `source`.
    pub fn source(&self, feed: Feed) -> String {
        format!("directory/{}/{feed}", self.name)
    }

    /// Whether both ask the same tenant in the same way.
    pub fn is_opened_like(&self, other: &Self) -> bool {
        (&self.spec, &self.base_url) == (&other.spec, &other.base_url)
    }

    /// Whether this credential is one of its tenant. `token_tenant` is what the token says of the tenant.
    pub fn has(&self, credential: &Credential, token_tenant: Option<&str>) -> bool {
        let own = [self.spec.proof.tenant(), token_tenant];
        let tenant = credential.tenant();
        tenant.is_some_and(|tenant| own.into_iter().flatten().any(|own| own.eq_ignore_ascii_case(tenant)))
    }
}

/// When users were last seen to sign in: by name in lower case, and protocol.
pub type Sightings = BTreeMap<(String, Protocol), Timestamp>;

/// One complete reading of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedReading {
    /// When it began.
    pub at: Timestamp,
    /// Credentials whose end is known, or users and protocols seen signing in.
    pub rows: usize,
    /// Everyone seen so far; empty for other feeds.
    pub sightings: Arc<Sightings>,
    /// Rows that say nothing about a successful sign-in by these protocols.
    pub irrelevant: usize,
    /// Rows that lack the user or the time, or have another form than documented.
    pub unclear: usize,
    /// What was refused while the rest was read.
    pub remark: Option<String>,
}

/// When secrets and certificates end by the word of a directory, by the credential's name.
pub type DirectoryEnds = BTreeMap<Arc<str>, Timestamp>;
