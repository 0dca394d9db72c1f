//! Turns the written configuration into the plan: precedence, defaults, and every rule that involves two places.
//!
//! Owns the built-in defaults. Faults that need more than one value to see are reported here, once.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use super::capacity;
use super::directory;
use super::fault::Faults;
use super::file::{File, Mailbox};
use super::place::{At, Place, Quoted, Written};
use super::presets;
use super::provider::{self, Providers, Resolved};
use super::rhythm::Rhythm;
use super::{graph, login, round_trip, section};
use crate::model::{
    self, Access, Address, Check, Credential, Endpoint, Goal, IpChoice, Limits, Listen, Plan, Policy,
    Protocol, Shard,
};

/// Where the pages and metrics are: every address, the port of the project.
const LISTEN_HOST: &str = "::";
const LISTEN_PORT: u16 = 9993;

/// Probes in flight, and connections at once to one mail server.
const CONCURRENCY: usize = 256;
const PER_HOST: usize = 128;

/// A revoked secret shows after this time at the latest.
const TOKEN_MAX_AGE: Duration = Duration::from_secs(30 * 60);

/// What is probed if no `checks` are written: most mailboxes are read and send.
const CHECKS: &[Protocol] = &[Protocol::Imap, Protocol::Smtp];

/// Makes the plan. If faults were found it is incomplete, and the caller throws it away.
pub(super) fn lower(file: &File, mailboxes: &[&Mailbox], top: &Place, faults: &Faults) -> Plan {
    let mut lowering = Lowering {
        file,
        faults,
        credentials: file.credentials.iter().map(|(name, read)| (name.as_str(), read.as_ref())).collect(),
        providers: provider::resolve(&file.providers, faults),
        logins: HashMap::new(),
        names: HashMap::with_capacity(mailboxes.len()),
        government: HashMap::new(),
        trips: Vec::new(),
        known: HashMap::with_capacity(mailboxes.len()),
    };
    let limits = Limits {
        concurrency: file.limits.concurrency.value().copied().unwrap_or(CONCURRENCY),
        per_host: file.limits.per_host.value().copied().unwrap_or(PER_HOST),
        token_max_age: file.limits.token_max_age.value().copied().unwrap_or(TOKEN_MAX_AGE),
    };
    let listen = Listen { host: LISTEN_HOST.to_owned(), port: LISTEN_PORT };
    let mut plan = Plan {
        listen: file.listen.value().cloned().unwrap_or(listen),
        web: None,
        address: Address { external: file.external_url.value().cloned(), prefix: None },
        limits,
        shard: Shard::WHOLE,
        credentials: file.credentials.iter().filter_map(|(_, read)| read.clone()).collect(),
        mailboxes: Vec::with_capacity(mailboxes.len()),
        checks: Vec::with_capacity(mailboxes.len()),
        directories: Vec::new(),
        policy: Policy::default(),
    };
    // Also where every mailbox names another one.
    if let Written::Is(at) = &file.defaults.provider {
        lowering.provider_named(at);
    }
    for written in mailboxes {
        let (mailbox, checks) = lowering.mailbox(written);
        plan.mailboxes.extend(mailbox);
        plan.checks.extend(checks);
    }
    round_trip::judge(&lowering, mailboxes);
    let trips = round_trip::lower(&mut lowering, &plan.address);
    plan.checks.extend(trips);
    plan.directories = directory::lower(&lowering, &plan);
    plan.policy = file.readiness.policy(mailboxes, &plan, faults);
    lowering.judge_refusals(file.readiness.refusal_tenants());
    capacity::warn(&plan, &file.limits, top, faults);
    plan
}

/// A check of a mailbox, as far as the login does not matter; nothing where a fault has been reported.
struct Sketch {
    protocol: Protocol,
    endpoint: Option<Endpoint>,
    rhythm: Option<Rhythm>,
    /// A round trip's is made later, of both mailboxes.
    goal: Option<Goal>,
}

pub(super) struct Lowering<'a> {
    pub(super) file: &'a File,
    pub(super) faults: &'a Faults,
    credentials: HashMap<&'a str, Option<&'a Arc<Credential>>>,
    providers: Providers,
    /// How a credential logs in at a provider, or `None` if it cannot, which is reported once.
    logins: HashMap<(Arc<str>, Arc<str>), Option<Access>>,
    /// Where each name was taken, and by which mailbox.
    pub(super) names: HashMap<&'a str, (&'a Place, &'a Mailbox)>,
    /// A mailbox in a US Government cloud, by its tenant in lower case.
    government: HashMap<String, String>,
    /// The round trips, which wait until all mailboxes are known.
    pub(super) trips: Vec<round_trip::Draft<'a>>,
    /// Every mailbox without faults, by its name.
    pub(super) known: HashMap<Arc<str>, (Arc<model::Mailbox>, &'a Mailbox)>,
}

impl<'a> Lowering<'a> {
    fn mailbox(&mut self, written: &'a Mailbox) -> (Option<Arc<model::Mailbox>>, Vec<Arc<Check>>) {
        // Each of these finds its own faults, whatever is wrong with the others.
        let name = self.name(written);
        let credential = written.credential.as_ref().and_then(|at| self.credential(at));
        let provider = self.provider(written);
        let sketches = self.sketches(written, provider.as_deref(), credential.as_deref());
        let login = provider.as_deref().zip(credential.as_ref()).and_then(|(provider, credential)| {
            self.login(written.credential.as_ref()?, provider, credential)
        });
        if let Some((provider, credential)) = provider.as_deref().zip(credential.as_deref())
            && let Some(tenant) = credential.tenant().filter(|_| provider.provider.cloud.row().is_government)
        {
            let address = written.address.as_ref().map(|at| at.value.as_str());
            let name = name.or(address).unwrap_or_default();
            self.government.entry(tenant.to_ascii_lowercase()).or_insert_with(|| name.to_owned());
        }

        let assemble = || {
            let address = written.address.as_ref()?.value.clone();
            let provider = provider.as_deref()?;
            let mailbox = Arc::new(model::Mailbox {
                name: name?.into(),
                username: written.username.or_default(address.clone())?,
                address,
                credential: credential?,
                provider: Arc::clone(&provider.provider),
                labels: written.labels.clone(),
                alert_path: written.alert_path.or_default(false)?,
            });
            let ip = self.ip(written)?;
            let mut trips = Vec::new();
            let mut check = |Sketch { protocol, endpoint, rhythm, goal }: Sketch| {
                let (endpoint, rhythm) = (endpoint?, rhythm?);
                if protocol == Protocol::RoundTrip {
                    trips.push(round_trip::Draft { mailbox: Arc::clone(&mailbox), written, rhythm });
                    return None;
                }
                let Rhythm { interval, timeout } = rhythm;
                Some(Arc::new(Check {
                    mailbox: Arc::clone(&mailbox),
                    endpoint,
                    ip,
                    access: login::permitted(login.clone()?, provider, &mailbox.username, protocol),
                    goal: goal?,
                    interval,
                    timeout,
                }))
            };
            let checks = sketches.into_iter().filter_map(&mut check).collect();
            Some((mailbox, checks, trips))
        };
        let Some((mailbox, checks, trips)) = assemble() else { return (None, Vec::new()) };
        self.trips.extend(trips);
        self.known.insert(Arc::clone(&mailbox.name), (Arc::clone(&mailbox), written));
        (Some(mailbox), checks)
    }

    /// What each check of a mailbox needs besides its login.
    fn sketches(
        &self,
        written: &'a Mailbox,
        provider: Option<&Resolved>,
        credential: Option<&Credential>,
    ) -> Vec<Sketch> {
        let defaults = &self.file.defaults;
        let sketch = |(protocol, endpoint): (Protocol, Option<Endpoint>)| {
            let rhythm = self.pace(written, protocol);
            let section = &written.settings.sections[protocol];
            let goal = section.goal(protocol, &defaults.sections[protocol], self.faults);
            let fits = protocol != Protocol::Graph || graph::fits(credential, written, defaults, self.faults);
            Sketch { protocol, endpoint, rhythm, goal: goal.filter(|_| fits) }
        };
        let sketches: Vec<_> = self.servers(written, provider).into_iter().map(sketch).collect();
        // Faulty checks are told alone: which times are taken is not known.
        if !sketches.is_empty() {
            let checked: Vec<_> = sketches.iter().map(|sketch| sketch.protocol).collect();
            self.judge_idle_times(written, &checked);
        }
        sketches
    }

    /// Reports tenants that allow the wrong password where it is never tried.
    fn judge_refusals(&self, tenants: &[At<String>]) {
        for at in tenants {
            if let Some(mailbox) = self.government.get(&at.value.to_ascii_lowercase()) {
                let message = format!(
                    "the wrong password is never tried in US Government clouds, where three failures lock an account: mailbox {} is in one",
                    Quoted(mailbox)
                );
                self.faults.add(&at.place, message);
            }
        }
    }

    pub(super) fn ip(&self, written: &Mailbox) -> Option<IpChoice> {
        written.settings.ip.or(&self.file.defaults.ip).or_default(IpChoice::Auto)
    }

    /// The name, or the address in its place; unique among all files.
    fn name(&mut self, written: &'a Mailbox) -> Option<&'a str> {
        let named = match &written.name {
            Written::Is(at) => at,
            Written::Absent => written.address.as_ref()?,
            Written::Faulty => return None,
        };
        if let Some((first, _)) = self.names.get(named.value.as_str()) {
            let name = Quoted(&named.value);
            self.faults.add(
                &named.place,
                format!(
                    "a second mailbox named {name}, the first is at {first}: give one of them another name"
                ),
            );
            return None;
        }
        self.names.insert(&named.value, (&named.place, written));
        Some(&named.value)
    }

    pub(super) fn credential(&self, at: &At<String>) -> Option<Arc<Credential>> {
        if let Some(read) = self.credentials.get(at.value.as_str()) {
            return read.cloned();
        }
        let name = Quoted(&at.value);
        let message = if self.credentials.is_empty() {
            format!("there is no credential {name}: describe it under credentials")
        } else {
            let names = self.file.credentials.iter().map(|(name, _)| name.as_str());
            let hint = self.faults.hint("credential", &at.value, names);
            format!("there is no credential {name}{hint}")
        };
        self.faults.add(&at.place, message);
        None
    }

    pub(super) fn provider(&self, written: &Mailbox) -> Option<Rc<Resolved>> {
        match written.settings.provider.or(&self.file.defaults.provider) {
            Written::Faulty => None,
            Written::Absent => self.providers.get(presets::DEFAULT)?.clone(),
            Written::Is(at) => self.provider_named(at),
        }
    }

    /// A provider without faults.
    pub(super) fn known_provider(&self, name: &str) -> Option<Rc<Resolved>> {
        self.providers.get(name)?.clone()
    }

    pub(super) fn provider_named(&self, at: &At<String>) -> Option<Rc<Resolved>> {
        if let Some(resolved) = self.providers.get(&at.value) {
            return resolved.clone();
        }
        let hint = self.faults.hint("provider", &at.value, provider::names(&self.file.providers));
        self.faults.add(&at.place, format!("there is no provider {}{hint}", Quoted(&at.value)));
        None
    }

    /// The checks of a mailbox, each with its server.
    fn servers(&self, written: &Mailbox, provider: Option<&Resolved>) -> Vec<(Protocol, Option<Endpoint>)> {
        let wanted: Vec<(Protocol, Option<&Place>)> =
            match written.settings.checks.or(&self.file.defaults.checks) {
                Written::Faulty => Vec::new(),
                Written::Absent => {
                    // The default checks include IMAP. A service that only sends mail has none, and that is not a fault.
                    let is_had = |protocol: &&Protocol| {
                        provider.is_none_or(|provider| {
                            !provider.sends_only || !matches!(provider.endpoint(**protocol), Ok(None))
                        })
                    };
                    CHECKS.iter().filter(is_had).map(|&protocol| (protocol, None)).collect()
                }
                Written::Is(at) => at.value.iter().map(|at| (at.value, Some(&at.place))).collect(),
            };
        let wanted = self.expected(written, wanted);
        let server = |(protocol, place): (Protocol, Option<&Place>)| {
            let spoken = section::server_of(protocol);
            let endpoint = match provider.map(|provider| (provider, provider.endpoint(spoken))) {
                Some((_, Ok(Some(endpoint)))) => Some(endpoint.clone()),
                Some((provider, Ok(None))) => {
                    let name = Quoted(&provider.provider.name);
                    let message = if provider.sends_only {
                        format!(
                            "provider {name} has no {spoken} server, mail is only sent by it: write checks: [smtp]"
                        )
                    } else if spoken == Protocol::Graph {
                        format!(
                            "provider {name} has no Microsoft Graph, which opens mailboxes of Exchange Online alone: write checks without graph here"
                        )
                    } else {
                        format!(
                            "provider {name} has no {spoken} server: write {spoken}: {{host: NAME}} there, or checks without {protocol} here"
                        )
                    };
                    self.faults.add(place.unwrap_or(&written.place), message);
                    None
                }
                Some((_, Err(_))) | None => None,
            };
            (protocol, endpoint)
        };
        wanted.into_iter().map(server).collect()
    }

    /// A protocol under `not_expected` is probed only if the mailbox itself lists it: a default must not raise an alarm.
    fn expected<'w>(
        &self,
        written: &Mailbox,
        mut wanted: Vec<(Protocol, Option<&'w Place>)>,
    ) -> Vec<(Protocol, Option<&'w Place>)> {
        if written.settings.checks.is_absent() && !wanted.is_empty() {
            wanted.retain(|(protocol, _)| !written.readiness.excludes(*protocol));
            if wanted.is_empty()
                && let Written::Is(at) = &written.readiness.not_expected
            {
                self.faults.add(&at.place, "nothing is left to check: a mailbox needs at least one protocol");
            }
        }
        wanted
    }

    pub(super) fn login(
        &mut self,
        at: &At<String>,
        provider: &Resolved,
        credential: &Credential,
    ) -> Option<Access> {
        let key = (Arc::clone(&provider.provider.name), Arc::clone(&credential.name));
        if let Some(login) = self.logins.get(&key) {
            return login.clone();
        }
        let login = match login::of(provider, credential) {
            Ok(login) => Some(login),
            Err(complaint) => {
                if let Some(complaint) = complaint {
                    self.faults.add(&at.place, complaint);
                }
                None
            }
        };
        self.logins.insert(key, login.clone());
        login
    }
}
