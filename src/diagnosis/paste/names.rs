//! Names of exceptions: the class `LoginBadCredentialsException` says why, even if its message does not.
//!
//! Read last, and by a table of its own: names are made of everyday words. Not here: messages.

use crate::diagnosis::network_text;
use crate::diagnosis::text::matches;
use crate::diagnosis::wording::Says::{self, Is, Refused};
use crate::diagnosis::wording::{Wording, shown, wordings};
use crate::model::{Auth, Mechanism, Reason};

use Reason as R;

/// How names of exceptions end.
const ENDINGS: &[&str] = &["Exception", "Error", "Timeout", "Disconnected", "Refused", "Failure"];

/// How many names of one text are read at most.
const MOST: usize = 16;

const NAMES: &[Wording] = wordings! {
    Refused => {
        "bad credentials", "MailSo: LoginBadCredentialsException";
        "invalid credentials", "generic";
        "invalid login", "generic";
        "auth failed", "Webklex: AuthFailedException";
        "authentication failed", "Jakarta Mail";
        "login failed", "generic";
        "login error", "imapclient: LoginError; imap_tools: MailboxLoginError";
    }
    Is(R::MechanismUnsupported) => {
        "login bad method", "MailSo: LoginBadMethodException";
        "unsupported auth", "generic";
        "authentication not supported", "generic";
    }
    Is(R::AccountLocked) => {
        "account locked", "generic";
    }
    Is(R::AccountDisabled) => {
        "account disabled", "generic";
    }
    Is(R::PasswordExpired) => {
        "password expired", "generic";
    }
    Is(R::TooManyConnections) => {
        "too many connections", "generic";
    }
    Is(R::FolderMissing) => {
        "folder not found", "Jakarta Mail, imap_tools, Webklex: FolderNotFoundException";
        "mailbox not found", "generic";
    }
    Is(R::OverQuota) => {
        "quota exceeded", "exchangelib: ErrorQuotaExceeded";
        "over quota", "apache/james-project: OverQuotaException";
    }
    Is(R::ProtocolError) => {
        "response parse error", "Ruby: Net::IMAP::ResponseParseError";
    }
    Is(R::DnsNotFound) => {
        "unknown host", "Java";
    }
    Is(R::ConnectionClosed) => {
        "server disconnected", "Python smtplib: SMTPServerDisconnected";
    }
};

/// The reason that the names of exceptions in a text give.
pub(super) fn reason(text: &str, mechanism: Option<Mechanism>) -> Option<Reason> {
    let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    words.filter_map(spoken).take(MOST).find_map(|name| {
        let says: Option<Says> = NAMES.iter().find(|row| matches(&name, row.pattern)).map(|row| row.says);
        match says {
            Some(Is(reason)) => Some(reason),
            Some(_) if shown(mechanism, false, &name) == Auth::Token(()) => Some(R::TokenRejected),
            Some(_) => Some(R::CredentialsRejected),
            None => network_text(&name),
        }
    })
}

/// The words of a name: `SMTPServerDisconnected` is "smtp server disconnected".
fn spoken(name: &str) -> Option<String> {
    let ends = ENDINGS.iter().any(|end| name.len() > end.len() && name.ends_with(end));
    if !ends || !name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let letters: Vec<char> = name.chars().collect();
    let mut words = String::with_capacity(name.len() + 8);
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        let after = letters.get(at + 1);
        let begins = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase() || (before.is_uppercase() && after.is_some_and(|c| c.is_lowercase()))
            });
        if begins {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_telling_exception_names_count() {
        for (text, wanted) in [
            (
                r"MailSo\Imap\Exceptions\LoginBadCredentialsException: in ImapClient.php",
                Some(R::CredentialsRejected),
            ),
            ("smtplib.SMTPServerDisconnected: please run connect() first", Some(R::ConnectionClosed)),
            ("aioimaplib.aioimaplib.CommandTimeout: NNAF7 FETCH 43", Some(R::Timeout)),
            ("FileNotFoundError: token.json", None),
            ("AccessDeniedException: /srv/mail", None),
            ("ValueError: x", None),
        ] {
            assert_eq!(reason(text, None), wanted, "{text}");
        }
    }
}
