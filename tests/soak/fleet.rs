//! What is probed: healthy mailboxes, slow ones that are healthy too, hostile servers, and a mailbox whose secret is
//! taken away; and the two configurations that lead to them.
//!
//! Not here: what is expected of each, which is its [`Role`]'s business in `observers`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mailbox_exporter::sim::{Fault, Sim, SimMailbox, TokenFault};
use tokio::runtime::{Builder, Runtime};

use crate::churn::{self, Churn};
use crate::servers::{self, Deed, IMAP_ANSWERS, SMTP_ANSWERS};
use crate::support::pki::Authority;
use crate::support::yaml::{Door, OWN, Yaml};

/// Mailboxes of the agent that is guarded by TLS and passwords.
const GUARDED: usize = 20;
/// Healthy mailboxes whose servers take seconds for a dialogue.
const SLOW: usize = 10;
/// The credential of the open agent's healthy mailboxes, and of the guarded agent's.
pub(crate) const OPEN_APP: &str = "open-app";
const GUARDED_APP: &str = "guarded-app";
/// The mailbox whose secret is taken away.
pub(crate) const VICTIM: &str = "victim";
/// The victim's interval.
pub(crate) const VICTIM_INTERVAL: Duration = Duration::from_secs(10);
/// Users of the guarded agent that log in once each.
pub(crate) const FRESH_USERS: usize = 200;
/// The password of every user of the guarded agent.
pub(crate) const PASSWORD: &str = "soak-password-of-all-users";
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
    /// Its servers come and go.
    Flapping,
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
    /// What changes while it is probed.
    pub(crate) churn: Churn,
    /// Signs the certificate of the guarded agent.
    pub(crate) authority: String,
    _simulators: Sim,
    _mailboxes: Vec<SimMailbox>,
    servers: Option<Runtime>,
}

/// A site in the making.
pub(crate) struct Draft {
    pub(crate) yaml: Yaml,
    roles: HashMap<String, Role>,
}

impl Draft {
    fn new(folder: &Path, sim: &Sim) -> Self {
        Self { yaml: Yaml::new(folder, sim, ""), roles: HashMap::new() }
    }

    pub(crate) fn provider(&mut self, name: &str, mailbox: &SimMailbox) {
        let keys = self.yaml.leads_to(mailbox, &Door::BOTH, OWN);
        self.yaml.provider_of(name, &keys);
    }

    pub(crate) fn mailbox(&mut self, name: &str, role: Role, keys: &str) {
        self.roles.insert(name.to_owned(), role);
        self.yaml.mailbox_of(&format!("name: {name}, {keys}"), "");
    }

    fn write(self, config: PathBuf) -> Site {
        fs::write(&config, self.yaml.text()).unwrap();
        Site { config, roles: self.roles }
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
        let (sim, mut open, mut guarded, slow, churn, mailboxes) = servers.block_on(async {
            let sim = Sim::start().await.unwrap();
            let trusted = format!("{}{}", sim.ca_pem(), authority.pem);
            fs::write(folder.join("ca.pem"), trusted).unwrap();
            let mut mailboxes = Vec::new();
            let mut open = Draft::new(&folder, &sim);
            mailboxes.extend(shared(&sim, &mut open, OPEN_APP, healthy).await);
            let slow = slow(&sim, &mut open, &mut mailboxes).await;
            hostile(&sim, &mut open, &mut mailboxes).await;
            scripted(&authority, &mut open).await;
            victim(&sim, &mut open, &mut mailboxes).await;
            let churn = Churn::start(&sim, &mut open, &folder).await;
            let mut guarded = Draft::new(&folder, &sim);
            mailboxes.extend(shared(&sim, &mut guarded, GUARDED_APP, GUARDED).await);
            (sim, open, guarded, slow, churn, mailboxes)
        });
        protect(&folder, &authority);
        open.yaml.head = format!("state_dir: state\nmailbox_files: [{}/*.yaml]", churn::FOLDER);
        guarded.yaml.http += ", web_config: web.yaml";
        let open = open.write(folder.join("open.yaml"));
        let guarded = guarded.write(folder.join("guarded.yaml"));
        let authority = authority.pem;
        Self {
            folder,
            open,
            guarded,
            slow,
            churn,
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
async fn shared(sim: &Sim, draft: &mut Draft, credential: &str, count: usize) -> Vec<SimMailbox> {
    let app = sim.app();
    let mailboxes = sim.mailboxes_on_one_port(&app, count).await.unwrap();
    draft.yaml.credential_named(credential, &app);
    draft.provider("fleet", &mailboxes[0]);
    for mailbox in &mailboxes {
        let address = mailbox.address();
        let keys = format!(
            "address: {address}, provider: fleet, credential: {credential}, interval: 30s, timeout: 25s"
        );
        draft.mailbox(address, Role::Healthy, &keys);
    }
    mailboxes
}

/// Slow ones: probed seldom, so that most often `/probe` really probes them. Their servers wait between any two bytes,
/// so that a busy machine makes them several times slower: they have the time for it.
async fn slow(sim: &Sim, draft: &mut Draft, mailboxes: &mut Vec<SimMailbox>) -> Vec<String> {
    let app = mailboxes[0].app().clone();
    let mut names = Vec::new();
    for number in 0..SLOW {
        let mailbox = sim.mailbox_of(&app, Fault::Trickle).await.unwrap();
        let (name, provider) = (format!("slow{number}"), format!("slow{number}"));
        draft.provider(&provider, &mailbox);
        let address = mailbox.address();
        let keys = format!(
            "address: {address}, provider: {provider}, credential: {OPEN_APP}, interval: 3m, timeout: 150s"
        );
        draft.mailbox(&name, Role::Healthy, &keys);
        mailboxes.push(mailbox);
        names.push(name);
    }
    names
}

async fn hostile(sim: &Sim, draft: &mut Draft, mailboxes: &mut Vec<SimMailbox>) {
    for fault in FAULTS {
        let mailbox = sim.mailbox(fault).await.unwrap();
        let name = fault.label();
        draft.yaml.credential_named(name, mailbox.app());
        draft.provider(name, &mailbox);
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
        draft.mailbox(name, Role::Hostile, &keys);
        mailboxes.push(mailbox);
    }
}

/// Those of `servers.rs`, opened by tokens of the first application.
async fn scripted(authority: &Authority, draft: &mut Draft) {
    let close = Deed::CloseNotify(servers::acceptor(&authority.server()));
    let rows = [
        ("close_notify", "imap", "implicit", close),
        ("imap_answers_first", "imap", "none", Deed::AnswersFirst(IMAP_ANSWERS)),
        ("smtp_answers_first", "smtp", "none", Deed::AnswersFirst(SMTP_ANSWERS)),
    ];
    let tokens = draft.yaml.takes_tokens();
    for (name, protocol, tls, deed) in rows {
        let port = servers::serve(deed).await;
        let keys = format!("{protocol}: {{ host: localhost, port: {port}, tls: {tls} }}, {tokens}");
        draft.yaml.provider_of(name, &keys);
        let keys = format!(
            "address: {name}@contoso.example, provider: {name}, credential: {OPEN_APP}, interval: 20s, \
             timeout: 6s, checks: [{protocol}]"
        );
        draft.mailbox(name, Role::Hostile, &keys);
    }
}

async fn victim(sim: &Sim, draft: &mut Draft, mailboxes: &mut Vec<SimMailbox>) {
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    draft.yaml.credential_named(VICTIM, mailbox.app());
    draft.provider(VICTIM, &mailbox);
    let (address, interval) = (mailbox.address(), VICTIM_INTERVAL.as_secs());
    let keys = format!(
        "address: {address}, provider: {VICTIM}, credential: {VICTIM}, interval: {interval}s, timeout: 4s, checks: [imap]"
    );
    draft.mailbox(VICTIM, Role::Victim, &keys);
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
