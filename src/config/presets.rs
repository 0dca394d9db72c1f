//! The built-in providers: one row each.
//!
//! Owns hosts, ports, authorities and scopes of the families; other services are in `services`. A provider of the
//! configuration that extends a row may override any part of it.

use crate::model::Protocol::{Graph, Imap, Pop3, Smtp};
use crate::model::{Cloud, Endpoint, Family, Protocol, Security, Service};

/// The facts about one provider.
#[derive(Debug)]
pub(super) struct Preset {
    pub(super) name: &'static str,
    pub(super) family: Family,
    pub(super) servers: &'static [Server],
    /// How an application gets a token for itself.
    pub(super) app: App,
    /// How a person who has signed in gets one, if that is known.
    pub(super) person: Option<Person>,
    /// Worldwide, unless it is one of the clouds of Microsoft 365.
    pub(super) cloud: Cloud,
    /// Further facts about the service; `None` if the family says everything.
    pub(super) service: Option<&'static Service>,
    /// The permission that a token needs, if it is not the family's.
    pub(super) permission: Option<&'static str>,
}

impl Preset {
    /// Whether the provider only sends mail: none of its protocols reads a mailbox.
    pub(super) fn sends_only(&self) -> bool {
        !self.servers.iter().any(|server| server.protocol.mail().is_some_and(|mail| mail.reads))
    }

    /// The server of one protocol, if the provider has one.
    pub(super) fn endpoint(&self, protocol: Protocol) -> Option<Endpoint> {
        let server = self.servers.iter().find(|server| server.protocol == protocol)?;
        let Server { host, port, security, .. } = *server;
        Some(Endpoint { host: host.to_owned(), port, security })
    }
}

/// Where a provider speaks a protocol, and when TLS starts there.
#[derive(Debug)]
pub(super) struct Server {
    protocol: Protocol,
    host: &'static str,
    port: u16,
    security: Security,
}

/// How an application gets a token for itself (client credentials), if the provider allows that.
#[derive(Debug)]
pub(super) enum App {
    /// The token endpoint and the scope.
    Token { url: &'static str, scope: &'static str },
    /// The provider has no such grant; the sentence says why, and what to do instead.
    None(&'static str),
}

/// Tokens for a person who has signed in.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) url: &'static str,
    pub(super) scope: PersonScope,
}

/// The scope of a token for a person.
#[derive(Debug, Clone, Copy)]
pub(super) enum PersonScope {
    /// Each protocol has a permission of this resource; `offline_access` asks for the next refresh token.
    PerProtocol(&'static str),
    /// One scope for all protocols.
    Fixed(&'static str),
}

impl PersonScope {
    pub(super) fn of(self, protocol: Protocol) -> String {
        match self {
            Self::PerProtocol(resource) => {
                let permission = protocol.permissions().map_or("", |needed| needed.user);
                format!("{resource}/{permission} offline_access")
            }
            Self::Fixed(scope) => scope.to_owned(),
        }
    }
}

/// The usual ports: for implicit TLS, and for a connection that begins in clear text.
pub(super) const fn ports(protocol: Protocol) -> (u16, u16) {
    match protocol.mail() {
        Some(mail) => (mail.tls_port, mail.starttls_port),
        // Microsoft Graph: those of https and http.
        None => (443, 80),
    }
}

/// A server on the usual port for implicit TLS.
pub(super) const fn tls(protocol: Protocol, host: &'static str) -> Server {
    Server { protocol, host, port: ports(protocol).0, security: Security::Implicit }
}

/// A server on this port, with STARTTLS.
pub(super) const fn starttls_at(protocol: Protocol, host: &'static str, port: u16) -> Server {
    Server { protocol, host, port, security: Security::StartTls }
}

/// A server on the usual port for STARTTLS.
pub(super) const fn starttls(protocol: Protocol, host: &'static str) -> Server {
    Server { protocol, host, port: ports(protocol).1, security: Security::StartTls }
}

/// The provider of a mailbox that names none.
pub(super) const DEFAULT: &str = "exchange_online";

// Hosts: Microsoft Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth" and "National clouds";
// Google, "IMAP, POP, and SMTP". For the national clouds Microsoft publishes no complete list: their mail
// hosts are as seen in the field, and the submission host of the DoD cloud is its general Exchange host.
// Graph: Microsoft Learn, "National cloud deployments".
pub(super) static PRESETS: &[Preset] = &[
    Preset {
        name: "exchange_online",
        family: Family::ExchangeOnline,
        servers: &[
            tls(Imap, "outlook.office365.com"),
            starttls(Smtp, "smtp.office365.com"),
            tls(Pop3, "outlook.office365.com"),
            tls(Graph, "graph.microsoft.com"),
        ],
        app: App::Token {
            url: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
            scope: "https://outlook.office365.com/.default",
        },
        person: Some(Person {
            url: "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
            scope: PersonScope::PerProtocol("https://outlook.office.com"),
        }),
        cloud: Cloud::Worldwide,
        service: None,
        permission: None,
    },
    Preset {
        name: "exchange_online_gcc_high",
        family: Family::ExchangeOnline,
        servers: &[
            tls(Imap, "outlook.office365.us"),
            starttls(Smtp, "smtp.office365.us"),
            tls(Pop3, "outlook.office365.us"),
            tls(Graph, "graph.microsoft.us"),
        ],
        app: App::Token {
            url: "https://login.microsoftonline.us/{tenant}/oauth2/v2.0/token",
            scope: "https://outlook.office365.us/.default",
        },
        person: Some(Person {
            url: "https://login.microsoftonline.us/{tenant}/oauth2/v2.0/token",
            scope: PersonScope::PerProtocol("https://outlook.office365.us"),
        }),
        cloud: Cloud::UsGovGccHigh,
        service: None,
        permission: None,
    },
    Preset {
        name: "exchange_online_dod",
        family: Family::ExchangeOnline,
        servers: &[
            tls(Imap, "outlook-dod.office365.us"),
            starttls(Smtp, "outlook-dod.office365.us"),
            tls(Pop3, "outlook-dod.office365.us"),
            tls(Graph, "dod-graph.microsoft.us"),
        ],
        app: App::Token {
            url: "https://login.microsoftonline.us/{tenant}/oauth2/v2.0/token",
            scope: "https://outlook-dod.office365.us/.default",
        },
        person: Some(Person {
            url: "https://login.microsoftonline.us/{tenant}/oauth2/v2.0/token",
            scope: PersonScope::PerProtocol("https://outlook-dod.office365.us"),
        }),
        cloud: Cloud::UsGovDod,
        service: None,
        permission: None,
    },
    Preset {
        name: "exchange_online_china",
        family: Family::ExchangeOnline,
        servers: &[
            tls(Imap, "partner.outlook.cn"),
            starttls(Smtp, "smtp.partner.outlook.cn"),
            tls(Pop3, "partner.outlook.cn"),
            tls(Graph, "microsoftgraph.chinacloudapi.cn"),
        ],
        app: App::Token {
            url: "https://login.partner.microsoftonline.cn/{tenant}/oauth2/v2.0/token",
            scope: "https://partner.outlook.cn/.default",
        },
        person: Some(Person {
            url: "https://login.partner.microsoftonline.cn/{tenant}/oauth2/v2.0/token",
            scope: PersonScope::PerProtocol("https://partner.outlook.cn"),
        }),
        cloud: Cloud::China,
        service: None,
        permission: None,
    },
    Preset {
        name: "outlook_com",
        family: Family::OutlookCom,
        servers: &[
            tls(Imap, "outlook.office365.com"),
            starttls(Smtp, "smtp-mail.outlook.com"),
            tls(Pop3, "outlook.office365.com"),
        ],
        app: App::None(
            "personal Microsoft accounts let no application in by itself: a person signs in once, by type: refresh_token and the command login",
        ),
        person: Some(Person {
            url: "https://login.microsoftonline.com/consumers/oauth2/v2.0/token",
            scope: PersonScope::PerProtocol("https://outlook.office.com"),
        }),
        cloud: Cloud::Worldwide,
        service: None,
        permission: None,
    },
    Preset {
        name: "gmail",
        family: Family::Gmail,
        servers: &[tls(Imap, "imap.gmail.com"), starttls(Smtp, "smtp.gmail.com"), tls(Pop3, "pop.gmail.com")],
        app: App::None(
            "Google lets no client secret alone into mailboxes: a service account of the domain works with type: google_service_account, a person's token with type: refresh_token, an app password with type: password",
        ),
        person: Some(Person {
            url: "https://oauth2.googleapis.com/token",
            scope: PersonScope::Fixed("https://mail.google.com/"),
        }),
        cloud: Cloud::Worldwide,
        service: None,
        permission: None,
    },
];

/// The permission that a token needs for a protocol, if the family has one.
pub(super) const fn permission(family: Family, protocol: Protocol, delegated: bool) -> Option<&'static str> {
    match (family, protocol.permissions()) {
        (Family::ExchangeOnline, Some(needed)) if delegated => Some(needed.user),
        (Family::ExchangeOnline, Some(needed)) => Some(needed.app),
        _ => None,
    }
}
