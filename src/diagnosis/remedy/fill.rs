//! The places in a remedy's text, and how a value is written into each.
//!
//! `{name}` is plain text. `{'name}` is a string of PowerShell, its quotes included. `{!name}` is one
//! word of any shell. `{%name}` is part of a URL. A value that cannot be written so is not written: the
//! place keeps its name in capitals, as it does if nothing is known.

use super::Subject;
use super::consent::{NATIVE_CLIENT, consent_url};
use crate::model::{Access, Check, Family, Phase, Protocol, Security, TokenAccess};
use crate::safe;

/// The value of each placeholder. The order does not matter.
pub(super) struct Values(Vec<(&'static str, String)>);

/// The name of a placeholder, which is shown if its value is not known.
const UNKNOWN: &[(&str, &str)] = &[
    ("address", "ADDRESS"),
    ("app", "APP_ID"),
    ("credential", "CREDENTIAL"),
    ("consent", "https://login.microsoftonline.com/TENANT_ID/v2.0/adminconsent?client_id=APP_ID"),
    ("folder", "FOLDER"),
    ("idp", "TOKEN_URL"),
    ("name", "MAILBOX"),
    ("oid", "ENTERPRISE_APP_OBJECT_ID"),
    ("password", "what a password is there"),
    ("peer", "HOST:PORT"),
    ("peerhost", "HOST"),
    ("peerport", "PORT"),
    ("permission", "IMAP.AccessAsApp or SMTP.SendAsApp"),
    ("protocol", "IMAP or SMTP"),
    ("resource", "https://outlook.office365.com"),
    ("rotated", "the file of the refresh token"),
    ("scope", "SCOPE"),
    ("secret", "the place of the secret"),
    ("server", "HOST:PORT"),
    // A STARTTLS port alone needs it.
    ("starttls", ""),
    ("tenant", "TENANT_ID"),
    ("token_scope", "https://outlook.office365.com/.default"),
    ("user", "USERNAME"),
    ("works", "the other protocol"),
];

impl Values {
    /// A mailbox's own.
    pub(super) fn of(subject: &Subject<'_>, phase: Phase) -> Self {
        let check = subject.check;
        let mailbox = &check.mailbox;
        let credential = &mailbox.credential;
        let mut values = vec![
            ("address", mailbox.address.clone()),
            ("name", mailbox.name.to_string()),
            ("user", mailbox.username.clone()),
            ("credential", credential.name.to_string()),
            ("server", check.endpoint.to_string()),
            ("protocol", check.protocol().title().to_owned()),
        ];
        values.extend(credential.places_in_words().map(|places| ("secret", places)));
        let rotated = credential.auth.token().and_then(|proof| proof.rotated());
        values.extend(rotated.map(|place| ("rotated", place.to_string())));
        values.extend(credential.client_id().map(|app| ("app", app.to_owned())));
        values.extend(credential.tenant().map(|tenant| ("tenant", tenant.to_owned())));
        values.extend(subject.claims.and_then(|claims| Some(("oid", claims.object_id.clone()?))));
        values.extend(mailbox.provider.service.map(|service| ("password", service.password.to_owned())));
        values.extend(subject.works.map(|works| ("works", works.title().to_owned())));
        values.extend(check.goal.folder().map(|folder| ("folder", folder.to_owned())));
        let idp = match &check.access {
            Access::Token(TokenAccess { spec, permission, .. }) => {
                values.push(("scope", spec.scope.to_string()));
                values.push(("resource", resource(&spec.scope).to_owned()));
                values.push(("idp", spec.url.to_string()));
                values.extend(permission.map(|name| ("permission", name.to_owned())));
                values.extend(consent_url(spec, check.protocol(), NATIVE_CLIENT).map(|url| ("consent", url)));
                Some(authority_of(&spec.url))
            }
            Access::Password(_) => None,
        };
        // While the token is fetched, the server that is silent or unknown is the identity provider.
        let (host, port) = match idp.filter(|_| phase == Phase::Token) {
            Some(authority) => authority,
            None => {
                if check.endpoint.security == Security::StartTls {
                    values.push(("starttls", format!(" -starttls {}", check.protocol())));
                }
                (check.endpoint.host.clone(), check.endpoint.port)
            }
        };
        let peer = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        values.push(("peer", peer));
        values.push(("peerhost", host));
        values.push(("peerport", port.to_string()));
        // The first value of a name counts: the check's own permission has gone before.
        values.extend(Self::unknown(Some(check.protocol())).0);
        Self(values)
    }

    /// Nothing but perhaps the protocol.
    pub(super) fn unknown(protocol: Option<Protocol>) -> Self {
        let known = |protocol: Protocol| {
            let permission = protocol.permissions().map(|needed| ("permission", needed.app.to_owned()));
            [Some(("protocol", protocol.title().to_owned())), permission].into_iter().flatten().collect()
        };
        Self(protocol.map(known).unwrap_or_default())
    }

    /// A line with its places filled in.
    pub(super) fn fill(&self, line: &str) -> String {
        let mut filled = String::with_capacity(line.len());
        let mut rest = line;
        while let Some((before, place, after)) = place(rest) {
            filled.push_str(before);
            filled.push_str(&self.written(place));
            rest = after;
        }
        filled.push_str(rest);
        filled
    }

    fn written(&self, place: &str) -> String {
        let name = place.trim_start_matches(['\'', '!', '%']);
        let unknown = || {
            let row = UNKNOWN.iter().find(|(known, _)| *known == name);
            row.map_or(name, |(_, capitals)| capitals).to_owned()
        };
        // A backtick would end the command on the page, a line break the paragraph.
        let value = self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        let value =
            value.filter(|value| !value.is_empty() && !value.contains(|c: char| c == '`' || c.is_control()));
        match (place.chars().next(), value) {
            (Some('\''), value) => safe::powershell(value.unwrap_or(&unknown())),
            (Some('!'), Some(value)) => word(value).map_or_else(unknown, str::to_owned),
            (Some('%'), Some(value)) => safe::url_part(value),
            (_, Some(value)) => value.to_owned(),
            (_, None) => unknown(),
        }
    }
}

fn place(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (place, after) = rest.split_once('}')?;
    Some((before, place, after))
}

/// The value, if every shell takes it for one word as it stands.
fn word(value: &str) -> Option<&str> {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"._-@:/".contains(&byte);
    (value.bytes().all(safe) && !value.starts_with('-')).then_some(value)
}

/// Host and port of a token endpoint.
fn authority_of(url: &str) -> (String, u16) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let port = authority.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    (host_of(url).to_owned(), port.unwrap_or(if scheme == "http" { 80 } else { 443 }))
}

/// The host of a URL, without user, port and path.
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match authority.strip_prefix('[') {
        Some(literal) => literal.split(']').next().unwrap_or(literal),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

/// The audience that a scope asks for: `https://outlook.office365.com/.default` without its last part.
pub(super) fn resource(scope: &str) -> &str {
    scope.strip_suffix("/.default").unwrap_or(scope)
}

/// Whether a check is at Exchange Online, where claims can be held against what is configured.
pub(super) fn at_exchange(check: &Check) -> bool {
    check.mailbox.provider.family == Family::ExchangeOnline
}
