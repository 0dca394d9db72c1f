//! Verdicts: turns a server's words, or the way the connection ended, into a cause.
//!
//! Owns which words count at which step. `diagnosis` knows what a sentence means.

use super::{Probe, Speech, is_farewell_of_a_gateway, speech};
use crate::diagnosis::{self, Answer};
use crate::model::{Cause, Failure, Mechanism, Phase, Reason, ServerFacts};
use crate::net::{Dialogue, End, Violation};

/// Reasons about a login or about what follows it. No server can give one of these before the login.
const OF_LOGINS: [Reason; 14] = [
    Reason::CredentialsRejected,
    Reason::TokenRejected,
    Reason::RoleMissing,
    Reason::BasicAuthDisabled,
    Reason::MfaRequired,
    Reason::AccountNotFound,
    Reason::AccountDisabled,
    Reason::PasswordExpired,
    Reason::RefreshTokenExpired,
    Reason::SmtpAuthDisabledMailbox,
    Reason::MailboxNotConnected,
    Reason::MailboxAccessDenied,
    Reason::FolderMissing,
    Reason::OverQuota,
];

/// Reasons that do not tell why something was refused.
const VAGUE: [Reason; 3] = [Reason::Unexpected, Reason::ProtocolError, Reason::ConnectionClosed];

/// The context that is needed to understand an answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) phase: Phase,
    pub(super) mechanism: Option<Mechanism>,
    pub(super) encrypted: bool,
    pub(super) challenge: Option<&'a str>,
}

impl Stage<'_> {
    pub(super) const fn at(phase: Phase, encrypted: bool) -> Self {
        Self { phase, mechanism: None, encrypted, challenge: None }
    }
}

impl Probe<'_> {
    /// What a refusal means. `text` is the reply as on the wire.
    pub(super) fn refused(self, stage: &Stage<'_>, text: &str) -> Cause {
        let verdict = diagnosis::reply(&Answer {
            phase: stage.phase,
            protocol: self.protocol(),
            mechanism: stage.mechanism,
            family: self.check.mailbox.provider.family,
            encrypted: stage.encrypted,
            challenge: stage.challenge,
            text,
        });
        let reason = match verdict.reason {
            reason if stage.phase < Phase::Auth && OF_LOGINS.contains(&reason) => before_login(stage, text),
            reason => reason,
        };
        let detail = match stage.challenge {
            Some(challenge) => format!("{text} (challenge: {challenge})"),
            None => text.to_owned(),
        };
        Cause { reason, detail, retry_after: verdict.retry_after }
    }

    /// Why a dialogue could not go on. The mail library does not know, but the tap knows how the stream ended, and the
    /// server may have said why.
    pub(super) fn lost(self, stage: &Stage<'_>, dialogue: &Dialogue) -> Cause {
        let said = dialogue.answer();
        let farewell = self.farewell(&said);
        match dialogue.take_end() {
            // The farewell is of another protocol, so it comes from a gateway or a load balancer in front of both.
            Some(End::Violation(Violation::NotUnderstood(line))) if is_farewell_of_a_gateway(&line) => {
                Cause { reason: Reason::ServerUnavailable, ..self.refused(stage, &dialogue.clean(&line)) }
            }
            Some(End::Violation(violation)) => {
                Cause::new(Reason::ProtocolError, dialogue.clean(&violation.to_string()))
            }
            Some(End::Closed) if farewell.is_some() => self.refused(stage, farewell.unwrap_or_default()),
            // The challenge has already described the error.
            Some(End::Closed) if stage.challenge.is_some() => Cause {
                detail: format!(
                    "the server closed the connection after its challenge: {}",
                    stage.challenge.unwrap_or_default()
                ),
                ..self.refused(stage, "")
            },
            Some(End::Closed) => Cause::new(
                Reason::ConnectionClosed,
                match said.lines().last() {
                    Some(last) => format!("the server closed the connection after: {last}"),
                    None => "the server closed the connection without an answer".to_owned(),
                },
            ),
            Some(End::Io(error)) => {
                Cause::new(diagnosis::io(&error), format!("the connection failed: {error}"))
            }
            None => Cause::new(
                Reason::ProtocolError,
                format!("the server's answer is not understood: {}", dialogue.last_server_line()),
            ),
        }
    }

    /// Judges a refusal after an accepted login. If it is vague, an alert that came with the login decides.
    pub(super) fn alerted(self, stage: &Stage<'_>, cause: Cause, alert: Option<&str>) -> Cause {
        let Some(alert) = alert.filter(|_| VAGUE.contains(&cause.reason)) else { return cause };
        let meant = self.refused(&Stage::at(stage.phase, stage.encrypted), &format!("NO [ALERT] {alert}"));
        let reason = if VAGUE.contains(&meant.reason) { cause.reason } else { meant.reason };
        Cause { reason, detail: format!("{} (said at the login: {alert})", cause.detail), ..cause }
    }

    /// Judges a dialogue that fell silent or was cut before the server had finished its answer. A line of that answer
    /// may be the refusal or a farewell; if none is, the last line goes into the detail of a timeout.
    pub(super) fn unfinished(
        self,
        failure: Failure,
        dialogue: &Dialogue,
        facts: &ServerFacts,
        alert: Option<&str>,
    ) -> Failure {
        let Failure { phase, cause } = failure;
        let is_open = matches!(cause.reason, Reason::Timeout | Reason::ConnectionClosed);
        if !is_open || phase == Phase::Tls {
            return Failure { phase, cause };
        }
        let stage = Stage {
            mechanism: facts.mechanism.filter(|_| phase == Phase::Auth),
            ..Stage::at(phase, facts.tls_version.is_some())
        };
        let said = dialogue.answer();
        let refusal = said.lines().rev().find_map(self.speech().refusal_in);
        let judged = refusal.and_then(|text| {
            let refused = self.refused(&stage, text);
            let refused = if self.is_certain(&stage, text) {
                refused
            } else {
                self.alerted(&stage, Cause { reason: Reason::Unexpected, ..refused }, alert)
            };
            (!VAGUE.contains(&refused.reason)).then_some(refused)
        });
        // A server that has said goodbye and then leaves the connection open has said why as well.
        let farewell = self.farewell(&said).filter(|_| judged.is_none() && cause.reason == Reason::Timeout);
        let judged = judged.or_else(|| {
            let Cause { reason, detail, retry_after } = self.refused(&stage, farewell?);
            let detail = format!("{detail} ({})", cause.detail);
            (!VAGUE.contains(&reason)).then_some(Cause { reason, detail, retry_after })
        });
        let cause = judged.unwrap_or_else(|| match (cause.reason, dialogue.last_server_line()) {
            (Reason::Timeout, last) if !last.is_empty() => {
                Cause { detail: format!("{}; the server's last line: {last}", cause.detail), ..cause }
            }
            _ => cause,
        });
        Failure { phase, cause }
    }

    /// The last of these lines that says why the server closes.
    fn farewell<'t>(&self, said: &'t str) -> Option<&'t str> {
        let own = self.speech().is_farewell;
        said.lines().rev().find(|line| own(line) || is_farewell_of_a_gateway(line))
    }

    const fn speech(&self) -> &'static Speech {
        speech(&self.check.goal)
    }

    /// Whether a line is certainly a refusal and no warning: it has a code, or its words refuse something at any step.
    fn is_certain(self, stage: &Stage<'_>, text: &str) -> bool {
        let code = text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(code, _)| code);
        let is_coded = code.is_some_and(|code| !code.eq_ignore_ascii_case("ALERT"));
        let anywhere = Stage::at(Phase::Select, stage.encrypted);
        !self.speech().warns || is_coded || !VAGUE.contains(&self.refused(&anywhere, text).reason)
    }
}

/// The reason of a refusal that came before the login, although its words are about logins.
fn before_login(stage: &Stage<'_>, text: &str) -> Reason {
    match stage.phase {
        _ if text.starts_with('4') => Reason::ServerUnavailable,
        Phase::Greeting => Reason::ServerUnavailable,
        Phase::StartTls => Reason::TlsProtocol,
        _ => Reason::ProtocolError,
    }
}
