//! The configuration exactly as written: sections, mailboxes, settings.
//!
//! Owns the form of the file. `lower` fills in defaults and resolves names, not this module.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::credential;
use super::cursor::{Cursor, Map};
use super::directory;
use super::keys;
use super::outside;
use super::place::{At, Place, Written};
use super::provider::{self, Draft};
use super::readiness;
use super::section::{Pace, Section};
use super::sources::Sources;
use super::value;
use crate::model::{ByProtocol, Credential, ExternalUrl, IpChoice, Listen, Protocol};

/// The largest number that may be configured for probes, and for connections to one server. It is more than a process
/// has sockets.
const MAX_PERMITS: u32 = 100_000;

/// Labels that are set by our metrics or by Prometheus itself.
const TAKEN_LABELS: &[&str] = &[
    "address",
    "alert_path",
    "credential",
    "folder",
    "instance",
    "job",
    "kind",
    "le",
    "mailbox",
    "mechanism",
    "outcome",
    "permission",
    "phase",
    "protocol",
    "provider",
    "quantile",
    "reason",
    "resource",
    "server",
    "signal",
    "source",
    "state",
    "tenant",
];

/// The main file.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) listen: Written<Listen>,
    pub(super) external_url: Written<ExternalUrl>,
    pub(super) web_config: Written<PathBuf>,
    pub(super) limits: Limits,
    pub(super) defaults: Settings,
    /// In the order of the file; `None` for a faulty credential.
    pub(super) credentials: Vec<(String, Option<Arc<Credential>>)>,
    /// Where each credential is written.
    pub(super) credential_places: Vec<(Arc<Credential>, Place)>,
    pub(super) providers: Vec<Draft>,
    pub(super) mailboxes: Written<Vec<Mailbox>>,
    pub(super) mailbox_files: Written<Vec<At<String>>>,
    pub(super) directories: Vec<directory::Draft>,
    pub(super) readiness: readiness::Section,
}

#[derive(Debug, Default)]
pub(super) struct Limits {
    pub(super) concurrency: Written<usize>,
    pub(super) per_host: Written<usize>,
    pub(super) token_max_age: Written<Duration>,
}

/// The settings that may be written under `defaults` and in every mailbox.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) provider: Written<String>,
    pub(super) checks: Written<Vec<At<Protocol>>>,
    pub(super) pace: Pace,
    pub(super) ip: Written<IpChoice>,
    pub(super) sections: ByProtocol<Section>,
}

#[derive(Debug)]
pub(super) struct Mailbox {
    pub(super) place: Place,
    pub(super) name: Written<String>,
    /// `None` if it is missing or faulty, which has already been reported. The same holds for the credential.
    pub(super) address: Option<At<String>>,
    pub(super) username: Written<String>,
    pub(super) credential: Option<At<String>>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) alert_path: Written<bool>,
    pub(super) readiness: readiness::MailboxKeys,
    pub(super) settings: Settings,
}

/// Reads the main file. Paths in it are relative to `base`.
pub(super) fn read(top: &Cursor<'_>, base: &Path, sources: &mut Sources) -> Option<File> {
    let map = top.map(&keys::TOP)?;
    let mut file = File::default();
    map.read("http", |at| {
        let map = at.map(&keys::HTTP)?;
        file.listen = map.read("listen", |at| at.judge(value::parse_listen));
        file.external_url = map.read("external_url", |at| at.judge(outside::parse_external_url));
        file.web_config = map.read("web_config", |at| Some(base.join(at.text()?)));
        Some(())
    });
    map.read("limits", |at| {
        file.limits = limits(&at.map(&keys::LIMITS)?);
        Some(())
    });
    map.read("defaults", |at| {
        file.defaults = settings(&at.map(&keys::DEFAULTS)?);
        Some(())
    });
    map.read("credentials", |at| {
        for (name, at) in at.names("credentials by their names")? {
            check_name(&name, &at);
            let credential = credential::read(name.value, &at, base);
            file.credential_places.extend(credential.clone().map(|read| (read, at.place().clone())));
            file.credentials.push((name.value.to_owned(), credential));
        }
        Some(())
    });
    map.read("providers", |at| {
        for (name, at) in at.names("providers by their names")? {
            check_name(&name, &at);
            let name = At { value: name.value.to_owned(), place: name.place };
            file.providers.push(provider::read(name, &at, base));
        }
        Some(())
    });
    map.read("directory", |at| {
        for (name, at) in at.names("directories by any names")? {
            check_name(&name, &at);
            let name = At { value: name.value.to_owned(), place: name.place };
            file.directories.extend(directory::read(name, &at));
        }
        Some(())
    });
    file.readiness = readiness::read(&map, base, sources);
    file.mailbox_files = map.read("mailbox_files", |at| {
        let patterns = at.list("a list of patterns like [\"mailboxes.d/*.yaml\"]")?;
        let pattern = |at: Cursor<'_>| Some(At { value: at.text()?.to_owned(), place: at.place().clone() });
        Some(patterns.into_iter().filter_map(pattern).collect())
    });
    let no_files = map.is_empty_list("mailbox_files");
    if no_files && map.is_empty_list("mailboxes") {
        top.complain::<()>("there is nothing to do: no mailboxes, and no mailbox_files");
    }
    file.mailboxes = map.read("mailboxes", mailboxes);
    Some(file)
}

/// Reads a list of mailboxes: the one in the main file, or the whole of a mailbox file.
pub(super) fn mailboxes(at: &Cursor<'_>) -> Option<Vec<Mailbox>> {
    let list = at.list("a list of mailboxes, each with an address and a credential")?;
    Some(list.iter().filter_map(mailbox).collect())
}

fn mailbox(at: &Cursor<'_>) -> Option<Mailbox> {
    let map = at.map(&keys::MAILBOX)?;
    Some(Mailbox {
        place: map.place().clone(),
        name: map.read("name", owned_text),
        address: map.require("address", "the mail address", |at| at.judge(value::address)),
        username: map.read("username", owned_text),
        credential: map.require("credential", "the name of one of the credentials", owned_text),
        labels: map.read("labels", labels).value().cloned().unwrap_or_default(),
        alert_path: map.read("alert_path", Cursor::boolean),
        readiness: readiness::read_mailbox(&map),
        settings: settings(&map),
    })
}

fn settings(map: &Map<'_>) -> Settings {
    let mut settings = Settings {
        provider: map.read("provider", owned_text),
        checks: map.read("checks", checks),
        pace: Pace::read(map),
        ip: map.read("ip", |at| at.parse("one of auto, 4, 6", IpChoice::from_label)),
        ..Settings::default()
    };
    for protocol in keys::protocols() {
        map.read(protocol.label(), |at| {
            settings.sections[protocol] = Section::read(protocol, at)?;
            Some(())
        });
    }
    settings
}

fn limits(map: &Map<'_>) -> Limits {
    let permits = |at: &Cursor<'_>| {
        let number = value::number(at, "a whole number", 1, MAX_PERMITS)?;
        usize::try_from(number).ok()
    };
    Limits {
        concurrency: map.read("concurrency", permits),
        per_host: map.read("per_host", permits),
        token_max_age: map.read("token_max_age", value::duration),
    }
}

fn checks(at: &Cursor<'_>) -> Option<Vec<At<Protocol>>> {
    let items = at.list("a list like [imap, smtp]")?;
    if items.is_empty() {
        let known: Vec<_> = keys::protocols().map(Protocol::label).collect();
        return at
            .complain(format!("a mailbox without any check: write at least one of {}", known.join(", ")));
    }
    let mut checks: Vec<At<Protocol>> = Vec::new();
    let mut faulty = false;
    for item in items {
        let Some(value) = item.word(&keys::CHECKS).and_then(Protocol::from_label) else {
            faulty = true;
            continue;
        };
        if checks.iter().any(|earlier| earlier.value == value) {
            item.complain::<()>(format!("{value} is already in this list"));
        } else {
            checks.push(At { value, place: item.place().clone() });
        }
    }
    (!faulty).then_some(checks)
}

fn labels(at: &Cursor<'_>) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    for (name, value) in at.names("labels like {team: billing}")? {
        let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
        let name_fits =
            name.value.starts_with(starts) && name.value.chars().all(|c| starts(c) || c.is_ascii_digit());
        if TAKEN_LABELS.contains(&name.value) {
            at.faults()
                .add(&name.place, "this label is set by the exporter or by Prometheus: choose another name");
        } else if name.value.starts_with("__") {
            at.faults()
                .add(&name.place, "labels that begin with __ belong to Prometheus: choose another name");
        } else if !name_fits {
            at.faults().add(
                &name.place,
                "a label's name is made of letters, digits and underscores, no digit first",
            );
        }
        if let Some(value) = value.free_text() {
            labels.insert(name.value.to_owned(), value.to_owned());
        }
    }
    Some(labels)
}

/// Reports a name that cannot be a label value, as names of credentials and providers must be.
fn check_name(name: &At<&str>, at: &Cursor<'_>) {
    if name.value.is_empty() || name.value.chars().any(char::is_control) {
        at.faults().add(&name.place, "a name must not be empty or contain control characters");
    }
}

fn owned_text(at: &Cursor<'_>) -> Option<String> {
    at.text().map(str::to_owned)
}
