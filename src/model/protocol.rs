//! The mail protocols: one row of facts each, and a map that has a value for each.

use std::array;
use std::ops::{Index, IndexMut};

/// The facts of one protocol.
#[derive(Debug)]
pub struct ProtocolRow {
    /// The label value in metrics and the key in the configuration.
    pub label: &'static str,
    /// The name as people write it.
    pub title: &'static str,
    /// The port for implicit TLS.
    pub tls_port: u16,
    /// The port for STARTTLS.
    pub starttls_port: u16,
    /// The application permission that Exchange Online wants in a token.
    pub app_permission: &'static str,
    /// The delegated permission that it wants where a person has signed in.
    pub user_permission: &'static str,
    /// The client app in Entra's sign-in logs.
    pub client_app: &'static str,
    /// The switch of `Set-CASMailbox` in Exchange Online, and the value that lets programs in.
    pub cas_switch: (&'static str, bool),
    /// Whether clients read mail by it. Exchange Online accepts no password there; submission may.
    pub reads: bool,
}

table! {
    /// A mail protocol.
    pub enum Protocol: ProtocolRow {
        /// Reading mail: RFC 3501 and RFC 9051.
        Imap => ProtocolRow {
            label: "imap",
            title: "IMAP",
            tls_port: 993,
            starttls_port: 143,
            app_permission: "IMAP.AccessAsApp",
            user_permission: "IMAP.AccessAsUser.All",
            client_app: "IMAP4",
            cas_switch: ("ImapEnabled", true),
            reads: true,
        };
        /// Message submission: RFC 6409 and RFC 8314.
        Smtp => ProtocolRow {
            label: "smtp",
            title: "SMTP",
            tls_port: 465,
            starttls_port: 587,
            app_permission: "SMTP.SendAsApp",
            user_permission: "SMTP.Send",
            client_app: "Authenticated SMTP",
            cas_switch: ("SmtpClientAuthenticationDisabled", false),
            reads: false,
        };
        /// Fetching mail: RFC 1939, RFC 2449, RFC 2595 and RFC 5034.
        Pop3 => ProtocolRow {
            label: "pop3",
            title: "POP3",
            tls_port: 995,
            starttls_port: 110,
            app_permission: "POP.AccessAsApp",
            user_permission: "POP.AccessAsUser.All",
            client_app: "POP3",
            cas_switch: ("PopEnabled", true),
            reads: true,
        };
    }
}

impl Protocol {
    /// The name as people write it.
    pub const fn title(self) -> &'static str {
        self.row().title
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
