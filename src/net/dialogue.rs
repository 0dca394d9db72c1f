//! The dialogue: what was said on a connection, redacted where the bytes are captured.
//!
//! Owns the memory behind the tap: the lines of both sides, bounded; how the stream ended. The mail libraries lose all of that. It outlives the
//! connection, so that a failure can still quote the server.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::Violation;
use crate::model::{DialogueLine, Redacted, Speaker};
use crate::secret::Scrubber;

/// Lines kept of one dialogue. The first ones go when there are more: the end tells what happened.
const MOST_LINES: usize = 100;
/// Characters kept of a line.
const LONGEST_KEPT: usize = 1000;
/// Bytes of an unfinished line that are held until it ends.
const LONGEST_PARTIAL: usize = 4 * LONGEST_KEPT;

/// How the server's side of the stream ended.
#[derive(Debug)]
pub enum End {
    /// It closed.
    Closed,
    /// It overstepped a bound of the guard.
    Violation(Violation),
    /// The network or TLS failed.
    Io(io::Error),
}

/// A handle to the memory of one connection; clones share it.
#[derive(Clone)]
pub struct Dialogue(Arc<Mutex<Memory>>);

struct Memory {
    begun: Instant,
    scrubber: Scrubber,
    lines: VecDeque<DialogueLine>,
    server_partial: Vec<u8>,
    client_partial: Vec<u8>,
    /// Server lines since the client last spoke.
    answered: usize,
    /// The name by which the server greeted.
    front_end: Option<String>,
    /// The server's last line asks for more of a login.
    continuing: bool,
    end: Option<End>,
}

impl Dialogue {
    /// An empty dialogue that begins now. Whatever the scrubber knows never enters it.
    pub fn begin(scrubber: Scrubber) -> Self {
        Self(Arc::new(Mutex::new(Memory {
            begun: Instant::now(),
            scrubber,
            lines: VecDeque::new(),
            server_partial: Vec::new(),
            client_partial: Vec::new(),
            answered: 0,
            front_end: None,
            continuing: false,
            end: None,
        })))
    }

    /// The server's lines since the client last spoke, joined by line ends.
    pub fn answer(&self) -> String {
        let memory = self.lock();
        let skip = memory.lines.len().saturating_sub(memory.answered);
        let lines: Vec<_> = memory
            .lines
            .iter()
            .skip(skip)
            .filter(|line| line.from == Speaker::Server)
            .map(|line| line.text.as_str())
            .collect();
        lines.join("\n")
    }

    /// The last line of the server, or as much of it as came.
    pub fn last_server_line(&self) -> String {
        let memory = self.lock();
        if !memory.server_partial.is_empty() {
            return memory.clean(&memory.server_partial);
        }
        let last = memory.lines.iter().rev().find(|line| line.from == Speaker::Server);
        last.map(|line| line.text.clone()).unwrap_or_default()
    }

    /// The name that the server gave itself in its greeting, where it gave one.
    pub fn front_end(&self) -> Option<String> {
        self.lock().front_end.clone()
    }

    /// Takes how the stream ended, if it has.
    pub fn take_end(&self) -> Option<End> {
        self.lock().end.take()
    }

    /// Everything that was said, for people.
    pub fn lines(&self) -> Vec<DialogueLine> {
        self.lock().lines.iter().cloned().collect()
    }

    /// Adds a secret that is about to be said, in the spelling in which it will be said.
    pub fn learn(&self, secret: &Redacted) {
        self.lock().scrubber.learn(secret.expose_secret());
    }

    /// Text of others, without secrets and cut.
    pub fn clean(&self, text: &str) -> String {
        self.lock().scrubber.clean(text, LONGEST_KEPT)
    }

    pub(super) fn server_said(&self, bytes: &[u8]) {
        let mut memory = self.lock();
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut memory.server_partial);
                memory.server_line(&line);
            } else if memory.server_partial.len() < LONGEST_PARTIAL {
                memory.server_partial.push(*byte);
            }
        }
    }

    pub(super) fn client_said(&self, bytes: &[u8]) {
        let mut memory = self.lock();
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut memory.client_partial);
                memory.client_line(&line);
            } else if memory.client_partial.len() < crate::net::guard::LONGEST_LINE {
                memory.client_partial.push(*byte);
            }
        }
    }

    pub(super) fn ended(&self, end: End) {
        let mut memory = self.lock();
        if memory.end.is_none() {
            memory.end = Some(end);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        // Nothing that can panic runs under the lock in a way that would leave it half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn server_line(&mut self, line: &[u8]) {
        let plain = challenge_decoded(line).or_else(|| front_end_decoded(line));
        let text = self.clean(plain.as_deref().unwrap_or(line));
        // `+ …` of IMAP and `334 …` of SMTP: what the client says next belongs to a login.
        self.continuing = text.starts_with('+') || text.starts_with("334");
        self.answered += 1;
        if self.lines.is_empty() {
            self.front_end = front_end(&text).map(str::to_owned);
        }
        self.push(Speaker::Server, text);
    }

    fn client_line(&mut self, line: &[u8]) {
        let text = if self.continuing && !line.trim_ascii().is_empty() {
            blank(line.trim_ascii_end().len())
        } else {
            let line = String::from_utf8_lossy(line);
            self.scrubber.clean(&without_login(&line), LONGEST_KEPT)
        };
        self.continuing = false;
        self.answered = 0;
        self.push(Speaker::Client, text);
    }

    fn clean(&self, line: &[u8]) -> String {
        self.scrubber.clean(String::from_utf8_lossy(line).trim_end_matches('\r'), LONGEST_KEPT)
    }

    fn push(&mut self, from: Speaker, text: String) {
        if self.lines.len() == MOST_LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(DialogueLine { at: self.begun.elapsed(), from, text });
    }
}

/// By hand: it holds a dialogue.
impl std::fmt::Debug for Dialogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dialogue")
    }
}

/// The error challenge of a token login, `+ base64` or `334 base64`, as the JSON that people can read.
fn challenge_decoded(line: &[u8]) -> Option<Vec<u8>> {
    let start = if line.starts_with(b"+ ") { 2 } else { 4 };
    let (mark, base64) = line.split_at_checked(start)?;
    if mark != b"+ " && mark != b"334 " {
        return None;
    }
    let json = STANDARD.decode(base64.trim_ascii()).ok().filter(|decoded| decoded.starts_with(b"{"))?;
    Some([mark, json.as_slice()].concat())
}

/// Exchange's greeting ends in `[…]`, the name of its front end in UTF-16 and base64: what its support asks for.
fn front_end_decoded(line: &[u8]) -> Option<Vec<u8>> {
    let rest = line.strip_prefix(b"* OK ")?.trim_ascii_end().strip_suffix(b"]")?;
    let start = rest.iter().rposition(|byte| *byte == b'[')?;
    let decoded = STANDARD.decode(rest.get(start + 1..)?).ok()?;
    let letter = |pair: &[u8]| match pair {
        [letter, 0] if letter.is_ascii_alphanumeric() || b".-".contains(letter) => Some(*letter),
        _ => None,
    };
    let name: Vec<u8> = decoded.chunks(2).map(letter).collect::<Option<_>>()?;
    Some([b"* OK ", rest.get(..=start)?, &name, b"]"].concat())
}

/// The name in a greeting: in brackets at the end of IMAP's (see above), the first word of SMTP's
/// (RFC 5321 section 4.2).
fn front_end(greeting: &str) -> Option<&str> {
    let name = match greeting.strip_prefix("220").map(|rest| rest.trim_start_matches(['-', ' '])) {
        Some(rest) => rest.split(' ').next()?,
        None => greeting.strip_prefix("* OK ")?.strip_suffix(']')?.rsplit_once('[')?.1,
    };
    let is_name = name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    is_name.then_some(name)
}

fn blank(bytes: usize) -> String {
    format!("<redacted {bytes} bytes>")
}

/// A command line with the secret part of a login command replaced by its length.
///
/// `TAG AUTHENTICATE MECHANISM response`, `AUTH MECHANISM response`, `TAG LOGIN user password`.
fn without_login(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let words: Vec<&str> = line.split(' ').collect();
    let open = words.iter().take(2).position(|word| {
        ["AUTHENTICATE", "AUTH", "LOGIN"].iter().any(|command| word.eq_ignore_ascii_case(command))
    });
    let Some(command) = open else { return line.to_owned() };
    let kept = if words[command].eq_ignore_ascii_case("LOGIN") { command + 1 } else { command + 2 };
    if words.len() <= kept {
        return line.to_owned();
    }
    let (kept, secret) = words.split_at(kept);
    format!("{} {}", kept.join(" "), blank(secret.join(" ").len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(dialogue: &Dialogue) -> Vec<String> {
        dialogue.lines().into_iter().map(|line| line.text).collect()
    }

    #[test]
    fn logins_are_redacted_by_the_state_of_the_protocol() {
        let dialogue = Dialogue::begin(Scrubber::default());
        for line in
            ["a1 AUTHENTICATE XOAUTH2 c2VjcmV0\r\n", "a2 LOGIN user \"pass word\"\r\n", "AUTH XOAUTH2\r\n"]
        {
            dialogue.client_said(line.as_bytes());
        }
        dialogue.server_said(b"334 \r\n");
        dialogue.client_said(b"c2VjcmV0\r\n");
        dialogue.server_said(b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n");
        dialogue.client_said(b"\r\n");
        dialogue.client_said(b"QUIT\r\n");
        assert_eq!(
            texts(&dialogue),
            [
                "a1 AUTHENTICATE XOAUTH2 <redacted 8 bytes>",
                "a2 LOGIN <redacted 16 bytes>",
                "AUTH XOAUTH2",
                "334",
                "<redacted 8 bytes>",
                "334 {\"status\":\"401\"}",
                "",
                "QUIT"
            ]
        );
    }

    #[test]
    fn the_front_end_in_a_greeting_can_be_read() {
        let name: Vec<u8> = "FR0P281CA0041.PROD.OUTLOOK.COM".bytes().flat_map(|letter| [letter, 0]).collect();
        let dialogue = Dialogue::begin(Scrubber::default());
        let greeting = format!("* OK Service is ready. [{}]\r\n", STANDARD.encode(name));
        dialogue.server_said(greeting.as_bytes());
        dialogue.server_said(b"* OK [CAPABILITY IMAP4rev1] ready [c2VjcmV0]\r\n");
        assert_eq!(
            texts(&dialogue),
            [
                "* OK Service is ready. [FR0P281CA0041.PROD.OUTLOOK.COM]",
                "* OK [CAPABILITY IMAP4rev1] ready [c2VjcmV0]"
            ]
        );
        assert_eq!(dialogue.front_end().as_deref(), Some("FR0P281CA0041.PROD.OUTLOOK.COM"));
    }

    #[test]
    fn a_server_is_known_by_the_name_in_its_greeting_and_by_nothing_else() {
        let cases = [
            (
                "220 FR0P281CA0041.outlook.office365.com Microsoft ESMTP",
                Some("FR0P281CA0041.outlook.office365.com"),
            ),
            ("220-mail.contoso.example ESMTP", Some("mail.contoso.example")),
            ("220 ready", None),
            ("220 ", None),
            ("421 mail.contoso.example busy", None),
            ("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Dovecot ready.", None),
            ("* OK ready [c2VjcmV0]", None),
            ("* BYE [mail.contoso.example]", None),
        ];
        for (greeting, name) in cases {
            let dialogue = Dialogue::begin(Scrubber::default());
            dialogue.server_said(format!("{greeting}\r\n* OK later [mail.other.example]\r\n").as_bytes());
            assert_eq!(dialogue.front_end().as_deref(), name, "{greeting}");
        }
    }

    #[test]
    fn what_a_server_echoes_of_a_secret_is_not_kept() {
        let dialogue = Dialogue::begin(Scrubber::knowing(["hunter22"]));
        dialogue.server_said(b"535 no such password: hunter22\r\n535 partial hunter22");
        assert_eq!(dialogue.answer(), "535 no such password: <redacted>");
        assert_eq!(dialogue.last_server_line(), "535 partial <redacted>");
        assert!(!format!("{dialogue:?}").contains("partial"));
    }

    #[test]
    fn an_answer_is_what_came_since_the_client_last_spoke() {
        let dialogue = Dialogue::begin(Scrubber::default());
        dialogue.server_said(b"220 ready\r\n");
        dialogue.client_said(b"EHLO x\r\n");
        dialogue.server_said(b"250-mail\r\n250 AUTH XOAUTH2\r\n");
        assert_eq!(dialogue.answer(), "250-mail\n250 AUTH XOAUTH2");
    }

    #[test]
    fn a_dialogue_is_bounded_in_lines_and_in_their_length() {
        let dialogue = Dialogue::begin(Scrubber::default());
        for _ in 0..1000 {
            dialogue.server_said(&[b'x'; 10_000]);
            dialogue.server_said(b"\n");
        }
        let lines = dialogue.lines();
        assert_eq!(lines.len(), MOST_LINES);
        assert!(lines.iter().all(|line| line.text.chars().count() <= LONGEST_KEPT + 1));
    }
}
