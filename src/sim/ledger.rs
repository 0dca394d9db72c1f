//! What a mail server has seen: connections, logins, command words. Secrets never get in here.
//!
//! Judges nothing; tests read it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use crate::sim::lock;

/// The most commands remembered, the oldest forgotten first.
const COMMANDS: usize = 4096;
/// The longest command remembered; the rest of it is cut off.
const COMMAND_LENGTH: usize = 64;

/// Connections to one service of a mailbox or a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// All so far.
    pub total: usize,
    /// Those open now.
    pub now: usize,
    /// The most that were open at once.
    pub highest: usize,
}

/// A command that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Its words without secrets, upper case if the protocol does not care: `AUTHENTICATE XOAUTH2`, `SELECT INBOX`.
    pub words: String,
    /// Whether it came over TLS.
    pub tls: bool,
}

/// The counts of one service.
#[derive(Default)]
pub(super) struct Ledger {
    total: AtomicUsize,
    now: AtomicUsize,
    highest: AtomicUsize,
    /// Logins that were accepted.
    pub(super) logins: AtomicUsize,
    /// Tokens and passwords that came in clear text.
    pub(super) early_secrets: AtomicUsize,
    /// Commands that would move mail: RCPT and DATA, RETR, TOP and DELE.
    pub(super) mail_attempts: AtomicUsize,
    heard: Mutex<VecDeque<Heard>>,
}

impl Ledger {
    /// Counts a connection as open until the guard is dropped.
    pub(super) fn open(self: &Arc<Self>) -> Open {
        self.total.fetch_add(1, Ordering::SeqCst);
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.highest.fetch_max(now, Ordering::SeqCst);
        Open(Arc::clone(self))
    }

    /// Remembers a command; the caller has left secrets out.
    pub(super) fn hear(&self, words: &str, tls: bool) {
        let words = words.chars().take(COMMAND_LENGTH).collect();
        let mut heard = lock(&self.heard);
        if heard.len() >= COMMANDS {
            heard.pop_front();
        }
        heard.push_back(Heard { words, tls });
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        lock(&self.heard).iter().cloned().collect()
    }

    pub(super) fn connections(&self) -> Connections {
        Connections {
            total: self.total.load(Ordering::SeqCst),
            now: self.now.load(Ordering::SeqCst),
            highest: self.highest.load(Ordering::SeqCst),
        }
    }
}

/// One open connection.
pub(super) struct Open(Arc<Ledger>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}
