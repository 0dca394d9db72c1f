//! A simulated mailbox as tests and the demo hold it: where it is, how to open it, what it has seen.
//!
//! A handle; the mailbox itself is in `account.rs`, its server in `site.rs`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::sim::account::{Account, Offers};
use crate::sim::app::SimApp;
use crate::sim::fault::Fault;
use crate::sim::folders::SimFolders;
use crate::sim::ledger::{Connections, Heard};
use crate::sim::lock;
use crate::sim::post::Route;
use crate::sim::reading::SimUnread;
use crate::sim::script::{Service, Step};
use crate::sim::site::{Ports, Site};

/// The host that certificates are issued for, and that everything listens on.
const HOST: &str = "localhost";

/// A mailbox with an IMAP, an SMTP and a POP3 server. Clones are the same mailbox.
#[derive(Clone)]
pub struct SimMailbox {
    account: Arc<Account>,
    site: Arc<Site>,
    ports: Ports,
}

impl SimMailbox {
    pub(super) fn new(account: Arc<Account>, site: Arc<Site>, ports: Ports) -> Self {
        Self { account, site, ports }
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.account.address
    }

    /// The login name: the address, unless [`SimMailbox::set_username`] changed it.
    pub fn username(&self) -> String {
        self.account.username()
    }

    /// From now on the login name is this one. Not for mailboxes that share their ports.
    pub fn set_username(&self, username: &str) {
        self.account.set_username(username);
    }

    /// Its password, of use only if [`Offers::passwords`] is set.
    pub fn password(&self) -> &str {
        &self.account.password
    }

    /// The application whose tokens open it.
    pub fn app(&self) -> &SimApp {
        &self.account.app
    }

    /// The host of all its ports.
    pub fn host(&self) -> &'static str {
        HOST
    }

    /// IMAP with TLS from the first byte.
    pub fn imap_port(&self) -> u16 {
        self.ports.imap
    }

    /// IMAP in clear text until STARTTLS.
    pub fn imap_starttls_port(&self) -> u16 {
        self.ports.imap_starttls
    }

    /// SMTP submission in clear text until STARTTLS.
    pub fn smtp_port(&self) -> u16 {
        self.ports.smtp
    }

    /// SMTP submission with TLS from the first byte.
    pub fn smtp_tls_port(&self) -> u16 {
        self.ports.smtp_tls
    }

    /// POP3 with TLS from the first byte.
    pub fn pop3_port(&self) -> u16 {
        self.ports.pop3
    }

    /// POP3 in clear text until STLS.
    pub fn pop3_starttls_port(&self) -> u16 {
        self.ports.pop3_starttls
    }

    /// Its fault.
    pub fn fault(&self) -> Fault {
        self.account.fault()
    }

    /// Sets its fault. A fault of the token belongs to its app, and so affects all mailboxes of that app.
    ///
    /// Where many mailboxes share their ports, a fault begins to show once the login name is known.
    /// Ports open and close a moment later when the fault is about being reached at all.
    pub fn set_fault(&self, fault: Fault) {
        self.account.set_fault(fault);
        self.site.changed.notify_waiters();
    }

    /// Sets what its servers offer besides XOAUTH2. On shared ports this counts once the login name is known.
    pub fn set_offers(&self, offers: Offers) {
        self.account.set_offers(offers);
    }

    /// From now on its servers answer this late at one step.
    pub fn set_slow(&self, step: Step, delay: Duration) {
        self.account.set_slow(Some((step, delay)));
    }

    /// Sets how many messages each of its folders holds.
    pub fn set_messages(&self, messages: u32) {
        self.account.messages.store(messages, Ordering::SeqCst);
    }

    /// Sets which of its messages are unread, and how old they are.
    pub fn set_unread(&self, unread: SimUnread) {
        *lock(&self.account.unread) = unread;
    }

    /// What its folders are called from now on, and whether its server keeps copies of what was sent.
    pub fn set_folders(&self, folders: SimFolders) {
        self.account.post.set_folders(folders);
    }

    /// From now on its server accepts messages for that mailbox and sends them by this route; the held ones too.
    pub fn send_to(&self, to: &Self, route: Route) {
        self.account.post.route(&to.account, route);
    }

    /// Puts a message from another sender into the inbox.
    pub fn put_message(&self, text: &str) {
        self.account.post.put("INBOX", text.to_owned(), None);
    }

    /// Marks the message that arrived last as deleted, and leaves it there.
    pub fn mark_newest_as_deleted(&self) {
        let newest = self.account.post.all().last().map(|message| message.uid);
        self.account.post.delete(newest.as_slice());
    }

    /// The texts of the messages that arrived or were put there, in all folders.
    pub fn letters(&self) -> Vec<String> {
        self.account.post.all().into_iter().map(|message| message.text).collect()
    }

    /// Logins that were accepted.
    pub fn logins(&self, service: Service) -> usize {
        self.account.ledger(service).logins.load(Ordering::SeqCst)
    }

    /// Its connections; on shared ports those whose login name was told.
    pub fn connections(&self, service: Service) -> Connections {
        self.account.ledger(service).connections()
    }

    /// Connections to the server it is on, of every mailbox there.
    pub fn server_connections(&self, service: Service) -> Connections {
        self.site.ledger(service).connections()
    }

    /// The commands it was sent, in order, without secrets; on shared ports those after its login name was told.
    pub fn heard(&self, service: Service) -> Vec<Heard> {
        self.account.ledger(service).heard()
    }

    /// Tokens and passwords that came in clear text.
    pub fn early_secrets(&self, service: Service) -> usize {
        self.account.ledger(service).early_secrets.load(Ordering::SeqCst)
    }

    /// RCPT and DATA, RETR, TOP and DELE commands: a probe sends none.
    pub fn mail_attempts(&self) -> usize {
        Service::ALL
            .iter()
            .map(|service| self.account.ledger(*service).mail_attempts.load(Ordering::SeqCst))
            .sum()
    }
}
