//! A configuration for simulated mailboxes, and the agent behind its port.
//!
//! Not here: expectations.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use mailbox_exporter::app::App;
use mailbox_exporter::config;
use mailbox_exporter::sim::{Sim, SimMailbox};
use reqwest::Client;
use rustls::client::WantsClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

/// Until what must come is there: a loaded machine is slow, a hang is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// A directory of one test's own.
pub(crate) fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A configuration of these mailboxes at Exchange Online, whose hosts are the simulator's; `http` is YAML.
pub(crate) fn configure(folder: &Path, sim: &Sim, mailboxes: &[&SimMailbox], http: &str) -> PathBuf {
    fs::write(folder.join("ca.pem"), sim.ca_pem()).unwrap();
    let mut yaml = format!("http: {http}\ndefaults: {{ interval: 6s, timeout: 5s }}\ncredentials:\n");
    for (at, mailbox) in mailboxes.iter().enumerate() {
        let app = mailbox.app();
        fs::write(folder.join(format!("secret-{at}")), &app.secret).unwrap();
        let _ = writeln!(
            yaml,
            "  c{at}: {{ type: client_secret, tenant: {}, client_id: {}, secret: {{ file: secret-{at} }} }}",
            app.tenant, app.client_id
        );
    }
    yaml += "providers:\n";
    for (at, mailbox) in mailboxes.iter().enumerate() {
        let (host, imap, smtp) = (mailbox.host(), mailbox.imap_port(), mailbox.smtp_port());
        let _ = writeln!(
            yaml,
            "  p{at}: {{ extends: exchange_online, imap: {{ host: {host}, port: {imap}, tls: implicit }}, \
             smtp: {{ host: {host}, port: {smtp}, tls: starttls }}, token_url: {:?}, ca_file: ca.pem }}",
            sim.token_url()
        );
    }
    yaml += "mailboxes:\n";
    for (at, mailbox) in mailboxes.iter().enumerate() {
        let _ =
            writeln!(yaml, "  - {{ address: {}, credential: c{at}, provider: p{at} }}", mailbox.address());
    }
    let file = folder.join("config.yaml");
    fs::write(&file, yaml).unwrap();
    file
}

/// Starts the agent of a configuration.
pub(crate) async fn start(file: &Path) -> App {
    let loaded = config::load(file).unwrap_or_else(|errors| panic!("{errors}"));
    App::start(&loaded.plan).await.unwrap()
}

/// An HTTP client with this TLS. The program must name its crypto provider wherever it needs one: none is
/// installed for the process here either.
pub(crate) fn client(tls: ClientConfig) -> Client {
    let builder = Client::builder().tls_backend_preconfigured(tls).no_proxy();
    builder.timeout(PATIENCE).build().unwrap()
}

/// TLS that trusts these certificates, in PEM.
pub(crate) fn trusting(pem: &str) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.unwrap().with_root_certificates(roots)
}

/// A page of an agent without TLS, once it says what is awaited.
pub(crate) async fn page(app: &App, path: &str, awaited: impl Fn(&str) -> bool) -> String {
    let url = format!("http://{}{path}", app.address());
    let client = client(trusting("").with_no_client_auth());
    let begun = Instant::now();
    loop {
        let text = client.get(&url).send().await.unwrap().text().await.unwrap();
        if awaited(&text) {
            return text;
        }
        assert!(begun.elapsed() < PATIENCE, "{path} still says:\n{text}");
        sleep(LOOK).await;
    }
}

/// The check of a protocol in a mailbox's facts, once it has been probed.
pub(crate) async fn check(app: &App, mailbox: &SimMailbox, protocol: &str) -> Value {
    let path = format!("/api/v1/mailboxes/{}", mailbox.address());
    let find = |text: &str| -> Option<Value> {
        let object: Value = serde_json::from_str(text).ok()?;
        let checks = object["checks"].as_array()?.clone();
        checks.into_iter().find(|check| check["protocol"] == protocol && check["last"].is_object())
    };
    let text = page(app, &path, |text| find(text).is_some()).await;
    find(&text).unwrap()
}

/// Ends what was started, in time.
pub(crate) async fn stop(app: App) {
    timeout(PATIENCE, app.stop()).await.unwrap();
}
