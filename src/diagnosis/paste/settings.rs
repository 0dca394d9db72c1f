//! Settings: what a program was told to do, as logs print it beside what happened.
//!
//! Not here: what happened. A code or a message has the form of a setting, but is none.

use super::levels::is_informative;
use super::statements::complains;

/// A text without the settings that sound like failures: limits of time (`timeout=300`, `timeout: 30`) and members
/// of PHP's arrays (`'allow_self_signed' => true`).
pub(super) fn without_settings(text: &str) -> String {
    let mut kept = Vec::new();
    let mut words = text.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if words.next_if_eq(&ARROW).is_some() {
            words.next_if(|value| is_plain(&bare(&value.to_ascii_lowercase())));
            continue;
        }
        let lower = word.to_ascii_lowercase();
        let is_limit = lower.contains("timeout")
            && (lower.contains('=')
                // imapsync: "imap connection timeout is 120 seconds".
                || words.peek().is_some_and(|next| *next == "is")
                || words
                    .peek()
                    .is_some_and(|next| next.starts_with(|c: char| c == '-' || c.is_ascii_digit())));
        if !is_limit {
            kept.push(word);
        }
    }
    kept.join(" ")
}

/// The sign between a name and its value in PHP and Ruby.
const ARROW: &str = "=>";

/// Whether a folded line sets a value: `connectionTimeout: 10000,`. A code or a message is not a setting.
pub(super) fn is_setting(folded: &str) -> bool {
    const MESSAGES: &[&str] = &["code", "errno", "error", "status"];
    let pair = folded.split_once(ARROW).or_else(|| folded.split_once([':', '=']));
    let is_pair = pair.is_some_and(|(name, value)| {
        !name.trim().contains(' ')
            && is_plain(&bare(value))
            && !MESSAGES.iter().any(|word| name.contains(word))
    });
    // At start, programs log what they were told: `10:00:00 INFO IMAP TLS Disabled: false`.
    let is_logged = || {
        let pair = folded.rsplit_once(": ").filter(|_| is_informative(folded));
        pair.is_some_and(|(name, value)| TRUTHS.contains(&bare(value).as_str()) && !complains(name))
    };
    is_pair || is_logged()
}

/// A value without its quotes, and without the sign that divides it from the next one.
fn bare(value: &str) -> String {
    value.trim().trim_end_matches([',', ';']).trim_matches(['"', '\'']).to_owned()
}

/// Truths, and words for nothing.
const TRUTHS: &[&str] = &["true", "false", "null", "none", "undefined"];

/// Whether a value says nothing by itself: a number, a truth, nothing.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_digit()) || TRUTHS.contains(&value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_is_taken_out_of_a_line_and_what_happened_stays() {
        for (text, wanted) in [
            ("opening, timeout=300, options", "opening, options"),
            ("'verify_peer' => false, 'allow_self_signed' => true, ) refused", ") refused"),
            ("'message' => 'certificate has expired'", "'certificate has expired'"),
            ("Connection timeout", "Connection timeout"),
        ] {
            assert_eq!(without_settings(text), wanted, "{text}");
        }
        for line in [
            "'allow_self_signed' => true,",
            "connectiontimeout: 10000,",
            "10:00:00 info imap tls disabled: false",
        ] {
            assert!(is_setting(line), "{line}");
        }
        for line in ["responsecode: 535", "'message' => 'timeout'", "info connection refused: false"] {
            assert!(!is_setting(line), "{line}");
        }
    }
}
