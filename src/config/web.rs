//! The web configuration: TLS, headers and users of the HTTP endpoint, in the format that Prometheus' own
//! servers and exporters share (exporter-toolkit, `docs/web-configuration.md`).
//!
//! Owns how the file is read; faults are reported as for the main file. Relative paths are relative to this file.

use std::path::Path;
use std::rc::Rc;

use super::cursor::{Cursor, Map};
use super::fault::Faults;
use super::keys::Keys;
use super::place::{Place, Written};
use super::source;
use super::sources::Sources;
use super::tree::Kind;
use super::web_keys as keys;
use crate::model::{CipherSuite, ClientAuth, Curve, TlsVersion, Users, Web, WebTls};
use crate::net::server_tls;

/// The highest cost of bcrypt that is accepted: each step up doubles the seconds that the first request takes.
const HIGHEST_COST: u32 = 18;

/// Reads the file, which the configuration names at a place, or the command line; `None` once every fault is reported.
pub(super) fn read(
    path: &Path,
    named: Option<&Place>,
    sources: &mut Sources,
    faults: &Faults,
) -> Option<Web> {
    let file: Rc<Path> = path.into();
    let text = source::read(&file, named, sources, faults)?;
    meaning(&file, &text, faults)
}

/// The meaning of a file's text.
fn meaning(file: &Rc<Path>, text: &str, faults: &Faults) -> Option<Web> {
    let base = file.parent().unwrap_or(Path::new(""));
    let node = source::parse_or_empty(file, text, faults)?;
    if matches!(node.kind, Kind::Null) {
        // As for every program that uses the format, an empty file means clear text and no users.
        return Some(Web {
            file: file.to_path_buf(),
            tls: None,
            headers: Vec::new(),
            users: Users::default(),
        });
    }
    let top = Cursor::top(file, &node, faults);
    let map = top.map(&keys::TOP)?;
    let tls = map.read_section("tls_server_config", |at| tls(&at.map(&keys::TLS)?, base));
    let mut headers = Some(Vec::new());
    let http = map.read_section("http_server_config", |at| {
        let map = at.map(&keys::HTTP)?;
        if let Written::Is(at) = map.read("http2", Cursor::boolean)
            && at.value
        {
            faults.warn(&at.place, "HTTP/2 is not in this version: clients agree on HTTP/1.1 by themselves");
        }
        headers = map.read("headers", self::headers).or_default(Vec::new());
        headers.as_ref().map(drop)
    });
    let users = match top.peek("basic_auth_users").filter(|at| !at.is_nothing()) {
        Some(at) => users(&at),
        None => Some(Users::default()),
    };
    if tls.is_absent() && users.as_ref().is_some_and(|users| !users.0.is_empty()) {
        let sentence = "without tls_server_config these passwords travel in clear";
        map.warn_of("basic_auth_users", sentence);
    }
    let is_faulty = matches!(tls, Written::Faulty) || matches!(http, Written::Faulty);
    let (headers, users) = (headers?, users?);
    let web = Web { file: file.to_path_buf(), tls: tls.value().cloned(), headers, users };
    (!is_faulty).then_some(web)
}

/// Reads the section, and checks that the content of its files can be used.
fn tls(map: &Map<'_>, base: &Path) -> Option<WebTls> {
    let path = |at: &Cursor<'_>| Some(base.join(at.text()?));
    let cert_file = map.require("cert_file", "the certificate that clients are shown, PEM", path);
    let key_file = map.require("key_file", "the private key of the certificate, PEM", path);
    let client_auth = map.read("client_auth_type", client_auth);
    let client_ca_file = map.read("client_ca_file", path);
    let sans = map.read("client_allowed_sans", |at| {
        let names = at.list("a list of names like [prometheus.contoso.example]")?;
        names.iter().map(|at| at.text().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    let version = |at: &Cursor<'_>| TlsVersion::from_label(at.word(&keys::TLS_VERSIONS)?);
    let (min, max) = (map.read("min_version", version), map.read("max_version", version));
    let cipher_suites =
        map.read("cipher_suites", |at| words(at, &keys::CIPHER_SUITES, CipherSuite::from_label));
    let prefer = map.read("prefer_server_cipher_suites", Cursor::boolean);
    let curves = map.read("curve_preferences", |at| words(at, &keys::CURVES, Curve::from_label));

    let faults = map.faults();
    let policy = client_auth.or_default(ClientAuth::NoClientCert);
    let is_policy = |fits: fn(ClientAuth) -> bool| policy.is_some_and(fits);
    let mut is_faulty = false;
    let mut complain = |place: &Place, sentence: &str| {
        faults.add(place, sentence);
        is_faulty = true;
    };
    if let Written::Is(at) = &client_ca_file
        && is_policy(|policy| policy == ClientAuth::NoClientCert)
    {
        complain(
            &at.place,
            "an authority of clients, and no client_auth_type that asks them for a certificate",
        );
    }
    if let Written::Is(at) = &sans
        && is_policy(|policy| !policy.is_required())
    {
        complain(
            &at.place,
            "this needs client_auth_type RequireAndVerifyClientCert or RequireAnyClientCert: else a client comes without",
        );
    }
    if let (Written::Absent, Written::Is(at)) = (&client_ca_file, &client_auth)
        && is_policy(ClientAuth::is_verified)
    {
        if is_policy(ClientAuth::is_required) {
            complain(
                &at.place,
                "this needs client_ca_file: the authorities whose client certificates are accepted",
            );
        } else {
            // Go does the same. It admits every client that NoClientCert admits.
            let sentence = "without client_ca_file certificates of clients are verified against the authorities of the system; a client without one is let in";
            faults.warn(&at.place, sentence);
        }
    }
    let versions = min.or_default(TlsVersion::Tls12).zip(max.or_default(TlsVersion::Tls13));
    if let (Some((least, most)), Written::Is(at), _) | (Some((least, most)), Written::Absent, Written::Is(at)) =
        (versions, &min, &max)
        && least > most
    {
        complain(&at.place, "min_version is newer than max_version: nothing is left to speak");
    }
    if is_faulty {
        return None;
    }
    let (min_version, max_version) = versions?;
    let tls = WebTls {
        cert_file: cert_file?.value,
        key_file: key_file?.value,
        client_auth: policy?,
        client_ca_file: optional(&client_ca_file)?,
        client_allowed_sans: optional(&sans)?,
        min_version,
        max_version,
        cipher_suites: cipher_suites.or_default(Vec::new())?,
        prefer_server_cipher_suites: prefer.or_default(true)?,
        curve_preferences: curves.or_default(Vec::new())?,
    };
    match server_tls(&tls) {
        Ok(_) => Some(tls),
        Err(faults) => {
            for fault in faults {
                map.complain_of(fault.key, fault.sentence);
            }
            None
        }
    }
}

/// The value, `Some(None)` if none is written, `None` if it is faulty.
fn optional<T: Clone>(written: &Written<T>) -> Option<Option<T>> {
    match written {
        Written::Is(at) => Some(Some(at.value.clone())),
        Written::Absent => Some(None),
        Written::Faulty => None,
    }
}

fn client_auth(at: &Cursor<'_>) -> Option<ClientAuth> {
    match at.word(&keys::CLIENT_AUTH)? {
        // The older name of the same policy.
        "RequireClientCert" => Some(ClientAuth::RequireAnyClientCert),
        word => ClientAuth::from_label(word),
    }
}

/// What the words of a list mean; only words of the table are allowed.
fn words<T>(at: &Cursor<'_>, table: &'static Keys, meaning: fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let items = at.list("a list of names")?;
    let meanings: Vec<_> = items.iter().map(|item| item.word(table).and_then(meaning)).collect();
    meanings.into_iter().collect()
}

/// The headers of every answer. A header that is written with an empty value is not sent.
fn headers(at: &Cursor<'_>) -> Option<Vec<(&'static str, String)>> {
    let map = at.map(&keys::HEADERS)?;
    let mut headers = Vec::new();
    let mut faulty = false;
    for name in keys::HEADERS.working() {
        let allowed = keys::HEADER_VALUES.iter().find(|(header, _)| *header == name);
        let value = map.read(name, |at| {
            let text = at.free_text()?;
            match allowed {
                Some((_, values)) if !text.is_empty() && !values.contains(&text) => {
                    at.senseless(&format!("one of {}", values.join(", ")))
                }
                _ if !text.is_ascii() => at.complain("a header must be ASCII"),
                _ => Some(text.to_owned()),
            }
        });
        match value {
            Written::Is(at) if !at.value.is_empty() => headers.push((name, at.value)),
            Written::Is(_) | Written::Absent => {}
            Written::Faulty => faulty = true,
        }
    }
    (!faulty).then_some(headers)
}

/// The users with the hashes of their passwords. No fault repeats a text of this section.
fn users(at: &Cursor<'_>) -> Option<Users> {
    let mut users = Users::default();
    let mut faulty = false;
    for (name, at) in at.names("user names, each with a bcrypt hash")? {
        let named = if name.value.is_empty() || name.value.contains(':') {
            // RFC 7617 section 2: the name ends at the first colon.
            at.faults().add(&name.place, "a user's name is not empty and holds no colon");
            None
        } else {
            Some(name.value.to_owned())
        };
        match named.zip(at.judge(hash)) {
            Some((name, hash)) => drop(users.0.insert(name, hash)),
            None => faulty = true,
        }
    }
    (!faulty).then_some(users)
}

fn hash(text: &str) -> Result<String, String> {
    let parts: bcrypt::HashParts = text
        .parse()
        .map_err(|_| "expected a bcrypt hash, as made by: htpasswd -nBC 10 \"\" | tr -d ':\\n'".to_owned())?;
    if parts.get_cost() > HIGHEST_COST {
        return Err(format!(
            "a cost above {HIGHEST_COST} takes longer than a scrape waits: hash the password with a cost of 10"
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
