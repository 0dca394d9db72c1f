//! The world of a test: simulated servers, and a configuration of the product over them, written as a user
//! would write it.
//!
//! Not here: what is expected of the product.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mailbox_exporter::app;
use mailbox_exporter::config;
use mailbox_exporter::model::{Observation, Plan};
use mailbox_exporter::sim::{Fault, Sim, SimApp, SimMailbox};
use tokio::runtime::{Builder, Runtime};

/// Which of a simulated mailbox's ports is probed, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Door {
    /// IMAP, TLS from the first byte.
    Imap,
    /// IMAP, STARTTLS.
    ImapStartTls,
    /// SMTP submission, STARTTLS.
    Smtp,
    /// SMTP submission, TLS from the first byte.
    SmtpTls,
    /// IMAP in clear text, for thousands of cheap probes.
    ImapPlain,
    /// POP3, TLS from the first byte.
    Pop3,
    /// POP3, STLS.
    Pop3StartTls,
}

impl Door {
    /// Those that the faults of `probes` are tried at.
    pub(crate) const ALL: [Self; 4] = [Self::Imap, Self::ImapStartTls, Self::Smtp, Self::SmtpTls];

    pub(crate) const fn protocol(self) -> &'static str {
        match self {
            Self::Imap | Self::ImapStartTls | Self::ImapPlain => "imap",
            Self::Smtp | Self::SmtpTls => "smtp",
            Self::Pop3 | Self::Pop3StartTls => "pop3",
        }
    }

    pub(crate) const fn tls(self) -> &'static str {
        match self {
            Self::Imap | Self::SmtpTls | Self::Pop3 => "implicit",
            Self::ImapStartTls | Self::Smtp | Self::Pop3StartTls => "starttls",
            Self::ImapPlain => "none",
        }
    }

    fn port(self, mailbox: &SimMailbox) -> u16 {
        match self {
            Self::Imap => mailbox.imap_port(),
            Self::ImapStartTls | Self::ImapPlain => mailbox.imap_starttls_port(),
            Self::Smtp => mailbox.smtp_port(),
            Self::SmtpTls => mailbox.smtp_tls_port(),
            Self::Pop3 => mailbox.pop3_port(),
            Self::Pop3StartTls => mailbox.pop3_starttls_port(),
        }
    }
}

/// Simulated servers and a configuration. Dropped, all of it is gone.
pub(crate) struct World {
    sim: Arc<Sim>,
    /// Where the servers run: on threads of their own, or nothing where they share the test's.
    servers: Option<Runtime>,
    folder: PathBuf,
    /// Top-level keys besides the three lists.
    pub(crate) settings: String,
    named: HashMap<String, String>,
    credentials: String,
    providers: String,
    mailboxes: String,
}

impl World {
    /// A world without mailboxes, its servers on threads of their own.
    pub(crate) async fn start() -> Self {
        let servers = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let sim = servers.spawn(Sim::start()).await.unwrap().unwrap();
        Self::of(sim, Some(servers))
    }

    /// A world without mailboxes, its servers on the test's own thread and by its own clock.
    pub(crate) async fn start_here() -> Self {
        Self::of(Sim::start().await.unwrap(), None)
    }

    fn of(sim: Sim, servers: Option<Runtime>) -> Self {
        static WORLDS: AtomicUsize = AtomicUsize::new(0);
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("it-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("ca.pem"), sim.ca_pem()).unwrap();
        Self {
            sim: Arc::new(sim),
            servers,
            folder,
            settings: String::new(),
            named: HashMap::new(),
            credentials: String::new(),
            providers: String::new(),
            mailboxes: String::new(),
        }
    }

    /// Has the configuration trust the self-signed certificate that servers show, besides the authority.
    pub(crate) fn trust_self_signed(&self) {
        self.file("ca.pem", &format!("{}{}", self.sim.ca_pem(), self.sim.self_signed_pem()));
    }

    /// A new application at the identity provider.
    pub(crate) fn app(&self) -> SimApp {
        self.sim.app()
    }

    /// A mailbox with servers of its own.
    pub(crate) async fn mailbox(&self, app: &SimApp, fault: Fault) -> SimMailbox {
        let (sim, app) = (Arc::clone(&self.sim), app.clone());
        self.apart(async move { sim.mailbox_of(&app, fault).await }).await.unwrap()
    }

    /// Runs something where the servers run.
    pub(crate) async fn apart<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match &self.servers {
            Some(servers) => servers.spawn(work).await.unwrap(),
            None => work.await,
        }
    }

    /// A file of this world, for secrets and the like.
    pub(crate) fn file(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// Configures a probe of this mailbox by a token; `extra` is YAML of the mailbox.
    pub(crate) fn watch(&mut self, name: &str, mailbox: &SimMailbox, door: Door, extra: &str) {
        let credential = self.credential(mailbox.app());
        self.watch_by(name, mailbox, door, "exchange_online", &credential, extra);
    }

    /// Configures a probe of this mailbox by its password, on a server of the operator's own: at Exchange
    /// Online no password works.
    pub(crate) fn watch_by_password(&mut self, name: &str, mailbox: &SimMailbox, door: Door, extra: &str) {
        let credential = format!("password-of-{name}");
        let place = self.file(&credential, mailbox.password());
        self.credential_of(
            &credential,
            &format!("type: password, password: {{ file: {} }}", place.display()),
        );
        self.watch_by(name, mailbox, door, "", &credential, extra);
    }

    fn watch_by(
        &mut self,
        name: &str,
        mailbox: &SimMailbox,
        door: Door,
        family: &str,
        credential: &str,
        extra: &str,
    ) {
        let provider = self.provider(mailbox, door, family);
        let (address, protocol) = (mailbox.address().to_owned(), door.protocol());
        let keys = format!(
            "name: {name}, address: {address}, provider: {provider}, credential: {credential}, checks: [{protocol}]"
        );
        self.write_mailbox(&keys, extra);
    }

    /// A mailbox as YAML, `extra` appended.
    pub(crate) fn write_mailbox(&mut self, keys: &str, extra: &str) {
        let comma = if extra.is_empty() { "" } else { ", " };
        self.mailboxes += &format!("  - {{ {keys}{comma}{extra} }}\n");
    }

    /// A credential as YAML.
    pub(crate) fn credential_of(&mut self, name: &str, keys: &str) {
        self.credentials += &format!("  {name}: {{ {keys} }}\n");
    }

    /// A provider as YAML.
    pub(crate) fn provider_of(&mut self, name: &str, keys: &str) {
        self.providers += &format!("  {name}: {{ {keys} }}\n");
    }

    /// The credential of an application: its secret in a file.
    pub(crate) fn credential(&mut self, app: &SimApp) -> String {
        if let Some(known) = self.named.get(&app.client_id) {
            return known.clone();
        }
        let name = format!("app-{}", self.named.len());
        let place = self.file(&name, &app.secret);
        let (tenant, client) = (&app.tenant, &app.client_id);
        self.credential_of(
            &name,
            &format!(
                "type: client_secret, tenant: {tenant}, client_id: {client}, secret: {{ file: {} }}",
                place.display()
            ),
        );
        self.named.insert(app.client_id.clone(), name.clone());
        name
    }

    /// The provider of a server at one door; `family` is the preset it extends, if any.
    fn provider(&mut self, mailbox: &SimMailbox, door: Door, family: &str) -> String {
        let (protocol, tls, port) = (door.protocol(), door.tls(), door.port(mailbox));
        let key = format!("{protocol}-{tls}-{port}-{family}");
        if self.named.insert(key.clone(), key.clone()).is_none() {
            let (host, token_url, scope) = (mailbox.host(), self.token_url(), self.sim.scope());
            let extends = if family.is_empty() { String::new() } else { format!("extends: {family}, ") };
            self.provider_of(
                &key,
                &format!(
                    "{extends}{protocol}: {{ host: {host}, port: {port}, tls: {tls} }}, \
                     token_url: {token_url:?}, scope: {scope:?}, ca_file: ca.pem"
                ),
            );
        }
        key
    }

    /// The simulated token endpoint.
    pub(crate) fn token_url(&self) -> String {
        self.sim.token_url()
    }

    /// Writes the configuration; its place.
    pub(crate) fn configuration(&self) -> PathBuf {
        let (credentials, providers, mailboxes) = (&self.credentials, &self.providers, &self.mailboxes);
        let text = format!(
            "http: {{ listen: '127.0.0.1:0' }}\n{}\ncredentials:\n{credentials}providers:\n{providers}mailboxes:\n{mailboxes}",
            self.settings
        );
        self.file("config.yaml", &text)
    }

    /// What the configuration means.
    pub(crate) fn plan(&self) -> Plan {
        config::load(&self.configuration()).unwrap_or_else(|errors| panic!("{errors}")).plan
    }

    /// Every check once, by its mailbox's name.
    pub(crate) async fn round(&self) -> HashMap<String, Observation> {
        let observations = app::round(&self.plan(), |_| ()).await;
        observations.into_iter().map(|seen| (seen.check.mailbox.name.to_string(), seen)).collect()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(servers) = self.servers.take() {
            servers.shutdown_background();
        }
        // A folder that stays behind lies where the compiler's own files lie.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// `up`, or `phase reason`.
pub(crate) fn verdict(observation: &Observation) -> String {
    match observation.outcome.failure() {
        None => "up".to_owned(),
        Some(failure) => format!("{} {}", failure.phase.label(), failure.cause.reason.label()),
    }
}
