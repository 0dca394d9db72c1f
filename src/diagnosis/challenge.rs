//! The error report that a server sends in place of a refusal when it dislikes a token: JSON in base64,
//! after `+` (IMAP) or `334` (SMTP). Google's XOAUTH2 page, RFC 7628 section 3.2.2.
//!
//! Not here: the final answer that follows it, which often says more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::model::Reason;

/// What the `status` of a report means; what is not listed is a plain refusal. Dovecot's numbers:
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

/// Every base64 text of a JSON object begins so: `{"`, `{ `, `{` with a line end.
pub(super) const OPENINGS: &[&str] = &["eyJ", "eyA", "ewo", "ew0"];

/// The report inside an answer, decoded, and the word that held it.
pub(super) fn inside(text: &str) -> Option<(String, &str)> {
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

/// Members of a report, and no others: records of all kinds have a `status`.
const MEMBERS: &[&str] = &["status", "schemes", "scope", "openid-configuration"];

fn is_report(text: &str) -> bool {
    if !text.starts_with('{') || !text.contains("\"status\"") {
        return false;
    }
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(members)) => members.keys().all(|name| MEMBERS.contains(&name.as_str())),
        // A log may have cut it.
        _ => text.contains("\"schemes\""),
    }
}

/// The reason, sharpened by a report if the final answer was a plain refusal or none at all.
pub(super) fn sharpen(reason: Reason, report: &str) -> Reason {
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
                if let Some((report, word)) = inside(&challenge) {
                    let is_object = report.trim_start().starts_with('{');
                    prop_assert!(challenge.contains(word) && is_object);
                    sharpen(Reason::Unexpected, &report);
                }
            }
        }
    }
}
