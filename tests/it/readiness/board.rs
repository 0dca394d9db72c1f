//! The mailboxes of these tests, one round of `readiness` over them, and what it answers.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mailbox_exporter::app;
use mailbox_exporter::check::{ProbeRequest, Prober};
use mailbox_exporter::config;
use mailbox_exporter::model::Plan;
use mailbox_exporter::readiness::{Asker, Readiness};
use mailbox_exporter::sim::{Fault, Offers, Service, SimMailbox};
use serde_json::Value;

use crate::support::process::{Run, run};
use crate::support::world::World;
use crate::support::yaml::{Door, EXCHANGE, OWN};

/// A mailbox of the configuration.
struct Entry {
    sim: SimMailbox,
    /// What its provider extends.
    family: &'static str,
    /// More keys of the mailbox.
    keys: String,
}

/// Mailboxes named `m0`, `m1` and so on, each with an application of its own.
pub(crate) struct Fleet {
    pub(crate) world: World,
    entries: Vec<Entry>,
    /// Of every check; a round of `readiness` has time.
    pub(crate) pace: &'static str,
    /// Top-level YAML besides.
    pub(crate) top: String,
}

impl Fleet {
    pub(crate) async fn new() -> Self {
        let world = World::start().await;
        Self { world, entries: Vec::new(), pace: "interval: 60s, timeout: 30s", top: String::new() }
    }

    /// Adds a mailbox of Exchange Online.
    pub(crate) async fn exchange(&mut self, fault: Fault, keys: &str) -> SimMailbox {
        self.add(fault, EXCHANGE, keys).await
    }

    /// Adds a mailbox of an ordinary server, of which no calendar knows anything.
    pub(crate) async fn generic(&mut self, keys: &str) -> SimMailbox {
        self.add(Fault::None, OWN, keys).await
    }

    async fn add(&mut self, fault: Fault, family: &'static str, keys: &str) -> SimMailbox {
        let sim = self.world.mailbox(fault).await;
        self.entries.push(Entry { sim: sim.clone(), family, keys: keys.to_owned() });
        sim
    }

    /// The name of this mailbox's provider.
    pub(crate) fn provider(&self, mailbox: &SimMailbox) -> String {
        self.world.fresh("").provider(mailbox, &Door::BOTH, EXCHANGE)
    }

    /// A file beside the configuration.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        self.world.file(name, content);
    }

    /// The tenant of every mailbox.
    pub(crate) fn tenant(&self) -> String {
        self.entries[0].sim.app().tenant.clone()
    }

    /// Everything that opts the tenant into the wrong password.
    pub(crate) fn refusal(&self) -> String {
        format!(
            "state_dir: state\nreadiness: {{ password_login: refusal, refusal_tenants: [{}] }}\n",
            self.tenant()
        )
    }

    /// Writes the configuration as it is now.
    pub(crate) fn configure(&self) -> PathBuf {
        let mut yaml = self.world.fresh(&format!("defaults: {{ {} }}\n{}", self.pace, self.top));
        for (number, Entry { sim, family, keys }) in self.entries.iter().enumerate() {
            yaml.both(&format!("m{number}"), sim, family, keys);
        }
        yaml.write()
    }

    fn plan(&self) -> Plan {
        config::load(&self.configure()).unwrap().plan
    }

    /// Runs `readiness` with these arguments.
    pub(crate) fn readiness(&self, arguments: &[&str]) -> Run {
        run(&[&["readiness"], arguments].concat(), Some(&self.configure()))
    }

    /// Makes the memory as an agent would have begun it yesterday, unless it exists.
    pub(crate) fn age(&self) {
        if self.world.folder.join("state").exists() {
            return;
        }
        let yesterday = Timestamp::now() - SignedDuration::from_hours(25);
        drop(Readiness::open_at(&self.plan(), yesterday).unwrap());
    }

    /// What an agent does, without its pace: one round, then every password that may be tried; as JSON.
    pub(crate) async fn agent_round(&self) -> Board {
        self.age();
        let plan = self.plan();
        {
            let readiness = Readiness::open(&plan).unwrap();
            app::round(&plan, |seen| readiness.record(seen, seen.check.interval)).await;
            let prober = Prober::new(&plan.limits, Arc::new(|_| ()));
            while let Some(trial) = readiness.claim(Asker::Agent, Timestamp::now()) {
                let seen =
                    prober.probe(&ProbeRequest::of_password(&trial.check, trial.password.clone())).await;
                readiness.conclude(&trial, &seen);
            }
            readiness.flush();
        }
        self.round()
    }

    /// One round, as JSON.
    pub(crate) fn round(&self) -> Board {
        let run = self.readiness(&["--output", "json"]);
        Board { json: run.json(), said: run.stderr }
    }

    /// The passwords of all mailboxes.
    pub(crate) fn passwords(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| entry.sim.password()).collect()
    }
}

/// What `readiness --output json` answered.
pub(crate) struct Board {
    pub(crate) json: Value,
    /// Standard error.
    pub(crate) said: String,
}

impl Board {
    pub(crate) fn standing(&self, mailbox: &str, protocol: &str) -> &Value {
        let all = self.json["mailboxes"].as_array().unwrap();
        let found = all.iter().find(|one| one["mailbox"] == mailbox && one["protocol"] == protocol);
        found.unwrap_or_else(|| panic!("no {mailbox}/{protocol} in {}", self.json))
    }

    pub(crate) fn state(&self, mailbox: &str, protocol: &str) -> String {
        self.standing(mailbox, protocol)["state"].as_str().unwrap().to_owned()
    }

    pub(crate) fn basic(&self, mailbox: &str, protocol: &str) -> String {
        self.standing(mailbox, protocol)["basic"].as_str().unwrap().to_owned()
    }

    /// What a signal found, or nothing.
    pub(crate) fn finding(&self, mailbox: &str, protocol: &str, signal: &str) -> Option<String> {
        let evidence = self.standing(mailbox, protocol)["evidence"].as_array().unwrap();
        let seen = evidence.iter().find(|seen| seen["signal"] == signal)?;
        Some(seen["finding"].as_str().unwrap().to_owned())
    }
}

/// How often a mailbox was asked to take a password.
pub(crate) fn passwords_shown(mailbox: &SimMailbox) -> usize {
    let shown = |words: &str| {
        ["AUTH LOGIN", "AUTH PLAIN", "AUTHENTICATE LOGIN", "AUTHENTICATE PLAIN", "LOGIN"].contains(&words)
    };
    let services = [Service::Imap, Service::Smtp];
    services.iter().flat_map(|service| mailbox.heard(*service)).filter(|heard| shown(&heard.words)).count()
}

/// A server that takes passwords.
pub(crate) fn takes_passwords(mailbox: &SimMailbox) {
    mailbox.set_offers(Offers { passwords: true, ..Offers::default() });
}
