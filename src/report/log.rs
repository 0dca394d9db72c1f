//! The log lines: one for each outcome that differs from the check's last one, one a minute for all the others, one
//! for each token request. With `--log-level debug` every observation has its line.
//!
//! Text from servers goes into fields, which the log writer quotes, so a server cannot forge a log line. Not
//! here: the destination and format of the log.

use std::time::Duration;

use tracing::{debug, info, warn};

use crate::model::{NOTABLE_SKEW, Observation, Outcome, TokenReport};

use super::minute::Minute;
use super::{FAILURE, SUCCESS};

/// An observation. It is news if the check's outcome, phase or reason differs from the last time.
pub(super) fn probe(observation: &Observation, is_news: bool) {
    let mailbox = &*observation.check.mailbox.name;
    let protocol = observation.check.protocol().label();
    let (duration_ms, lateness_ms) = (millis(observation.duration), millis(observation.lateness));
    let earlier = &observation.server.trip.earlier;
    let earlier_messages = (!earlier.is_empty()).then(|| earlier.join("; "));
    let earlier_messages = earlier_messages.as_deref();
    // The fate of a lost message is news, whatever the outcome.
    let is_news = is_news || earlier_messages.is_some();
    match &observation.outcome {
        Outcome::Up if is_news => {
            info!(mailbox, protocol, outcome = SUCCESS, duration_ms, lateness_ms, earlier_messages, "probe");
        }
        Outcome::Up => debug!(mailbox, protocol, outcome = SUCCESS, duration_ms, lateness_ms, "probe"),
        Outcome::Down { failure, hint } => {
            let (phase, reason) = (failure.phase.label(), failure.cause.reason.label());
            let (outcome, detail, hint) = (FAILURE, failure.cause.detail.as_str(), hint.as_str());
            // tracing wants the level of a line when it is compiled.
            macro_rules! line {
                ($level:ident) => {
                    $level!(
                        mailbox,
                        protocol,
                        outcome,
                        phase,
                        reason,
                        detail,
                        hint,
                        duration_ms,
                        lateness_ms,
                        earlier_messages,
                        "probe"
                    )
                };
            }
            if is_news { line!(warn) } else { line!(debug) }
        }
    }
}

/// What has been observed since the last such line.
pub(super) fn summary(minute: &Minute, failing: usize) {
    let Minute { probes, failures, changes, latest } = *minute;
    let lateness_ms = millis(latest);
    info!(probes, failures, changes, failing_checks = failing, lateness_ms, "probes of the last minute");
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
    use crate::report::Report;
    use crate::report::samples::{Lines, check, credential, dawn, down, issued, mailbox, plan, refused, up};

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
        let lines = written(|| probe(&failed, true));
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

        let lines = written(|| probe(&up(&desk, dawn()), true));
        assert!(lines.len() == 1 && lines[0].contains("INFO") && lines[0].contains("outcome=\"success\""));
    }

    #[test]
    fn an_outcome_is_logged_when_it_changes_and_counted_otherwise() {
        let plan = plan(&[mailbox("desk", &credential("contoso", None), &[])]);
        let desk = &plan.checks[0];
        let report = Report::new(&plan);
        let failed = |reason| down(desk, dawn(), (Phase::Auth, reason), "NO", "Do this");
        let rows = [
            (up(desk, dawn()), "INFO"),
            (up(desk, dawn()), ""),
            (failed(Reason::TokenRejected), "WARN"),
            (failed(Reason::TokenRejected), ""),
            (failed(Reason::RoleMissing), "WARN"),
            (up(desk, dawn()), "INFO"),
        ];
        for (place, (observation, level)) in rows.into_iter().enumerate() {
            let lines = written(|| _ = report.record(observation));
            assert_eq!(lines.len(), usize::from(!level.is_empty()), "{place}: {lines:?}");
            assert!(lines.iter().all(|line| line.contains(level)), "{place}: {lines:?}");
        }
    }

    #[test]
    fn a_token_request_is_one_line_with_its_request_id() {
        let contoso = credential("contoso", None);
        for report in [issued(&contoso, &[]), refused(&contoso, Reason::SecretExpired)] {
            let lines = written(|| token(&report));
            assert!(lines.len() == 1 && lines[0].contains("request_id=\"5f2c\""), "{lines:?}");
        }
    }
}
