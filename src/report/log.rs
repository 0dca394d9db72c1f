//! One log line per observation and per token request.
//!
//! Text from servers goes into fields, which the log writer quotes, so a server cannot forge a log line. Not
//! here: the destination and format of the log.

use std::time::Duration;

use tracing::{info, warn};

use crate::model::{NOTABLE_SKEW, Observation, Outcome, TokenReport};

use super::{FAILURE, SUCCESS};

pub(super) fn probe(observation: &Observation) {
    let mailbox = &*observation.check.mailbox.name;
    let protocol = observation.check.protocol().label();
    let (duration_ms, lateness_ms) = (millis(observation.duration), millis(observation.lateness));
    match &observation.outcome {
        Outcome::Up => info!(mailbox, protocol, outcome = SUCCESS, duration_ms, lateness_ms, "probe"),
        Outcome::Down { failure, hint } => warn!(
            mailbox,
            protocol,
            outcome = FAILURE,
            phase = failure.phase.label(),
            reason = failure.cause.reason.label(),
            detail = failure.cause.detail.as_str(),
            hint = hint.as_str(),
            duration_ms,
            lateness_ms,
            "probe"
        ),
    }
}

pub(super) fn token(report: &TokenReport) {
    let credential = &*report.spec.credential;
    let resource = report.spec.resource();
    let (request_id, duration_ms) = (report.request_id.as_deref(), millis(report.duration));
    // Shown only for a notable difference, to keep lines short.
    let skew = report.clock_skew.filter(|skew| skew.abs() >= NOTABLE_SKEW);
    let clock_skew_seconds = skew.map(|skew| skew.as_secs());
    let interception_suspected = report.intercepted.then_some(true);
    match &report.outcome {
        Ok(token) => {
            let expires_at = token.expires_at.to_string();
            let expires_at = expires_at.as_str();
            info!(
                credential,
                resource,
                outcome = SUCCESS,
                expires_at,
                request_id,
                duration_ms,
                clock_skew_seconds,
                interception_suspected,
                "token request"
            );
        }
        Err(cause) => warn!(
            credential,
            resource,
            outcome = FAILURE,
            reason = cause.reason.label(),
            detail = cause.detail.as_str(),
            request_id,
            duration_ms,
            clock_skew_seconds,
            interception_suspected,
            "token request"
        ),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use crate::model::{Phase, Protocol, Reason};
    use crate::report::samples::{Lines, check, credential, dawn, down, issued, mailbox, refused, up};

    use super::*;

    fn written(work: impl FnOnce()) -> Vec<String> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber =
            tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, work);
        lines.text().lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_observation_is_one_line_whatever_a_server_sends() {
        let desk = check(&mailbox("desk", &credential("contoso", None), &[]), Protocol::Imap);
        let evil = "NO\r\n2026-11-24T00:00:00Z  INFO forged \u{1b}[31m\u{2028}\u{85}";
        let failed = down(&desk, dawn(), (Phase::Auth, Reason::TokenRejected), evil, "Do \"this\"\nand that");
        let lines = written(|| probe(&failed));
        assert_eq!(lines.len(), 1, "{lines:?}");
        let expected = [
            "WARN",
            "mailbox=\"desk\"",
            "protocol=\"imap\"",
            "outcome=\"failure\"",
            "phase=\"auth\"",
            "reason=\"token_rejected\"",
            "duration_ms=337",
            "lateness_ms=3",
        ];
        for field in expected {
            assert!(lines[0].contains(field), "{field} in {}", lines[0]);
        }
        assert!(!lines[0].contains(char::is_control));

        let lines = written(|| probe(&up(&desk, dawn())));
        assert!(lines.len() == 1 && lines[0].contains("INFO") && lines[0].contains("outcome=\"success\""));
    }

    #[test]
    fn every_token_request_is_one_line_with_the_key_to_the_sign_in_log() {
        let contoso = credential("contoso", None);
        for report in [issued(&contoso, &[]), refused(&contoso, Reason::SecretExpired)] {
            let lines = written(|| token(&report));
            assert!(lines.len() == 1 && lines[0].contains("request_id=\"5f2c\""), "{lines:?}");
        }
    }
}
