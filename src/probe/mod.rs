//! The conversation with a mail server, from the first byte on an open connection to the verdict.
//!
//! Owns what is said; the one match over the protocol is here. A token or password is handed in:
//! nothing here could fetch one. `diagnosis` judges the answers, and `net` measures the times.

mod graph;
mod greeting;
mod imap;
mod letter;
mod pop3;
mod sasl;
mod smtp;
mod verdict;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use self::imap::Folder;
pub use self::imap::{Imap, Marked};
pub use self::letter::{HEADER as MARK_HEADER, Letter, Mark};
use self::pop3::Pop3;
use self::smtp::{Smtp, Submission};
use crate::diagnosis::{self, Offer};
use crate::model::{
    Auth, Cause, Check, Failure, Goal, Mechanism, Protocol, Reason, Redacted, Security, ServerFacts,
};
use crate::net::{Dialer, Dialogue, Io, Stopwatch, Syntax, TlsFacts};
use crate::secret::Scrubber;

/// Who logs in, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The login name.
    pub username: &'a str,
    /// The proof.
    pub secret: Secret<'a>,
}

/// An access token, and how it is sent.
#[derive(Debug, Clone, Copy)]
pub struct Bearer<'a> {
    pub token: &'a Redacted,
    /// The configured mechanism, [`Mechanism::Xoauth2`] or [`Mechanism::Oauthbearer`]; `None` takes what the
    /// server offers.
    pub mechanism: Option<Mechanism>,
}

impl Bearer<'_> {
    /// How the token is sent to a server that offers these mechanisms. XOAUTH2 comes first if it is offered:
    /// more servers have it, and its refusals are better known.
    fn mechanism_among(&self, offered: &BTreeSet<Mechanism>) -> Mechanism {
        let has = |mechanism| offered.contains(&mechanism);
        match self.mechanism {
            Some(configured) => configured,
            None if !has(Mechanism::Xoauth2) && has(Mechanism::Oauthbearer) => Mechanism::Oauthbearer,
            None => Mechanism::Xoauth2,
        }
    }
}

/// The proof of a login: an access token or a password.
pub type Secret<'a> = Auth<Bearer<'a>, &'a Redacted>;

/// An open connection. On a port with implicit TLS the handshake has been done.
pub struct Connection {
    /// The bytes.
    pub stream: Box<dyn Io>,
    /// The server's address.
    pub peer: SocketAddr,
    /// Ours, for EHLO.
    pub local: IpAddr,
    /// Where everything that is said is remembered.
    pub dialogue: Dialogue,
}

/// What a conversation needs to know besides the connection.
#[derive(Clone, Copy)]
pub struct Probe<'a> {
    /// What is probed.
    pub check: &'a Check,
    /// Who logs in.
    pub login: Login<'a>,
    /// For STARTTLS.
    pub dialer: &'a Dialer,
}

/// How a protocol's lines are shown and judged. The dialogue itself is the protocol's own file.
struct Speech {
    syntax: Syntax,
    /// The refusal in a line that does not end an answer.
    refusal_in: fn(&str) -> Option<&str>,
    /// Whether such a line may be a mere warning, unless its words say more.
    warns: bool,
    /// Whether a line says why the server closes.
    is_farewell: fn(&str) -> bool,
    /// Whether such a line may also come from a gateway in front of servers of other protocols. Not where it may be
    /// an ordinary answer.
    by_gateways: bool,
}

/// Whether a line says why a gateway closes, in any protocol.
fn is_farewell_of_a_gateway(line: &str) -> bool {
    SPEECHES.iter().any(|speech| speech.by_gateways && (speech.is_farewell)(line))
}

static SPEECHES: [&Speech; 3] = [&imap::SPEECH, &smtp::SPEECH, &pop3::SPEECH];

const fn speech(goal: &Goal) -> &'static Speech {
    match goal {
        Goal::Folder { .. } => &imap::SPEECH,
        Goal::Submission { .. } | Goal::RoundTrip(_) => &smtp::SPEECH,
        Goal::Maildrop => &pop3::SPEECH,
        Goal::GraphFolder { .. } => &graph::SPEECH,
    }
}

/// An empty dialogue in the protocol of a check. Secrets known to the scrubber are never shown.
pub fn dialogue(check: &Check, scrubber: Scrubber) -> Dialogue {
    Dialogue::begin(scrubber, &speech(&check.goal).syntax)
}

/// A conversation that has come to its verdict and has not yet said goodbye.
pub enum Session {
    /// By IMAP.
    Imap(Imap),
    /// By SMTP.
    Smtp(Smtp),
    /// By POP3.
    Pop3(Pop3),
}

impl Session {
    /// LOGOUT or QUIT. This is politeness: its result is ignored. The caller limits the time.
    pub async fn goodbye(self) {
        match self {
            Self::Imap(session) => session.goodbye().await,
            Self::Smtp(session) => session.goodbye().await,
            Self::Pop3(session) => session.goodbye().await,
        }
    }
}

/// Talks until the mailbox has proven usable or not. Returns the session if the
/// connection is still open, so that the caller can say goodbye.
///
/// Facts about the server go to `facts` whether or not the probe succeeds.
pub async fn converse(
    probe: Probe<'_>,
    connection: Connection,
    watch: &mut Stopwatch,
    facts: &mut ServerFacts,
) -> (Result<(), Failure>, Option<Session>) {
    let dialogue = connection.dialogue.clone();
    match &probe.check.goal {
        Goal::Folder { name, read_only, unread } => {
            let mut session = None;
            let wanted = Folder { name, read_only: *read_only, unread: unread.is_some() };
            let verdict = imap::converse(probe, wanted, connection, watch, facts, &mut session).await;
            let alert = session.as_ref().and_then(Imap::alert);
            let verdict = verdict.map_err(|failure| probe.unfinished(failure, &dialogue, facts, alert));
            (verdict, session.map(Session::Imap))
        }
        Goal::Submission { sender, ehlo } => {
            let mut session = None;
            let wanted = Submission { sender: *sender, ehlo: ehlo.as_deref() };
            let verdict = smtp::converse(probe, wanted, connection, watch, facts, &mut session).await;
            let verdict = verdict.map_err(|failure| probe.unfinished(failure, &dialogue, facts, None));
            (verdict, session.map(Session::Smtp))
        }
        // A round trip consists of conversations with goals of their own.
        Goal::RoundTrip(_) => {
            let cause = Cause::new(Reason::Internal, "a round trip is not a conversation with one server");
            (Err(Failure { phase: watch.current(), cause }), None)
        }
        Goal::Maildrop => {
            let mut session = None;
            let verdict = pop3::converse(probe, connection, watch, facts, &mut session).await;
            let verdict = verdict.map_err(|failure| probe.unfinished(failure, &dialogue, facts, None));
            (verdict, session.map(Session::Pop3))
        }
        Goal::GraphFolder { folder } => {
            let verdict = graph::converse(probe, folder, connection, watch, facts).await;
            let verdict = verdict.map_err(|failure| probe.unfinished(failure, &dialogue, facts, None));
            (verdict, None)
        }
    }
}

impl Probe<'_> {
    /// The TLS handshake, with what it tells; on implicit ports and after STARTTLS alike.
    ///
    /// # Errors
    /// Why it failed, with the server's certificate if it showed one.
    pub async fn secure(self, stream: Box<dyn Io>, facts: &mut ServerFacts) -> Result<Box<dyn Io>, Cause> {
        let trust = self.dialer.trust(self.check.mailbox.provider.ca_file.as_deref()).await?;
        let mut seen = TlsFacts::default();
        let secured = trust.handshake(stream, &self.check.endpoint.host, &mut seen).await;
        facts.tls_version = seen.version;
        facts.tls_cipher = seen.cipher;
        facts.certificate_expiry = seen.certificate_expiry.or(facts.certificate_expiry);
        facts.certificate = seen.certificate;
        match secured {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(Cause::new(diagnosis::io(&error), format!("{error}{}", shown(facts)))),
        }
    }

    const fn protocol(self) -> Protocol {
        self.check.protocol()
    }

    fn starts_in_clear(self) -> bool {
        self.check.endpoint.security == Security::StartTls
    }
}

/// The certificate behind a failed handshake, if one was shown.
fn shown(facts: &ServerFacts) -> String {
    let Some(certificate) = &facts.certificate else { return String::new() };
    let end = facts.certificate_expiry.map_or_else(|| "?".to_owned(), |end| end.to_string());
    let (subject, issuer) = (&certificate.subject, &certificate.issuer);
    format!(" (certificate of {subject}, issued by {issuer}, valid until {end})")
}

/// The login that is wanted is not among those offered.
fn not_offered(offer: &Offer, mechanisms: &BTreeSet<Mechanism>) -> Cause {
    let offered: Vec<_> = mechanisms.iter().map(|mechanism| mechanism.label()).collect();
    let offered = if offered.is_empty() { "no login at all".to_owned() } else { offered.join(", ") };
    let detail = format!("{} is not offered; the server offers {offered}", offer.wanted);
    Cause::new(diagnosis::not_offered(offer), detail)
}

/// A login is not a success if the server has not seen what it accepts.
fn accepted_unseen(answer: &str) -> Cause {
    let why = format!("the server accepts the login before it was told who logs in: {answer}");
    Cause::new(Reason::ProtocolError, why)
}

fn no_starttls() -> Cause {
    Cause::new(Reason::TlsProtocol, "the server does not offer STARTTLS on this port")
}

fn injected() -> Cause {
    Cause::new(Reason::ProtocolError, "the server sent more in clear behind its answer to STARTTLS")
}
