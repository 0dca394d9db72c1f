//! A client that goes through a dialogue as far as the server lets it, and records the answers and the end.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::sim::wire::Io;
use crate::sim::{Service, Sim, SimApp, SimMailbox};

/// How long nothing must come until it counts as silence.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest line read.
const LINE_LIMIT: usize = 32 * 1024;
/// The most bytes read of an answer by HTTP.
const LARGEST_ANSWER: u64 = 1024 * 1024;
/// The most lines read.
const LINES: usize = 100;

/// A connection, and what the server has said on it.
pub(super) struct Walk {
    io: BufReader<Box<dyn Io>>,
    pub(super) told: Vec<String>,
}

/// How a walk ended, when it did not come to its end.
pub(super) type Stopped = &'static str;

impl Walk {
    pub(super) async fn connect(port: u16) -> Result<Self, Stopped> {
        let stream = timeout(PATIENCE, TcpStream::connect(("127.0.0.1", port)))
            .await
            .map_err(|_| "connect: silence")?
            .map_err(|_| "connect: refused")?;
        Ok(Self { io: BufReader::new(Box::new(stream)), told: Vec::new() })
    }

    /// TLS on top; what was read too much is kept out of it, as a client must.
    pub(super) async fn secure(&mut self, sim: &Sim) -> Result<(), Stopped> {
        if !self.io.buffer().is_empty() {
            return Err("tls: injected");
        }
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(sim.ca_pem().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let nothing: Box<dyn Io> = Box::new(tokio::io::empty());
        let plain = std::mem::replace(&mut self.io, BufReader::new(nothing)).into_inner();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = timeout(PATIENCE, TlsConnector::from(Arc::new(config)).connect(name, plain))
            .await
            .map_err(|_| "tls: silence")?
            .map_err(|error| error.to_string());
        match tls {
            Ok(tls) => {
                self.io = BufReader::new(Box::new(tls));
                Ok(())
            }
            Err(error) => {
                self.told.push(error);
                Err("tls: failed")
            }
        }
    }

    pub(super) async fn send(&mut self, line: &str) -> Result<(), Stopped> {
        self.io.write_all(format!("{line}\r\n").as_bytes()).await.map_err(|_| "closed")?;
        self.io.flush().await.map_err(|_| "closed")
    }

    /// The next line, told exactly but for its CRLF.
    pub(super) async fn line(&mut self) -> Result<String, Stopped> {
        let mut line = Vec::new();
        loop {
            let (taken, ended) = {
                let bytes = timeout(PATIENCE, self.io.fill_buf()).await.map_err(|_| "silence")?;
                let bytes = bytes.map_err(|error| match error.kind() {
                    std::io::ErrorKind::UnexpectedEof => "cut",
                    std::io::ErrorKind::ConnectionReset => "reset",
                    _ => "broken",
                })?;
                if bytes.is_empty() {
                    return Err("closed");
                }
                let end = bytes.iter().position(|&byte| byte == b'\n');
                let taken = end.map_or(bytes.len(), |end| end + 1);
                line.extend_from_slice(&bytes[..taken]);
                (taken, end.is_some())
            };
            self.io.consume(taken);
            if line.len() > LINE_LIMIT {
                return Err("long line");
            }
            if ended {
                break;
            }
        }
        if self.told.len() >= LINES {
            return Err("many lines");
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        let line = line.strip_suffix("\r\n").map_or_else(|| line.clone(), str::to_owned);
        self.told.push(line.clone());
        Ok(line)
    }

    /// Lines until one is the last of its answer: tagged in IMAP, with a space behind its code in SMTP.
    pub(super) async fn answer(&mut self, tag: &str) -> Result<String, Stopped> {
        loop {
            let line = self.line().await?;
            let is_last = if tag.is_empty() {
                line.as_bytes().get(3) != Some(&b'-')
            } else {
                line.starts_with(&format!("{tag} ")) || line.starts_with('+')
            };
            if is_last {
                return Ok(line);
            }
        }
    }

    pub(super) async fn ask(&mut self, tag: &str, line: &str) -> Result<String, Stopped> {
        let line = if tag.is_empty() { line.to_owned() } else { format!("{tag} {line}") };
        self.send(&line).await?;
        self.answer(tag).await
    }

    /// Everything on a STARTTLS port, from the greeting to the goodbye.
    pub(super) async fn all(
        &mut self,
        sim: &Sim,
        mailbox: &SimMailbox,
        service: Service,
        token: &str,
    ) -> Stopped {
        let walked = match service {
            Service::Imap => self.imap(sim, &mailbox.username(), token).await,
            Service::Smtp => self.smtp(sim, mailbox.address(), token).await,
            Service::Pop3 => self.pop3(sim, mailbox.address(), token).await,
        };
        walked.err().unwrap_or("stayed")
    }

    async fn imap(&mut self, sim: &Sim, user: &str, token: &str) -> Result<(), Stopped> {
        self.line().await?;
        self.ask("a1", "CAPABILITY").await?;
        let go = self.ask("a2", "STARTTLS").await?;
        if !go.starts_with("a2 OK") {
            return Err("no tls");
        }
        self.secure(sim).await?;
        self.ask("a3", "CAPABILITY").await?;
        let at_once = self.told.iter().any(|line| line.contains("SASL-IR"));
        let blob = xoauth2(user, token);
        let mut answer = if at_once {
            self.ask("a4", &format!("AUTHENTICATE XOAUTH2 {blob}")).await?
        } else {
            let go = self.ask("a4", "AUTHENTICATE XOAUTH2").await?;
            if go.starts_with('+') {
                self.send(&blob).await?;
                self.answer("a4").await?
            } else {
                go
            }
        };
        if answer.starts_with('+') {
            self.send("").await?;
            answer = self.answer("a4").await?;
        }
        if answer.starts_with("a4 OK") {
            self.ask("a5", "SELECT INBOX").await?;
        }
        self.ask("a6", "LOGOUT").await?;
        self.line().await.map(drop)
    }

    async fn pop3(&mut self, sim: &Sim, user: &str, token: &str) -> Result<(), Stopped> {
        self.line().await?;
        self.capabilities().await?;
        if !self.ask("", "STLS").await?.starts_with("+OK") {
            return Err("no tls");
        }
        self.secure(sim).await?;
        self.capabilities().await?;
        let mut answer = self.ask("", "AUTH XOAUTH2").await?;
        if answer.starts_with("+ ") {
            answer = self.ask("", &xoauth2(user, token)).await?;
        }
        if answer.starts_with("+ ") {
            answer = self.ask("", "").await?;
        }
        if answer.starts_with("+OK") {
            self.ask("", "STAT").await?;
        }
        self.ask("", "QUIT").await?;
        self.line().await.map(drop)
    }

    /// What a POP3 server offers.
    pub(super) async fn capabilities(&mut self) -> Result<Vec<String>, Stopped> {
        let mut lines = Vec::new();
        if !self.ask("", "CAPA").await?.starts_with("+OK") {
            return Ok(lines);
        }
        loop {
            match self.line().await? {
                line if line == "." => return Ok(lines),
                line => lines.push(line),
            }
        }
    }

    async fn smtp(&mut self, sim: &Sim, address: &str, token: &str) -> Result<(), Stopped> {
        self.answer("").await?;
        self.ask("", "EHLO probe").await?;
        let go = self.ask("", "STARTTLS").await?;
        if !go.starts_with("220") {
            return Err("no tls");
        }
        self.secure(sim).await?;
        self.ask("", "EHLO probe").await?;
        let mut answer = self.ask("", "AUTH XOAUTH2").await?;
        if answer.starts_with("334") {
            answer = self.ask("", &xoauth2(address, token)).await?;
        }
        if answer.starts_with("334") {
            answer = self.ask("", "").await?;
        }
        if answer.starts_with("235") {
            self.ask("", &format!("MAIL FROM:<{address}>")).await?;
            self.ask("", "RSET").await?;
        }
        self.ask("", "QUIT").await?;
        self.line().await.map(drop)
    }
}

pub(super) fn xoauth2(user: &str, token: &str) -> String {
    STANDARD.encode(format!("user={user}\u{1}auth=Bearer {token}\u{1}\u{1}"))
}

/// The form an honest client sends.
pub(super) fn form(app: &SimApp, scope: &str) -> String {
    let scope = scope.replace(':', "%3A").replace('/', "%2F");
    let secret = app.secret.replace('~', "%7E");
    format!("grant_type=client_credentials&client_id={}&client_secret={secret}&scope={scope}", app.client_id)
}

/// The whole answer of the token endpoint to this form, or how it ended.
pub(super) async fn token_answer(sim: &Sim, tenant: &str, headers: &str, form: &str) -> String {
    let url = sim.token_url_plain();
    let (address, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let path = path.replace("{tenant}", tenant);
    let length = form.len();
    let request = format!(
        "POST /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         {headers}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    match timeout(PATIENCE, stream.take(LARGEST_ANSWER).read_to_end(&mut answer)).await {
        Ok(_) if answer.is_empty() => "closed".to_owned(),
        Ok(_) => String::from_utf8(answer).unwrap(),
        Err(_) => "silence".to_owned(),
    }
}

/// A token of this application.
pub(super) async fn token(sim: &Sim, app: &SimApp) -> String {
    let answer = token_answer(sim, &app.tenant, "", &form(app, sim.scope())).await;
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    body["access_token"].as_str().unwrap_or_default().to_owned()
}
