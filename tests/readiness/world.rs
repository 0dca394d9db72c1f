//! The world of these tests: a simulator, a folder with a configuration, and the program run on it.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use mailbox_exporter::app;
use mailbox_exporter::check::{ProbeRequest, Prober};
use mailbox_exporter::config;
use mailbox_exporter::readiness::{Asker, Readiness};
use mailbox_exporter::sim::{Fault, Offers, Service, Sim, SimMailbox};
use serde_json::Value;
use uuid::Uuid;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mailbox-exporter");

/// A mailbox of the configuration.
pub(crate) struct Entry {
    pub(crate) sim: SimMailbox,
    /// What its provider extends; nothing for an ordinary server.
    pub(crate) extends: &'static str,
    /// More keys of the mailbox.
    pub(crate) keys: String,
}

pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) folder: PathBuf,
    pub(crate) entries: Vec<Entry>,
    /// Of every check; a round of `readiness` has time.
    pub(crate) pace: &'static str,
    /// Top-level YAML besides.
    pub(crate) top: String,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("mailbox-readiness-{}", Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        Self {
            sim: Sim::start().await.unwrap(),
            folder,
            entries: Vec::new(),
            pace: "interval: 60s, timeout: 30s",
            top: String::new(),
        }
    }

    /// Adds a mailbox whose servers are Exchange Online's kin.
    pub(crate) async fn exchange(&mut self, fault: Fault, keys: &str) -> SimMailbox {
        self.add(fault, "exchange_online", keys).await
    }

    /// Adds a mailbox of an ordinary server, of which no calendar knows anything.
    pub(crate) async fn generic(&mut self, keys: &str) -> SimMailbox {
        self.add(Fault::None, "", keys).await
    }

    async fn add(&mut self, fault: Fault, extends: &'static str, keys: &str) -> SimMailbox {
        let sim = self.sim.mailbox(fault).await.unwrap();
        self.entries.push(Entry { sim: sim.clone(), extends, keys: keys.to_owned() });
        sim
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.folder.join(name), content).unwrap();
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
        self.file("ca.pem", self.sim.ca_pem());
        let (mut credentials, mut providers, mut mailboxes) = (String::new(), String::new(), String::new());
        for (number, entry) in self.entries.iter().enumerate() {
            let (sim, app) = (&entry.sim, entry.sim.app());
            self.file(&format!("secret{number}"), &app.secret);
            writeln!(
                credentials,
                "  c{number}: {{ type: client_secret, tenant: {}, client_id: {}, secret: {{ file: secret{number} }} }}",
                app.tenant, app.client_id
            )
            .unwrap();
            let extends = if entry.extends.is_empty() { "" } else { &format!("extends: {},", entry.extends) };
            writeln!(
                providers,
                "  p{number}: {{ {extends} imap: {{ host: localhost, port: {}, tls: implicit }}, smtp: {{ host: localhost, port: {}, tls: starttls }}, token_url: {:?}, scope: {}, ca_file: ca.pem }}",
                sim.imap_port(),
                sim.smtp_port(),
                self.sim.token_url(),
                self.sim.scope()
            )
            .unwrap();
            let keys = if entry.keys.is_empty() { String::new() } else { format!(", {}", entry.keys) };
            writeln!(
                mailboxes,
                "  - {{ name: m{number}, address: {}, provider: p{number}, credential: c{number}{keys} }}",
                sim.address()
            )
            .unwrap();
        }
        let file = self.folder.join("config.yaml");
        let text = format!(
            "defaults: {{ {} }}\n{}credentials:\n{credentials}providers:\n{providers}mailboxes:\n{mailboxes}",
            self.pace, self.top
        );
        fs::write(&file, text).unwrap();
        file
    }

    /// Runs `readiness` with these arguments; everything it printed.
    pub(crate) async fn readiness(&self, arguments: &[&str]) -> Output {
        let file = self.configure();
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let run = move || {
            let mut command = Command::new(PROGRAM);
            command
                .arg("readiness")
                .arg("--config")
                .arg(file)
                .args(arguments)
                .env_remove("RUST_LOG")
                .output()
                .unwrap()
        };
        tokio::task::spawn_blocking(run).await.unwrap()
    }

    /// Makes the memory as an agent would have begun it yesterday, where there is none.
    pub(crate) fn age(&self) {
        if self.folder.join("state").exists() {
            return;
        }
        let plan = config::load(&self.configure()).unwrap().plan;
        drop(Readiness::open_at(&plan, Timestamp::now() - SignedDuration::from_hours(25)).unwrap());
    }

    /// What an agent does, without its pace: one round, then every password that may be tried; as JSON.
    pub(crate) async fn agent_round(&self) -> Board {
        self.age();
        let plan = config::load(&self.configure()).unwrap().plan;
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
        self.round().await
    }

    /// One round, as JSON.
    pub(crate) async fn round(&self) -> Board {
        let output = self.readiness(&["--output", "json"]).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"));
        Board { json, said }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
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
