//! The dialogue: everything that both sides sent on a connection, stored as it came and shown without
//! secrets.
//!
//! Owns the lines of both sides, bounded; how the stream ended; whether data arrived after the last answer.
//! The mail libraries lose all of that. The dialogue outlives the connection, so that a failure can still
//! quote the server. Login data is never stored; the server's lines are searched for secrets when they are
//! first read.

mod line;
mod lines;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::io;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::zeroize::Zeroizing;
use tokio::time::Instant;

use self::lines::{Kept, Lines};
use super::guard::LONGEST_LINE;
use super::{Syntax, Violation};
use crate::model::{DialogueLine, Speaker, Transcript};
use crate::secret::Scrubber;

/// Characters to show of a line.
const LONGEST_SHOWN: usize = 1000;
/// Bytes of earlier lines that are searched along with an answer.
const LARGEST_CONTEXT: usize = 16 * 1024;
/// Bytes to keep of a line.
const LONGEST_KEPT: usize = 4 * LONGEST_SHOWN;

/// How the server's side of the stream ended.
#[derive(Debug)]
pub enum End {
    Closed,
    /// It exceeded a limit of the guard.
    Violation(Violation),
    /// The network or TLS failed.
    Io(io::Error),
}

/// A handle to the dialogue of one connection; clones share it.
#[derive(Clone)]
pub struct Dialogue(Arc<Mutex<Memory>>);

struct Memory {
    begun: Instant,
    syntax: &'static Syntax,
    scrubber: Scrubber,
    lines: Lines,
    server_partial: Partial,
    client_partial: Partial,
    /// Server lines since the client last spoke.
    answered: usize,
    /// The server's name in its greeting.
    front_end: Option<String>,
    /// The server's last line asks for more login data.
    continuing: bool,
    end: Option<End>,
}

/// An unfinished line.
#[derive(Default)]
struct Partial {
    bytes: Zeroizing<Vec<u8>>,
    is_cut: bool,
}

impl Partial {
    /// Adds more of the line, which keeps `most` bytes.
    fn add(&mut self, more: &[u8], most: usize) {
        let (kept, is_cut) = within(more, most.saturating_sub(self.bytes.len()));
        self.bytes.extend_from_slice(kept);
        self.is_cut |= is_cut;
    }
}

/// At most so many bytes of these, and whether that cuts them.
fn within(bytes: &[u8], most: usize) -> (&[u8], bool) {
    bytes.get(..most).map_or((bytes, false), |kept| (kept, kept.len() < bytes.len()))
}

impl Dialogue {
    /// An empty dialogue that starts now. Secrets known to the scrubber are never shown.
    pub fn begin(scrubber: Scrubber, syntax: &'static Syntax) -> Self {
        Self(Arc::new(Mutex::new(Memory {
            begun: Instant::now(),
            syntax,
            scrubber,
            lines: Lines::default(),
            server_partial: Partial::default(),
            client_partial: Partial::default(),
            answered: 0,
            front_end: None,
            continuing: false,
            end: None,
        })))
    }

    /// The server's lines since the client last spoke, joined by line ends and without secrets.
    pub fn answer(&self) -> String {
        let memory = self.lock();
        let lines = memory.server_lines();
        let (before, answer) = lines.split_at(lines.len().saturating_sub(memory.answered));
        memory.in_context(before, memory.texts(answer)).join("\n")
    }

    /// The server's last line, complete or not.
    pub fn last_server_line(&self) -> String {
        let memory = self.lock();
        let lines = memory.server_lines();
        let (before, last) = if memory.server_partial.bytes.is_empty() {
            let (before, last) = lines.split_at(lines.len().saturating_sub(1));
            (before, memory.texts(last))
        } else {
            let partial = line::readable(&memory.server_partial.bytes, memory.syntax);
            (lines.as_slice(), vec![partial])
        };
        memory.in_context(before, last).pop().unwrap_or_default()
    }

    /// Whether the server's last line has the ALERT code, which clients must show (RFC 3501 section 7.1).
    pub fn is_alert(&self) -> bool {
        const CODE: &[u8] = b"[ALERT]";
        let memory = self.lock();
        let last = memory.lines.last_of(Speaker::Server);
        last.is_some_and(|line| {
            line.bytes.windows(CODE.len()).any(|window| window.eq_ignore_ascii_case(CODE))
        })
    }

    /// The server's name in its greeting, if it gave one.
    ///
    /// A server could send back a secret as its name; such a name counts as absent.
    pub fn front_end(&self) -> Option<String> {
        let memory = self.lock();
        let name = memory.front_end.as_deref()?;
        memory.scrubber.leaves(name).then(|| name.to_owned())
    }

    /// Takes the way the stream ended, if it has.
    pub fn take_end(&self) -> Option<End> {
        self.lock().end.take()
    }

    /// Takes the whole transcript, which is redacted at first access.
    pub fn transcript(&self) -> Transcript {
        let mut memory = self.lock();
        let lines = mem::take(&mut memory.lines).packed();
        let (scrubber, syntax) = (memory.scrubber.clone(), memory.syntax);
        memory.answered = 0;
        Transcript::written_by(move || transcript(&scrubber, syntax, &lines))
    }

    /// Text of the server's last answer, redacted and truncated.
    pub fn clean(&self, text: &str) -> String {
        let memory = self.lock();
        let lines = memory.server_lines();
        let before = lines.get(..lines.len().saturating_sub(memory.answered)).unwrap_or_default();
        let text = memory.in_context(before, vec![text.to_owned()]).pop().unwrap_or_default();
        memory.scrubber.clean(&text, LONGEST_SHOWN)
    }

    pub(crate) fn server_said(&self, bytes: &[u8]) {
        let mut memory = self.lock();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                // Most lines come whole.
                Some(line) if memory.server_partial.bytes.is_empty() => {
                    let (kept, is_cut) = within(line, LONGEST_KEPT);
                    memory.server_line(kept, is_cut);
                }
                Some(rest) => {
                    let mut line = mem::take(&mut memory.server_partial);
                    line.add(rest, LONGEST_KEPT);
                    memory.server_line(&line.bytes, line.is_cut);
                }
                None => memory.server_partial.add(part, LONGEST_KEPT),
            }
        }
    }

    pub(crate) fn client_said(&self, bytes: &[u8]) {
        let mut memory = self.lock();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                // A login is long: it is not copied.
                Some(line) if memory.client_partial.bytes.is_empty() => {
                    memory.client_line(within(line, LONGEST_LINE).0);
                }
                Some(rest) => {
                    let mut line = mem::take(&mut memory.client_partial);
                    line.add(rest, LONGEST_LINE);
                    memory.client_line(&line.bytes);
                }
                None => memory.client_partial.add(part, LONGEST_LINE),
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
        // Code under the lock cannot panic halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn server_line(&mut self, bytes: &[u8], is_cut: bool) {
        self.continuing = line::is_prompt(bytes, self.syntax);
        self.answered += 1;
        if self.lines.is_empty() {
            let greeting = line::readable(bytes, self.syntax);
            self.front_end = line::front_end(&greeting, self.syntax).map(str::to_owned);
        }
        self.push(Speaker::Server, bytes, is_cut);
    }

    fn client_line(&mut self, line: &[u8]) {
        let text = if self.continuing && !line.trim_ascii().is_empty() {
            line::blank(line.trim_ascii_end().len())
        } else {
            // Checking a long login for UTF-8 is much faster than repairing it.
            let text = str::from_utf8(line).map_or_else(|_| String::from_utf8_lossy(line), Cow::Borrowed);
            line::without_login(&text, self.syntax)
        };
        self.continuing = false;
        self.answered = 0;
        let (kept, is_cut) = within(text.as_bytes(), LONGEST_KEPT);
        self.push(Speaker::Client, kept, is_cut);
    }

    fn server_lines(&self) -> Vec<Kept<'_>> {
        self.lines.iter().filter(|line| line.from == Speaker::Server).collect()
    }

    fn texts(&self, lines: &[Kept<'_>]) -> Vec<String> {
        lines.iter().map(|line| line.text(self.syntax)).collect()
    }

    /// These texts, redacted. A secret may have begun in the lines before them, so as many of those as fit are searched
    /// as well.
    fn in_context(&self, before: &[Kept<'_>], texts: Vec<String>) -> Vec<String> {
        let mut room = LARGEST_CONTEXT;
        let fits = |line: &&Kept<'_>| {
            let is_left = room.checked_sub(line.bytes.len());
            room = is_left.unwrap_or_default();
            is_left.is_some()
        };
        let count = before.iter().rev().take_while(fits).count();
        let mut all = self.texts(before.get(before.len() - count..).unwrap_or_default());
        all.extend(texts);
        let mut shown = self.scrubber.clean_lines(all.iter().map(String::as_str), LONGEST_SHOWN);
        shown.split_off(count)
    }

    fn push(&mut self, from: Speaker, bytes: &[u8], is_cut: bool) {
        self.lines.push(Kept { at: self.begun.elapsed(), from, bytes, is_cut });
    }
}

impl Kept<'_> {
    /// The line for display. A truncated line loses its last word, because half a secret would not be
    /// recognised.
    fn text(&self, syntax: &Syntax) -> String {
        let mut text = line::readable(self.bytes, syntax);
        if let Some(end) = text.rfind(' ').filter(|_| self.is_cut) {
            text.truncate(end);
            text.push_str(" …");
        }
        text
    }
}

/// The redacted lines of one side. They are searched together, since a secret may span lines.
fn shown(scrubber: &Scrubber, syntax: &Syntax, lines: &[Kept<'_>], from: Speaker) -> Vec<String> {
    let of_side = lines.iter().filter(|line| line.from == from);
    let texts: Vec<String> = of_side.map(|line| line.text(syntax)).collect();
    scrubber.clean_lines(texts.iter().map(String::as_str), LONGEST_SHOWN)
}

/// The redacted lines of both sides, in order.
fn transcript(scrubber: &Scrubber, syntax: &Syntax, lines: &Lines) -> Vec<DialogueLine> {
    let all: Vec<Kept<'_>> = lines.iter().collect();
    let mut client = shown(scrubber, syntax, &all, Speaker::Client).into_iter();
    let mut server = shown(scrubber, syntax, &all, Speaker::Server).into_iter();
    let show = |line: Kept<'_>| {
        let text = match line.from {
            Speaker::Client => client.next(),
            Speaker::Server => server.next(),
        };
        DialogueLine { at: line.at, from: line.from, text: text.unwrap_or_default() }
    };
    lines.iter().map(show).collect()
}

/// Written by hand, because the derived form would print the dialogue.
impl std::fmt::Debug for Dialogue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Dialogue")
    }
}
