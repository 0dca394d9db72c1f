//! Mailboxes, and the servers on which they lie.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::Credential;

/// What the program knows of one protocol.
#[derive(Debug)]
pub struct ProtocolRow {
    /// Label value in metrics, key in the configuration.
    pub label: &'static str,
    /// The port where TLS starts at once.
    pub tls_port: u16,
    /// The port where TLS starts by command.
    pub starttls_port: u16,
}

table! {
    /// How a mailbox is talked to.
    pub enum Protocol: ProtocolRow {
        /// Reading, RFC 3501 and RFC 9051.
        Imap => ProtocolRow { label: "imap", tls_port: 993, starttls_port: 143 };
        /// Sending: message submission, RFC 6409 and RFC 8314.
        Smtp => ProtocolRow { label: "smtp", tls_port: 465, starttls_port: 587 };
    }
}

/// A row that is nothing but its label.
#[derive(Debug)]
pub struct LabelRow {
    /// Name in metrics and configuration.
    pub label: &'static str,
}

pub(super) const fn label(label: &'static str) -> LabelRow {
    LabelRow { label }
}

table! {
    /// When TLS starts.
    pub enum Security: LabelRow {
        /// With the first byte (RFC 8314).
        Implicit => label("implicit");
        /// By command, before anything secret is said.
        StartTls => label("starttls");
        /// Never. Loopback hosts only; the configuration refuses it elsewhere.
        None => label("none");
    }
}

table! {
    /// Which address family is dialled. One address is tried, never two: a probe must know what it measured.
    pub enum IpChoice: LabelRow {
        /// IPv4 where the name has such an address, otherwise IPv6.
        Auto => label("auto");
        /// IPv4 only.
        V4 => label("4");
        /// IPv6 only.
        V6 => label("6");
    }
}

table! {
    /// Ways to log in. As label values they are a closed set: what a server invents is [`Mechanism::Other`].
    pub enum Mechanism: LabelRow {
        /// SASL XOAUTH2, the form that Exchange Online and Gmail know.
        Xoauth2 => label("xoauth2");
        /// SASL OAUTHBEARER, RFC 7628.
        Oauthbearer => label("oauthbearer");
        /// SASL PLAIN, RFC 4616: a password.
        Plain => label("plain");
        /// SASL LOGIN: a password, asked for in two steps.
        Login => label("login");
        /// IMAP's own LOGIN command: offered unless LOGINDISABLED is.
        LoginCommand => label("login_command");
        /// Anything else a server lists.
        Other => label("other");
    }
}

impl Mechanism {
    /// Whether it shows a password; what a server invents is taken for one, since tokens have names.
    pub const fn shows_password(self) -> bool {
        !matches!(self, Self::Xoauth2 | Self::Oauthbearer)
    }
}

table! {
    /// Whose server it is, where that changes what an answer means.
    pub enum Family: LabelRow {
        /// Microsoft 365, any cloud: no password can work on IMAP.
        ExchangeOnline => label("exchange_online");
        /// Personal Microsoft accounts.
        OutlookCom => label("outlook_com");
        /// Gmail and Google Workspace.
        Gmail => label("gmail");
        /// Any standard server: Dovecot, Postfix, Exchange Server, …
        Generic => label("generic");
    }
}

/// A provider as the configuration names it: a preset, or one of the operator's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Label value.
    pub name: Arc<str>,
    /// The preset it descends from decides how answers are read.
    pub family: Family,
    /// Certificate authorities trusted besides the system's, for mail servers and the token endpoint alike.
    pub ca_file: Option<PathBuf>,
}

/// One address and the credential that opens it; shared by its checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// Label value, unique.
    pub name: Arc<str>,
    /// The mail address.
    pub address: String,
    /// The login name: the address, unless configured (shared mailboxes).
    pub username: String,
    /// Who logs in.
    pub credential: Arc<Credential>,
    /// The provider's facts.
    pub provider: Arc<Provider>,
    /// The operator's own labels, shown on `mailbox_info`.
    pub labels: BTreeMap<String, String>,
}

/// Where a server listens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// Host name or IP literal (without brackets).
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// When TLS starts.
    pub security: Security,
}

/// `host:port`, as in the `server` label; IPv6 literals in brackets.
impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}
