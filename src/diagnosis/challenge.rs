//! The error report that a server sends in place of a refusal when it rejects a token: JSON in base64,
//! after `+` (IMAP) or `334` (SMTP). Google's XOAUTH2 page, RFC 7628 section 3.2.2.
//!
//! Not here: the final answer that follows it, which often says more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::model::Reason;

/// What the `status` of a report means; any other one is a plain refusal. Dovecot's numbers:
/// dovecot/core src/auth/auth-sasl-mech-oauth2.c.
const STATUS: &[(&str, Reason)] = &[
    ("403", Reason::AccountDisabled),
    ("429", Reason::Throttled),
    ("500", Reason::ServerUnavailable),
    ("502", Reason::ServerUnavailable),
    ("503", Reason::ServerUnavailable),
    ("504", Reason::ServerUnavailable),
    ("internal_failure", Reason::ServerUnavailable),
    ("server_error", Reason::ServerUnavailable),
    ("temporarily_unavailable", Reason::ServerUnavailable),
    ("request_failed", Reason::ServerUnavailable),
];

/// How a JSON object begins in base64: `{"`, `{ `, or `{` with a line end.
pub(super) const OPENINGS: &[&str] = &["eyJ", "eyA", "ewo", "ew0"];

/// The decoded report in an answer, and the word of the answer that holds it.
pub(super) fn report_in(text: &str) -> Option<(String, &str)> {
    let trimmed = text.trim();
    if is_report(trimmed) {
        return Some((trimmed.to_owned(), trimmed));
    }
    let word = text
        .split(|c: char| c.is_whitespace() || c == '\'')
        .find(|word| OPENINGS.iter().any(|opening| word.starts_with(opening)))?;
    let decoded = STANDARD.decode(word).ok().and_then(|bytes| String::from_utf8(bytes).ok())?;
    decoded.trim_start().starts_with('{').then_some((decoded, word))
}

/// A report has no other members. A `status` alone proves nothing, because many kinds of records have one.
const MEMBERS: &[&str] = &["status", "schemes", "scope", "openid-configuration"];

fn is_report(text: &str) -> bool {
    if !text.starts_with('{') || !text.contains("\"status\"") {
        return false;
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(members)) => members.keys().all(|name| MEMBERS.contains(&name.as_str())),
        // A log may have cut the report short.
        _ => text.contains("\"schemes\""),
    }
}

/// A more precise reason from the report, if the final answer was a plain refusal or gave no known reason.
pub(super) fn refine(reason: Reason, report: &str) -> Reason {
    if !matches!(reason, Reason::TokenRejected | Reason::CredentialsRejected | Reason::Unexpected) {
        return reason;
    }
    let status =
        serde_json::from_str::<Value>(report).ok().and_then(|report| match report.get("status")? {
            Value::String(status) => Some(status.to_ascii_lowercase()),
            Value::Number(status) => Some(status.to_string()),
            _ => None,
        });
    let known = STATUS.iter().find(|(row, _)| status.as_deref() == Some(*row)).map(|(_, reason)| *reason);
    known.unwrap_or(Reason::TokenRejected)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_makes_a_challenge_fail_otherwise(text in "\\PC{0,120}|[{}:,\"a-z0-9 ]{0,120}", noise in "[ -~]{0,20}") {
            for challenge in [text.clone(), STANDARD.encode(&text), format!("{noise} {}", STANDARD.encode(format!("{{{text}")))] {
                if let Some((report, word)) = report_in(&challenge) {
                    let is_object = report.trim_start().starts_with('{');
                    prop_assert!(challenge.contains(word) && is_object);
                    refine(Reason::Unexpected, &report);
                }
            }
        }
    }
}
