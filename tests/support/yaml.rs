//! The configuration of simulated mailboxes, written as a user would write it.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use mailbox_exporter::sim::{Sim, SimApp, SimGraphMailbox, SimMailbox};

use super::folder;

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
    /// One of each protocol.
    pub(crate) const BOTH: [Self; 2] = [Self::Imap, Self::Smtp];

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

    fn endpoint(self, mailbox: &SimMailbox) -> String {
        let (protocol, tls, host) = (self.protocol(), self.tls(), mailbox.host());
        format!("{protocol}: {{ host: {host}, port: {}, tls: {tls} }}", self.port(mailbox))
    }
}

/// The preset of Exchange Online, whose rules readiness knows.
pub(crate) const EXCHANGE: &str = "exchange_online";
/// No preset: a server of the operator's own.
pub(crate) const OWN: &str = "";

/// What tokens for the simulated Microsoft Graph are asked for.
const GRAPH_SCOPE: &str = "https://graph.microsoft.com/.default";

/// A configuration in the making. It lies in a folder with the authority's certificate and the secrets.
pub(crate) struct Yaml {
    folder: PathBuf,
    token_url: String,
    scope: String,
    /// The keys of `http`.
    pub(crate) http: String,
    /// Top-level keys besides `http` and the three lists.
    pub(crate) head: String,
    /// The credential of each application by its client id.
    apps: HashMap<String, String>,
    /// The providers that are written already.
    known: HashSet<String>,
    credentials: String,
    providers: String,
    mailboxes: String,
}

impl Yaml {
    pub(crate) fn new(folder: &Path, sim: &Sim, head: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            token_url: sim.token_url(),
            scope: sim.scope().to_owned(),
            http: "listen: '127.0.0.1:0'".to_owned(),
            head: head.to_owned(),
            apps: HashMap::new(),
            known: HashSet::new(),
            credentials: String::new(),
            providers: String::new(),
            mailboxes: String::new(),
        }
    }

    /// A credential, its keys as YAML.
    pub(crate) fn credential_of(&mut self, name: &str, keys: &str) {
        writeln!(self.credentials, "  {name}: {{ {keys} }}").unwrap();
    }

    /// A provider, its keys as YAML.
    pub(crate) fn provider_of(&mut self, name: &str, keys: &str) {
        writeln!(self.providers, "  {name}: {{ {keys} }}").unwrap();
    }

    /// A mailbox, its keys as YAML and `extra` behind them.
    pub(crate) fn mailbox_of(&mut self, keys: &str, extra: &str) {
        let comma = if extra.is_empty() { "" } else { ", " };
        writeln!(self.mailboxes, "  - {{ {keys}{comma}{extra} }}").unwrap();
    }

    /// The credential of an application, named `c0`, `c1` and so on; its secret lies in `c0.secret`.
    pub(crate) fn credential(&mut self, app: &SimApp) -> String {
        if let Some(name) = self.apps.get(&app.client_id) {
            return name.clone();
        }
        let name = format!("c{}", self.apps.len());
        self.credential_named(&name, app);
        self.apps.insert(app.client_id.clone(), name.clone());
        name
    }

    /// The credential of an application under this name; its secret lies in `NAME.secret`.
    pub(crate) fn credential_named(&mut self, name: &str, app: &SimApp) {
        let place = folder::write(&self.folder, &format!("{name}.secret"), &app.secret);
        let (tenant, client) = (&app.tenant, &app.client_id);
        let keys = format!(
            "type: client_secret, tenant: {tenant}, client_id: {client}, secret: {{ file: {place:?} }}"
        );
        self.credential_of(name, &keys);
    }

    /// The keys of a provider that leads to these doors; `family` is the preset that it extends.
    pub(crate) fn leads_to(&self, mailbox: &SimMailbox, doors: &[Door], family: &str) -> String {
        let extends = if family.is_empty() { String::new() } else { format!("extends: {family}, ") };
        let ends: Vec<String> = doors.iter().map(|door| door.endpoint(mailbox)).collect();
        format!("{extends}{}, {}", ends.join(", "), self.takes_tokens())
    }

    /// The keys of a provider that takes the simulator's tokens and shows its certificates.
    pub(crate) fn takes_tokens(&self) -> String {
        format!("{}, scope: {:?}", self.asks_for_tokens(), self.scope)
    }

    fn asks_for_tokens(&self) -> String {
        let ca = self.folder.join("ca.pem");
        format!("token_url: {:?}, ca_file: {ca:?}", self.token_url)
    }

    /// Mailboxes that are probed at these doors by a person's tokens, each protocol with the scope of its own.
    pub(crate) fn watch_as_person(
        &mut self,
        mailboxes: &[SimMailbox],
        doors: &[Door],
        credential: &str,
        extra: &str,
    ) {
        for mailbox in mailboxes {
            let ends: Vec<String> = doors.iter().map(|door| door.endpoint(mailbox)).collect();
            let protocols: Vec<&str> = doors.iter().map(|door| door.protocol()).collect();
            let (address, protocols) = (mailbox.address(), protocols.join(", "));
            let name = format!("of-{}", address.split('@').next().unwrap());
            let keys = format!("extends: {EXCHANGE}, {}, {}", ends.join(", "), self.asks_for_tokens());
            self.provider_of(&name, &keys);
            let keys = format!(
                "address: {address}, provider: {name}, credential: {credential}, checks: [{protocols}]"
            );
            self.mailbox_of(&keys, extra);
        }
    }

    /// A credential of a person who has signed in for this application; its refresh token lies in `NAME.token`.
    pub(crate) fn person(&mut self, name: &str, app: &SimApp, extra: &str) -> PathBuf {
        let place = self.folder.join(format!("{name}.token"));
        let (tenant, client) = (&app.tenant, &app.client_id);
        let keys = format!(
            "type: refresh_token, tenant: {tenant}, client_id: {client}, refresh_token: {{ file: {place:?} }}{extra}"
        );
        self.credential_of(name, &keys);
        place
    }

    /// The name of the provider that leads to these doors.
    pub(crate) fn provider(&mut self, mailbox: &SimMailbox, doors: &[Door], family: &str) -> String {
        let parts = doors.iter().map(|d| format!("{}-{}-{}", d.protocol(), d.tls(), d.port(mailbox)));
        let name = format!("{}-{family}", parts.collect::<Vec<_>>().join("-"));
        if self.known.insert(name.clone()) {
            self.provider_of(&name, &self.leads_to(mailbox, doors, family));
        }
        name
    }

    /// A mailbox that is probed at one door by a token.
    pub(crate) fn watch(&mut self, name: &str, mailbox: &SimMailbox, door: Door, extra: &str) {
        let credential = self.credential(mailbox.app());
        self.watch_by(name, mailbox, door, EXCHANGE, &credential, extra);
    }

    /// A mailbox that is probed at one door by its password, on a server of the operator's own: Exchange Online
    /// takes no password.
    pub(crate) fn watch_by_password(&mut self, name: &str, mailbox: &SimMailbox, door: Door, extra: &str) {
        let credential = format!("password-of-{name}");
        let place = folder::write(&self.folder, &credential, mailbox.password());
        self.credential_of(&credential, &format!("type: password, password: {{ file: {place:?} }}"));
        self.watch_by(name, mailbox, door, OWN, &credential, extra);
    }

    /// A mailbox that is probed at one door by a credential that was described before.
    pub(crate) fn watch_with(&mut self, name: &str, mailbox: &SimMailbox, door: Door, credential: &str) {
        self.watch_by(name, mailbox, door, EXCHANGE, credential, "");
    }

    /// A mailbox that is opened by Microsoft Graph, by this credential; `extra` is YAML of the mailbox.
    pub(crate) fn watch_graph(
        &mut self,
        name: &str,
        mailbox: &SimGraphMailbox,
        credential: &str,
        extra: &str,
    ) {
        let (address, base_url) = (mailbox.address(), mailbox.base_url());
        let provider = format!("graph-{}", base_url.rsplit(':').next().unwrap_or_default());
        if self.known.insert(provider.clone()) {
            let keys = format!(
                "extends: {EXCHANGE}, graph: {{ base_url: {base_url:?}, scope: {GRAPH_SCOPE} }}, {}",
                self.asks_for_tokens()
            );
            self.provider_of(&provider, &keys);
        }
        let keys = format!(
            "name: {name}, address: {address}, provider: {provider}, credential: {credential}, checks: [graph]"
        );
        self.mailbox_of(&keys, extra);
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
        let provider = self.provider(mailbox, &[door], family);
        let (address, protocol) = (mailbox.address(), door.protocol());
        let keys = format!(
            "name: {name}, address: {address}, provider: {provider}, credential: {credential}, checks: [{protocol}]"
        );
        self.mailbox_of(&keys, extra);
    }

    /// A mailbox that is probed by IMAP and SMTP by a token.
    pub(crate) fn both(&mut self, name: &str, mailbox: &SimMailbox, family: &str, extra: &str) {
        let credential = self.credential(mailbox.app());
        let provider = self.provider(mailbox, &Door::BOTH, family);
        let address = mailbox.address();
        let keys =
            format!("name: {name}, address: {address}, provider: {provider}, credential: {credential}");
        self.mailbox_of(&keys, extra);
    }

    /// Adds a mailbox of Exchange Online under its address, by both protocols.
    pub(crate) fn with(mut self, mailbox: &SimMailbox, extra: &str) -> Self {
        self.both(mailbox.address(), mailbox, EXCHANGE, extra);
        self
    }

    pub(crate) fn all(self, mailboxes: &[SimMailbox]) -> Self {
        mailboxes.iter().fold(self, |yaml, mailbox| yaml.with(mailbox, ""))
    }

    pub(crate) fn text(&self) -> String {
        let Self { http, head, credentials, providers, mailboxes, .. } = self;
        format!(
            "http: {{ {http} }}\n{head}\ncredentials:\n{credentials}providers:\n{providers}mailboxes:\n{mailboxes}"
        )
    }

    /// Writes it as `config.yaml`; its place.
    pub(crate) fn write(&self) -> PathBuf {
        folder::write(&self.folder, "config.yaml", self.text())
    }
}
