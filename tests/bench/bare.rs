//! The bare dialogue: a client that says what a probe says, and does nothing else.
//!
//! It stands for the least that a probe can cost: TCP, a full TLS 1.3 handshake, the commands, and a read until each
//! answer is complete. Nothing is judged, recorded or bounded.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mailbox_exporter::check::Prober;
use mailbox_exporter::model::{Check, Protocol};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A command and what begins the last line of its answer; the first command is empty, for the greeting.
type Script = Vec<(String, &'static str)>;

/// Says the same thing again and again.
#[derive(Clone)]
pub(crate) struct Bare {
    address: SocketAddr,
    tls: TlsConnector,
    script: Arc<Script>,
}

impl Bare {
    /// What the probe of this check says, with the token that it uses.
    pub(crate) async fn of(check: &Check, prober: &Prober, authority: &Path) -> Self {
        let token = prober.tokens().fetch(check.token_spec().unwrap(), &check.name()).await.unwrap();
        let login = format!(
            "user={}\x01auth=Bearer {}\x01\x01",
            check.mailbox.username,
            token.value().expose_secret()
        );
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, check.endpoint.port));
        let script = Arc::new(script(check.protocol(), &STANDARD.encode(login)));
        Self { address, tls: connector(authority), script }
    }

    /// How often it waits for the server: once for TCP, once for TLS 1.3, and once for each answer.
    pub(crate) fn round_trips(&self) -> usize {
        2 + self.script.len()
    }

    /// The whole dialogue once.
    pub(crate) async fn say(&self) {
        let mut stream = self.shake().await;
        let mut heard = Vec::with_capacity(4096);
        for (command, end) in &*self.script {
            if !command.is_empty() {
                stream.write_all(command.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
            }
            heard.clear();
            while !is_complete(&heard, end) {
                assert!(stream.read_buf(&mut heard).await.unwrap() > 0, "closed after {command}");
            }
        }
    }

    /// TCP and TLS, and nothing said.
    pub(crate) async fn shake(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        self.tls.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
    }
}

fn connector(authority: &Path) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    TlsConnector::from(Arc::new(config))
}

fn script(protocol: Protocol, login: &str) -> Script {
    let imap = [
        (String::new(), "* OK"),
        ("a1 CAPABILITY\r\n".to_owned(), "a1 OK"),
        (format!("a2 AUTHENTICATE XOAUTH2 {login}\r\n"), "a2 OK"),
        ("a3 EXAMINE INBOX\r\n".to_owned(), "a3 OK"),
        ("a4 LOGOUT\r\n".to_owned(), "a4 OK"),
    ];
    let smtp = [
        (String::new(), "220 "),
        ("EHLO [127.0.0.1]\r\n".to_owned(), "250 "),
        ("AUTH XOAUTH2\r\n".to_owned(), "334 "),
        (format!("{login}\r\n"), "235 "),
        ("QUIT\r\n".to_owned(), "221 "),
    ];
    if protocol == Protocol::Imap { imap.to_vec() } else { smtp.to_vec() }
}

/// Whether the last line is complete and begins so.
fn is_complete(heard: &[u8], end: &str) -> bool {
    let Some(lines) = heard.strip_suffix(b"\r\n") else { return false };
    let begin = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |place| place + 1);
    lines[begin..].starts_with(end.as_bytes())
}
