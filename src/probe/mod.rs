//! The conversation with a mail server, from the first byte on an open connection to the verdict.
//!
//! Owns what is said; the one match over the protocol is here. A token or password is handed in:
//! nothing here could fetch one. What an answer means is `diagnosis`, how long it took `net`.

mod imap;
mod lent;
mod sasl;
mod smtp;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use self::imap::Imap;
use self::smtp::Smtp;
use crate::diagnosis::{self, Answer, Offer};
use crate::model::{
    Cause, Check, Failure, Goal, Mechanism, Phase, Protocol, Reason, Redacted, Security, ServerFacts,
};
use crate::net::{Dialer, Dialogue, End, Grammar, Io, Stopwatch, Tap, TlsFacts};

/// Who logs in, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The login name.
    pub username: &'a str,
    /// The proof.
    pub secret: Secret<'a>,
}

/// The proof of a login.
#[derive(Debug, Clone, Copy)]
pub enum Secret<'a> {
    /// An access token.
    Token {
        /// The token.
        token: &'a Redacted,
        /// [`Mechanism::Xoauth2`] or [`Mechanism::Oauthbearer`].
        mechanism: Mechanism,
    },
    /// A password.
    Password(&'a Redacted),
}

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

/// A conversation that has come to its verdict and has not yet said goodbye.
pub enum Session {
    /// By IMAP.
    Imap(Imap),
    /// By SMTP.
    Smtp(Smtp),
}

impl Session {
    /// LOGOUT or QUIT. Politeness, never a verdict: nothing comes of it. The caller bounds it in time.
    pub async fn goodbye(self) {
        match self {
            Self::Imap(session) => session.goodbye().await,
            Self::Smtp(session) => session.goodbye().await,
        }
    }
}

/// Talks until the mailbox has proven usable or not. The session is handed back where there is
/// still somebody to say goodbye to.
///
/// What is learnt of the server goes to `facts` whether or not the probe succeeds.
pub async fn converse(
    probe: Probe<'_>,
    connection: Connection,
    watch: &mut Stopwatch,
    facts: &mut ServerFacts,
) -> (Result<(), Failure>, Option<Session>) {
    match &probe.check.goal {
        Goal::Folder { name, read_only } => {
            let mut session = None;
            let verdict =
                imap::converse(probe, (name, *read_only), connection, watch, facts, &mut session).await;
            (verdict, session.map(Session::Imap))
        }
        Goal::Submission { sender } => {
            let mut session = None;
            let verdict = smtp::converse(probe, *sender, connection, watch, facts, &mut session).await;
            (verdict, session.map(Session::Smtp))
        }
    }
}

impl Probe<'_> {
    /// The TLS handshake, with what it tells; on implicit ports and after STARTTLS alike.
    ///
    /// # Errors
    /// Why it failed, with the certificate that was shown where one was.
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

    /// A tap over a stream of this probe.
    fn tap(self, stream: Box<dyn Io>, peer: SocketAddr, dialogue: &Dialogue) -> Tap {
        let grammar = match self.protocol() {
            Protocol::Imap => Grammar::Imap,
            Protocol::Smtp => Grammar::Smtp,
        };
        Tap::over(stream, peer, grammar, dialogue.clone())
    }

    /// What a refusal means. `text` is the reply as on the wire.
    fn refused(self, stage: &Stage<'_>, text: &str) -> Cause {
        let verdict = diagnosis::reply(&Answer {
            phase: stage.phase,
            protocol: self.protocol().into(),
            mechanism: stage.mechanism,
            family: self.check.mailbox.provider.family,
            encrypted: stage.encrypted,
            challenge: stage.challenge,
            text,
        });
        let detail = match stage.challenge {
            Some(challenge) => format!("{text} (challenge: {challenge})"),
            None => text.to_owned(),
        };
        Cause { reason: verdict.reason, detail, retry_after: verdict.retry_after }
    }

    /// Why a dialogue could not go on, though the mail library only says that it could not: the tap
    /// knows how the stream ended, and the server may have said why.
    fn lost(self, stage: &Stage<'_>, dialogue: &Dialogue) -> Cause {
        let said = dialogue.answer();
        let farewell = said.lines().rev().find(|line| is_farewell(line));
        match dialogue.take_end() {
            Some(End::Violation(violation)) => Cause::new(Reason::ProtocolError, violation.to_string()),
            Some(End::Closed) if farewell.is_some() => self.refused(stage, farewell.unwrap_or_default()),
            // The error challenge has said what the verdict would be.
            Some(End::Closed) if stage.challenge.is_some() => Cause {
                detail: format!(
                    "the server closed the connection after its challenge: {}",
                    stage.challenge.unwrap_or_default()
                ),
                ..self.refused(stage, "")
            },
            Some(End::Closed) => Cause::new(
                Reason::ConnectionClosed,
                match said.lines().last() {
                    Some(last) => format!("the server closed the connection after: {last}"),
                    None => "the server closed the connection without an answer".to_owned(),
                },
            ),
            Some(End::Io(error)) => {
                Cause::new(diagnosis::io(&error), format!("the connection failed: {error}"))
            }
            None => Cause::new(
                Reason::ProtocolError,
                format!("the server's answer is not understood: {}", dialogue.last_server_line()),
            ),
        }
    }
}

/// The certificate behind a failed handshake, where one was shown.
fn shown(facts: &ServerFacts) -> String {
    let Some(certificate) = &facts.certificate else { return String::new() };
    let end = facts.certificate_expiry.map_or_else(|| "?".to_owned(), |end| end.to_string());
    let (subject, issuer) = (&certificate.subject, &certificate.issuer);
    format!(" (certificate of {subject}, issued by {issuer}, valid until {end})")
}

/// What has to be known to understand an answer, besides the answer.
#[derive(Debug, Clone, Copy)]
struct Stage<'a> {
    phase: Phase,
    mechanism: Option<Mechanism>,
    encrypted: bool,
    challenge: Option<&'a str>,
}

impl Stage<'_> {
    const fn at(phase: Phase, encrypted: bool) -> Self {
        Self { phase, mechanism: None, encrypted, challenge: None }
    }
}

/// A line by which a server says why it closes: RFC 3501 section 7.1.5, RFC 5321 section 3.8.
fn is_farewell(line: &str) -> bool {
    line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("* BYE")) || line.starts_with("421")
}

/// The login that is wanted is not among those offered.
fn not_offered(offer: &Offer, mechanisms: &BTreeSet<Mechanism>) -> Cause {
    let offered: Vec<_> = mechanisms.iter().map(|mechanism| mechanism.label()).collect();
    let offered = if offered.is_empty() { "no login at all".to_owned() } else { offered.join(", ") };
    let detail = format!("{} is not offered; the server offers {offered}", offer.wanted);
    Cause::new(diagnosis::not_offered(offer), detail)
}

fn no_starttls() -> Cause {
    Cause::new(Reason::TlsProtocol, "the server does not offer STARTTLS on this port")
}

fn injected() -> Cause {
    Cause::new(Reason::ProtocolError, "the server sent more in clear behind its answer to STARTTLS")
}
