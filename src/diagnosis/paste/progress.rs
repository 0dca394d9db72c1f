//! Progress: sentences by which programs report that a step succeeded, so that they are not taken for failures.
//!
//! Not here: answers of servers, which have a form of their own; sentences that complain.

use super::languages;
use super::levels::{is_informative, is_logged, is_of_daemon};
use super::settings::{is_setting, without_settings};
use super::statements::{complains, is_narrative, is_progress};
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

/// Words that sound like trouble, whatever they mean. A row that ends with `*` is the beginning of a word, as
/// `bounce*`; the others are whole words: "hang" is not in "Exchange".
const TROUBLE: &[&str] = &[
    "wrong",
    "unexpected*",
    "abort*",
    "lost",
    "closed",
    "closing",
    "reset",
    "timed out",
    "timeout*",
    "not",
    "no",
    "problem*",
    "issue*",
    "warn*",
    "missing",
    "unknown",
    "disconnect*",
    "defer*",
    "delayed",
    "bounce*",
    "expired",
    "reject*",
    "exceed*",
    "throttl*",
    "disabled",
    "blocked",
    "banned",
    "locked",
    "suspend*",
    "undeliverable",
    "greylist*",
    "killed",
    "died",
    "down",
    "bad",
    "broken",
    "stuck",
    "hang*",
    "hung",
    "crash*",
    "panic*",
    "fatal*",
    "nothing",
    "never",
    "but",
    "retry*",
    "retries",
    "reconnect*",
];

/// Phrases that deny trouble. They are removed before the search for trouble.
const DENIALS: &[&str] = &[
    "- no message", // Zammad
    "no new",
    "no mail",
    "no unread",
    "no error",
    "no tls error",
    "no problem",
    "no failure",
    "no changes",
    "no client certificate",
    "(no auth attempts", // Dovecot: a client that only looked, such as a health check
    "client has quit the connection", // Dovecot's LMTP
    "disconnected reason=quit", // OpenSMTPD
    "not applied",       // Entra: Conditional access: Not applied
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
    without_empty_faults(&DENIALS.iter().fold(folded.to_owned(), denied))
}

/// Names of fields that hold a fault, and values by which they hold none.
const FAULTS: &[&str] = &["err", "error", "errors", "exception", "failed", "failure", "failures"];
const NONE: &[&str] = &["nil", "null", "none", "false", "undefined", "0"];

/// A folded text without the fields and the numbers that tell of no fault: `err=nil`, `error: null`, `0 invalid`,
/// `RawAPIError:(*RawAPIError)(nil)`.
fn without_empty_faults(folded: &str) -> String {
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let is_none = |word: &str| NONE.contains(&bare(word).as_str());
    let holds_none = |word: &str| {
        word.rsplit_once(['=', ':', '(']).is_some_and(|(name, value)| name.contains("err") && is_none(value))
    };
    let mut kept = Vec::new();
    let mut words = folded.split(' ').peekable();
    while let Some(word) = words.next() {
        let is_field = word.ends_with([':', '=']) && FAULTS.contains(&bare(word).as_str());
        if word == "0" || (is_field && words.peek().is_some_and(|next| is_none(next))) {
            words.next();
        } else if !holds_none(word) {
            kept.push(word);
        }
    }
    kept.join(" ")
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
        || is_complete_session(&folded)
        || is_good_status(&folded);
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

/// Whether a folded line is a status of HTTP that reports a success: `HTTP/1.1 202 Accepted`.
fn is_good_status(folded: &str) -> bool {
    let mut words = folded.trim_start_matches(['<', '*', ' ']).split(' ');
    let is_http = words.next().is_some_and(|word| word.starts_with("http/"));
    is_http && words.next().is_some_and(|code| code.len() == 3 && code.starts_with('2'))
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

/// Whether a folded text has one of the words of [`TROUBLE`].
fn sounds_like_trouble(folded: &str) -> bool {
    let is_letter = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    let stands = |at: usize, word: &str, is_whole: bool| {
        let begins_within = is_letter(folded.get(..at).and_then(|before| before.chars().next_back()));
        let goes_on = is_letter(folded.get(at + word.len()..).and_then(|after| after.chars().next()));
        !(begins_within || is_whole && goes_on)
    };
    folded.contains("n't ")
        || TROUBLE.iter().any(|row| {
            let word = row.trim_end_matches('*');
            folded.match_indices(word).any(|(at, _)| stands(at, word, word.len() == row.len()))
        })
}

/// Whether the statements report steps that succeeded, and none sounds like trouble.
pub(super) fn goes_well<'a>(statements: impl Iterator<Item = &'a str>) -> bool {
    let mut any_step = false;
    for text in statements {
        let whole = fold(text);
        if is_setting(&whole) {
            continue;
        }
        let folded = without_denials(&without_settings(&whole));
        let done = succeeds(text);
        // A logger's level says more than a word that may mean anything.
        let told_calmly = is_informative(&whole);
        let troubled = || !told_calmly && !is_progress(&whole) && sounds_like_trouble(&folded);
        if complains(text) || is_narrative(&folded) || (!done && troubled()) {
            return false;
        }
        any_step |= done
            || told_calmly
            || is_logged(&whole)
            || is_progress(&whole)
            || is_work(text)
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
