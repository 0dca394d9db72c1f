//! The presets of services that are not a family of their own: one row each, with its source and how reliable it is.
//!
//! Owns hosts, ports and the kind of password. The families that the program treats specially are in `presets`.

use super::presets::{App, PRESETS, Preset, Server, starttls, starttls_at, tls};
use crate::model::Confidence::{High, Medium};
use crate::model::Protocol::{Imap, Pop3, Smtp};
use crate::model::{Cloud, Family, Service};

/// Why a service gives no token to a program of its own, if nothing more is known.
const APP_PASSWORD: App =
    App::None("it has no tokens for a program alone; an app password works with type: password");
/// The same if passwords are not app passwords.
const PASSWORD: App = App::None("it has no tokens for mail programs; the password works with type: password");

/// A service with passwords: names, servers, what a password is.
const fn by_password(servers: &'static [Server], app: App, service: &'static Service) -> Preset {
    let (name, family) = (service.name, Family::Generic);
    Preset {
        name,
        family,
        servers,
        app,
        person: None,
        cloud: Cloud::Worldwide,
        service: Some(service),
        permission: None,
    }
}

/// Where Entra issues tokens.
const ENTRA: &str = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token";

/// Every preset, those of the families first.
pub(super) fn all() -> impl Iterator<Item = &'static Preset> {
    PRESETS.iter().chain(SERVICES)
}

static SERVICES: &[Preset] = &[
    // Host, scope and password: high; tokens by XOAUTH2: medium, one reporter was refused by 535.
    Preset {
        name: "azure_communication_services",
        family: Family::Generic,
        servers: &[starttls(Smtp, "smtp.azurecomm.net")],
        app: App::Token { url: ENTRA, scope: "https://communication.azure.com/.default" },
        person: None,
        cloud: Cloud::Worldwide,
        service: Some(&Service {
            name: "azure_communication_services",
            password: "The user name is an SMTP username of the Communication Services resource, and the password a client secret of the Entra application that it names.",
            source: "Microsoft Learn, \"Create credentials for Simple Mail Transfer Protocol (SMTP) authentication\"",
            confidence: Medium,
        }),
        permission: None,
    },
    Preset {
        name: "high_volume_email",
        family: Family::ExchangeOnline,
        servers: &[starttls(Smtp, "smtp-hve.office365.com")],
        app: App::Token { url: ENTRA, scope: "https://outlook.office365.com/.default" },
        person: None,
        cloud: Cloud::Worldwide,
        service: Some(&Service {
            name: "high_volume_email",
            password: "The password of the High Volume Email account, until September 2028.",
            source: "Microsoft Learn, \"Manage high volume emails for Microsoft 365\" and \"OAuth authentication for high volume emails for Microsoft 365\"",
            confidence: High,
        }),
        permission: Some("Mail.Send"),
    },
    by_password(
        &[
            tls(Imap, "imap.mail.yahoo.com"),
            tls(Smtp, "smtp.mail.yahoo.com"),
            tls(Pop3, "pop.mail.yahoo.com"),
        ],
        App::None(
            "Yahoo gives tokens only to programs that it has approved; an app password works with type: password",
        ),
        &Service {
            name: "yahoo",
            password: "Yahoo takes app passwords alone: the holder makes one at https://login.yahoo.com/account/security (Generate app password).",
            source: "Yahoo Help, \"IMAP server settings for Yahoo Mail\" (SLN4075) and \"Generate and manage third-party app passwords\" (SLN15241)",
            confidence: High,
        },
    ),
    by_password(
        &[tls(Imap, "imap.aol.com"), tls(Smtp, "smtp.aol.com"), tls(Pop3, "pop.aol.com")],
        App::None(
            "AOL gives tokens only to programs that it has approved; an app password works with type: password",
        ),
        &Service {
            name: "aol",
            password: "AOL takes app passwords alone: the holder makes one at https://login.aol.com/account/security (Generate app password).",
            source: "AOL Help, \"How do I use other email applications to send and receive my AOL Mail?\"",
            confidence: High,
        },
    ),
    by_password(
        &[tls(Imap, "imap.fastmail.com"), tls(Smtp, "smtp.fastmail.com"), tls(Pop3, "pop.fastmail.com")],
        App::None(
            "Fastmail gives tokens to registered programs with a person's sign-in; an app password works with type: password",
        ),
        &Service {
            name: "fastmail",
            password: "Fastmail takes app passwords alone: Settings > Privacy & Security > Manage app passwords and access tokens > New app password, with access to mail. The user name is the whole address.",
            source: "Fastmail Help, \"Server names and ports\" and \"App passwords\"",
            confidence: High,
        },
    ),
    // There is no POP.
    by_password(
        &[tls(Imap, "imap.mail.me.com"), starttls(Smtp, "smtp.mail.me.com")],
        APP_PASSWORD,
        &Service {
            name: "icloud",
            password: "iCloud takes app-specific passwords alone: the holder makes one at https://account.apple.com (Sign-In and Security). By IMAP the user name may have to be the part before the @.",
            source: "Apple Support, \"iCloud Mail server settings for other email client apps\" (102525) and \"Sign in to apps with your Apple Account using app-specific passwords\" (102654)",
            confidence: High,
        },
    ),
    // The hosts are those of personal accounts in the United States.
    by_password(
        &[tls(Imap, "imap.zoho.com"), tls(Smtp, "smtp.zoho.com"), tls(Pop3, "pop.zoho.com")],
        APP_PASSWORD,
        &Service {
            name: "zoho",
            password: "With two-factor authentication Zoho takes app-specific passwords alone: https://accounts.zoho.com > Security > App passwords. IMAP and POP are switched on in the mail settings; organisations have other hosts (imappro.zoho.com), and so have other data centres (zoho.eu).",
            source: "Zoho Mail Help, \"IMAP access\" and \"Application-specific passwords\"",
            confidence: High,
        },
    ),
    // The holder may change ports and TLS; these are the usual ones.
    by_password(
        &[starttls_at(Imap, "127.0.0.1", 1143), starttls_at(Smtp, "127.0.0.1", 1025)],
        PASSWORD,
        &Service {
            name: "proton_bridge",
            password: "The password is the one that Bridge shows for the mailbox, not Proton's. Its certificate is self-signed: Bridge > Settings > Advanced > Export TLS certificates, and name cert.pem as ca_file of a provider that extends proton_bridge.",
            source: "Proton, \"Proton Mail Bridge client set-up\"",
            confidence: Medium,
        },
    ),
    by_password(
        &[tls(Imap, "imap.yandex.com"), tls(Smtp, "smtp.yandex.com"), tls(Pop3, "pop.yandex.com")],
        App::None(
            "Yandex gives tokens only with a person's sign-in; an app password works with type: password",
        ),
        &Service {
            name: "yandex",
            password: "Yandex takes app passwords alone: https://id.yandex.com/security/app-passwords, of type Email. Mail programs are allowed in the mailbox under Settings > Email clients.",
            source: "Yandex Help, \"Yandex Mail in email clients\" and \"App passwords\"",
            confidence: High,
        },
    ),
    // Of gmx.net and gmx.de; gmx.com has imap.gmx.com and mail.gmx.com.
    by_password(
        &[tls(Imap, "imap.gmx.net"), starttls(Smtp, "mail.gmx.net"), tls(Pop3, "pop.gmx.net")],
        PASSWORD,
        &Service {
            name: "gmx",
            password: "The password of the account; with two-factor authentication an application-specific password (My Account > Security). POP3 and IMAP are off until the holder allows them: Settings > POP3/IMAP.",
            source: "GMX Hilfe, \"Serverdaten für POP3, IMAP und SMTP\"",
            confidence: High,
        },
    ),
    by_password(
        &[tls(Imap, "imap.web.de"), starttls(Smtp, "smtp.web.de"), tls(Pop3, "pop3.web.de")],
        PASSWORD,
        &Service {
            name: "web_de",
            password: "The password of the account; with two-factor authentication an application-specific password (Mein Account > Sicherheit). POP3 and IMAP are off until the holder allows them: Einstellungen > POP3/IMAP Abruf.",
            source: "WEB.DE Hilfe, \"Serverdaten für POP3, IMAP und SMTP\"",
            confidence: High,
        },
    ),
    by_password(
        &[tls(Imap, "imap.ionos.com"), tls(Smtp, "smtp.ionos.com"), tls(Pop3, "pop.ionos.com")],
        PASSWORD,
        &Service {
            name: "ionos",
            password: "The password of the mailbox itself, which IONOS > Email sets; the user name is the address. Other countries have other hosts (imap.ionos.de).",
            source: "IONOS Help, \"Server information for IMAP, POP3 and SMTP\"",
            confidence: High,
        },
    ),
    // Newer guides also name imap.mail.ovh.net.
    by_password(
        &[tls(Imap, "ssl0.ovh.net"), tls(Smtp, "ssl0.ovh.net"), tls(Pop3, "ssl0.ovh.net")],
        PASSWORD,
        &Service {
            name: "ovh",
            password: "The password of the mailbox itself, which the OVHcloud control panel sets; the user name is the address. Exchange, Email Pro and Zimbra have other hosts.",
            source: "OVHcloud guides, \"Getting started with an MX Plan solution\" (2023-11-15)",
            confidence: Medium,
        },
    ),
    // Hosts: high, POP3 works and is not recommended; passwords of devices: medium.
    by_password(
        &[
            tls(Imap, "mail.infomaniak.com"),
            tls(Smtp, "mail.infomaniak.com"),
            tls(Pop3, "mail.infomaniak.com"),
        ],
        APP_PASSWORD,
        &Service {
            name: "infomaniak",
            password: "The password of a device, not of the account: Infomaniak Manager > Mail Service > the address > Devices > Add a device. The user name is the address.",
            source: "Infomaniak knowledge base, \"Mail service: protocols and ports\"",
            confidence: Medium,
        },
    ),
];
