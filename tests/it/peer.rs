//! Peers that follow a script: IMAP and SMTP servers in clear text on loopback, honest but for some
//! steps, and a token endpoint and a proxy that answer with exactly these bytes.
//!
//! Knows nothing of what an answer means, and shares no line of code with the product.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::script::listen;

/// What is done at a step. `{tag}` becomes the client's tag; each text ends its own lines.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    /// This in the place of the honest answer.
    Say(&'static str),
    /// This and the honest answer, in one write.
    Before(&'static str),
    /// The honest answer and this, in one write.
    Behind(&'static str),
    /// This, and nothing more while the client stays.
    Silence(&'static str),
    /// This, and the connection ends.
    Close(&'static str),
    /// The honest answer if the client has said this word before, else the text.
    IfHeard(&'static str, &'static str),
}

/// Which acts at which steps: `greeting`, `capability`, `login` (the request to log in), `auth` (the
/// verdict), `select`, `sender`. Everything else is honest.
pub(crate) type Script = &'static [(&'static str, Act)];

/// What a connection has been told: lines of the client, without secrets of any worth.
pub(crate) type Heard = Arc<Mutex<Vec<String>>>;

struct Peer {
    stream: BufReader<TcpStream>,
    script: Script,
    heard: Heard,
}

impl Peer {
    /// The next line of the client.
    async fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_owned();
        self.heard.lock().unwrap().push(line.clone());
        Ok(line)
    }

    async fn send(&mut self, tag: &str, text: &str) -> std::io::Result<()> {
        self.stream.write_all(text.replace("{tag}", tag).as_bytes()).await
    }

    /// Answers at a step.
    async fn answer(&mut self, step: &str, tag: &str, honest: &str) -> std::io::Result<()> {
        let act = self.script.iter().find(|(at, _)| *at == step).map(|(_, act)| *act);
        match act {
            None => self.send(tag, honest).await,
            Some(Act::Say(text)) => self.send(tag, text).await,
            Some(Act::Before(text)) => self.send(tag, &format!("{text}{honest}")).await,
            Some(Act::Behind(text)) => self.send(tag, &format!("{honest}{text}")).await,
            Some(Act::Silence(text)) => {
                self.send(tag, text).await?;
                loop {
                    self.line().await?;
                }
            }
            Some(Act::Close(text)) => {
                self.send(tag, text).await?;
                self.stream.shutdown().await?;
                Err(std::io::ErrorKind::ConnectionAborted.into())
            }
            Some(Act::IfHeard(word, otherwise)) => {
                let was_heard = self.heard.lock().unwrap().iter().any(|line| line.contains(word));
                self.send(tag, if was_heard { honest } else { otherwise }).await
            }
        }
    }
}

/// An IMAP server that follows this script; its port and what it hears.
pub(crate) async fn imap(script: Script) -> (u16, Heard) {
    let heard = Heard::default();
    let hearing = Arc::clone(&heard);
    let port =
        listen(move |stream| imap_dialogue(Peer { stream, script, heard: Arc::clone(&hearing) })).await;
    (port, heard)
}

async fn imap_dialogue(mut peer: Peer) -> std::io::Result<()> {
    peer.answer("greeting", "*", "* OK ready\r\n").await?;
    loop {
        let line = peer.line().await?;
        let (tag, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match rest.split(' ').next().unwrap_or_default() {
            "CAPABILITY" => {
                let list = "* CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\n{tag} OK done\r\n";
                peer.answer("capability", tag, list).await?;
            }
            "AUTHENTICATE" if rest.split(' ').count() == 2 => {
                peer.answer("login", tag, "+ \r\n").await?;
                peer.line().await?;
                peer.answer("auth", tag, "{tag} OK in\r\n").await?;
            }
            "AUTHENTICATE" | "LOGIN" => peer.answer("auth", tag, "{tag} OK in\r\n").await?,
            "SELECT" | "EXAMINE" => {
                peer.answer("select", tag, "* 3 EXISTS\r\n{tag} OK open\r\n").await?;
            }
            "ID" => peer.answer("id", tag, "* ID NIL\r\n{tag} OK noted\r\n").await?,
            _ => peer.send(tag, "* BYE\r\n{tag} OK bye\r\n").await?,
        }
    }
}

/// An SMTP server that follows this script; its port and what it hears.
pub(crate) async fn smtp(script: Script) -> (u16, Heard) {
    let heard = Heard::default();
    let hearing = Arc::clone(&heard);
    let port =
        listen(move |stream| smtp_dialogue(Peer { stream, script, heard: Arc::clone(&hearing) })).await;
    (port, heard)
}

async fn smtp_dialogue(mut peer: Peer) -> std::io::Result<()> {
    peer.answer("greeting", "", "220 mail.contoso.example ready\r\n").await?;
    loop {
        let line = peer.line().await?;
        match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => peer.answer("capability", "", "250-hello\r\n250 AUTH XOAUTH2\r\n").await?,
            "AUTH" => {
                peer.answer("login", "", "334 \r\n").await?;
                peer.line().await?;
                peer.answer("auth", "", "235 2.7.0 fine\r\n").await?;
            }
            "MAIL" => peer.answer("sender", "", "250 2.1.0 fine\r\n").await?,
            "RSET" => peer.send("", "250 2.0.0 fine\r\n").await?,
            _ => peer.send("", "221 2.0.0 bye\r\n").await?,
        }
    }
}

/// A server that answers the first bytes of a TLS handshake with these and stays connected; its port.
pub(crate) async fn handshake(answer: &'static [u8]) -> u16 {
    listen(move |mut stream| async move {
        stream.fill_buf().await?;
        stream.write_all(answer).await?;
        // Until the client leaves.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.map(drop)
    })
    .await
}

/// A server that reads one HTTP request and answers with these bytes; its port and the request's text.
pub(crate) async fn bytes(answer: &'static [u8]) -> (u16, Heard) {
    let heard = Heard::default();
    let hearing = Arc::clone(&heard);
    let port = listen(move |stream| bytes_dialogue(stream, answer, Arc::clone(&hearing))).await;
    (port, heard)
}

async fn bytes_dialogue(
    mut stream: BufReader<TcpStream>,
    answer: &'static [u8],
    heard: Heard,
) -> std::io::Result<()> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        heard.lock().unwrap().push(line.trim_end().to_owned());
        if line.trim_end().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    heard.lock().unwrap().push(String::from_utf8(body).unwrap());
    stream.write_all(answer).await?;
    stream.shutdown().await
}
