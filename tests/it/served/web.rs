//! The web configuration, held against real clients: who gets in, by which TLS, and what a change of files does.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use mailbox_exporter::app::App;
use rcgen::SanType;
use reqwest::{Client, StatusCode};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::support::app::{start, stop};
use crate::support::folder::Folder;
use crate::support::http::{client, trusting};
use crate::support::pki::{Authority, Pair};
use crate::support::process::run;
use crate::support::wait::{PATIENCE, eventually};

pub(crate) const PASSWORD: &str = "correct horse";

/// An agent without mailboxes, protected by a web configuration of these lines.
struct Site {
    folder: Folder,
    authority: Authority,
    app: App,
}

impl Site {
    async fn new(web: &str) -> Self {
        let folder = Folder::new();
        let authority = Authority::new("The site's authority");
        put(folder.path(), "server", &authority.server());
        folder.write("web.yaml", web);
        let app = start(&configuration(&folder)).await;
        Self { folder, authority, app }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.app.address().port())
    }

    fn plain(&self) -> Client {
        client(trusting(&self.authority.pem).with_no_client_auth())
    }

    /// A client that shows this certificate.
    fn showing(&self, pair: &Pair) -> Client {
        client(trusting(&self.authority.pem).with_client_auth_cert(chain(pair), key(pair)).unwrap())
    }

    async fn status(&self, client: &Client, path: &str) -> Result<StatusCode, reqwest::Error> {
        Ok(client.get(self.url(path)).send().await?.status())
    }

    fn write(&self, name: &str, text: &str) {
        self.folder.write(name, text);
    }
}

pub(crate) fn configuration(folder: &Folder) -> PathBuf {
    let yaml = "http: {listen: \"127.0.0.1:0\", web_config: web.yaml}\nmailbox_files: [none/*.yaml]\n";
    folder.write("config.yaml", yaml)
}

pub(crate) fn put(folder: &Path, name: &str, pair: &Pair) {
    fs::write(folder.join(format!("{name}.crt")), &pair.certificate).unwrap();
    fs::write(folder.join(format!("{name}.key")), &pair.key).unwrap();
}

fn chain(pair: &Pair) -> Vec<CertificateDer<'static>> {
    vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()]
}

fn key(pair: &Pair) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap()
}

pub(crate) fn user(name: &str, password: &str) -> String {
    format!("  {name}: {}\n", bcrypt::hash(password, 4).unwrap())
}

pub(crate) const TLS: &str = "tls_server_config: {cert_file: server.crt, key_file: server.key}\n";

#[tokio::test]
async fn pages_come_by_tls_and_clear_text_gets_a_sentence() {
    let headers = "http_server_config:\n  http2: false\n  headers:\n    Strict-Transport-Security: max-age=600\n    X-Frame-Options: deny\n";
    let site = Site::new(&format!("{TLS}{headers}")).await;
    let answer = site.plain().get(site.url("/metrics")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["strict-transport-security"], "max-age=600");
    assert_eq!(answer.headers()["x-frame-options"], "deny");
    assert!(answer.text().await.unwrap().contains("\nmailbox_exporter_checks 0\n"));

    let authority = site.folder.join("ca.pem");
    fs::write(&authority, &site.authority.pem).unwrap();
    let url = site.url("/-/ready");
    let curl = tokio::task::spawn_blocking(move || {
        Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*", "--cacert"])
            .arg(authority)
            .arg(url)
            .output()
    });
    let curl = curl.await.unwrap().unwrap();
    assert_eq!(String::from_utf8_lossy(&curl.stdout), "ready\n", "{curl:?}");

    let stranger = client(trusting(&Authority::new("Another site").pem).with_no_client_auth());
    assert!(site.status(&stranger, "/").await.unwrap_err().is_connect());
    let clear = without_tls(&site.app).await;
    assert!(clear.starts_with("HTTP/1.0 400 ") && clear.contains("speaks HTTPS"), "{clear}");
    stop(site.app).await;
}

/// What a client hears that forgot the `s` of `https`.
async fn without_tls(app: &App) -> String {
    let mut stream = TcpStream::connect(app.address()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut heard = String::new();
    // What was not read is answered by a reset, after the text has come.
    let _ = timeout(PATIENCE, stream.read_to_string(&mut heard)).await.unwrap();
    heard
}

#[tokio::test]
async fn only_the_allowed_versions_suites_and_curves_are_agreed_on() {
    let of = |versions: &[&'static SupportedProtocolVersion], pem: &str| {
        let trusted = trusting(pem).with_no_client_auth();
        let mut config = ClientConfig::builder_with_provider(Arc::clone(trusted.crypto_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
        let verifier = rustls::client::WebPkiServerVerifier::builder_with_provider(
            Arc::new(roots),
            Arc::clone(trusted.crypto_provider()),
        );
        config.dangerous().set_certificate_verifier(verifier.build().unwrap());
        client(config)
    };
    let (old, new) = (&[&rustls::version::TLS12][..], &[&rustls::version::TLS13][..]);
    let cases = [
        ("", true, true),
        ("min_version: TLS13", false, true),
        ("max_version: TLS12", true, false),
        ("min_version: TLS12, max_version: TLS13, prefer_server_cipher_suites: false", true, true),
        (
            "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], curve_preferences: [CurveP384]",
            true,
            true,
        ),
        // The certificate's key is of the other kind: nothing of TLS 1.2 is left, and TLS 1.3 is not touched.
        ("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]", false, true),
    ];
    for (settings, by_12, by_13) in cases {
        let web = format!("tls_server_config: {{cert_file: server.crt, key_file: server.key, {settings}}}\n");
        let site = Site::new(&web.replace(", }", "}")).await;
        let pem = &site.authority.pem;
        assert_eq!(site.status(&of(old, pem), "/").await.is_ok(), by_12, "TLS 1.2 with {settings:?}");
        assert_eq!(site.status(&of(new, pem), "/").await.is_ok(), by_13, "TLS 1.3 with {settings:?}");
        stop(site.app).await;
    }
}

#[tokio::test]
async fn clients_are_asked_for_certificates_as_the_policy_says() {
    let (ours, theirs) = (Authority::new("Clients"), Authority::new("Others"));
    let name = |text: &str| SanType::DnsName(text.try_into().unwrap());
    let right = ours.client(&[name("prometheus.example")]);
    let other = ours.client(&[name("grafana.example")]);
    let foreign = theirs.client(&[name("prometheus.example")]);
    let by_address = ours.client(&[SanType::IpAddress("10.0.0.1".parse().unwrap())]);
    let sans = ", client_allowed_sans: [prometheus.example, 10.0.0.1]";
    let authority = ", client_ca_file: clients.pem";
    let cases = [
        // policy, more, without, right, other name, address, foreign
        ("NoClientCert", "", [true, true, true, true, true]),
        ("RequestClientCert", "", [true, true, true, true, true]),
        ("RequireAnyClientCert", "", [false, true, true, true, true]),
        ("RequireClientCert", sans, [false, true, false, true, true]),
        ("VerifyClientCertIfGiven", authority, [true, true, true, true, false]),
        ("RequireAndVerifyClientCert", authority, [false, true, true, true, false]),
        ("RequireAndVerifyClientCert", &format!("{authority}{sans}"), [false, true, false, true, false]),
    ];
    for (policy, more, admitted) in cases {
        let folder = Folder::new();
        let site_authority = Authority::new("The site's authority");
        put(folder.path(), "server", &site_authority.server());
        folder.write("clients.pem", &ours.pem);
        let web = format!(
            "tls_server_config: {{cert_file: server.crt, key_file: server.key, client_auth_type: {policy}{more}}}\n"
        );
        folder.write("web.yaml", web);
        let app = start(&configuration(&folder)).await;
        let site = Site { folder, authority: site_authority, app };
        let clients = [
            site.plain(),
            site.showing(&right),
            site.showing(&other),
            site.showing(&by_address),
            site.showing(&foreign),
        ];
        for (place, client) in clients.iter().enumerate() {
            let answer = site.status(client, "/metrics").await;
            assert_eq!(answer.is_ok(), admitted[place], "{policy}{more}: client {place}: {answer:?}");
        }
        stop(site.app).await;
    }
}

#[tokio::test]
async fn users_need_a_password_and_the_kubelets_probes_do_not() {
    let site = Site::new(&format!("{TLS}basic_auth_users:\n{}", user("alice", PASSWORD))).await;
    let client = site.plain();
    for path in ["/", "/metrics", "/api/v1/mailboxes", "/-/nothing", "/-/healthy/", "//-/healthy"] {
        let answer = client.get(site.url(path)).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{path}");
        assert!(answer.headers()["www-authenticate"].to_str().unwrap().starts_with("Basic"));
        let body = answer.text().await.unwrap();
        assert!(!body.contains("mailbox_"), "{body}");
    }
    for path in ["/-/healthy", "/-/ready"] {
        assert_eq!(site.status(&client, path).await.unwrap(), 200, "{path}");
    }
    for (name, password, status) in
        [("alice", PASSWORD, 200), ("alice", "wrong", 401), ("bob", PASSWORD, 401), ("alice", "", 401)]
    {
        for _ in 0..2 {
            let asked = client.get(site.url("/metrics")).basic_auth(name, Some(password));
            assert_eq!(asked.send().await.unwrap().status(), status, "{name} {password:?}");
        }
    }
    stop(site.app).await;
}

#[tokio::test]
async fn rotated_files_count_at_once_and_broken_ones_change_nothing() {
    let site = Site::new(&format!("{TLS}basic_auth_users:\n{}", user("alice", "first"))).await;
    let ask = async |pem: &str, password: &str| {
        let client = client(trusting(pem).with_no_client_auth());
        let asked = client.get(site.url("/metrics")).basic_auth("alice", Some(password));
        asked.send().await.ok().map(|answer| answer.status().as_u16())
    };
    let old = site.authority.pem.clone();
    assert_eq!(ask(&old, "first").await, Some(200));

    // As cert-manager and Kubernetes do it: a directory is made, then a link is led to it in one step.
    let next = Authority::new("The next authority");
    let volume = site.folder.join("volume");
    fs::create_dir_all(volume.join("2")).unwrap();
    put(&volume.join("2"), "server", &next.server());
    symlink("2", volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    let linked =
        "tls_server_config: {cert_file: volume/..data/server.crt, key_file: volume/..data/server.key}\n";
    site.write("web.yaml", &format!("{linked}basic_auth_users:\n{}", user("alice", "second")));
    assert_eq!(ask(&next.pem, "second").await, Some(200));
    assert_eq!(ask(&next.pem, "first").await, Some(401));
    assert_eq!(ask(&old, "second").await, None, "the old certificate is gone");

    fs::create_dir_all(volume.join("3")).unwrap();
    let third = Authority::new("The third authority");
    put(&volume.join("3"), "server", &third.server());
    symlink("3", volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    assert_eq!(ask(&third.pem, "second").await, Some(200), "a swapped link is a new certificate");

    for broken in [
        "tls_server_config: [",
        "tls_server_config: {cert_file: no.crt, key_file: no.key}\n",
        "",
        "# later\n",
    ] {
        site.write("web.yaml", broken);
        assert_eq!(ask(&third.pem, "second").await, Some(200), "{broken:?} changes nothing");
    }
    // A key that does not fit yet: the other half is still on its way.
    site.write("web.yaml", &format!("{linked}basic_auth_users:\n{}", user("alice", "third")));
    fs::write(volume.join("3/server.key"), &next.server().key).unwrap();
    assert_eq!(ask(&third.pem, "second").await, Some(200), "a key of another certificate changes nothing");
    put(&volume.join("3"), "server", &third.server());
    eventually("the mended files count", async || ask(&third.pem, "third").await == Some(200)).await;

    // A file that names what is yet to come counts when it has come, though it is not touched again.
    let later = linked.replace("..data", "later");
    site.write("web.yaml", &format!("{later}basic_auth_users:\n{}", user("alice", "fourth")));
    assert_eq!(ask(&third.pem, "third").await, Some(200));
    fs::create_dir(volume.join("later")).unwrap();
    put(&volume.join("later"), "server", &next.server());
    eventually("what has come counts", async || ask(&next.pem, "fourth").await == Some(200)).await;

    // What is left of a file that was cut off is valid, and must not open the endpoint.
    let headers = "http_server_config: {headers: {X-Frame-Options: deny}}\n";
    for rest in [headers.to_owned(), later.clone(), format!("basic_auth_users:\n{}", user("alice", "fifth"))]
    {
        site.write("web.yaml", &rest);
        assert_eq!(ask(&next.pem, "fourth").await, Some(200), "{rest}");
        assert_eq!(ask(&next.pem, "none").await, Some(401), "{rest}");
        let clear = without_tls(&site.app).await;
        assert!(clear.starts_with("HTTP/1.0 400 "), "{rest}: {clear}");
    }
    stop(site.app).await;
}

#[tokio::test(start_paused = true)]
async fn clients_that_never_shake_hands_are_cut_off() {
    let site = Site::new(TLS).await;
    let begun = Instant::now();
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(site.app.address()).await.unwrap());
    }
    let mut half = TcpStream::connect(site.app.address()).await.unwrap();
    half.write_all(&[22, 3, 1, 2, 0, 1, 0]).await.unwrap();
    let stream = TcpStream::connect(site.app.address()).await.unwrap();
    let tls = trusting(&site.authority.pem).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(tls));
    let mut stream = connector.connect("localhost".try_into().unwrap(), stream).await.unwrap();
    stream.write_all(b"GET /-/healthy HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 ") || answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    for mut stream in silent.into_iter().chain([half]) {
        let _ = stream.read(&mut [0; 64]).await;
    }
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_secs(5) && waited <= Duration::from_secs(12), "{waited:?}");
    stop(site.app).await;
}

#[test]
fn a_faulty_web_configuration_stops_validate_and_serve() {
    let folder = Folder::new();
    folder.write("web.yaml", "tls_server_config:\n  cert_file: no.crt\n  key_fil: no.key\n");
    let config = configuration(&folder);
    for command in ["validate", "serve"] {
        let run = run(&[command], Some(&config));
        assert_eq!(run.status, Some(2), "{command}");
        let said = run.said();
        assert!(said.contains("web.yaml:3:3: tls_server_config.key_fil: unknown key"), "{command}: {said}");
        assert!(said.contains("web.yaml:2:3: tls_server_config: key_file is missing"), "{command}: {said}");
    }
}
