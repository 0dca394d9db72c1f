//! What one probe observed. Created once, then read by the log, the metrics, the pages and the JSON output.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Check, Claims, Failure, Mechanism, Timings, TripFacts};

/// What a probe learned about the server, whether or not it succeeded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// The address that the probe connected to.
    pub ip: Option<IpAddr>,
    /// `TLSv1.2` or `TLSv1.3`.
    pub tls_version: Option<&'static str>,
    /// The negotiated cipher suite, by its IANA name.
    pub tls_cipher: Option<&'static str>,
    /// `notAfter` of the server's own certificate, even if it was rejected.
    pub certificate_expiry: Option<Timestamp>,
    /// The server's own certificate, even if it was rejected.
    pub certificate: Option<Arc<Certificate>>,
    /// The offered mechanisms; `None` until the server has listed them.
    pub mechanisms: Option<BTreeSet<Mechanism>>,
    /// The mechanism used for the login attempt.
    pub mechanism: Option<Mechanism>,
    /// Messages in the folder (EXISTS), IMAP only.
    pub messages: Option<u32>,
    /// What the folder tells about its readers and its senders, if the check asks for it.
    pub unread: Option<Unread>,
    /// Round trip only: what became of the message.
    pub trip: TripFacts,
    /// The name in the server's greeting. For Exchange Online this is the front end, which its support asks
    /// for.
    pub front_end: Option<String>,
    /// True if a public provider's host presents a certificate that no public authority issued: TLS may be
    /// intercepted.
    pub intercepted: bool,
}

/// What a folder tells about its readers and its senders. It never decides whether a mailbox can be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unread {
    /// Messages without the flag `\Seen`.
    pub messages: Option<u32>,
    /// INTERNALDATE of the first of them, in the order in which they came into the folder.
    pub oldest: Option<Timestamp>,
    /// The latest INTERNALDATE among the last messages of the folder.
    pub newest: Option<Timestamp>,
    /// Why one of these is missing that the folder must have.
    pub missing: Option<String>,
}

impl Unread {
    /// Nothing was learned, for this reason.
    pub fn missing(why: String) -> Self {
        Self { missing: Some(why), ..Self::default() }
    }
}

/// Identifies a server's certificate. TLS interception shows as a different issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The subject, as a distinguished name.
    pub subject: String,
    /// The issuer, as a distinguished name.
    pub issuer: String,
    /// SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
    /// Whether the chain ends in one of the public authorities that are built into the program, whatever
    /// else this machine trusts; `None` if that is unknown.
    pub public_root: Option<bool>,
}

/// What is kept of an access token: enough to find it in the identity provider's sign-in log, but useless
/// for a login. Together with the dialogue it proves that modern authentication was used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSeal {
    /// The first twelve hexadecimal digits of the token's SHA-256.
    pub fingerprint: String,
    /// The `client-request-id` of the token request.
    pub request_id: String,
    /// See `TokenReport::clock_skew`.
    pub clock_skew: Option<SignedDuration>,
    /// The token's claims; `None` if it is opaque.
    pub claims: Option<Arc<Claims>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The mailbox can be used.
    Up,
    /// The mailbox cannot be used.
    Down {
        failure: Failure,
        /// What to do, filled in with the values of this mailbox.
        hint: String,
    },
}

impl Outcome {
    pub const fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }

    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Up => None,
            Self::Down { failure, .. } => Some(failure),
        }
    }

    /// What to do if the mailbox cannot be used.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Up => None,
            Self::Down { hint, .. } => Some(hint),
        }
    }
}

/// The sender of a line in the dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    Client,
    Server,
}

/// One line of a dialogue, redacted and truncated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogueLine {
    /// Time since the connection was established.
    pub at: Duration,
    pub from: Speaker,
    /// The line without its line end.
    pub text: String,
}

/// The lines of a dialogue, redacted at first access.
///
/// Most transcripts are never read. Until the first access this holds the raw dialogue, which can neither be
/// printed nor copied; the first access drops it. Clones share the state.
#[derive(Clone)]
pub struct Transcript(Arc<LazyLock<Vec<DialogueLine>, Writer>>);

type Writer = Box<dyn FnOnce() -> Vec<DialogueLine> + Send>;

impl Transcript {
    /// Calls `write` at the first access. Its captures live until then.
    pub fn written_by(write: impl FnOnce() -> Vec<DialogueLine> + Send + 'static) -> Self {
        Self(Arc::new(LazyLock::new(Box::new(write))))
    }
}

impl Default for Transcript {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl From<Vec<DialogueLine>> for Transcript {
    fn from(lines: Vec<DialogueLine>) -> Self {
        Self::written_by(|| lines)
    }
}

impl Deref for Transcript {
    type Target = [DialogueLine];

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'t> IntoIterator for &'t Transcript {
    type Item = &'t DialogueLine;
    type IntoIter = std::slice::Iter<'t, DialogueLine>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Printing counts as access: it shows only redacted lines.
impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// The result of one probe of one check.
#[derive(Debug, Clone)]
pub struct Observation {
    pub check: Arc<Check>,
    pub started_at: Timestamp,
    /// Time from start to verdict, without waits for permits and without the logout.
    pub duration: Duration,
    /// The duration by phase; the sum is `duration`.
    pub timings: Timings,
    /// How long the probe waited: between its due time and its start, and for permits.
    pub lateness: Duration,
    pub server: ServerFacts,
    /// The access token used; `None` for passwords, or if there was none.
    pub token: Option<Arc<TokenSeal>>,
    /// The redacted dialogue.
    pub dialogue: Transcript,
    pub outcome: Outcome,
}

/// The result of a request for a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDemand {
    /// A new or already running probe has completed and is recorded.
    Probed,
    /// The last observation is recent enough to be the answer.
    Recent,
    /// The check is on hold after refusals or at the server's request: the last observation is the answer.
    Held,
    /// The plan does not contain the check.
    Unknown,
}
