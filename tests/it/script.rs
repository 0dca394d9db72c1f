//! Servers that play one recorded answer: IMAP, SMTP and a token endpoint, in clear text on loopback,
//! each as honest as need be until the step at which the answer was recorded.
//!
//! Knows nothing of what an answer means. Faults that are more than one answer are the simulator's.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// An answer and where it belongs.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// `greeting`, `capability`, `starttls`, `auth`, `select` or `sender`.
    pub(crate) step: &'static str,
    /// `XOAUTH2`, `PLAIN`, `LOGIN`, or nothing for IMAP's own LOGIN command.
    pub(crate) mechanism: &'static str,
    /// As recorded. An IMAP tag is replaced by the client's.
    pub(crate) text: String,
}

type Stream = BufReader<TcpStream>;

/// Serves a port to the end of the test; the port.
pub(crate) async fn listen<F>(serve: impl Fn(Stream) -> F + Send + 'static) -> u16
where
    F: Future<Output = std::io::Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // A client that leaves early has got what it came for.
            tokio::spawn(serve(BufReader::new(stream)));
        }
    });
    port
}

async fn send(stream: &mut Stream, text: &str) -> std::io::Result<()> {
    stream.write_all(format!("{}\r\n", text.replace("\r\n", "\n").replace('\n', "\r\n")).as_bytes()).await
}

async fn read(stream: &mut Stream) -> std::io::Result<String> {
    let mut line = String::new();
    match stream.read_line(&mut line).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end().to_owned()),
    }
}

/// An IMAP server that plays this line.
pub(crate) async fn imap(line: Line) -> u16 {
    let line = Arc::new(line);
    listen(move |stream| imap_dialogue(stream, Arc::clone(&line))).await
}

async fn imap_dialogue(mut stream: Stream, line: Arc<Line>) -> std::io::Result<()> {
    let at = |step: &str| line.step == step;
    if at("greeting") {
        return send(&mut stream, &line.text).await;
    }
    send(&mut stream, "* OK ready").await?;
    loop {
        let command = read(&mut stream).await?;
        let (tag, rest) = command.split_once(' ').unwrap_or((&command, ""));
        let mut words = rest.split(' ');
        let word = words.next().unwrap_or_default();
        let step = match word {
            "CAPABILITY" => "capability",
            "AUTHENTICATE" | "LOGIN" => "auth",
            "SELECT" | "EXAMINE" => "select",
            _ => "goodbye",
        };
        if word == "AUTHENTICATE" && words.nth(1).is_none() {
            for prompt in ["+ VXNlcm5hbWU6", "+ UGFzc3dvcmQ6"] {
                send(&mut stream, prompt).await?;
                read(&mut stream).await?;
            }
        }
        if at(step) && step == "capability" {
            send(&mut stream, &format!("{}\n{tag} OK done", line.text)).await?;
        } else if at(step) {
            if !imap_answer(&mut stream, tag, &line.text).await? {
                return Ok(());
            }
        } else if step == "capability" {
            let mechanism = line.mechanism;
            let offer = if mechanism.is_empty() { String::new() } else { format!(" AUTH={mechanism}") };
            send(&mut stream, &format!("* CAPABILITY IMAP4rev1 SASL-IR{offer}\n{tag} OK done")).await?;
        } else {
            send(&mut stream, &format!("{tag} OK done")).await?;
        }
    }
}

/// Plays a recorded answer under this tag; whether the dialogue goes on.
async fn imap_answer(stream: &mut Stream, tag: &str, text: &str) -> std::io::Result<bool> {
    if text.starts_with("* BYE") {
        return send(stream, text).await.map(|()| false);
    }
    if text.starts_with('*') {
        return send(
            stream,
            &format!("{text}\n{tag} NO [ALERT] Please log in via your web browser (Failure)"),
        )
        .await
        .map(|()| true);
    }
    let report = if text.starts_with('{') { format!("+ {}", STANDARD.encode(text)) } else { text.to_owned() };
    if report.starts_with("+ ") {
        send(stream, &report).await?;
        read(stream).await?;
        return send(stream, &format!("{tag} NO [AUTHENTICATIONFAILED] Authentication failed."))
            .await
            .map(|()| true);
    }
    let statuses = ["NO ", "BAD "];
    let bare = match text.split_once(' ') {
        _ if statuses.iter().any(|status| text.starts_with(status)) => text.to_owned(),
        Some((_, rest)) if statuses.iter().any(|status| rest.starts_with(status)) => rest.to_owned(),
        _ => format!("NO {text}"),
    };
    send(stream, &format!("{tag} {bare}")).await?;
    Ok(!text.contains("* BYE"))
}

/// An SMTP server that plays this line.
pub(crate) async fn smtp(line: Line) -> u16 {
    let line = Arc::new(line);
    listen(move |stream| smtp_dialogue(stream, Arc::clone(&line))).await
}

async fn smtp_dialogue(mut stream: Stream, line: Arc<Line>) -> std::io::Result<()> {
    let at = |step: &str| line.step == step;
    if at("greeting") {
        return send(&mut stream, &line.text).await;
    }
    send(&mut stream, "220 ready").await?;
    loop {
        let command = read(&mut stream).await?;
        let (step, honest) = match command.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => ("capability", format!("250-hello\n250-STARTTLS\n250 AUTH {}", line.mechanism)),
            "STARTTLS" => ("starttls", "454 4.7.0 not here".to_owned()),
            "AUTH" => ("auth", "235 2.7.0 fine".to_owned()),
            "MAIL" => ("sender", "250 2.1.0 fine".to_owned()),
            _ => ("goodbye", "221 2.0.0 bye".to_owned()),
        };
        if step == "auth" {
            let prompts: &[&str] =
                if line.mechanism == "LOGIN" { &["VXNlcm5hbWU6", "UGFzc3dvcmQ6"] } else { &[""] };
            for prompt in prompts {
                send(&mut stream, &format!("334 {prompt}")).await?;
                read(&mut stream).await?;
            }
        }
        if at(step) && line.text.starts_with("334 ") {
            send(&mut stream, &line.text).await?;
            read(&mut stream).await?;
            send(&mut stream, "535 5.7.8 Error: authentication failed").await?;
        } else {
            send(&mut stream, if at(step) { &line.text } else { &honest }).await?;
        }
    }
}

/// A token endpoint: the tenant in the path says which answer it plays, status and body.
pub(crate) async fn token_endpoint(answers: Vec<(String, u16, String)>) -> u16 {
    let answers = Arc::new(answers);
    listen(move |stream| token_answer(stream, Arc::clone(&answers))).await
}

async fn token_answer(mut stream: Stream, answers: Arc<Vec<(String, u16, String)>>) -> std::io::Result<()> {
    let request = read(&mut stream).await?;
    let mut length = 0;
    loop {
        let header = read(&mut stream).await?;
        if header.is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
    }
    stream.read_exact(&mut vec![0; length]).await?;
    let asked = |name: &str| request.contains(&format!(" /{name}/"));
    let (_, status, body) = answers.iter().find(|(name, ..)| asked(name)).unwrap();
    let (length, kind) = (body.len(), if body.starts_with('{') { "application/json" } else { "text/plain" });
    let answer = format!(
        "HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await
}
