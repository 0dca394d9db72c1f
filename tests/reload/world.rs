//! What the tests share: a configuration on disk for simulated mailboxes, the agent that runs by it, and questions to it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use mailbox_exporter::app::{App, Origin};
use mailbox_exporter::config::{self, Reading};
use mailbox_exporter::model::{CheckName, Protocol, Shard};
use mailbox_exporter::report::CheckRecord;
use mailbox_exporter::shard;
use mailbox_exporter::sim::{Sim, SimMailbox};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// Long enough for a loaded machine, short enough for a hang to be noticed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with a configuration, gone with the test.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("mx-reload-{}-{number}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        Self(folder.canonicalize().unwrap())
    }

    /// Writes a file in one step, as careful editors do.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.join(name);
        let draft = self.0.join(".draft");
        fs::write(&draft, text).unwrap();
        fs::rename(draft, &file).unwrap();
        file
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.0.join("config.yaml")
    }

    /// The agent by the configuration of this folder.
    pub(crate) async fn start(&self, of: Shard) -> App {
        let file = self.config();
        let read = move || {
            let mut reading = config::read(&file);
            if let Ok(loaded) = &mut reading.outcome {
                shard::keep(&mut loaded.plan, of);
            }
            reading
        };
        let Reading { sources, outcome } = read();
        let plan = outcome.unwrap().plan;
        App::start_from(&plan, Origin { sources, read: Box::new(read) }).await.unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A configuration in the making.
pub(crate) struct Yaml<'s> {
    sim: &'s Sim,
    folder: &'s Folder,
    head: String,
    mailboxes: Vec<(SimMailbox, String)>,
}

impl<'s> Yaml<'s> {
    /// `head` is what stands before everything else, such as `defaults: {…}`.
    pub(crate) fn new(sim: &'s Sim, folder: &'s Folder, head: &str) -> Self {
        let head = format!("http: {{ listen: \"127.0.0.1:0\" }}\n{head}\n");
        Self { sim, folder, head, mailboxes: Vec::new() }
    }

    /// Adds a mailbox with further keys.
    pub(crate) fn with(mut self, mailbox: &SimMailbox, keys: &str) -> Self {
        self.mailboxes.push((mailbox.clone(), keys.to_owned()));
        self
    }

    pub(crate) fn all(self, mailboxes: &[SimMailbox]) -> Self {
        mailboxes.iter().fold(self, |yaml, mailbox| yaml.with(mailbox, ""))
    }

    pub(crate) fn text(&self) -> String {
        let (mut credentials, mut providers) = (BTreeMap::new(), BTreeMap::new());
        let mut list = String::new();
        self.folder.write("ca.pem", self.sim.ca_pem());
        for (mailbox, keys) in &self.mailboxes {
            let (app, address) = (mailbox.app(), mailbox.address());
            let number = credentials.len();
            let credential = credentials.entry(&app.client_id).or_insert_with(|| {
                let file = self.folder.write(&format!("c{number}.secret"), &app.secret);
                let (tenant, client) = (&app.tenant, &app.client_id);
                let text = format!(
                    "  c{number}: {{ type: client_secret, tenant: {tenant}, client_id: {client}, secret: {{ file: {file:?} }} }}\n"
                );
                (number, text)
            });
            let (host, imap, smtp) = (mailbox.host(), mailbox.imap_port(), mailbox.smtp_port());
            let (url, scope) = (self.sim.token_url(), self.sim.scope());
            let ca = self.folder.0.join("ca.pem");
            providers.entry(imap).or_insert_with(|| {
                format!(
                    "  p{imap}: {{ extends: exchange_online, token_url: {url:?}, scope: {scope}, ca_file: {ca:?}, \
                     imap: {{ host: {host}, port: {imap} }}, smtp: {{ host: {host}, port: {smtp}, tls: starttls }} }}\n"
                )
            });
            let comma = if keys.is_empty() { "" } else { ", " };
            let number = credential.0;
            writeln!(
                list,
                "  - {{ address: {address}, credential: c{number}, provider: p{imap}{comma}{keys} }}"
            )
            .unwrap();
        }
        let credentials: String = credentials.into_values().map(|(_, text)| text).collect();
        let providers: String = providers.into_values().collect();
        format!("{}credentials:\n{credentials}providers:\n{providers}mailboxes:\n{list}", self.head)
    }

    pub(crate) fn write(&self) {
        self.folder.write("config.yaml", &self.text());
    }
}

/// A status and a body.
pub(crate) async fn ask(address: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

pub(crate) async fn metrics(app: &App) -> String {
    ask(app.address(), "GET /metrics").await.1
}

/// The value of a series, labels included.
pub(crate) fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

pub(crate) fn record(
    app: &App,
    mailbox: &SimMailbox,
    protocol: Protocol,
) -> Option<std::sync::Arc<CheckRecord>> {
    app.report().check(&CheckName { mailbox: mailbox.address().into(), protocol })
}

/// How often a check has been observed; 0 where it is not in the plan.
pub(crate) fn observed(app: &App, mailbox: &SimMailbox, protocol: Protocol) -> u64 {
    record(app, mailbox, protocol).map_or(0, |record| record.successes + record.failed())
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so().await {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
