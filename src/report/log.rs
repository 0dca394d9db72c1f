//! One log line per observation and per token request.
//!
//! Text goes in as text fields, which the log writer quotes: what a server sends cannot forge a line.
//! Not here: where the log goes and in which format.

use std::time::Duration;

use tracing::{info, warn};

use crate::model::{Observation, Outcome, TokenReport};

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
    let credential = &*report.spec.credential.name;
    let resource = report.spec.resource();
    let (request_id, duration_ms) = (report.request_id.as_str(), millis(report.duration));
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
            "token request"
        ),
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
