//! Mailboxes and their servers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Cloud, Confidence, Credential};

/// A table row that contains only a label.
#[derive(Debug)]
pub struct LabelRow {
    /// The name in metrics and configuration.
    pub label: &'static str,
}

pub(super) const fn label(label: &'static str) -> LabelRow {
    LabelRow { label }
}

table! {
    /// When the connection switches to TLS.
    pub enum Security: LabelRow {
        /// From the first byte (RFC 8314).
        Implicit => label("implicit");
        /// By the STARTTLS command, before any secret is sent.
        StartTls => label("starttls");
        /// Never. The configuration allows it only for loopback hosts.
        None => label("none");
    }
}

table! {
    /// The address family to connect by. A probe tries exactly one address, so that its
    /// measurement is about that one.
    pub enum IpChoice: LabelRow {
        /// IPv4 if the name has an IPv4 address, otherwise IPv6.
        Auto => label("auto");
        V4 => label("4");
        V6 => label("6");
    }
}

table! {
    /// Login mechanisms. As a label value this is a closed set: unknown mechanisms become
    /// [`Mechanism::Other`].
    pub enum Mechanism: LabelRow {
        /// SASL XOAUTH2, which Exchange Online and Gmail use.
        Xoauth2 => label("xoauth2");
        /// SASL OAUTHBEARER, RFC 7628.
        Oauthbearer => label("oauthbearer");
        /// SASL PLAIN, RFC 4616: a password.
        Plain => label("plain");
        /// SASL LOGIN: a password, requested in two steps.
        Login => label("login");
        /// The protocol's own login: IMAP's LOGIN, unless the server lists LOGINDISABLED; POP3's USER and PASS.
        LoginCommand => label("login_command");
        /// Any other mechanism.
        Other => label("other");
    }
}

impl Mechanism {
    /// Whether it sends a password. An unknown mechanism counts as one, since all token mechanisms are
    /// known.
    pub const fn shows_password(self) -> bool {
        !matches!(self, Self::Xoauth2 | Self::Oauthbearer)
    }
}

table! {
    /// The family of server, which decides how its answers are read.
    pub enum Family: LabelRow {
        /// Microsoft 365 in any cloud. IMAP never accepts passwords there.
        ExchangeOnline => label("exchange_online");
        /// Personal Microsoft accounts.
        OutlookCom => label("outlook_com");
        /// Gmail and Google Workspace.
        Gmail => label("gmail");
        /// Any standard server: Dovecot, Postfix, Exchange Server, …
        Generic => label("generic");
    }
}

/// The hosts of High Volume Email, Microsoft's service for mail in bulk inside an organisation; the second is the newer.
/// It is of the family of Exchange Online, and has other rules for logins.
pub const HIGH_VOLUME_HOSTS: &[&str] = &["smtp-hve.office365.com", "smtp.hve.mx.microsoft"];

/// The facts about a mail service, other than its servers.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// The name of its preset, by which the calendar knows it.
    pub name: &'static str,
    /// A sentence that says which kind of password the service takes and where to create one.
    pub password: &'static str,
    /// Who says so: an organisation, and the title of its page.
    pub source: &'static str,
    /// How reliable the servers and the password are.
    pub confidence: Confidence,
}

/// A provider in the configuration: a preset, or the operator's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// The label value in metrics.
    pub name: Arc<str>,
    /// The family of the preset that it is based on.
    pub family: Family,
    /// The cloud of the preset that it is based on; worldwide outside of Microsoft.
    pub cloud: Cloud,
    /// The service whose preset it is, or is based on; `None` if the family says everything.
    pub service: Option<&'static Service>,
    /// Certificate authorities that are trusted besides the system's, for mail servers and the token
    /// endpoint.
    pub ca_file: Option<PathBuf>,
}

/// One address and the credential that opens it, shared by its checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Unique; a label value in metrics.
    pub name: Arc<str>,
    pub address: String,
    /// The login name; differs from the address for shared mailboxes.
    pub username: String,
    pub credential: Arc<Credential>,
    pub provider: Arc<Provider>,
    /// The operator's own labels, shown on `mailbox_info`.
    pub labels: BTreeMap<String, String>,
    /// Alerts are sent by this mailbox, so mail cannot report its failure.
    pub alert_path: bool,
}

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Host name, or IP literal without brackets.
    pub host: String,
    pub port: u16,
    pub security: Security,
}

/// `host:port`, as in the `server` label; IPv6 literals are in brackets.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
