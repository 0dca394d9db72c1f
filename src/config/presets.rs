//! The providers that need no description: one row each.
//!
//! Owns hosts, ports, authorities and scopes. Whatever a row says may be overridden by a provider that
//! extends it.

use crate::model::{Endpoint, Family, Protocol, Security};

/// What the program knows of one provider.
#[derive(Debug)]
pub(super) struct Preset {
    pub(super) name: &'static str,
    pub(super) family: Family,
    pub(super) imap: Server,
    pub(super) smtp: Server,
    /// How an application gets a token for itself.
    pub(super) app: App,
    /// A US Government cloud: three failed logins lock an account there.
    pub(super) government: bool,
}

/// Host, port, and when TLS starts.
#[derive(Debug)]
pub(super) struct Server(&'static str, u16, Security);

impl Server {
    pub(super) fn endpoint(&self) -> Endpoint {
        Endpoint { host: self.0.to_owned(), port: self.1, security: self.2 }
    }
}

/// Client credentials at a provider.
#[derive(Debug)]
pub(super) enum App {
    /// The token endpoint and the scope.
    Token { url: &'static str, scope: &'static str },
    /// The provider has no such grant; the sentence says why, and what to do instead.
    None(&'static str),
}

const fn imap(host: &'static str) -> Server {
    Server(host, 993, Security::Implicit)
}

const fn smtp(host: &'static str) -> Server {
    Server(host, 587, Security::StartTls)
}

/// The provider of a mailbox that names none.
pub(super) const DEFAULT: &str = "exchange_online";

// Hosts: Microsoft Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth" and "National clouds";
// Google, "IMAP, POP, and SMTP". For the national clouds Microsoft publishes no complete list: their mail
// hosts are as seen in the field, and the submission host of the DoD cloud is its general Exchange host.
pub(super) static PRESETS: &[Preset] = &[
    Preset {
        name: "exchange_online",
        family: Family::ExchangeOnline,
        imap: imap("outlook.office365.com"),
        smtp: smtp("smtp.office365.com"),
        app: App::Token {
            url: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
            scope: "https://outlook.office365.com/.default",
        },
        government: false,
    },
    Preset {
        name: "exchange_online_gcc_high",
        family: Family::ExchangeOnline,
        imap: imap("outlook.office365.us"),
        smtp: smtp("smtp.office365.us"),
        app: App::Token {
            url: "https://login.microsoftonline.us/{tenant}/oauth2/v2.0/token",
            scope: "https://outlook.office365.us/.default",
        },
        government: true,
    },
    Preset {
        name: "exchange_online_dod",
        family: Family::ExchangeOnline,
        imap: imap("outlook-dod.office365.us"),
        smtp: smtp("outlook-dod.office365.us"),
        app: App::Token {
            url: "https://login.microsoftonline.us/{tenant}/oauth2/v2.0/token",
            scope: "https://outlook-dod.office365.us/.default",
        },
        government: true,
    },
    Preset {
        name: "exchange_online_china",
        family: Family::ExchangeOnline,
        imap: imap("partner.outlook.cn"),
        smtp: smtp("smtp.partner.outlook.cn"),
        app: App::Token {
            url: "https://login.partner.microsoftonline.cn/{tenant}/oauth2/v2.0/token",
            scope: "https://partner.outlook.cn/.default",
        },
        government: false,
    },
    Preset {
        name: "outlook_com",
        family: Family::OutlookCom,
        imap: imap("outlook.office365.com"),
        smtp: smtp("smtp-mail.outlook.com"),
        app: App::None(
            "personal Microsoft accounts let no application in by itself, a person must sign in, which is not in this version",
        ),
        government: false,
    },
    Preset {
        name: "gmail",
        family: Family::Gmail,
        imap: imap("imap.gmail.com"),
        smtp: smtp("smtp.gmail.com"),
        app: App::None(
            "Google has no client secret for mailboxes; a service account is not in this version, an app password works with type: password",
        ),
        government: false,
    },
];

/// The application permission that a token needs for a protocol, where the family has one.
pub(super) const fn permission(family: Family, protocol: Protocol) -> Option<&'static str> {
    match (family, protocol) {
        (Family::ExchangeOnline, Protocol::Imap) => Some("IMAP.AccessAsApp"),
        (Family::ExchangeOnline, Protocol::Smtp) => Some("SMTP.SendAsApp"),
        (Family::OutlookCom | Family::Gmail | Family::Generic, _) => None,
    }
}
