//! Providers: what the file says about them, and what results when they inherit from what they extend.
//!
//! Owns inheritance. The presets themselves are in `presets`; `lower` decides which mailbox uses which provider.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::cursor::Cursor;
use super::fault::Faults;
use super::keys;
use super::place::{At, Quoted, Written};
use super::presets::{App, PersonScope, Preset};
use super::server::{self, Server};
use super::services;
use super::value;
use crate::model::{ByProtocol, Cloud, Endpoint, Family, Mechanism, Protocol, Provider};

/// How many names of a circular chain of `extends` are shown.
const MAX_CHAIN: usize = 8;

/// One entry of `providers`, as written.
#[derive(Debug)]
pub(super) struct Draft {
    name: At<String>,
    extends: Written<String>,
    servers: ByProtocol<Written<Server>>,
    graph_scope: Written<String>,
    token_url: Written<String>,
    scope: Written<String>,
    mechanism: Written<Mechanism>,
    ca_file: Written<PathBuf>,
    /// Whether it could be read at all.
    readable: bool,
}

/// A fault that has already been reported at its place: the value that is missing now needs no further complaint.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reported;

/// A fact of a provider: there, absent, or faulty.
pub(super) type Fact<T> = Result<Option<T>, Reported>;

/// A provider with everything that it extends.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) provider: Arc<Provider>,
    servers: ByProtocol<Fact<Endpoint>>,
    /// What a token for Microsoft Graph is asked for, where that does not follow from its address.
    pub(super) graph_scope: Fact<Arc<str>>,
    pub(super) token_url: Fact<Arc<str>>,
    /// Which facts the file itself states: these override the preset and the environment.
    pub(super) written: Own,
    pub(super) scope: Fact<Arc<str>>,
    /// The same for a person who has signed in.
    pub(super) person_token_url: Fact<Arc<str>>,
    pub(super) person_scope: Fact<Scopes>,
    /// The mechanism and where it was written; a preset has none, so that passwords may be used with it.
    pub(super) mechanism: Fact<At<Mechanism>>,
    /// Why the provider knows no client credentials, if that is so.
    pub(super) no_app: Option<&'static str>,
    /// It descends from the preset of a service that mail is only sent by.
    pub(super) sends_only: bool,
    /// The permission that a token needs in place of the family's.
    pub(super) permission: Option<&'static str>,
}

/// What the file says itself, here or in a provider that is extended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Own {
    pub(super) token_url: bool,
    pub(super) scope: bool,
}

/// The scope of a person's token.
#[derive(Debug, Clone)]
pub(super) enum Scopes {
    Preset(PersonScope),
    /// As the operator wrote it: it wins, for all protocols.
    Written(Arc<str>),
}

impl Scopes {
    pub(super) fn of(&self, protocol: Protocol) -> Arc<str> {
        match self {
            Self::Preset(scope) => scope.of(protocol).into(),
            Self::Written(scope) => Arc::clone(scope),
        }
    }
}

impl Resolved {
    pub(super) fn endpoint(&self, protocol: Protocol) -> &Fact<Endpoint> {
        &self.servers[protocol]
    }
}

/// Every provider by its name, presets included; `None` if one is faulty beyond use.
pub(super) type Providers = HashMap<String, Option<Rc<Resolved>>>;

/// Reads one entry of `providers`.
pub(super) fn read(name: At<String>, at: &Cursor<'_>, base: &Path) -> Draft {
    if services::all().any(|preset| preset.name == name.value) {
        let message =
            "this is the name of a preset: choose another one and write extends with the preset's name";
        at.faults().add(&name.place, message);
    }
    let map = at.map(&keys::PROVIDER);
    let Some(map) = map else {
        return Draft {
            name,
            extends: Written::Faulty,
            servers: ByProtocol::from_fn(|_| Written::Faulty),
            graph_scope: Written::Faulty,
            token_url: Written::Faulty,
            scope: Written::Faulty,
            mechanism: Written::Faulty,
            ca_file: Written::Faulty,
            readable: false,
        };
    };
    let mut servers = ByProtocol::default();
    for protocol in Protocol::of_mail() {
        servers[protocol] = map.read(protocol.label(), server::read);
    }
    let mut graph_scope = Written::Absent;
    servers[Protocol::Graph] = map.read(Protocol::Graph.label(), |at| {
        let (server, scope) = server::read_graph(at)?;
        graph_scope = scope;
        Some(server)
    });
    Draft {
        name,
        extends: map.read("extends", |at| at.text().map(str::to_owned)),
        servers,
        graph_scope,
        token_url: map.read("token_url", |at| at.judge(value::token_url)),
        scope: map.read("scope", |at| at.text().map(str::to_owned)),
        mechanism: map.read("mechanism", mechanism),
        ca_file: map.read("ca_file", |at| at.text().map(|path| base.join(path))),
        readable: true,
    }
}

fn mechanism(at: &Cursor<'_>) -> Option<Mechanism> {
    at.judge(|text| match Mechanism::from_label(text) {
        Some(mechanism @ (Mechanism::Xoauth2 | Mechanism::Oauthbearer)) => Ok(mechanism),
        Some(Mechanism::Plain | Mechanism::Login | Mechanism::LoginCommand) => {
            Err("a password credential takes whichever password mechanism the server offers: remove this key"
                .to_owned())
        }
        Some(Mechanism::Other) | None => {
            Err(format!("expected one of xoauth2, oauthbearer, found {}", Quoted(text)))
        }
    })
}

/// Follows every `extends` to its end.
pub(super) fn resolve(drafts: &[Draft], faults: &Faults) -> Providers {
    let mut known: Providers =
        services::all().map(|preset| (preset.name.to_owned(), Some(Rc::new(from_preset(preset))))).collect();
    let by_name: HashMap<&str, &Draft> =
        drafts.iter().map(|draft| (draft.name.value.as_str(), draft)).collect();
    for draft in drafts {
        // Down the chain to something known, then back up: a loop, since a chain may be as long as a file.
        let mut chain: Vec<&Draft> = Vec::new();
        let mut walked: HashMap<&str, usize> = HashMap::new();
        let mut next = draft;
        let base: Option<Option<Rc<Resolved>>> = loop {
            if let Some(resolved) = known.get(&next.name.value) {
                break Some(resolved.clone());
            }
            if let Some(&start) = walked.get(next.name.value.as_str()) {
                complain_of_circle(chain.get(start..).unwrap_or_default(), faults);
                break Some(None);
            }
            walked.insert(&next.name.value, chain.len());
            chain.push(next);
            match &next.extends {
                Written::Absent => break None,
                Written::Faulty => break Some(None),
                Written::Is(parent) => match (known.get(&parent.value), by_name.get(parent.value.as_str())) {
                    (Some(resolved), _) => break Some(resolved.clone()),
                    (None, Some(draft)) => next = draft,
                    (None, None) => {
                        complain_of_unknown(parent, drafts, faults);
                        break Some(None);
                    }
                },
            }
        };
        let mut base = base.unwrap_or_else(|| Some(Rc::new(nothing())));
        for draft in chain.into_iter().rev() {
            base = base.filter(|_| draft.readable).map(|base| Rc::new(extend(&base, draft, faults)));
            known.insert(draft.name.value.clone(), base.clone());
        }
    }
    known
}

/// Names of presets and of the operator's own providers.
pub(super) fn names(drafts: &[Draft]) -> impl Iterator<Item = &str> {
    services::all().map(|preset| preset.name).chain(drafts.iter().map(|draft| draft.name.value.as_str()))
}

fn complain_of_unknown(parent: &At<String>, drafts: &[Draft], faults: &Faults) {
    let hint = faults.hint("provider", &parent.value, names(drafts));
    let message = format!("there is no provider {}{hint}", Quoted(&parent.value));
    faults.add(&parent.place, message);
}

fn complain_of_circle(circle: &[&Draft], faults: &Faults) {
    let Some(Written::Is(extends)) = circle.first().map(|draft| &draft.extends) else { return };
    let mut shown: Vec<String> =
        circle.iter().take(MAX_CHAIN).map(|draft| Quoted(&draft.name.value).to_string()).collect();
    shown.push(if circle.len() > MAX_CHAIN {
        "…".to_owned()
    } else {
        shown.first().cloned().unwrap_or_default()
    });
    faults.add(&extends.place, format!("extends goes round in a circle: {}", shown.join(" → ")));
}

fn from_preset(preset: &Preset) -> Resolved {
    let (token_url, scope, no_app) = match preset.app {
        App::Token { url, scope } => (Some(url.into()), Some(scope.into()), None),
        App::None(why) => (None, None, Some(why)),
    };
    Resolved {
        provider: Arc::new(Provider {
            name: preset.name.into(),
            family: preset.family,
            cloud: preset.cloud,
            service: preset.service,
            ca_file: None,
        }),
        servers: ByProtocol::from_fn(|protocol| Ok(preset.endpoint(protocol))),
        graph_scope: Ok(None),
        token_url: Ok(token_url),
        written: Own::default(),
        scope: Ok(scope),
        person_token_url: Ok(preset.person.as_ref().map(|person| person.url.into())),
        person_scope: Ok(preset.person.as_ref().map(|person| Scopes::Preset(person.scope))),
        mechanism: Ok(None),
        no_app,
        sends_only: preset.sends_only(),
        permission: preset.permission,
    }
}

/// The base of a provider that extends nothing.
fn nothing() -> Resolved {
    Resolved {
        provider: Arc::new(Provider {
            name: "".into(),
            family: Family::Generic,
            cloud: Cloud::Worldwide,
            service: None,
            ca_file: None,
        }),
        servers: ByProtocol::from_fn(|_| Ok(None)),
        graph_scope: Ok(None),
        token_url: Ok(None),
        written: Own::default(),
        scope: Ok(None),
        person_token_url: Ok(None),
        person_scope: Ok(None),
        mechanism: Ok(None),
        no_app: None,
        sends_only: false,
        permission: None,
    }
}

fn extend(base: &Resolved, draft: &Draft, faults: &Faults) -> Resolved {
    let ca_file = draft.ca_file.value().or(base.provider.ca_file.as_ref()).cloned();
    let text = |own: &Written<String>, inherited: &Fact<Arc<str>>| match own {
        Written::Absent => inherited.clone(),
        Written::Faulty => Err(Reported),
        Written::Is(at) => Ok(Some(at.value.as_str().into())),
    };
    Resolved {
        provider: Arc::new(Provider {
            name: draft.name.value.as_str().into(),
            family: base.provider.family,
            cloud: base.provider.cloud,
            service: base.provider.service,
            ca_file,
        }),
        servers: ByProtocol::from_fn(|protocol| {
            server::over(protocol, &base.servers[protocol], &draft.servers[protocol], faults)
        }),
        graph_scope: text(&draft.graph_scope, &base.graph_scope),
        token_url: text(&draft.token_url, &base.token_url),
        written: Own {
            token_url: base.written.token_url || !draft.token_url.is_absent(),
            scope: base.written.scope || !draft.scope.is_absent(),
        },
        scope: text(&draft.scope, &base.scope),
        person_token_url: text(&draft.token_url, &base.person_token_url),
        person_scope: match &draft.scope {
            Written::Absent => base.person_scope.clone(),
            Written::Faulty => Err(Reported),
            Written::Is(at) => Ok(Some(Scopes::Written(at.value.as_str().into()))),
        },
        mechanism: match &draft.mechanism {
            Written::Absent => base.mechanism.clone(),
            Written::Faulty => Err(Reported),
            Written::Is(at) => Ok(Some(at.clone())),
        },
        no_app: base.no_app,
        sends_only: base.sends_only,
        permission: base.permission,
    }
}
