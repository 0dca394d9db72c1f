//! What the file says of directories, and which Microsoft Graph they are.
//!
//! Owns the clouds of Microsoft Graph, and which credentials may open a directory.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::cursor::Cursor;
use super::keys::{Keys, instead, section, works};
use super::lower::Lowering;
use super::place::{At, Place, Quoted, Written};
use super::presets;
use super::provider::Resolved;
use super::{token_endpoint, value};
use crate::model::{Auth, Credential, Directory, Family, Feed, Plan, Proof, TokenSpec};

pub(super) static DIRECTORY: Keys = section(
    "a directory",
    &[
        works("credential"),
        works("expiry"),
        works("sign_ins"),
        works("interval"),
        works("provider"),
        works("base_url"),
        instead("tenant", "the directory is that of its credential"),
        instead("client_id", "it belongs to a credential; a directory names one by credential: NAME"),
        instead("secret", "it belongs to a credential; a directory names one by credential: NAME"),
        instead("scope", "the scope follows from base_url"),
    ],
);

/// How often a directory is read. Secrets live for months, and a sign-in is evidence for a month.
const INTERVAL: Duration = Duration::from_secs(6 * 60 * 60);
/// Entra throttles its reports for a whole tenant.
const SHORTEST_INTERVAL: Duration = Duration::from_secs(5 * 60);

/// Microsoft Graph of each cloud, by the scope for its mailboxes (Microsoft Learn, "National clouds").
const CLOUDS: [(&str, &str); 5] = [
    ("https://outlook.office365.com/.default", "https://graph.microsoft.com"),
    ("https://outlook.office.com/.default", "https://graph.microsoft.com"),
    ("https://outlook.office365.us/.default", "https://graph.microsoft.us"),
    ("https://outlook-dod.office365.us/.default", "https://dod-graph.microsoft.us"),
    ("https://partner.outlook.cn/.default", "https://microsoftgraph.chinacloudapi.cn"),
];

/// What a credential of the wrong kind is answered with.
const KINDS: &str =
    "a directory is read by an app: type client_secret, certificate, federated or managed_identity";

/// One entry of `directory`, as written.
#[derive(Debug)]
pub(super) struct Draft {
    name: String,
    place: Place,
    /// `None` where it is missing or faulty, which has been reported.
    credential: Option<At<String>>,
    provider: Written<String>,
    feeds: Option<Vec<Feed>>,
    interval: Option<Duration>,
    base_url: Written<String>,
}

/// Reads one entry. `None` if it is faulty; the fault is then reported.
pub(super) fn read(name: At<String>, at: &Cursor<'_>) -> Option<Draft> {
    let text = |at: &Cursor<'_>| at.text().map(str::to_owned);
    let map = at.map(&DIRECTORY)?;
    let credential = map.require("credential", "the name of one of the credentials", text);
    let mut feeds = Some(Vec::new());
    for feed in Feed::ALL {
        match map.read(feed.label(), Cursor::boolean).or_default(true) {
            Some(true) => feeds.iter_mut().for_each(|feeds| feeds.push(*feed)),
            Some(false) => {}
            None => feeds = None,
        }
    }
    if feeds.as_ref().is_some_and(Vec::is_empty) {
        feeds = at.complain("nothing is read from this directory: write expiry: true or sign_ins: true");
    }
    Some(Draft {
        name: name.value,
        place: map.place().clone(),
        credential,
        provider: map.read("provider", text),
        feeds,
        interval: map.read("interval", interval).or_default(INTERVAL),
        base_url: map.read("base_url", |at| at.judge(value::base_url)),
    })
}

fn interval(at: &Cursor<'_>) -> Option<Duration> {
    let interval = value::duration(at)?;
    if interval < SHORTEST_INTERVAL {
        let (short, least) = (value::spell(interval), value::spell(SHORTEST_INTERVAL));
        return at.complain(format!("a directory is read at most every {least}, and {short} is less"));
    }
    Some(interval)
}

/// The directories of the plan; those with faults are left out.
pub(super) fn lower(lowering: &Lowering<'_>, plan: &Plan) -> Vec<Arc<Directory>> {
    let drafts = lowering.file.directories.iter();
    drafts.filter_map(|draft| directory(draft, lowering, plan).map(Arc::new)).collect()
}

fn directory(draft: &Draft, lowering: &Lowering<'_>, plan: &Plan) -> Option<Directory> {
    let at = draft.credential.as_ref()?;
    let credential = lowering.credential(at)?;
    let complain = |place: &Place, message: String| {
        lowering.faults.add(place, message);
        None
    };
    let name = Quoted(&credential.name);
    let proof = match &credential.auth {
        Auth::Token(proof) => match **proof {
            Proof::ClientSecret { .. }
            | Proof::Certificate { .. }
            | Proof::Federated { .. }
            | Proof::ManagedIdentity { .. } => proof,
            Proof::RefreshToken { .. } => {
                return complain(&at.place, format!("credential {name} is a person's sign-in, and {KINDS}"));
            }
            Proof::GoogleServiceAccount { .. } => {
                return complain(
                    &at.place,
                    format!("credential {name} is a Google service account, and {KINDS}"),
                );
            }
        },
        Auth::Password(_) => {
            return complain(&at.place, format!("credential {name} is a password, and {KINDS}"));
        }
    };
    let provider = provider(draft, &credential, lowering, plan)?;
    let endpoint = match token_endpoint::of(&provider, &name, proof) {
        Ok(endpoint) => endpoint,
        Err(Some(complaint)) => return complain(&at.place, complaint),
        Err(None) => return None,
    };
    let base_url = match &draft.base_url {
        Written::Is(at) => at.value.clone(),
        Written::Faulty => return None,
        Written::Absent => match CLOUDS.iter().find(|(scope, _)| **scope == *endpoint.scope) {
            Some((_, base_url)) => (*base_url).to_owned(),
            None => {
                let provider = Quoted(&provider.provider.name);
                return complain(
                    &draft.place,
                    format!(
                        "provider {provider} is of no known cloud of Microsoft: write where its Graph is, base_url: https://graph.microsoft.com"
                    ),
                );
            }
        },
    };
    let spec = TokenSpec {
        credential: Arc::clone(&credential.name),
        proof: Arc::clone(proof),
        url: endpoint.url,
        url_is_written: endpoint.is_written,
        scope: value::default_scope(&base_url).into(),
        ca_file: provider.provider.ca_file.clone(),
        user: None,
    };
    Some(Directory {
        name: draft.name.as_str().into(),
        spec,
        base_url: base_url.into(),
        interval: draft.interval?,
        feeds: draft.feeds.clone()?,
    })
}

/// The provider whose token endpoint, authorities and cloud the directory shares: the one that is written, or that of
/// mailboxes of the same tenant, or the default.
fn provider(
    draft: &Draft,
    credential: &Credential,
    lowering: &Lowering<'_>,
    plan: &Plan,
) -> Option<Rc<Resolved>> {
    match &draft.provider {
        Written::Faulty => return None,
        Written::Is(at) => return lowering.provider_named(at),
        Written::Absent => {}
    }
    let exchange = plan.mailboxes.iter().filter(|mailbox| mailbox.provider.family == Family::ExchangeOnline);
    let of_tenant: BTreeSet<&str> = exchange
        .filter(|mailbox| mailbox.credential.tenant() == credential.tenant())
        .map(|mailbox| &*mailbox.provider.name)
        .collect();
    let default = lowering.file.defaults.provider.value().map(String::as_str);
    let known = of_tenant.into_iter().chain(default).filter_map(|name| lowering.known_provider(name));
    let mut of_microsoft = known.filter(|provider| provider.provider.family == Family::ExchangeOnline);
    of_microsoft.next().or_else(|| lowering.known_provider(presets::DEFAULT))
}
