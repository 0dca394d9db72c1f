//! POP3, driven line by line: greeting, CAPA, STLS, login, STAT, QUIT.
//!
//! No library: the dialogue is a line each way, and the only well-kept clients are not async. Success is the
//! answered STAT, which proves that the maildrop is open. Nothing is retrieved and nothing is deleted: there is
//! no RETR, TOP or DELE here, and QUIT removes only what was marked.

mod auth;
mod framing;
mod speech;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use secrecy::ExposeSecret;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use self::framing::{Pop3Bounds, Pop3Framing};
use super::verdict::Stage;
use super::{Connection, Probe, injected, is_farewell_of_a_gateway, no_starttls};
use crate::model::{Cause, Failure, Mechanism, Phase, Reason, Redacted, Security, ServerFacts};
use crate::net::{Dialogue, Io, Stopwatch, Tap};

pub(super) use self::speech::SPEECH;

/// A conversation by POP3.
pub struct Pop3 {
    lines: BufReader<Tap>,
    dialogue: Dialogue,
    encrypted: bool,
    /// The server has answered everything that was said, so that a goodbye makes sense.
    orderly: bool,
}

/// What the answer to CAPA lists (RFC 2449).
#[derive(Debug, Default, PartialEq, Eq)]
struct Capabilities {
    /// The server does not know CAPA: anything may be tried.
    unknown: bool,
    starttls: bool,
    mechanisms: BTreeSet<Mechanism>,
}

/// A line of the server.
#[derive(Debug, PartialEq, Eq)]
enum Reply {
    Ok(String),
    /// The refusal as it was on the wire, without secrets.
    Err(String),
    /// It asks for more, RFC 5034 section 4.
    More(String),
    /// None of these, as it was on the wire.
    Other(String),
}

pub(super) async fn converse(
    probe: Probe<'_>,
    connection: Connection,
    watch: &mut Stopwatch,
    facts: &mut ServerFacts,
    session: &mut Option<Pop3>,
) -> Result<(), Failure> {
    let Connection { stream, peer, dialogue, .. } = connection;
    let encrypted = probe.check.endpoint.security == Security::Implicit;
    let mut pop3 = Pop3::over(stream, peer, dialogue.clone(), encrypted);
    watch.phase(Phase::Greeting, pop3.greeting(probe)).await?;
    if probe.starts_in_clear() {
        let offer = watch.phase(Phase::Capability, pop3.capability(probe)).await?;
        let tap = watch.phase(Phase::StartTls, pop3.starttls(probe, &offer)).await?;
        let stream = watch.phase(Phase::Tls, probe.secure(tap.into_inner(), facts)).await?;
        pop3 = Pop3::over(stream, peer, dialogue, true);
    }
    let pop3 = session.insert(pop3);
    let offer = watch.phase(Phase::Capability, pop3.capability(probe)).await?;
    // What was offered in clear does not count: servers hide logins until TLS.
    facts.mechanisms = offer.listed();
    watch.phase(Phase::Auth, pop3.auth(probe, &offer, &mut facts.mechanism)).await?;
    facts.messages = Some(watch.phase(Phase::Stat, pop3.stat(probe)).await?);
    Ok(())
}

impl Capabilities {
    fn listed(&self) -> Option<BTreeSet<Mechanism>> {
        (!self.unknown).then(|| self.mechanisms.clone())
    }

    /// Takes a line of the list (RFC 2449 section 6, RFC 5034 section 3, RFC 2595 section 4).
    fn take(&mut self, line: &str) {
        let line = line.to_ascii_lowercase();
        let mut words = line.split_ascii_whitespace();
        match words.next() {
            Some("stls") => self.starttls = true,
            Some("user") => drop(self.mechanisms.insert(Mechanism::LoginCommand)),
            Some("sasl") => self.mechanisms.extend(words.map(mechanism)),
            _ => {}
        }
    }
}

fn mechanism(word: &str) -> Mechanism {
    match Mechanism::from_label(word) {
        Some(Mechanism::LoginCommand) | None => Mechanism::Other,
        Some(mechanism) => mechanism,
    }
}

impl Pop3 {
    fn over(stream: Box<dyn Io>, peer: SocketAddr, dialogue: Dialogue, encrypted: bool) -> Self {
        let lines = (Box::new(Pop3Bounds) as _, Box::new(Pop3Framing) as _);
        let lines = BufReader::new(Tap::over(stream, peer, lines, dialogue.clone()));
        Self { lines, dialogue, encrypted, orderly: false }
    }

    async fn greeting(&mut self, probe: Probe<'_>) -> Result<(), Cause> {
        let stage = Stage::at(Phase::Greeting, self.encrypted);
        let reply = self.reply(probe, &stage).await?;
        accepted(probe, &stage, reply).map(drop)
    }

    async fn capability(&mut self, probe: Probe<'_>) -> Result<Capabilities, Cause> {
        let stage = Stage::at(Phase::Capability, self.encrypted);
        let mut offer = Capabilities::default();
        match self.say(probe, &stage, "CAPA").await? {
            Reply::Ok(_) => {}
            Reply::Err(text) => {
                // CAPA is optional; what passes by itself is a fault all the same.
                let cause = probe.refused(&stage, &text);
                let unknown = !cause.reason.row().transient;
                return if unknown { Ok(Capabilities { unknown, ..offer }) } else { Err(cause) };
            }
            reply => return Err(out_of_place(probe, &stage, reply)),
        }
        loop {
            let line = self.line(probe, &stage).await?;
            if line == "." {
                self.orderly = true;
                return Ok(offer);
            }
            offer.take(&line);
        }
    }

    /// Asks for TLS and gives the stream back. Bytes that follow the server's answer were sent in clear text and could
    /// come from an attacker, so they are refused (RFC 2595 section 4).
    async fn starttls(mut self, probe: Probe<'_>, offer: &Capabilities) -> Result<Tap, Cause> {
        if !offer.starttls && !offer.unknown {
            return Err(no_starttls());
        }
        let stage = Stage::at(Phase::StartTls, false);
        let reply = self.say(probe, &stage, "STLS").await?;
        accepted(probe, &stage, reply)?;
        let tap = self.lines.into_inner();
        if tap.has_more() { Err(injected()) } else { Ok(tap) }
    }

    /// The number of messages.
    async fn stat(&mut self, probe: Probe<'_>) -> Result<u32, Cause> {
        let stage = Stage::at(Phase::Stat, self.encrypted);
        let reply = self.say(probe, &stage, "STAT").await?;
        let text = accepted(probe, &stage, reply)?;
        let count = text.split_ascii_whitespace().next().and_then(|count| count.parse().ok());
        count.ok_or_else(|| {
            let detail = format!("STAT is answered without a number of messages: +OK {text}");
            Cause::new(Reason::ProtocolError, self.dialogue.clean(&detail))
        })
    }

    /// Says one command and takes the first line of the answer.
    async fn say(&mut self, probe: Probe<'_>, stage: &Stage<'_>, command: &str) -> Result<Reply, Cause> {
        self.orderly = false;
        let line = Redacted::from(format!("{command}\r\n"));
        let tap = self.lines.get_mut();
        let written = async {
            tap.write_all(line.expose_secret().as_bytes()).await?;
            tap.flush().await
        };
        let written = written.await;
        written.map_err(|_| probe.lost(stage, &self.dialogue))?;
        self.reply(probe, stage).await
    }

    async fn reply(&mut self, probe: Probe<'_>, stage: &Stage<'_>) -> Result<Reply, Cause> {
        let line = self.line(probe, stage).await?;
        self.orderly = true;
        Ok(match parse(&line) {
            // Taking secrets out of a line costs time: the text of a success is not shown.
            Reply::Err(_) => Reply::Err(self.dialogue.last_server_line()),
            Reply::Other(_) => Reply::Other(self.dialogue.last_server_line()),
            reply => reply,
        })
    }

    async fn line(&mut self, probe: Probe<'_>, stage: &Stage<'_>) -> Result<String, Cause> {
        let mut line = Vec::new();
        // The guard bounds it.
        match self.lines.read_until(b'\n', &mut line).await {
            Ok(_) if line.ends_with(b"\r\n") => {}
            Ok(_) | Err(_) => return Err(probe.lost(stage, &self.dialogue)),
        }
        line.truncate(line.len() - 2);
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    pub(super) async fn goodbye(mut self) {
        if !self.orderly {
            return;
        }
        let tap = self.lines.get_mut();
        if tap.write_all(b"QUIT\r\n").await.is_ok() && tap.flush().await.is_ok() {
            // The result does not matter.
            drop(self.lines.read_until(b'\n', &mut Vec::new()).await);
        }
    }
}

/// A line by its first word. RFC 1939 section 3 wants capitals; some servers write small letters.
fn parse(line: &str) -> Reply {
    let (head, rest) = line.split_once(' ').unwrap_or((line, ""));
    match head {
        "+" => Reply::More(rest.to_owned()),
        _ if head.eq_ignore_ascii_case("+OK") => Reply::Ok(rest.to_owned()),
        _ if head.eq_ignore_ascii_case("-ERR") => Reply::Err(line.to_owned()),
        _ => Reply::Other(line.to_owned()),
    }
}

/// The text of a positive answer.
fn accepted(probe: Probe<'_>, stage: &Stage<'_>, reply: Reply) -> Result<String, Cause> {
    match reply {
        Reply::Ok(text) => Ok(text),
        Reply::Err(text) => Err(probe.refused(stage, &text)),
        reply => Err(out_of_place(probe, stage, reply)),
    }
}

fn out_of_place(probe: Probe<'_>, stage: &Stage<'_>, reply: Reply) -> Cause {
    match reply {
        // The farewell of another protocol: a gateway or a load balancer in front of several.
        Reply::Other(line) if is_farewell_of_a_gateway(&line) => {
            Cause { reason: Reason::ServerUnavailable, ..probe.refused(stage, &line) }
        }
        Reply::Other(line) => {
            Cause::new(Reason::ProtocolError, format!("this line of the server is not understood: {line}"))
        }
        Reply::Ok(_) | Reply::Err(_) | Reply::More(_) => {
            Cause::new(Reason::ProtocolError, "the server asks for more where nothing is left to say")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_is_no_success() {
        assert_eq!(parse("+"), Reply::More(String::new()));
        assert_eq!(parse("+ eyJ9"), Reply::More("eyJ9".to_owned()));
        assert_eq!(parse("+OK"), Reply::Ok(String::new()));
        assert_eq!(parse("+ok 2 320"), Reply::Ok("2 320".to_owned()));
        assert_eq!(parse("-ERR [AUTH] no"), Reply::Err("-ERR [AUTH] no".to_owned()));
        for other in ["+OKAY", "* OK hi", "220 hi", "", "ERR"] {
            assert_eq!(parse(other), Reply::Other(other.to_owned()));
        }
    }

    #[test]
    fn a_list_of_capabilities_is_read_in_any_case() {
        let mut offer = Capabilities::default();
        for line in ["TOP", "Sasl PLAIN xoauth2 CRAM-MD5", "STLS", "USER", "EXPIRE 31 USER"] {
            offer.take(line);
        }
        assert!(offer.starttls);
        let labels: Vec<_> = offer.mechanisms.iter().map(|mechanism| mechanism.label()).collect();
        assert_eq!(labels, ["xoauth2", "plain", "login_command", "other"]);
    }
}
