//! Guesses from the words of a text who spoke and at which step, if nothing else shows it.
//!
//! Not here: the meaning of the words.

use super::Source;
use crate::diagnosis::text::{fold, unescape};
use crate::model::{Family, Phase, Protocol};

/// Words of programs and servers that speak one protocol.
const WORDS: &[(&str, Source)] = &[
    ("token request", Source::Token),
    ("token endpoint", Source::Token),
    ("oauth2/v2.0/token", Source::Token),
    ("/oauth2/token", Source::Token),
    ("oauth2.googleapis.com", Source::Token),
    ("http error", Source::Token),
    ("status code", Source::Token),
    ("too many requests", Source::Token),
    ("bad gateway", Source::Token),
    ("gateway time", Source::Token),
    ("<html", Source::Token),
    ("tenant '", Source::Token),
    ("service principal", Source::Token),
    ("application with identifier", Source::Token),
    ("client secret", Source::Token),
    ("retrieve access tokens", Source::Token),
    ("refresh token", Source::Token),
    ("msal", Source::Token),
    ("-err", Source::Mail(Protocol::Pop3)),
    ("poplib", Source::Mail(Protocol::Pop3)),
    ("pop3", Source::Mail(Protocol::Pop3)),
    ("maildrop", Source::Mail(Protocol::Pop3)),
    ("pop access", Source::Mail(Protocol::Pop3)),
    ("smtp", Source::Mail(Protocol::Smtp)),
    ("starttls command", Source::Mail(Protocol::Smtp)),
    ("imap", Source::Mail(Protocol::Imap)),
    ("authenticate failed", Source::Mail(Protocol::Imap)),
    ("login failed", Source::Mail(Protocol::Imap)),
    ("no response: code:", Source::Mail(Protocol::Imap)),
    ("mailbox", Source::Mail(Protocol::Imap)),
];

/// Words about a folder that could not be opened.
const FOLDER: &[&str] = &[
    "mailbox does",
    "this mailbox",
    "mailbox not found",
    "no such mailbox",
    "open mailbox",
    "mailbox isn",
    "unknown mailbox",
    "folder",
    "select",
    "examine",
    "trycreate",
    "nonexistent",
    "doesn't exist",
];

/// Words about a sender or a message that was refused.
const SENDING: &[&str] =
    &["sender", "recipient", "send as", "mail from", "to send", "message", "storedrv", "relay"];

/// Basic codes of SMTP that answer to MAIL, RCPT and DATA.
const SENDING_CODES: &[&str] = &["452", "550", "551", "552", "553", "554"];

/// Statuses of HTTP, which come from an identity provider's web server. With other words after them, some of the
/// numbers are codes of SMTP.
const HTTP: &[&str] = &[
    "400 bad request",
    "401 unauthorized",
    "403 forbidden",
    "404 not found",
    "405 method not allowed",
    "407 proxy authentication required",
    "429 too many requests",
    "500 internal server error",
    "502 bad gateway",
    "503 service unavailable",
    "504 gateway time",
];

/// Marks that servers leave in their answers, and programs in their logs.
const MARKS: &[(&str, Family)] = &[
    ("usertype:outlookcom", Family::OutlookCom),
    ("imap-mail.outlook.com", Family::OutlookCom),
    ("smtp-mail.outlook.com", Family::OutlookCom),
    ("pop-mail.outlook.com", Family::OutlookCom),
    ("outlook.office365.com", Family::ExchangeOnline),
    ("smtp.office365.com", Family::ExchangeOnline),
    ("aadsts", Family::ExchangeOnline),
    ("prod.outlook.com", Family::ExchangeOnline),
    ("5.7.139", Family::ExchangeOnline),
    ("smtpclientauthentication", Family::ExchangeOnline),
    ("storedrv", Family::ExchangeOnline),
    ("aka.ms/", Family::ExchangeOnline),
    ("graph.microsoft.com", Family::ExchangeOnline),
    ("authenticated but not connected", Family::ExchangeOnline),
    ("suggested backoff time", Family::ExchangeOnline),
    ("accesstokenexpired", Family::ExchangeOnline),
    ("gsmtp", Family::Gmail),
    ("google", Family::Gmail),
    ("imap.gmail.com", Family::Gmail),
    ("smtp.gmail.com", Family::Gmail),
];

/// Whose server speaks, by the marks in its answer.
pub(super) fn family(text: &str) -> Option<Family> {
    let folded = fold(&unescape(text));
    MARKS.iter().find(|(mark, _)| folded.contains(mark)).map(|(_, family)| *family)
}

/// Whether a line is a status of HTTP and no reply of a mail server.
pub(super) fn is_http(line: &str) -> bool {
    let folded = fold(line.get(..line.floor_char_boundary(64)).unwrap_or(line));
    HTTP.iter().any(|status| folded.starts_with(status))
}

/// Whether a folded text names HTTP and one of its statuses.
pub(super) fn names_http(folded: &str) -> bool {
    folded.contains("http") && HTTP.iter().any(|status| folded.contains(status))
}

/// Who said it, by the words of a folded text.
pub(super) fn source(folded: &str) -> Option<Source> {
    if HTTP.iter().any(|status| folded.contains(status)) {
        return Some(Source::Token);
    }
    WORDS.iter().find(|(words, _)| folded.contains(words)).map(|(_, source)| *source)
}

/// At which step it was said: the login, unless the words are about a folder, a sender or a list of capabilities.
pub(super) fn phase(said: &str, protocol: Protocol) -> Phase {
    let folded = fold(said);
    let any = |words: &[&str]| words.iter().any(|word| folded.contains(word));
    match protocol {
        Protocol::Imap if folded.contains("capability imap") => Phase::Capability,
        Protocol::Imap if any(FOLDER) => Phase::Select,
        Protocol::Pop3 if folded.contains("maildrop") => Phase::Stat,
        Protocol::Smtp if folded.starts_with("250") => Phase::Capability,
        Protocol::Smtp if any(SENDING) || SENDING_CODES.iter().any(|code| folded.starts_with(code)) => {
            Phase::Sender
        }
        Protocol::Graph => Phase::Open,
        Protocol::Imap | Protocol::Pop3 | Protocol::Smtp | Protocol::RoundTrip => Phase::Auth,
    }
}
