//! Progress: sentences by which programs report that a step succeeded, so that they are not taken for failures.
//!
//! Not here: answers of servers, which have a form of their own; sentences that complain.

use super::languages;
use super::statements::{complains, is_narrative, is_progress, without_settings};
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
    "was successful",
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
    "all tests passed",
    "detected 0 errors", // imapsync
    "return value 0",
    "imap-login: login:",
    "pop3-login: login:",
    "login: info: login:", // Dovecot with levels
    "sasl_username=",
    "certificate is trusted",  // gnutls-cli
    "handshake was completed", // gnutls-cli
    "verify return:1",
    "verify return code: 0",
    "verification: ok",
    "message sent",
    "mail sent",
    "email sent",
    "sent ok",
    "accepted for delivery",
    "message delivered",
    "mail delivered",
    "ready to take our messages", // nodemailer
    "stored mail into",           // Dovecot
    "saved mail to",              // Dovecot, older
    "connection verified",
    "normal termination",      // fetchmail
    "query status=1 (nomail)", // fetchmail
];

/// Fields that hold an outcome, and the values by which they report no failure.
const OUTCOMES: &[(&str, &[&str])] = &[
    ("status", &["success", "succeeded", "ok", "completed", "delivered", "sent"]),
    ("result", &["success", "succeeded", "ok", "passed", "completed"]),
    ("outcome", &["success", "succeeded", "ok"]),
    ("action", &["delivered", "relayed"]), // RFC 3464: a delivery status
    ("tcptestsucceeded", &["true"]),       // PowerShell: Test-NetConnection
    ("exitcode", &["0", "ex_ok"]),
];

/// Steps of a session that succeeded. They count only if no line of the text sounds like trouble.
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
    "idle started",
    "no mail for", // fetchmail
    "queued as",
    "is up",            // Nagios, Icinga
    "(*) open",         // netcat
    "loading*side box", // mbsync
];

/// Words of a step that is done. They count under the same condition as [`STEPS`].
const DONE: &[&str] = &[
    "ok",
    "done",
    "completed",
    "complete",
    "finished",
    "established",
    "connected",
    "authenticated",
    "opened",
    "fetched",
    "synced",
    "synchronized",
    "retrieved",
    "flushed",
    "passed",
    "sent",
    "delivered",
    "saved",
    "processed",
    "pulled",
    "pushed",
    "success",
];

/// Sentences about work in a mailbox, which prove that the login succeeded.
const WORK: &[&str] =
    &["finished account", "sync complete", "sync finished", "syncing", "messages transferred"];

/// Levels of log lines that report no failure.
const LEVELS: &[&str] = &["info", "debug", "trace", "notice", "information", "inf", "dbg"];

/// The level, or the name of a daemon, is among this many first words of a line.
const WITHIN: usize = 8;

/// Words that sound like trouble, whatever they mean.
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
    "deferred",
    "delayed",
    "bounced",
    "expired",
    "reject",
    "exceed",
    "throttl",
    "disabled",
    "blocked",
    "banned",
    "locked",
    "suspend",
    "undeliverable",
    "greylist",
    "killed",
    "died",
    "down",
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

/// Phrases that deny trouble. They are removed before the search for trouble.
const DENIALS: &[&str] = &[
    "- no message", // Zammad
    "no new",
    "no mail",
    "no unread",
    "no error",
    "no problem",
    "no failure",
    "no changes",
    "no client certificate",
    "not applied", // Entra: Conditional access: Not applied
    "0 error",
    "0 failed",
    "errors: 0",
    "failed: 0",
    "failed=0",
    "errors=0",
    "without error",
    "nb_errors/max_errors", // imapsync: 0/50 nb_errors/max_errors
    "rejected: []",
    "rejected\": []",
];

/// A folded text without the phrases that deny trouble.
pub(super) fn without_denials(folded: &str) -> String {
    let denied = |text: String, denial: &&str| {
        if text.contains(*denial) { text.replace(*denial, "") } else { text }
    };
    DENIALS.iter().fold(folded.to_owned(), denied)
}

/// Whether a program reports that something worked. A person's report proves nothing, because people also describe
/// the parts that work.
pub(super) fn succeeds(text: &str) -> bool {
    let folded = fold(text);
    let told = SUCCESSES.iter().any(|words| matches(&folded, words))
        || languages::succeeds(&folded)
        || is_accepted(&folded)
        || has_good_outcome(&folded)
        || is_plugin_ok(text)
        || is_complete_session(&folded);
    told && !without_denials(&folded).contains("not ") && !is_narrative(&folded)
}

/// Whether a statement reports work in a mailbox.
pub(super) fn is_work(text: &str) -> bool {
    let folded = fold(text);
    WORK.iter().any(|words| matches(&folded, words))
}

/// Whether a field of the text holds a good outcome: `Status: Success`, `TcpTestSucceeded : True`.
fn has_good_outcome(folded: &str) -> bool {
    let mut before = "";
    words(folded).any(|word| {
        let name = std::mem::replace(&mut before, word);
        OUTCOMES.iter().any(|(field, values)| *field == name && values.contains(&word))
    })
}

/// Whether a monitoring plugin found no fault: `OK - …`, `SMTP OK: …`.
fn is_plugin_ok(text: &str) -> bool {
    let mut words = text.split_whitespace().take(3);
    let is_ok = |word: &str| matches!(word, "OK" | "OK:" | "OK,");
    match (words.next(), words.next(), words.next()) {
        (Some(first), Some(sign), _) if is_ok(first) => first != "OK" || sign.starts_with(['-', '|', '–']),
        (Some(name), Some(second), sign) if is_ok(second) => {
            name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                && (second != "OK" || sign.is_some_and(|sign| sign.starts_with(['-', '|', '–'])))
        }
        _ => false,
    }
}

/// Whether postfix counted a session's commands and none failed: `ehlo=2 auth=1 quit=1 commands=4`. It writes
/// `auth=0/1` if one failed.
fn is_complete_session(folded: &str) -> bool {
    let (_, counted) = folded.split_once("disconnect from ").unwrap_or_default();
    counted.contains(" commands=") && counted.contains("quit=") && !counted.contains('/')
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

/// Whether a log line bears one of [`LEVELS`].
fn is_informative(folded: &str) -> bool {
    words(folded).take(WITHIN).any(|word| LEVELS.contains(&word))
}

/// Whether a mail server logged the line: `postfix/qmgr[99]: …`, `dovecot: imap(ops)<99><x>: …`.
fn is_of_daemon(text: &str) -> bool {
    text.split_whitespace().take(WITHIN).any(|word| {
        let Some(name) = word.strip_suffix(':') else { return false };
        let numbered = name.strip_suffix(']').and_then(|name| name.rsplit_once('['));
        let is_numbered = numbered.is_some_and(|(name, pid)| {
            !name.is_empty() && !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit())
        });
        is_numbered || (name.contains(")<") && name.ends_with('>'))
    })
}

/// Whether the statements report steps that succeeded, and none sounds like trouble.
pub(super) fn goes_well<'a>(statements: impl Iterator<Item = &'a str>) -> bool {
    let mut any_step = false;
    for text in statements {
        let whole = fold(text);
        let folded = without_denials(&without_settings(&whole));
        let done = succeeds(text);
        let troubled = || !is_progress(&whole) && TROUBLE.iter().any(|word| folded.contains(word));
        if complains(text) || is_narrative(&folded) || (!done && troubled()) {
            return false;
        }
        any_step |= done
            || is_informative(&folded)
            || is_of_daemon(text)
            || STEPS.iter().any(|words| matches(&whole, words))
            || words(&folded).any(|word| DONE.contains(&word.trim_end_matches(['.', '!'])));
    }
    any_step
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
