//! Progress: what programs tell of steps that came about, which is no failure.
//!
//! Not here: answers of servers, which have a form of their own; sentences that complain.

use super::statements::{complains, is_narrative};
use crate::diagnosis::text::{fold, leading_number, matches, words};

/// How programs tell that something worked.
const SUCCESSES: &[&str] = &[
    "authentication successful",
    "authentication succeeded",
    "authenticated (success)",
    "successfully authenticated",
    "user authenticated",
    "login successful",
    "login succeeded",
    "success login on", // imapsync
    "connection*successful",
    "logged in",
    "logged out", // Dovecot: Disconnected: Logged out
    "successfully",
    "notify success", // Alertmanager
    "status=sent",
    "code=250",
    "c=\"250", // exim
    "refresh succeeded",
    "succeeded",
    "check passed",
    "detected 0 errors", // imapsync
    "return value 0",
    "imap-login: login:",
    "pop3-login: login:",
    "login: info: login:", // Dovecot with levels
    "sasl_username=",
    "verify return:1",
    "verify return code: 0",
    "verification: ok",
    "message sent",
    "mail sent",
    "email sent",
    "sent ok",
    "accepted for delivery",
    "message delivered",
    "ready to take our messages", // nodemailer
    "stored mail into",           // Dovecot
    "connection verified",
];

/// Steps of a session that came about. They count where nothing in the whole text sounds like trouble.
const STEPS: &[&str] = &[
    "connected to",
    "connection established",
    "connection*established",
    "connection opened",
    "connection: opened",
    "established secure",
    "established connection",
    "is now encrypted",
    "tls connection using",
    "ssl connection using",
    "connected.",
    "authenticated as",
    "finished account",
    "synchronizing...",
    "sync complete",
    "sync finished",
    "flushed",
    "retrieved",
    "idle started",
    "loading*side box", // mbsync
];

/// Levels by which a program says that a line is no failure.
const LEVELS: &[&str] = &["info", "debug", "trace", "notice", "information", "inf", "dbg"];

/// The level stands among so many first words of a line.
const WITHIN: usize = 8;

/// Words of trouble, in any sense.
const TROUBLE: &[&str] = &[
    "wrong",
    "unexpected",
    "abort",
    "lost",
    "closed",
    "closing",
    "reset",
    "timed out",
    "timeout",
    "not ",
    "n't ",
    "no ",
    "problem",
    "issue",
    "warn",
    "missing",
    "unknown ",
    "disconnect",
    "bad ",
    "broken",
    "stuck",
    "hang",
    "crash",
    "panic",
    "fatal",
    "nothing",
    "never",
    "but ",
    "retry",
    "reconnect",
];

/// Whether a statement tells that something worked.
pub(super) fn succeeds(text: &str) -> bool {
    let folded = fold(text);
    (SUCCESSES.iter().any(|words| matches(&folded, words)) || is_accepted(&folded))
        && !folded.contains("not ")
}

/// Whether a text quotes a reply of class 2 with its enhanced code: `smtpmsg='250 2.0.0 Ok: queued'`.
fn is_accepted(folded: &str) -> bool {
    let mut before = "";
    words(folded).any(|word| {
        let code = std::mem::replace(&mut before, word);
        code.len() == 3
            && code.starts_with('2')
            && leading_number::<u16>(code).is_some()
            && word.starts_with("2.")
            && word.matches('.').count() == 2
    })
}

/// Whether a line of a log bears a level that is none of failures.
fn is_informative(folded: &str) -> bool {
    words(folded).take(WITHIN).any(|word| LEVELS.contains(&word))
}

/// Whether a text is a log of steps that came about, and nothing else.
pub(super) fn goes_well<'a>(statements: impl Iterator<Item = &'a str>) -> bool {
    let mut stepped = false;
    for text in statements {
        let folded = fold(text);
        if complains(text) || is_narrative(&folded) || TROUBLE.iter().any(|word| folded.contains(word)) {
            return false;
        }
        stepped |= is_informative(&folded) || STEPS.iter().any(|words| matches(&folded, words));
    }
    stepped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_counts_only_where_nothing_sounds_like_trouble() {
        let well = |text: &str| goes_well(text.lines());
        assert!(well("Resolving mail.contoso.example\nConnected to mail.contoso.example:993"));
        assert!(!well("Connected to mail.contoso.example:993\nNo messages came"));
        assert!(!well("I connected to the server and waited"));
        assert!(!well("Resolving mail.contoso.example"));
    }

    #[test]
    fn what_did_not_succeed_is_no_success() {
        assert!(succeeds("imap-login: Info: Login: user=<ops@contoso.example>"));
        assert!(!succeeds("Login unsuccessful"));
        assert!(!succeeds("could not be sent successfully"));
    }
}
