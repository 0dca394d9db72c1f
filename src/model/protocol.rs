//! What a check speaks: one row of facts each, and a map that has a value for each.
//!
//! Most checks speak one mail protocol. Facts that only a mail protocol has (ports, switches, passwords) are in
//! [`MailRow`], so code that needs one must handle the protocols without it.

use std::array;
use std::ops::{Index, IndexMut};

/// The facts of one protocol.
#[derive(Debug)]
pub struct ProtocolRow {
    /// The label value in metrics and the key in the configuration.
    pub label: &'static str,
    /// The name as people write it.
    pub title: &'static str,
    /// What a token must hold; `None` for a check that consists of others.
    pub permissions: Option<Permissions>,
    /// The facts of a mail protocol; `None` for a check that is not a single mail protocol.
    pub mail: Option<MailRow>,
}

/// The permissions that Microsoft 365 wants in a token.
#[derive(Debug)]
pub struct Permissions {
    /// Of an application for itself.
    pub app: &'static str,
    /// Delegated, where a person has signed in.
    pub user: &'static str,
}

/// The facts of one mail protocol.
#[derive(Debug)]
pub struct MailRow {
    /// The port for implicit TLS.
    pub tls_port: u16,
    /// The port for STARTTLS.
    pub starttls_port: u16,
    /// The client app in Entra's sign-in logs.
    pub client_app: &'static str,
    /// The switch of `Set-CASMailbox` in Exchange Online, and the value that lets programs in.
    pub cas_switch: (&'static str, bool),
    /// Whether clients read mail by it. Exchange Online accepts no password there; submission may.
    pub reads: bool,
}

table! {
    /// The value of the label `protocol`: a mail protocol, or a check that uses several.
    pub enum Protocol: ProtocolRow {
        /// Reading mail: RFC 3501 and RFC 9051.
        Imap => ProtocolRow {
            label: "imap",
            title: "IMAP",
            permissions: Some(Permissions { app: "IMAP.AccessAsApp", user: "IMAP.AccessAsUser.All" }),
            mail: Some(MailRow {
                tls_port: 993,
                starttls_port: 143,
                client_app: "IMAP4",
                cas_switch: ("ImapEnabled", true),
                reads: true,
            }),
        };
        /// Message submission: RFC 6409 and RFC 8314.
        Smtp => ProtocolRow {
            label: "smtp",
            title: "SMTP",
            permissions: Some(Permissions { app: "SMTP.SendAsApp", user: "SMTP.Send" }),
            mail: Some(MailRow {
                tls_port: 465,
                starttls_port: 587,
                client_app: "Authenticated SMTP",
                cas_switch: ("SmtpClientAuthenticationDisabled", false),
                reads: false,
            }),
        };
        /// Fetching mail: RFC 1939, RFC 2449, RFC 2595 and RFC 5034.
        Pop3 => ProtocolRow {
            label: "pop3",
            title: "POP3",
            permissions: Some(Permissions { app: "POP.AccessAsApp", user: "POP.AccessAsUser.All" }),
            mail: Some(MailRow {
                tls_port: 995,
                starttls_port: 110,
                client_app: "POP3",
                cas_switch: ("PopEnabled", true),
                reads: true,
            }),
        };
        /// A message sent by SMTP and looked for by IMAP.
        RoundTrip => ProtocolRow { label: "round_trip", title: "round trip", permissions: None, mail: None };
        /// A folder opened by Microsoft Graph, which is no mail protocol and knows no password.
        Graph => ProtocolRow {
            label: "graph",
            title: "Graph",
            permissions: Some(Permissions { app: "Mail.ReadBasic.All", user: "Mail.ReadBasic" }),
            mail: None,
        };
    }
}

impl Protocol {
    /// The name as people write it.
    pub const fn title(self) -> &'static str {
        self.row().title
    }

    /// What a token must hold; `None` for a check that consists of others.
    pub const fn permissions(self) -> Option<&'static Permissions> {
        self.row().permissions.as_ref()
    }

    /// The facts of a mail protocol; `None` for a check that is not a single mail protocol.
    pub const fn mail(self) -> Option<&'static MailRow> {
        self.row().mail.as_ref()
    }

    /// The mail protocols, in the order of the table.
    pub fn of_mail() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|protocol| protocol.mail().is_some())
    }
}

const COUNT: usize = Protocol::ALL.len();

/// A value for every protocol.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ByProtocol<T>([T; COUNT]);

impl<T> ByProtocol<T> {
    /// Makes the value of each protocol, in the order of the table.
    pub fn from_fn(mut make: impl FnMut(Protocol) -> T) -> Self {
        Self(array::from_fn(|place| make(Protocol::ALL[place])))
    }
}

impl<T> Index<Protocol> for ByProtocol<T> {
    type Output = T;

    fn index(&self, protocol: Protocol) -> &T {
        &self.0[protocol as usize]
    }
}

impl<T> IndexMut<Protocol> for ByProtocol<T> {
    fn index_mut(&mut self, protocol: Protocol) -> &mut T {
        &mut self.0[protocol as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_protocol_finds_its_own_value() {
        let mut labels = ByProtocol::from_fn(Protocol::label);
        for protocol in Protocol::ALL {
            assert_eq!(labels[*protocol], protocol.label());
        }
        labels[Protocol::Smtp] = "other";
        assert_eq!(labels[Protocol::Imap], "imap");
        assert_eq!(labels[Protocol::Smtp], "other");
    }
}
