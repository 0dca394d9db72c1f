//! One mail connection: the mailbox it belongs to, and its fault at each step.
//!
//! Common ground of `imap.rs`, `smtp.rs` and `pop3.rs`, which own the dialogues. Logging in is in `login.rs`.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::sleep;

use crate::sim::account::{Account, Offers};
use crate::sim::authority::Authority;
use crate::sim::fault::Fault;
use crate::sim::ledger::{Ledger, Open};
use crate::sim::sasl;
use crate::sim::script::{Act, Identity, Service, Step, fill};
use crate::sim::site::Site;
use crate::sim::wire::Wire;

/// The name of the front end, in the form that Exchange Online uses.
pub(super) const HOST: &str = "SIM0PR04CA0012.eurprd04.prod.outlook.com";

/// A connection in progress.
pub(super) struct Session {
    pub(super) wire: Wire,
    pub(super) service: Service,
    pub(super) site: Arc<Site>,
    pub(super) account: Option<Arc<Account>>,
    /// The tag of the IMAP command being answered.
    pub(super) tag: String,
    /// The folder that is to be opened.
    pub(super) folder: String,
    /// What the client sent to log in, for the servers that repeat it.
    pub(super) sent: Sent,
    authority: Arc<Authority>,
    open: Vec<Open>,
}

/// What a client sent to log in.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) blob: String,
    pub(super) secret: String,
}

/// Whether a step has been answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// No: the honest answer is due.
    Honest,
    /// Yes, by the fault.
    Answered,
}

/// The end of a connection as the script wants it; it is not an error.
pub(super) fn scripted_end() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

impl Session {
    pub(super) fn new(wire: Wire, service: Service, site: Arc<Site>, authority: Arc<Authority>) -> Self {
        let account = site.sole();
        let mut session = Self {
            wire,
            service,
            account: None,
            tag: "*".to_owned(),
            folder: String::new(),
            sent: Sent::default(),
            authority,
            open: vec![site.ledger(service).open()],
            site,
        };
        if let Some(account) = account {
            session.adopt(account);
        }
        session
    }

    /// Binds the connection to this mailbox.
    pub(super) fn adopt(&mut self, account: Arc<Account>) {
        self.open.truncate(1);
        self.open.push(account.ledger(self.service).open());
        self.account = Some(account);
    }

    /// Finds the mailbox of a login name, if one server has many.
    pub(super) fn identify(&mut self, user: &str) {
        let is_new =
            self.account.as_ref().is_none_or(|account| !account.username().eq_ignore_ascii_case(user));
        if let Some(account) = self.site.find(user).filter(|_| is_new) {
            self.adopt(account);
        }
    }

    pub(super) fn offers(&self) -> Offers {
        self.account.as_ref().map_or_else(Offers::default, |account| account.offers())
    }

    /// The ledger of the mailbox, or of the whole server before a login.
    pub(super) fn ledger(&self) -> &Arc<Ledger> {
        match &self.account {
            Some(account) => account.ledger(self.service),
            None => self.site.ledger(self.service),
        }
    }

    /// Remembers the words of a command, which hold no secret.
    pub(super) fn hear(&self, words: &str) {
        self.ledger().hear(words, self.wire.secured());
    }

    /// The fault's act at this step; `None` for the honest answer.
    pub(super) fn act(&self, step: Step) -> Option<Act> {
        let fault = self.account.as_ref().map_or(Fault::None, |account| account.fault());
        fault.script(self.service).iter().find(|(at, _)| *at == step).map(|&(_, act)| act)
    }

    /// Does what the fault wants at this step.
    ///
    /// # Errors
    /// [`scripted_end`] when the connection is to end here, and whatever the socket says.
    pub(super) async fn meet(&mut self, step: Step) -> io::Result<Met> {
        if let Some(delay) = self.account.as_ref().and_then(|account| account.delay(step)) {
            sleep(delay).await;
        }
        let Some(act) = self.act(step) else { return Ok(Met::Honest) };
        match act {
            Act::Reply(text) => self.say(text).await.map(|()| Met::Answered),
            Act::Before(text) => self.say(text).await.map(|()| Met::Honest),
            Act::Bytes(bytes) => self.wire.send(bytes).await.map(|()| Met::Answered),
            Act::Farewell(text) => {
                self.say(text).await?;
                self.end().await
            }
            Act::Hush(text) => {
                self.say(text).await?;
                self.wire.wait_for_end().await?;
                Err(scripted_end())
            }
            Act::Close => self.end().await,
            Act::Cut => Err(scripted_end()),
            Act::Silence => {
                self.wire.wait_for_end().await?;
                Err(scripted_end())
            }
            Act::Flood(flood) => {
                flood.run(self.service, &mut self.wire).await?;
                Err(scripted_end())
            }
            Act::TooOld => {
                self.wire.refuse_version().await?;
                Err(scripted_end())
            }
            // Read by the step itself, or by the listener.
            Act::Refuse
            | Act::Ignore
            | Act::Reset
            | Act::Drip(_)
            | Act::Present(_)
            | Act::Cleartext
            | Act::Behind(_)
            | Act::Offer(_)
            | Act::Accept(_)
            | Act::Challenge(_)
            | Act::BareChallenge(_) => Ok(Met::Honest),
        }
    }

    /// The TLS handshake, as the fault wants it; `false` leaves the connection in clear text.
    pub(super) async fn secure(&mut self) -> io::Result<bool> {
        self.meet(Step::Tls).await?;
        let identity = match self.act(Step::Tls) {
            Some(Act::Cleartext) => return Ok(false),
            Some(Act::Present(identity)) => identity,
            _ => Identity::Right,
        };
        let acceptor = self.authority.acceptor(identity)?;
        self.wire.secure(&acceptor).await.map(|()| true)
    }

    /// Sends a text with its placeholders filled in, and a line end.
    pub(super) async fn say(&mut self, text: &str) -> io::Result<()> {
        let line = self.line(text);
        self.wire.send(line.as_bytes()).await
    }

    /// The honest answer to STARTTLS, and in the same write any text that the script puts after it.
    pub(super) async fn say_go_ahead(&mut self, text: &str) -> io::Result<()> {
        let mut line = self.line(text);
        if let Some(Act::Behind(more)) = self.act(Step::StartTls) {
            line.push_str(&self.line(more));
        }
        self.wire.send(line.as_bytes()).await
    }

    fn line(&self, text: &str) -> String {
        if !text.contains('{') {
            return format!("{text}\r\n");
        }
        let now = Timestamp::now();
        let when = now.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string();
        let id = format!("{:016X}", 0x08DE_0000_0000_0000_i64 | now.as_millisecond());
        let decoded: String = sasl::decode(&self.sent.blob)
            .unwrap_or_else(|| self.sent.blob.clone())
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let secret64 = sasl::encode(&self.sent.secret);
        let values = [
            ("{tag}", self.tag.as_str()),
            ("{host}", HOST),
            ("{when}", when.as_str()),
            ("{id}", id.as_str()),
            ("{folder}", self.folder.as_str()),
            ("{blob}", self.sent.blob.as_str()),
            ("{decoded}", decoded.as_str()),
            ("{secret}", self.sent.secret.as_str()),
            ("{secret64}", secret64.as_str()),
        ];
        format!("{}\r\n", fill(text, &values))
    }

    /// Ends the connection in good order.
    pub(super) async fn end<T>(&mut self) -> io::Result<T> {
        self.wire.leave().await?;
        Err(scripted_end())
    }
}
