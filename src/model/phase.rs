//! The phases of a probe: where its time goes and where it fails.

use std::time::Duration;

/// The facts of one phase.
#[derive(Debug)]
pub struct PhaseRow {
    /// The label value in metrics.
    pub label: &'static str,
    /// Time limit of the phase, within the check's own `timeout`.
    pub bound: Duration,
    /// Whether a refusal in this phase is the mail server's verdict on this mailbox. Only such refusals
    /// stretch the interval: repeated attempts could lock an account or look like an attack.
    pub verdict: bool,
}

const fn row(label: &'static str, bound_seconds: u64, verdict: bool) -> PhaseRow {
    PhaseRow { label, bound: Duration::from_secs(bound_seconds), verdict }
}

table! {
    /// The phases in order. On a STARTTLS port `greeting`, `capability` and `starttls` precede `tls`, and
    /// `capability` runs again after it.
    pub enum Phase: PhaseRow {
        /// Obtains the access token, or reads the password.
        Token => row("token", 30, false);
        /// Resolves the server's name.
        Resolve => row("resolve", 5, false);
        /// Opens the TCP connection.
        Connect => row("connect", 10, false);
        /// Performs the TLS handshake, on every kind of port.
        Tls => row("tls", 10, false);
        /// Reads the server's first line.
        Greeting => row("greeting", 15, false);
        /// Sends the STARTTLS command, STLS in POP3; the handshake is [`Phase::Tls`].
        StartTls => row("starttls", 30, false);
        /// Asks what the server offers: IMAP CAPABILITY, SMTP EHLO, POP3 CAPA.
        Capability => row("capability", 30, false);
        /// Logs in. The limit is long because servers delay refusals.
        Auth => row("auth", 60, true);
        /// IMAP: opens the folder. Its answer proves success.
        Select => row("select", 30, true);
        /// POP3: counts the messages. Its answer proves success.
        Stat => row("stat", 30, true);
        /// SMTP, if configured: asks whether the address may send.
        Sender => row("sender", 30, true);
        /// Graph: asks for the folder. Its answer proves success, and says as well whether the token is good.
        Open => row("open", 30, true);
        /// Round trip: hands the message over to the sender's server.
        Send => row("send", 60, true);
        /// Round trip: looks for the message at its destination. All of the receiving side belongs here, its login
        /// included, with the limits of the phases above for each step.
        Deliver => row("deliver", 30, false);
        /// Round trip: deletes the message, and what earlier round trips left behind.
        Clean => row("clean", 30, false);
    }
}

/// How long each phase of one probe took, ordered by first entry.
///
/// Time in a phase that is entered again (capability after STARTTLS) adds to its first entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timings(Vec<(Phase, Duration)>);

impl Timings {
    /// Adds the time of one stay in a phase.
    pub fn add(&mut self, phase: Phase, took: Duration) {
        match self.0.iter_mut().find(|(entered, _)| *entered == phase) {
            Some((_, sum)) => *sum += took,
            None => self.0.push((phase, took)),
        }
    }

    /// The same in no more memory than it needs.
    #[must_use]
    pub fn packed(mut self) -> Self {
        self.0.shrink_to_fit();
        self
    }

    /// The phases and their times.
    pub fn iter(&self) -> impl Iterator<Item = (Phase, Duration)> + '_ {
        self.0.iter().copied()
    }

    /// The sum over all phases.
    pub fn total(&self) -> Duration {
        self.0.iter().map(|(_, took)| *took).sum()
    }
}
