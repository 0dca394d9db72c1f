//! SMTP submission by lettre: greeting, EHLO, STARTTLS, AUTH, MAIL FROM if it is asked for, QUIT.
//!
//! No mail is sent here: RCPT and DATA are in `message`, which only a round trip uses. AUTH always takes two steps,
//! because a token does not fit on a command line (RFC 4954 section 4: 512 octets; Postfix takes the rest of a longer
//! line for wrong credentials).

mod bounds;
mod framing;
mod lent;
mod message;
mod speech;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Ehlo, Quit, Rset, Starttls};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use secrecy::ExposeSecret;

use self::bounds::SmtpBounds;
use self::framing::SmtpFraming;
use self::lent::Loan;
use super::verdict::Stage;
use super::{Connection, Probe, Secret, accepted_unseen, injected, no_starttls, not_offered, sasl};
use crate::diagnosis::Offer;
use crate::model::{Cause, Failure, Mechanism, Phase, Reason, ServerFacts};
use crate::net::{Dialogue, Io, Stopwatch, Tap};

pub(super) use self::speech::SPEECH;

/// A conversation by SMTP.
pub struct Smtp {
    connection: AsyncSmtpConnection,
    loan: Loan,
    dialogue: Dialogue,
    name: ClientId,
    encrypted: bool,
    /// Whether the server has answered every command, so that it will understand a QUIT.
    orderly: bool,
}

/// What an EHLO reply lists.
#[derive(Debug, Default, PartialEq, Eq)]
struct Extensions {
    starttls: bool,
    mechanisms: BTreeSet<Mechanism>,
}

/// The questions that a probe asks a submission server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Submission<'a> {
    /// Whether the address may send.
    pub(super) sender: bool,
    /// The name to introduce ourselves by.
    pub(super) ehlo: Option<&'a str>,
}

pub(super) async fn converse(
    probe: Probe<'_>,
    wanted: Submission<'_>,
    connection: Connection,
    watch: &mut Stopwatch,
    facts: &mut ServerFacts,
    session: &mut Option<Smtp>,
) -> Result<(), Failure> {
    let Connection { stream, peer, local, dialogue } = connection;
    let name = match (wanted.ehlo, local) {
        (Some(name), _) => ClientId::Domain(name.to_owned()),
        (None, IpAddr::V4(address)) => ClientId::Ipv4(address),
        (None, IpAddr::V6(address)) => ClientId::Ipv6(address),
    };
    let tap = tapped(stream, peer, &dialogue);
    let encrypted = probe.check.endpoint.security == crate::model::Security::Implicit;
    let open = async { Smtp::over(tap, dialogue.clone(), name.clone(), encrypted).await };
    let mut smtp = watch.phase(Phase::Greeting, open).await?;
    watch.phase(Phase::Greeting, smtp.greeting(probe)).await?;
    if probe.starts_in_clear() {
        let extensions = watch.phase(Phase::Capability, smtp.ehlo(probe)).await?;
        let tap = watch.phase(Phase::StartTls, smtp.starttls(probe, extensions.starttls)).await?;
        let secured = async {
            let stream = probe.secure(tap.into_inner(), facts).await?;
            Smtp::over(tapped(stream, peer, &dialogue), dialogue.clone(), name, true).await
        };
        smtp = watch.phase(Phase::Tls, secured).await?;
    }
    let smtp = session.insert(smtp);
    let extensions = watch.phase(Phase::Capability, smtp.ehlo(probe)).await?;
    // What was offered in clear does not count: servers hide logins until TLS.
    facts.mechanisms = Some(extensions.mechanisms.clone());
    watch.phase(Phase::Auth, smtp.auth(probe, &extensions, &mut facts.mechanism)).await?;
    if wanted.sender {
        watch.phase(Phase::Sender, smtp.sender(probe)).await?;
    }
    Ok(())
}

/// The stream with its lines bounded and recorded.
fn tapped(stream: Box<dyn Io>, peer: SocketAddr, dialogue: &Dialogue) -> Tap {
    let lines = (Box::new(SmtpBounds::default()) as _, Box::new(SmtpFraming::default()) as _);
    Tap::over(stream, peer, lines, dialogue.clone())
}

impl Smtp {
    /// Makes a connection of lettre's over a stream. Nothing is sent or read yet.
    async fn over(tap: Tap, dialogue: Dialogue, name: ClientId, encrypted: bool) -> Result<Self, Cause> {
        let (connection, loan) = Loan::connect(tap, &name).await.map_err(|error| {
            Cause::new(Reason::Internal, format!("the SMTP dialogue could not be set up: {error}"))
        })?;
        Ok(Self { connection, loan, dialogue, name, encrypted, orderly: false })
    }

    async fn greeting(&mut self, probe: Probe<'_>) -> Result<(), Cause> {
        let stage = Stage::at(Phase::Greeting, self.encrypted);
        let greeting = self.connection.read_response().await;
        self.settle(probe, &stage, greeting).map(drop)
    }

    async fn ehlo(&mut self, probe: Probe<'_>) -> Result<Extensions, Cause> {
        let stage = Stage::at(Phase::Capability, self.encrypted);
        let reply = self.say(probe, &stage, Ehlo::new(self.name.clone())).await?;
        Ok(extensions(reply.message()))
    }

    /// Asks for TLS and takes the stream back. Bytes that follow the server's answer were sent in clear text and could
    /// come from an attacker, so they are refused (RFC 3207 section 6).
    async fn starttls(mut self, probe: Probe<'_>, offered: bool) -> Result<Tap, Cause> {
        if !offered {
            return Err(no_starttls());
        }
        let stage = Stage::at(Phase::StartTls, false);
        self.say(probe, &stage, Starttls).await?;
        drop(self.connection);
        match self.loan.take_back() {
            Some(tap) if tap.has_more() => Err(injected()),
            Some(tap) => Ok(tap),
            None => Err(Cause::new(Reason::Internal, "the stream was not given back")),
        }
    }

    async fn auth(
        &mut self,
        probe: Probe<'_>,
        extensions: &Extensions,
        used: &mut Option<Mechanism>,
    ) -> Result<(), Cause> {
        let wanted = match probe.login.secret {
            Secret::Token(bearer) => bearer.mechanism_among(&extensions.mechanisms),
            Secret::Password(_) if extensions.mechanisms.contains(&Mechanism::Plain) => Mechanism::Plain,
            Secret::Password(_) => Mechanism::Login,
        };
        if !extensions.mechanisms.contains(&wanted) {
            let (encrypted, starttls) = (self.encrypted, extensions.starttls);
            let offer = Offer { wanted, encrypted, starttls, login_disabled: false };
            return Err(not_offered(&offer, &extensions.mechanisms));
        }
        *used = Some(wanted);
        let mut stage = Stage { mechanism: Some(wanted), ..Stage::at(Phase::Auth, self.encrypted) };
        let command = format!("AUTH {}\r\n", wanted.label().to_ascii_uppercase());
        let mut reply = self.say(probe, &stage, command).await?;
        for answer in sasl::answers(wanted, probe) {
            if reply.has_code(235) {
                return Err(accepted_unseen(&self.dialogue.answer()));
            }
            if !reply.has_code(334) {
                break;
            }
            reply = self.say(probe, &stage, format!("{}\r\n", answer.expose_secret())).await?;
        }
        if reply.has_code(334) {
            // This challenge describes an error. The server refuses once we have acknowledged it.
            let challenge = self.dialogue.clean(&sasl::challenge(reply.first_line().unwrap_or_default()));
            stage.challenge = Some(&challenge);
            let command = format!("{}\r\n", sasl::acknowledgement(wanted));
            reply = self.say(probe, &stage, command).await?;
        }
        if reply.has_code(235) {
            return Ok(());
        }
        Err(Cause::new(
            Reason::ProtocolError,
            format!("the server ends AUTH with: {}", self.dialogue.answer()),
        ))
    }

    async fn sender(&mut self, probe: Probe<'_>) -> Result<(), Cause> {
        let stage = Stage::at(Phase::Sender, self.encrypted);
        self.say(probe, &stage, format!("MAIL FROM:<{}>\r\n", probe.check.mailbox.address)).await?;
        self.say(probe, &stage, Rset).await.map(drop)
    }

    /// Sends one command and reads the answer.
    async fn say(
        &mut self,
        probe: Probe<'_>,
        stage: &Stage<'_>,
        command: impl std::fmt::Display,
    ) -> Result<Response, Cause> {
        self.orderly = false;
        let reply = self.connection.command(command).await;
        self.settle(probe, stage, reply)
    }

    /// Judges an answer: the reply if it may stand at this stage, else the cause.
    fn settle(
        &mut self,
        probe: Probe<'_>,
        stage: &Stage<'_>,
        reply: Result<Response, lettre::transport::smtp::Error>,
    ) -> Result<Response, Cause> {
        match reply {
            // lettre counts 3yz as a success as well, but of these commands only AUTH may be answered with it (RFC 5321
            // section 4.3.2).
            Ok(reply) if stage.phase != Phase::Auth && !is_completion(&reply) => {
                let detail = format!("this answer of the server is out of place: {}", self.dialogue.answer());
                Err(Cause::new(Reason::ProtocolError, detail))
            }
            Ok(reply) => {
                self.orderly = true;
                Ok(reply)
            }
            Err(error) if error.status().is_some() => {
                self.orderly = true;
                Err(probe.refused(stage, &self.refusal()))
            }
            // lettre does not know every code. A reply with another one may be a refusal all the same.
            Err(error) if error.is_response() && is_refusal(&self.dialogue.answer()) => {
                Err(probe.refused(stage, &self.refusal()))
            }
            Err(_) => Err(probe.lost(stage, &self.dialogue)),
        }
    }

    /// The reply that refuses. A 421 may have come before the command was sent.
    fn refusal(&self) -> String {
        Some(self.dialogue.answer())
            .filter(|answer| !answer.is_empty())
            .unwrap_or_else(|| self.dialogue.last_server_line())
    }

    pub(super) async fn goodbye(mut self) {
        if self.orderly {
            // The result does not matter.
            drop(self.connection.command(Quit).await);
        }
    }
}

fn is_completion(reply: &Response) -> bool {
    reply.code().severity == Severity::PositiveCompletion
}

/// Whether a whole reply is a refusal: its last line has a code of 4yz or 5yz and no `-` after it
/// (RFC 5321 section 4.2.1).
fn is_refusal(reply: &str) -> bool {
    let last = reply.lines().last().unwrap_or_default().as_bytes();
    matches!(last, [b'4' | b'5', y, z, rest @ ..]
        if y.is_ascii_digit() && z.is_ascii_digit() && matches!(rest, [] | [b' ', ..]))
}

/// Reads the lines of an EHLO reply (RFC 5321 section 4.1.1.1); some servers still write `AUTH=`.
fn extensions<'a>(lines: impl Iterator<Item = &'a str>) -> Extensions {
    let mut extensions = Extensions::default();
    for line in lines.skip(1) {
        let line = line.to_ascii_lowercase().replace("auth=", "auth ");
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("starttls") => extensions.starttls = true,
            Some("auth") => extensions.mechanisms.extend(words.map(mechanism)),
            _ => {}
        }
    }
    extensions
}

fn mechanism(word: &str) -> Mechanism {
    match Mechanism::from_label(word) {
        Some(Mechanism::LoginCommand) | None => Mechanism::Other,
        Some(mechanism) => mechanism,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_reply_is_a_refusal() {
        for refusal in ["535 5.7.8 no", "571 5.7.1 no", "421", "535-5.7.8 no\n535 5.7.8 really"] {
            assert!(is_refusal(refusal), "{refusal}");
        }
        for other in ["", "250 fine", "535-5.7.8 more follows", "53", "5xx no", "5350 no"] {
            assert!(!is_refusal(other), "{other}");
        }
    }

    #[test]
    fn an_ehlo_reply_is_read_in_any_case_and_both_forms() {
        let reply =
            ["mail.example hello", "SIZE 1000", "Auth=PLAIN login", "AUTH XOAUTH2 GSSAPI", "StartTLS"];
        let read = extensions(reply.into_iter());
        assert!(read.starttls);
        let labels: Vec<_> = read.mechanisms.iter().map(|mechanism| mechanism.label()).collect();
        assert_eq!(labels, ["xoauth2", "plain", "login", "other"]);
        assert_eq!(extensions(["auth plain"].into_iter()), Extensions::default());
    }
}
