//! IMAP by async-imap, driven line by line: greeting, CAPABILITY, STARTTLS, login, SELECT, LOGOUT.
//!
//! The library reads and parses; the commands are written here, because its ready-made calls take a
//! closed connection for success and lose what the server said. Success is the answered SELECT
//! (or EXAMINE), never the login alone: Exchange says OK to a login and only then looks for the mailbox.

mod auth;
mod bounds;
mod data;
mod folder;
mod framing;
mod message;
mod special;
mod speech;
mod unread;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use async_imap::Client;
use async_imap::imap_proto::{Capability, MailboxDatum, Response, Status};
use secrecy::zeroize::Zeroizing;
use tokio::io::AsyncWriteExt;

use self::bounds::ImapBounds;
use self::framing::{ImapFraming, TAG};
use self::unread::Heard;
use super::verdict::Stage;
use super::{Connection, Probe, injected, no_starttls};
use crate::model::{Cause, Failure, Family, Mechanism, Phase, Reason, Security, ServerFacts, Unread};
use crate::net::{Dialogue, Io, Stopwatch, Tap};

pub use self::special::Marked;
pub(super) use self::speech::SPEECH;

/// A conversation by IMAP.
pub struct Imap {
    client: Client<Tap>,
    dialogue: Dialogue,
    encrypted: bool,
    /// Number of the last command.
    tag: u32,
    /// The server has answered everything that was said, so that a goodbye makes sense.
    orderly: bool,
    /// EXISTS, once a folder has been opened.
    messages: Option<u32>,
    /// The place of the first unread message, if the server has told it with the folder.
    first_unseen: Option<u32>,
    /// What the server wants people to read (RFC 3501 section 7.1), said with an accepted login.
    alert: Option<String>,
    /// What the server has listed since the login, or since the connection began if there was none yet.
    offer: Option<Capabilities>,
}

/// What a CAPABILITY answer lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Capabilities {
    starttls: bool,
    login_disabled: bool,
    /// SASL-IR, RFC 4959: the login may say everything in one line.
    initial_response: bool,
    /// The server wants to know which program asks, RFC 2971.
    id: bool,
    /// ESEARCH, RFC 4731, which is also a part of IMAP4rev2.
    extended_search: bool,
    /// UIDPLUS, RFC 4315: single messages can be removed.
    uidplus: bool,
    /// SPECIAL-USE, RFC 6154: folders are marked by their use.
    special_use: bool,
    /// LIST-EXTENDED, RFC 5258: marked folders can be asked for alone.
    extended_list: bool,
    mechanisms: BTreeSet<Mechanism>,
}

/// How the server ended a command.
enum Ending {
    /// With a tagged answer; the text is as on the wire, without the tag.
    Done { ok: bool, text: String },
    /// It asks for more.
    Continue { text: String },
}

/// The questions that a probe asks about a mailbox.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folder<'a> {
    /// The folder to open.
    pub(super) name: &'a str,
    /// By EXAMINE.
    pub(super) read_only: bool,
    /// Also how many messages are unread, and since when.
    pub(super) unread: bool,
}

pub(super) async fn converse(
    probe: Probe<'_>,
    folder: Folder<'_>,
    connection: Connection,
    watch: &mut Stopwatch,
    facts: &mut ServerFacts,
    session: &mut Option<Imap>,
) -> Result<(), Failure> {
    let Connection { stream, peer, dialogue, .. } = connection;
    let encrypted = probe.check.endpoint.security == Security::Implicit;
    let mut imap = Imap::over(tapped(stream, peer, &dialogue), dialogue.clone(), encrypted);
    let mut told = watch.phase(Phase::Greeting, imap.greeting(probe)).await?;
    if probe.starts_in_clear() {
        let told = told.take().filter(|told| told.starttls);
        let capabilities = watch.phase(Phase::Capability, imap.capability(probe, told)).await?;
        let tap = watch.phase(Phase::StartTls, imap.starttls(probe, capabilities.starttls)).await?;
        let stream = watch.phase(Phase::Tls, probe.secure(tap.into_inner(), facts)).await?;
        imap = Imap::over(tapped(stream, peer, &dialogue), dialogue, true);
    }
    let imap = session.insert(imap);
    // A list without the login that is wanted may be short: the verdict needs the whole one.
    let told = told.filter(|told| auth::wanted(probe, told).is_some());
    let capabilities = watch.phase(Phase::Capability, imap.capability(probe, told)).await?;
    // What was offered in clear does not count: servers hide logins until TLS.
    facts.mechanisms = Some(capabilities.mechanisms.clone());
    watch.phase(Phase::Auth, imap.auth(probe, &capabilities, &mut facts.mechanism)).await?;
    // A login changes what is offered, and many servers say so with it.
    let capabilities = match imap.offer.clone() {
        Some(told) => Capabilities { id: told.id || capabilities.id, ..told },
        None => capabilities,
    };
    watch.phase(Phase::Select, imap.select(probe, &capabilities, folder)).await?;
    facts.messages = imap.messages;
    if folder.unread {
        // The folder is open, so the mailbox can be used, no matter how this ends.
        let asked = watch.phase(Phase::Select, imap.unread(probe, &capabilities, folder.name)).await;
        facts.unread = Some(asked.unwrap_or_else(|failure| Unread::missing(failure.cause.detail)));
    }
    Ok(())
}

fn tapped(stream: Box<dyn Io>, peer: SocketAddr, dialogue: &Dialogue) -> Tap {
    let lines = (Box::new(ImapBounds::default()) as _, Box::new(ImapFraming::default()) as _);
    Tap::over(stream, peer, lines, dialogue.clone())
}

impl Imap {
    fn over(tap: Tap, dialogue: Dialogue, encrypted: bool) -> Self {
        let client = Client::new(tap);
        let (messages, first_unseen, alert, offer) = (None, None, None, None);
        Self { client, dialogue, encrypted, tag: 0, orderly: false, messages, first_unseen, alert, offer }
    }

    /// The greeting, and what it lists in its code (RFC 3501 section 7.1), which the framing puts in front of it.
    async fn greeting(&mut self, probe: Probe<'_>) -> Result<Option<Capabilities>, Cause> {
        let stage = Stage::at(Phase::Greeting, self.encrypted);
        let mut listed = None;
        loop {
            let Ok(Some(response)) = self.client.read_response().await else {
                return Err(probe.lost(&stage, &self.dialogue));
            };
            return match response.parsed() {
                Response::Capabilities(list) => {
                    listed = Some(capabilities(list));
                    continue;
                }
                Response::Data { status: Status::Ok, .. } => {
                    self.orderly = true;
                    Ok(listed)
                }
                Response::Data { status: Status::Bye | Status::No | Status::Bad, .. } => {
                    Err(probe.refused(&stage, &self.dialogue.answer()))
                }
                // PREAUTH: the server considers us logged in without a login, so the probe could prove nothing about one.
                _ => Err(Cause::new(
                    Reason::ProtocolError,
                    format!(
                        "this is no IMAP greeting that allows a login: {}",
                        self.dialogue.last_server_line()
                    ),
                )),
            };
        }
    }

    /// The server's capabilities: those it has already announced, or else its answer when asked.
    async fn capability(
        &mut self,
        probe: Probe<'_>,
        told: Option<Capabilities>,
    ) -> Result<Capabilities, Cause> {
        if let Some(told) = told {
            return Ok(told);
        }
        let stage = Stage::at(Phase::Capability, self.encrypted);
        self.offer = None;
        let ending = self.say(probe, &stage, "CAPABILITY", |_| ()).await?;
        self.accepted(probe, &stage, ending)?;
        self.offer.take().ok_or_else(|| {
            Cause::new(Reason::ProtocolError, "the server completed CAPABILITY without listing any")
        })
    }

    /// Asks for TLS and gives the stream back. Bytes that follow the server's answer were sent in clear text and could
    /// come from an attacker, so they are refused.
    async fn starttls(mut self, probe: Probe<'_>, offered: bool) -> Result<Tap, Cause> {
        if !offered {
            return Err(no_starttls());
        }
        let stage = Stage::at(Phase::StartTls, false);
        let ending = self.say(probe, &stage, "STARTTLS", |_| ()).await?;
        self.accepted(probe, &stage, ending)?;
        let tap = self.client.into_inner();
        if tap.has_more() { Err(injected()) } else { Ok(tap) }
    }

    async fn select(
        &mut self,
        probe: Probe<'_>,
        offer: &Capabilities,
        folder: Folder<'_>,
    ) -> Result<(), Cause> {
        let stage = Stage::at(Phase::Select, self.encrypted);
        self.introduce(probe, &stage, offer).await?;
        let verb = if folder.read_only { "EXAMINE" } else { "SELECT" };
        let command = format!("{verb} {}", folder::quoted(&folder::spelt(folder.name)));
        let (mut messages, mut heard) = (None, Heard::default());
        let ending = self.say(probe, &stage, &command, |response| {
            heard.hear(response);
            if let Response::MailboxData(MailboxDatum::Exists(count)) = response {
                messages = Some(*count);
            }
        });
        let ending = ending.await?;
        self.accepted(probe, &stage, ending).map_err(|cause| probe.alerted(&stage, cause, self.alert()))?;
        (self.messages, self.first_unseen) = (messages, heard.first_unseen);
        Ok(())
    }

    /// ID, RFC 2971: some providers open no folder for a program that has not named itself. The large
    /// ones offer it and do not ask for it, so that they are spared the round trip. The answer is of no
    /// consequence.
    async fn introduce(
        &mut self,
        probe: Probe<'_>,
        stage: &Stage<'_>,
        offer: &Capabilities,
    ) -> Result<(), Cause> {
        if offer.id && probe.check.mailbox.provider.family == Family::Generic {
            let (name, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
            let command = format!("ID (\"name\" \"{name}\" \"version\" \"{version}\")");
            self.say(probe, stage, &command, |_| ()).await?;
        }
        Ok(())
    }

    /// What the server wanted people to read when it accepted the login.
    pub(super) fn alert(&self) -> Option<&str> {
        self.alert.as_deref()
    }

    fn accepted(&self, probe: Probe<'_>, stage: &Stage<'_>, ending: Ending) -> Result<(), Cause> {
        match ending {
            Ending::Done { ok: true, .. } => Ok(()),
            Ending::Done { text, .. } => Err(probe.refused(stage, &text)),
            Ending::Continue { text } => {
                Err(Cause::new(Reason::ProtocolError, format!("the server asks for more: + {text}")))
            }
        }
    }

    /// Says one command and listens until the server ends it; what comes before goes to `hear`.
    async fn say(
        &mut self,
        probe: Probe<'_>,
        stage: &Stage<'_>,
        command: &str,
        hear: impl FnMut(&Response<'_>),
    ) -> Result<Ending, Cause> {
        self.tag += 1;
        let tag = format!("{TAG}{} ", self.tag);
        // A login is long and secret: its line is made once, and wiped.
        let mut line = Zeroizing::new(String::with_capacity(tag.len() + command.len() + 2));
        [tag.as_str(), command, "\r\n"].into_iter().for_each(|part| line.push_str(part));
        self.write(probe, stage, &line).await?;
        self.listen(probe, stage, hear).await
    }

    async fn write(&mut self, probe: Probe<'_>, stage: &Stage<'_>, line: &str) -> Result<(), Cause> {
        self.orderly = false;
        let tap: &mut Tap = self.client.get_mut();
        let written = async {
            tap.write_all(line.as_bytes()).await?;
            tap.flush().await
        };
        let written = written.await;
        written.map_err(|_| probe.lost(stage, &self.dialogue))
    }

    async fn listen(
        &mut self,
        probe: Probe<'_>,
        stage: &Stage<'_>,
        mut hear: impl FnMut(&Response<'_>),
    ) -> Result<Ending, Cause> {
        let tag = format!("{TAG}{}", self.tag);
        loop {
            let Ok(Some(response)) = self.client.read_response().await else {
                return Err(probe.lost(stage, &self.dialogue));
            };
            hear(response.parsed());
            if let Response::Capabilities(list) = response.parsed() {
                self.offer = Some(capabilities(list));
            }
            match response.parsed() {
                Response::Done { tag: answered, status, .. } if answered.0 == tag => {
                    self.orderly = true;
                    let ok = matches!(status, Status::Ok);
                    // Taking secrets out of a line costs time: the text of a success matters in an alert alone.
                    let quiet = ok && !self.dialogue.is_alert();
                    let text = if quiet { String::new() } else { self.tagged(&tag) };
                    return Ok(Ending::Done { ok, text });
                }
                Response::Continue(outcome) => {
                    self.orderly = true;
                    let text = outcome.information.as_deref().unwrap_or_default().to_owned();
                    return Ok(Ending::Continue { text });
                }
                Response::Done { tag: other, .. } => {
                    let why = format!(
                        "the server answers a command that was not sent: {} {}",
                        other.0,
                        self.tagged(&other.0)
                    );
                    return Err(Cause::new(Reason::ProtocolError, why));
                }
                // Untagged data, warnings and a BYE that the end of the stream follows.
                _ => {}
            }
        }
    }

    /// The tagged answer as it was on the wire, without the tag. A refusal may have come before the end of
    /// what it refuses.
    fn tagged(&self, tag: &str) -> String {
        let said = self.dialogue.answer();
        let text = |line: &str| Some(line.strip_prefix(tag)?.strip_prefix(' ')?.trim_start().to_owned());
        said.lines()
            .rev()
            .find_map(text)
            .or_else(|| text(&self.dialogue.last_server_line()))
            .unwrap_or_default()
    }

    pub(super) async fn goodbye(mut self) {
        if !self.orderly {
            return;
        }
        self.tag += 1;
        let line = format!("{TAG}{} LOGOUT\r\n", self.tag);
        let tap: &mut Tap = self.client.get_mut();
        if tap.write_all(line.as_bytes()).await.is_ok() && tap.flush().await.is_ok() {
            // Reads until the server has closed. The result does not matter.
            while let Ok(Some(_)) = self.client.read_response().await {}
        }
    }
}

fn capabilities(list: &[Capability<'_>]) -> Capabilities {
    let mut capabilities = Capabilities::default();
    for capability in list {
        match capability {
            Capability::Imap4rev1 => {}
            Capability::Auth(name) => {
                let mut known =
                    Mechanism::ALL.iter().copied().filter(|known| *known != Mechanism::LoginCommand);
                let mechanism = known.find(|known| known.label().eq_ignore_ascii_case(name));
                capabilities.mechanisms.insert(mechanism.unwrap_or(Mechanism::Other));
            }
            Capability::Atom(name) => match name.to_ascii_uppercase().as_str() {
                "STARTTLS" => capabilities.starttls = true,
                "LOGINDISABLED" => capabilities.login_disabled = true,
                "SASL-IR" => capabilities.initial_response = true,
                "ID" => capabilities.id = true,
                "ESEARCH" => capabilities.extended_search = true,
                "UIDPLUS" => capabilities.uidplus = true,
                "SPECIAL-USE" => capabilities.special_use = true,
                "LIST-EXTENDED" => capabilities.extended_list = true,
                // Of SPECIAL-USE only the marks, RFC 9051 section 7.3.1.
                "IMAP4REV2" => {
                    capabilities.extended_search = true;
                    capabilities.special_use = true;
                }
                _ => {}
            },
        }
    }
    if !capabilities.login_disabled {
        capabilities.mechanisms.insert(Mechanism::LoginCommand);
    }
    capabilities
}
