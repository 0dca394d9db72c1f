//! The output of commands: the answer goes to standard output, everything else to standard error.
//!
//! The last filter before a terminal: it removes every control sequence but our own colours.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;

use crate::safe;

use super::table::{BOLD, GREEN, PLAIN, RED};
use super::{Exit, cannot_run};

/// Prints the answer. A reader that closes the pipe early (`| head`) is not a fault.
pub(super) fn say(text: &str, exit: Exit) -> Exit {
    let text = safe::coloured(text, &[RED, GREEN, BOLD, PLAIN]);
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            cannot_run(&format!("standard output: {error}"))
        }
        _ => exit,
    }
}

/// Prints a complaint or a remark to standard error.
pub(super) fn complain(text: &str) {
    write(&safe::lines(text));
}

fn write(text: &str) {
    // If standard error is closed as well, there is no place left to report it.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Shows how many checks of a round are done, in one line that is rewritten; only on a terminal.
pub(super) struct Progress {
    total: usize,
    /// `None` if standard error is no terminal.
    done: Option<Mutex<usize>>,
}

impl Progress {
    pub(super) fn of(total: usize) -> Self {
        Self { total, done: io::stderr().is_terminal().then(Mutex::default) }
    }

    pub(super) fn step(&self) {
        let Some(done) = &self.done else { return };
        if let Ok(mut done) = done.lock() {
            *done += 1;
            write(&format!("\r\x1b[K{done} of {} checks done", self.total));
        }
    }

    /// Shows another text in its line.
    pub(super) fn note(&self, text: &str) {
        if self.done.is_some() {
            write(&format!("\r\x1b[K{text}"));
        }
    }

    /// Clears the line.
    pub(super) fn end(self) {
        if self.done.is_some() {
            write("\r\x1b[K");
        }
    }
}
