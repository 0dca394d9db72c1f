//! A server of a provider: as the file writes it, and over the one it extends.
//!
//! Owns ports, kinds of TLS, and the address of Microsoft Graph. Which provider extends which is `provider`.

use super::cursor::Cursor;
use super::fault::Faults;
use super::keys::{Keys, instead, section, works};
use super::place::{At, Place, Quoted, Written};
use super::presets;
use super::provider::{Fact, Reported};
use super::value;
use crate::model::{Endpoint, Protocol, Security};
use crate::net::is_loopback;

pub(super) static ENDPOINT: Keys = section(
    "a server",
    &[
        works("host"),
        works("port"),
        works("tls"),
        instead("ca_file", "it stands beside imap and smtp, for all servers of the provider"),
        instead("folder", "the folder is a mailbox's, or stands under defaults: imap: {folder: NAME}"),
    ],
);

pub(super) static GRAPH_SERVER: Keys = section(
    "graph of a provider",
    &[
        works("base_url"),
        works("scope"),
        instead("host", "the address is written base_url: https://HOST"),
        instead("port", "the address is written base_url: https://HOST:PORT"),
        instead("tls", "the address is written base_url: https://HOST"),
        instead("folder", "the folder is a mailbox's, or stands under defaults: graph: {folder: NAME}"),
    ],
);

#[derive(Debug, Clone)]
pub(super) struct Server {
    host: Written<String>,
    port: Written<u16>,
    tls: Written<Security>,
}

/// Reads the server of a mail protocol.
pub(super) fn read(at: &Cursor<'_>) -> Option<Server> {
    let map = at.map(&ENDPOINT)?;
    let port = |at: &Cursor<'_>| {
        let number = value::number(at, "a port number", 1, u32::from(u16::MAX))?;
        u16::try_from(number).ok()
    };
    Some(Server {
        host: map.read("host", |at| at.judge(value::host)),
        port: map.read("port", port),
        tls: map.read("tls", |at| at.parse("one of implicit, starttls, none", Security::from_label)),
    })
}

/// Reads where Microsoft Graph is, and what a token for it is asked for.
pub(super) fn read_graph(at: &Cursor<'_>) -> Option<(Server, Written<String>)> {
    let map = at.map(&GRAPH_SERVER)?;
    let scope = map.read("scope", |at| at.text().map(str::to_owned));
    let server = match map.read("base_url", |at| at.judge(value::graph_endpoint)) {
        Written::Absent => Server { host: Written::Absent, port: Written::Absent, tls: Written::Absent },
        Written::Faulty => Server { host: Written::Faulty, port: Written::Faulty, tls: Written::Faulty },
        Written::Is(At { value: Endpoint { host, port, security }, place }) => Server {
            host: Written::Is(At { value: host, place: place.clone() }),
            port: Written::Is(At { value: port, place: place.clone() }),
            tls: Written::Is(At { value: security, place }),
        },
    };
    Some((server, scope))
}

/// A server over the one it extends, key by key.
pub(super) fn over(
    protocol: Protocol,
    base: &Fact<Endpoint>,
    draft: &Written<Server>,
    faults: &Faults,
) -> Fact<Endpoint> {
    let At { value: own, place } = match draft {
        Written::Absent => return base.clone(),
        Written::Faulty => return Err(Reported),
        Written::Is(at) => at,
    };
    let base = base.clone()?;
    let host = match (&own.host, &base) {
        (Written::Is(at), _) => at.value.clone(),
        (Written::Absent, Some(base)) => base.host.clone(),
        (Written::Faulty, _) => return Err(Reported),
        (Written::Absent, None) => {
            let what = match protocol {
                Protocol::Graph => "base_url is missing: https:// and the host of Microsoft Graph",
                _ => "host is missing: the name or address of the server",
            };
            faults.add(place, what);
            return Err(Reported);
        }
    };
    let (tls_port, starttls_port) = presets::ports(protocol);
    let (port, security) = match (&own.port, &own.tls) {
        (Written::Faulty, _) | (_, Written::Faulty) => return Err(Reported),
        (Written::Is(port), Written::Is(tls)) => (port.value, tls.value),
        // The usual port of that kind of TLS.
        (Written::Absent, Written::Is(tls)) => match tls.value {
            Security::Implicit => (tls_port, tls.value),
            Security::StartTls | Security::None => (starttls_port, tls.value),
        },
        // The usual kind of TLS on that port, where it has one.
        (Written::Is(port), Written::Absent) if port.value == tls_port => (port.value, Security::Implicit),
        (Written::Is(port), Written::Absent) if port.value == starttls_port => {
            (port.value, Security::StartTls)
        }
        (Written::Is(port), Written::Absent) => {
            (port.value, base.map_or(Security::Implicit, |base| base.security))
        }
        (Written::Absent, Written::Absent) => {
            base.map_or((tls_port, Security::Implicit), |base| (base.port, base.security))
        }
    };
    if security == Security::None {
        plain(own, place, &host, faults)?;
    }
    Ok(Some(Endpoint { host, port, security }))
}

/// Without TLS a login can be read along the way: only within one machine.
fn plain(own: &Server, place: &Place, host: &str, faults: &Faults) -> Result<(), Reported> {
    let place = match &own.tls {
        Written::Is(at) => &at.place,
        Written::Absent | Written::Faulty => place,
    };
    if is_loopback(host) {
        faults.warn(place, "logins to this server are not encrypted");
        return Ok(());
    }
    let message = format!(
        "tls: none is for loopback hosts only, and {} is not one: write implicit or starttls",
        Quoted(host)
    );
    faults.add(place, message);
    Err(Reported)
}
