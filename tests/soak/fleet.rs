//! What is probed: healthy mailboxes, slow ones that are healthy too, hostile servers, and a mailbox whose secret is
//! taken away; and the two configurations that lead to them.
//!
//! Not here: what is expected of each, which is its [`Role`]'s business in `observers`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mailbox_exporter::sim::{Fault, Sim, SimApp, SimMailbox, TokenFault};
use tokio::runtime::{Builder, Runtime};

use crate::pki::Authority;
use crate::servers::{self, Deed, IMAP_ANSWERS, SMTP_ANSWERS};

/// Mailboxes of the agent that is guarded by TLS and passwords.
const GUARDED: usize = 20;
/// Healthy mailboxes whose servers take seconds for a dialogue.
const SLOW: usize = 10;
/// The mailbox whose secret is taken away.
pub(crate) const VICTIM: &str = "victim";
/// The victim's interval.
pub(crate) const VICTIM_INTERVAL: Duration = Duration::from_secs(10);
/// Users of the guarded agent that log in once each.
pub(crate) const FRESH_USERS: usize = 200;
/// The password of every user of the guarded agent.
pub(crate) const PASSWORD: &str = "soak-password-of-everybody";
/// The user whose password is guessed.
pub(crate) const GUESSED: &str = "alice";
/// What one password check should cost at least, so that guesses are a burden: the build decides the rounds.
const PASSWORD_COST: Duration = Duration::from_millis(60);

/// The faults of hostile servers.
const FAULTS: [Fault; 17] = [
    Fault::ResetConnect,
    Fault::SilentTls,
    Fault::ClosedTls,
    Fault::CertificateExpired,
    Fault::SilentGreeting,
    Fault::SilentAuth,
    Fault::SilentSelect,
    Fault::ClosedAuth,
    Fault::EndlessLine,
    Fault::EndlessLines,
    Fault::HugeLiteral,
    Fault::DeepNesting,
    Fault::EchoedLogin,
    Fault::HttpService,
    Fault::Token(TokenFault::TokenSilence),
    Fault::Token(TokenFault::HugeBody),
    Fault::Token(TokenFault::TruncatedBody),
];

/// What a mailbox is to the soak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nothing is ever wrong with it.
    Healthy,
    /// It can never be used.
    Hostile,
    /// Its secret comes and goes.
    Victim,
}

/// A configuration, and the roles of its mailboxes by name.
pub(crate) struct Site {
    pub(crate) config: PathBuf,
    pub(crate) roles: HashMap<String, Role>,
}

/// Everything that is probed. Dropped, the servers end and the folder is gone.
pub(crate) struct Fleet {
    pub(crate) folder: PathBuf,
    pub(crate) open: Site,
    pub(crate) guarded: Site,
    /// The names of the slow mailboxes.
    pub(crate) slow: Vec<String>,
    /// Signs the certificate of the guarded agent.
    pub(crate) authority: String,
    _simulators: Sim,
    _mailboxes: Vec<SimMailbox>,
    servers: Option<Runtime>,
}

/// YAML in the making.
#[derive(Default)]
struct Yaml {
    credentials: String,
    providers: String,
    mailboxes: String,
    roles: HashMap<String, Role>,
}

impl Yaml {
    fn credential(&mut self, folder: &Path, name: &str, app: &SimApp) {
        fs::write(folder.join(format!("{name}.secret")), &app.secret).unwrap();
        let (tenant, client) = (&app.tenant, &app.client_id);
        let keys = format!("tenant: {tenant}, client_id: {client}, secret: {{ file: {name}.secret }}");
        writeln!(self.credentials, "  {name}: {{ type: client_secret, {keys} }}").unwrap();
    }

    fn provider(&mut self, name: &str, sim: &Sim, endpoints: &str) {
        let (url, scope) = (sim.token_url(), sim.scope());
        let keys = format!("token_url: {url:?}, scope: {scope:?}, ca_file: ca.pem");
        writeln!(self.providers, "  {name}: {{ {endpoints}, {keys} }}").unwrap();
    }

    fn provider_of(&mut self, name: &str, sim: &Sim, mailbox: &SimMailbox) {
        let (host, imap, smtp) = (mailbox.host(), mailbox.imap_port(), mailbox.smtp_port());
        let endpoints = format!(
            "imap: {{ host: {host}, port: {imap}, tls: implicit }}, smtp: {{ host: {host}, port: {smtp}, tls: starttls }}"
        );
        self.provider(name, sim, &endpoints);
    }

    fn mailbox(&mut self, name: &str, role: Role, keys: &str) {
        self.roles.insert(name.to_owned(), role);
        writeln!(self.mailboxes, "  - {{ name: {name}, {keys} }}").unwrap();
    }

    fn write(self, file: PathBuf, head: &str) -> Site {
        let Self { credentials, providers, mailboxes, roles } = self;
        let text =
            format!("{head}\ncredentials:\n{credentials}providers:\n{providers}mailboxes:\n{mailboxes}");
        fs::write(&file, text).unwrap();
        Site { config: file, roles }
    }
}

impl Fleet {
    /// Brings up the servers, on threads of their own, and writes both configurations.
    pub(crate) fn start(healthy: usize) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("soak-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let servers = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let authority = Authority::new("soak authority");
        let (sim, open, guarded, slow, mailboxes) = servers.block_on(async {
            let sim = Sim::start().await.unwrap();
            let trusted = format!("{}{}", sim.ca_pem(), authority.pem);
            fs::write(folder.join("ca.pem"), trusted).unwrap();
            let mut mailboxes = Vec::new();
            let mut open = Yaml::default();
            mailboxes.extend(shared(&sim, &folder, &mut open, healthy).await);
            let slow = slow(&sim, &mut open, &mut mailboxes).await;
            hostile(&sim, &folder, &mut open, &mut mailboxes).await;
            scripted(&sim, &authority, &mut open).await;
            victim(&sim, &folder, &mut open, &mut mailboxes).await;
            let mut guarded = Yaml::default();
            mailboxes.extend(shared(&sim, &folder, &mut guarded, GUARDED).await);
            (sim, open, guarded, slow, mailboxes)
        });
        protect(&folder, &authority);
        let open = open.write(folder.join("open.yaml"), "http: { listen: '127.0.0.1:0' }\nstate_dir: state");
        let guarded = guarded
            .write(folder.join("guarded.yaml"), "http: { listen: '127.0.0.1:0', web_config: web.yaml }");
        let authority = authority.pem;
        Self {
            folder,
            open,
            guarded,
            slow,
            authority,
            _simulators: sim,
            _mailboxes: mailboxes,
            servers: Some(servers),
        }
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        if let Some(servers) = self.servers.take() {
            servers.shutdown_background();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Healthy mailboxes on one IMAP and one SMTP server.
async fn shared(sim: &Sim, folder: &Path, yaml: &mut Yaml, count: usize) -> Vec<SimMailbox> {
    let app = sim.app();
    let mailboxes = sim.mailboxes_on_one_port(&app, count).await.unwrap();
    let credential = format!("fleet{count}");
    yaml.credential(folder, &credential, &app);
    yaml.provider_of("fleet", sim, &mailboxes[0]);
    for mailbox in &mailboxes {
        let address = mailbox.address();
        let keys = format!(
            "address: {address}, provider: fleet, credential: {credential}, interval: 30s, timeout: 25s"
        );
        yaml.mailbox(address, Role::Healthy, &keys);
    }
    mailboxes
}

/// Slow ones: probed seldom, so that most often `/probe` really probes them. Their servers wait between any two bytes,
/// so that a busy machine makes them several times slower: they have the time for it.
async fn slow(sim: &Sim, yaml: &mut Yaml, mailboxes: &mut Vec<SimMailbox>) -> Vec<String> {
    let app = mailboxes[0].app().clone();
    let mut names = Vec::new();
    for number in 0..SLOW {
        let mailbox = sim.mailbox_of(&app, Fault::Trickle).await.unwrap();
        let (name, provider) = (format!("slow{number}"), format!("slow{number}"));
        yaml.provider_of(&provider, sim, &mailbox);
        let credential = yaml.credentials.trim_start().split_once(':').unwrap().0.to_owned();
        let address = mailbox.address();
        let keys = format!(
            "address: {address}, provider: {provider}, credential: {credential}, interval: 3m, timeout: 150s"
        );
        yaml.mailbox(&name, Role::Healthy, &keys);
        mailboxes.push(mailbox);
        names.push(name);
    }
    names
}

async fn hostile(sim: &Sim, folder: &Path, yaml: &mut Yaml, mailboxes: &mut Vec<SimMailbox>) {
    for fault in FAULTS {
        let mailbox = sim.mailbox(fault).await.unwrap();
        let name = fault.label();
        yaml.credential(folder, name, mailbox.app());
        yaml.provider_of(name, sim, &mailbox);
        let shows = fault.shows();
        let checks = match (shows.token || shows.imap, shows.token || shows.smtp) {
            (true, true) => "imap, smtp",
            (true, false) => "imap",
            _ => "smtp",
        };
        let address = mailbox.address();
        let keys = format!(
            "address: {address}, provider: {name}, credential: {name}, interval: 20s, timeout: 6s, checks: [{checks}]"
        );
        yaml.mailbox(name, Role::Hostile, &keys);
        mailboxes.push(mailbox);
    }
}

/// Those of `servers.rs`, opened by tokens of the first application.
async fn scripted(sim: &Sim, authority: &Authority, yaml: &mut Yaml) {
    let close = Deed::CloseNotify(servers::acceptor(&authority.server()));
    let rows = [
        ("close_notify", "imap", "implicit", close),
        ("imap_answers_first", "imap", "none", Deed::AnswersFirst(IMAP_ANSWERS)),
        ("smtp_answers_first", "smtp", "none", Deed::AnswersFirst(SMTP_ANSWERS)),
    ];
    let credential = yaml.credentials.trim_start().split_once(':').unwrap().0.to_owned();
    for (name, protocol, tls, deed) in rows {
        let port = servers::serve(deed).await;
        yaml.provider(name, sim, &format!("{protocol}: {{ host: localhost, port: {port}, tls: {tls} }}"));
        let keys = format!(
            "address: {name}@contoso.example, provider: {name}, credential: {credential}, interval: 20s, \
             timeout: 6s, checks: [{protocol}]"
        );
        yaml.mailbox(name, Role::Hostile, &keys);
    }
}

async fn victim(sim: &Sim, folder: &Path, yaml: &mut Yaml, mailboxes: &mut Vec<SimMailbox>) {
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    yaml.credential(folder, VICTIM, mailbox.app());
    yaml.provider_of(VICTIM, sim, &mailbox);
    let (address, interval) = (mailbox.address(), VICTIM_INTERVAL.as_secs());
    let keys = format!(
        "address: {address}, provider: {VICTIM}, credential: {VICTIM}, interval: {interval}s, timeout: 4s, checks: [imap]"
    );
    yaml.mailbox(VICTIM, Role::Victim, &keys);
    mailboxes.push(mailbox);
}

/// The web configuration: TLS, a user whose password is guessed, and users who log in once each.
fn protect(folder: &Path, authority: &Authority) {
    let pair = authority.server();
    fs::write(folder.join("web.crt"), pair.certificate).unwrap();
    fs::write(folder.join("web.key"), pair.key).unwrap();
    let hash = bcrypt::hash(PASSWORD, password_rounds()).unwrap();
    let mut text =
        String::from("tls_server_config: { cert_file: web.crt, key_file: web.key }\nbasic_auth_users:\n");
    writeln!(text, "  {GUESSED}: '{hash}'").unwrap();
    for number in 0..FRESH_USERS {
        writeln!(text, "  fresh{number}: '{hash}'").unwrap();
    }
    fs::write(folder.join("web.yaml"), text).unwrap();
}

/// The least cost factor at which one check takes [`PASSWORD_COST`] in this build.
fn password_rounds() -> u32 {
    let long_enough = |cost: &u32| {
        let begun = std::time::Instant::now();
        bcrypt::hash(PASSWORD, *cost).unwrap();
        begun.elapsed() >= PASSWORD_COST
    };
    (4..12).find(long_enough).unwrap_or(12)
}
