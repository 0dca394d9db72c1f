//! The one fact: what a probe saw. Made once, read by log, metrics, page and JSON.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Check, Claims, Failure, Mechanism, Timings};

/// What the probe learnt of the server, whether or not it succeeded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerFacts {
    /// The address that was dialled.
    pub ip: Option<IpAddr>,
    /// `TLSv1.2` or `TLSv1.3`.
    pub tls_version: Option<&'static str>,
    /// The cipher suite that was agreed on, by its IANA name.
    pub tls_cipher: Option<&'static str>,
    /// `notAfter` of the server's own certificate, also of one that was refused.
    pub certificate_expiry: Option<Timestamp>,
    /// Whose certificate that is, also of one that was refused.
    pub certificate: Option<Certificate>,
    /// The mechanisms offered; `None` until the server has listed them.
    pub mechanisms: Option<BTreeSet<Mechanism>>,
    /// The mechanism by which the login was tried.
    pub mechanism: Option<Mechanism>,
    /// Messages in the folder (EXISTS), IMAP only.
    pub messages: Option<u32>,
    /// The name that the server gives itself in its greeting: Exchange Online's front end, for its support.
    pub front_end: Option<String>,
    /// A public provider's host shows a certificate from no public authority: something in between may
    /// read along.
    pub intercepted: bool,
}

/// What identifies a server's certificate: who intercepts TLS shows another issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// Whose it is, as a distinguished name.
    pub subject: String,
    /// Who issued it.
    pub issuer: String,
    /// SHA-256 of the certificate, in hexadecimal.
    pub sha256: String,
    /// Whether its chain ends in one of the public authorities that come with the program, whatever this
    /// machine trusts besides; `None` where that could not be told.
    pub public_root: Option<bool>,
}

/// What is kept of an access token: enough to find it in the identity provider's sign-in log, nothing
/// to use it by. With the dialogue it is the proof that modern authentication is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSeal {
    /// The first twelve hexadecimal digits of the token's SHA-256.
    pub fingerprint: String,
    /// The `client-request-id` of the request that brought it.
    pub request_id: String,
    /// How far this machine's clock was ahead of the identity provider's then; see `TokenReport`.
    pub clock_skew: Option<SignedDuration>,
    /// What it says of itself; `None` where it is opaque.
    pub claims: Option<Claims>,
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The mailbox can be used.
    Up,
    /// It cannot.
    Down {
        /// Where and why.
        failure: Failure,
        /// What to do, filled with this mailbox's values.
        hint: String,
    },
}

impl Outcome {
    /// Whether the mailbox can be used.
    pub const fn is_up(&self) -> bool {
        matches!(self, Self::Up)
    }

    /// The failure, if it is one.
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Up => None,
            Self::Down { failure, .. } => Some(failure),
        }
    }
}

/// Who said a line of the dialogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The probe.
    Client,
    /// The mail server.
    Server,
}

/// One line of a dialogue, already redacted and cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialogueLine {
    /// Since the connection stood.
    pub at: Duration,
    /// Who said it.
    pub from: Speaker,
    /// What was said, without its line end.
    pub text: String,
}

/// The lines of a dialogue, made fit to be shown when somebody looks for the first time.
///
/// Most are never looked at. Until then it holds what it is made from, which can neither be printed nor
/// copied; afterwards that is gone. Clones share it.
#[derive(Clone)]
pub struct Transcript(Arc<LazyLock<Vec<DialogueLine>, Writer>>);

type Writer = Box<dyn FnOnce() -> Vec<DialogueLine> + Send>;

impl Transcript {
    /// A transcript that `write` makes at the first look. What it captures lives until then.
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

/// Looking makes the lines: what is printed is what anybody may see.
impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self).finish()
    }
}

/// What one probe of one check saw.
#[derive(Debug, Clone)]
pub struct Observation {
    /// What was probed.
    pub check: Arc<Check>,
    /// When the probe began.
    pub started_at: Timestamp,
    /// From there to the verdict, waiting for permits and the goodbye excluded.
    pub duration: Duration,
    /// The same, phase by phase: the sum is the duration.
    pub timings: Timings,
    /// How long the probe waited: between its due time and its start, and for permits.
    pub lateness: Duration,
    /// What is known of the server.
    pub server: ServerFacts,
    /// The access token it had; `None` for passwords, and where there was none.
    pub token: Option<TokenSeal>,
    /// What was said, without secrets.
    pub dialogue: Transcript,
    /// The verdict.
    pub outcome: Outcome,
}

/// What became of asking for a probe out of turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDemand {
    /// It was made, or one under way was waited for, and has been recorded.
    Probed,
    /// The last observation is young enough to be the answer.
    Recent,
    /// After refusals, or because the server asked for it, nobody logs in for now: the last observation is the answer.
    Held,
    /// The check is not in the plan, or no longer.
    Unknown,
}
