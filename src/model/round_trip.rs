//! A round trip: a message that is sent from one mailbox, looked for in another, and deleted again.

use std::sync::Arc;
use std::time::Duration;

use super::mailbox::{LabelRow, label};
use super::{Check, Mailbox};

/// The parts of a round trip. Each leg is a complete check of one mail protocol, with a login of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundTrip {
    /// Hands the message over by SMTP.
    pub send: Arc<Check>,
    /// Opens by IMAP the inbox that the message should reach.
    pub receive: Arc<Check>,
    /// Opens the sender's inbox by IMAP: reports of failed delivery come back there, and some servers store a
    /// copy of what was sent. `None` if the message goes from a mailbox to itself.
    pub home: Option<Arc<Check>>,
    /// The folder for mail that the server takes for junk; `None` for the one that the server marks so (RFC 6154),
    /// or else the usual name.
    pub junk: Option<String>,
    /// The folder where a server stores what was sent; `None` as with `junk`.
    pub sent: Option<String>,
    /// The page about the sending mailbox, for people who find the message; `None` if no public address is known.
    pub page: Option<String>,
}

impl RoundTrip {
    /// The minimum time between two messages of one round trip, no matter who asks for them: providers count them as
    /// mail, and people may see them.
    pub const SHORTEST_GAP: Duration = Duration::from_secs(5 * 60);

    /// The mailbox that the message should reach.
    pub fn to(&self) -> &Arc<Mailbox> {
        &self.receive.mailbox
    }

    pub fn legs(&self) -> impl Iterator<Item = &Check> {
        [Some(&self.send), Some(&self.receive), self.home.as_ref()].into_iter().flatten().map(|leg| &**leg)
    }

    /// See [`Check::is_probed_like`].
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let Self { send, receive, home, junk, sent, page } = self;
        let home_is_like = match (home, &other.home) {
            (Some(home), Some(other)) => home.is_probed_like(other),
            (None, None) => true,
            _ => false,
        };
        send.is_probed_like(&other.send)
            && receive.is_probed_like(&other.receive)
            && home_is_like
            && (junk, sent, page) == (&other.junk, &other.sent, &other.page)
    }
}

table! {
    /// What a receiving server checks of a sender: RFC 7208, RFC 6376, RFC 7489.
    pub enum SenderCheck: LabelRow {
        Spf => label("spf");
        Dkim => label("dkim");
        Dmarc => label("dmarc");
    }
}

table! {
    /// The result of such a check, as far as it becomes a label (RFC 8601 section 2.7).
    pub enum SenderVerdict: LabelRow {
        Pass => label("pass");
        Fail => label("fail");
        SoftFail => label("softfail");
        Neutral => label("neutral");
        None => label("none");
        TempError => label("temperror");
        PermError => label("permerror");
        /// The server wrote nothing about it.
        Absent => label("absent");
    }
}

/// The verdict of the receiving server for every check.
pub type SenderVerdicts = Vec<(SenderCheck, SenderVerdict)>;

/// What a round trip learned besides its verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TripFacts {
    /// How long the sender's server took to accept the message, without the login.
    pub send: Option<Duration>,
    /// How long the message was under way, from its acceptance until it was seen.
    pub deliver: Option<Duration>,
    /// What the receiving server wrote about the sender; empty if the message was not seen.
    pub authentication: SenderVerdicts,
    /// What became of earlier messages, one sentence each.
    pub earlier: Vec<String>,
}
