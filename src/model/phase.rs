//! Phases: where in a probe the time went and where it ended.

use std::time::Duration;

/// What the program knows of one phase.
#[derive(Debug)]
pub struct PhaseRow {
    /// Label value in metrics.
    pub label: &'static str,
    /// The longest the phase may take, inside the check's own `timeout`.
    pub bound: Duration,
    /// Whether a refusal here is the mail server's verdict on this mailbox. Only such refusals
    /// stretch the interval: repeating them could lock an account or look like an attack.
    pub verdict: bool,
}

const fn row(label: &'static str, bound_seconds: u64, verdict: bool) -> PhaseRow {
    PhaseRow { label, bound: Duration::from_secs(bound_seconds), verdict }
}

table! {
    /// The steps of a probe in their order. On a STARTTLS port `greeting`, `capability` and
    /// `starttls` come before `tls`, and `capability` comes again after it.
    pub enum Phase: PhaseRow {
        /// The access token from the identity provider, or the password from its place.
        Token => row("token", 30, false);
        /// The server's name becomes an address.
        Resolve => row("resolve", 5, false);
        /// The TCP connection.
        Connect => row("connect", 10, false);
        /// The TLS handshake, on every kind of port.
        Tls => row("tls", 10, false);
        /// The server's first line.
        Greeting => row("greeting", 15, false);
        /// The command that asks for TLS, and its reply; the handshake is [`Phase::Tls`].
        StartTls => row("starttls", 30, false);
        /// What the server offers: IMAP CAPABILITY, SMTP EHLO.
        Capability => row("capability", 30, false);
        /// The login. Its bound is long because servers hold refusals back.
        Auth => row("auth", 60, true);
        /// IMAP: the folder is opened. Its answer is the proof of success.
        Select => row("select", 30, true);
        /// SMTP, when asked for: the server is asked whether the address may send.
        Sender => row("sender", 30, true);
    }
}

/// How long each phase of one probe took, in the order in which they were first entered.
///
/// A phase that is entered again (capability after STARTTLS) is added to its first entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timings(Vec<(Phase, Duration)>);

impl Timings {
    /// Adds the time of one visit to a phase.
    pub fn add(&mut self, phase: Phase, took: Duration) {
        match self.0.iter_mut().find(|(entered, _)| *entered == phase) {
            Some((_, sum)) => *sum += took,
            None => self.0.push((phase, took)),
        }
    }

    /// The phases entered, each with its time.
    pub fn iter(&self) -> impl Iterator<Item = (Phase, Duration)> + '_ {
        self.0.iter().copied()
    }

    /// The time of all phases together.
    pub fn total(&self) -> Duration {
        self.0.iter().map(|(_, took)| *took).sum()
    }
}
