//! POP3: response codes, the wordings that only POP3 has, and what is left when nothing is known.
//!
//! Not here: sentences that every mail protocol knows.

use super::sentences::{FAMILIES, REFUSALS, SENTENCES};
use super::wording::Says::{Before, Is, Refused};
use super::wording::{Says, Situation, Voice, Wording, bracketed, wordings};
use crate::model::{Auth, Phase, Reason};

use Reason as R;

/// Sentences of POP3 servers that the shared tables would read otherwise, or not at all.
const WORDINGS: &[Wording] = wordings! {
    Is(R::TooManyConnections) => {
        "maildrop*lock", "RFC 1939 sections 4 and 5, examples; Cyrus pop3d: Unable to lock maildrop";
        "mailbox*in use", "generic; Domino, MDaemon";
        "another pop", "dovecot src/pop3/main.c; Cyrus";
    }
    Is(R::Throttled) => {
        "login interval", "QQ Mail, 163: login interval too short";
        "login limit", "Hotmail: Exceeded the login limit for a 15 minute period";
        "too frequent", "generic, RFC 2449 section 8.1.1";
        "minimum*between", "RFC 2449 section 8.1.1: a minimum time between logins";
    }
    Is(R::TlsProtocol) => {
        "tls*not available", "generic: the answer to STLS, as RFC 3207 section 4 words it for SMTP";
    }
    Is(R::ProtocolDisabled) => {
        "pop not allowed", "Yahoo: pop not allowed for user";
        "pop3 not allowed", "generic variation of the row above";
        "pop access", "Gmail, Yahoo, Zoho; what is said about it is never that it works";
    }
    Is(R::MechanismUnsupported) => {
        "apop not", "dovecot src/pop3-login: APOP not enabled.; stalwartlabs/stalwart: APOP not supported.";
    }
    Is(R::ProtocolError) => {
        "must give user", "cyrusimap/cyrus-imapd imap/pop3d.c: Must give USER command";
        "must give pass", "cyrusimap/cyrus-imapd imap/pop3d.c";
        "no username given", "dovecot src/pop3-login";
    }
    Is(R::Throttled) => {
        "logins must be at least", "cyrusimap/cyrus-imapd imap/pop3d.c";
    }
    Is(R::AccountNotFound) => {
        "maildrop: mailbox does not exist", "cyrusimap/cyrus-imapd imap/pop3d.c";
        "no mailbox for", "RFC 1939 section 7, example: sorry, no mailbox for mrose here";
        "never heard of", "RFC 1939 section 7, example";
    }
    Refused => {
        "unable to log on", "163 and 126 mail";
        "user or password", "generic";
        "password supplied", "qpopper";
        "permission denied", "RFC 1939 section 7, APOP";
    }
};

/// Response codes: RFC 2449 section 8.1 and RFC 3206 section 4; those of RFC 5530 come through login
/// processes that are shared with IMAP.
const CODES: &[(&str, Says)] = &[
    ("in-use", Is(R::TooManyConnections)), // RFC 2449 section 8.1.2
    ("inuse", Is(R::TooManyConnections)),
    ("login-delay", Is(R::Throttled)),      // RFC 2449 section 8.1.1
    ("sys/temp", Is(R::ServerUnavailable)), // RFC 3206 section 4
    ("sys/perm", Is(R::ServerUnavailable)), // RFC 3206 section 4
    ("auth", Refused),                      // RFC 3206 section 4
    ("authenticationfailed", Refused),
    ("unavailable", Is(R::ServerUnavailable)),
    ("limit", Is(R::TooManyConnections)),
    ("expired", Is(R::PasswordExpired)),
    ("privacyrequired", Is(R::EncryptionRequired)),
    ("contactadmin", Is(R::AccountDisabled)),
    ("authorizationfailed", Is(R::MailboxAccessDenied)),
    ("noperm", Is(R::MailboxAccessDenied)),
    ("overquota", Is(R::OverQuota)),
    ("nonexistent", Before { auth: R::AccountNotFound, later: R::ServerUnavailable }),
    ("serverbug", Is(R::ServerUnavailable)),
    ("corruption", Is(R::ServerUnavailable)),
    ("cannot", Is(R::ProtocolError)),
    ("clientbug", Is(R::ProtocolError)),
];

/// How servers say that they do not know a command: asked for at the login, it is the login they lack.
const UNKNOWN_COMMAND: &[&str] = &[
    "unknown command",        // dovecot src/pop3-login/client.c
    "unrecognized command",   // Cyrus
    "unrecognised command",   // generic spelling of the row above
    "invalid command",        // Courier, hMailServer
    "command not understood", // getmail6/getmail6#252 (Gmail)
    "unsupported command",    // generic
    "not recognized",         // generic: command not recognized
    "not supported",          // generic
    "unimplemented",          // generic
    "not implemented",        // generic
];

/// What a POP3 answer means.
pub(super) fn classify(text: &str, at: &Situation) -> Reason {
    let by_code = || bracketed(text).find_map(|code| CODES.iter().find(|(name, _)| *name == code));
    let unknown = UNKNOWN_COMMAND.iter().any(|words| text.contains(words));
    let said = at
        .voice
        .find(WORDINGS, text)
        .or_else(|| at.voice.find(SENTENCES, text))
        .or_else(|| match at.phase {
            Phase::StartTls | Phase::Tls if unknown => Some(Is(R::TlsProtocol)),
            Phase::Auth if unknown && at.login == Auth::Token(()) => Some(Is(R::MechanismUnsupported)),
            // Exchange Server, whose POP3 service takes a password only after TLS.
            Phase::Auth if text.contains("not valid in this state") => Some(Is(R::EncryptionRequired)),
            _ => None,
        })
        .or_else(|| by_code().map(|(_, says)| *says))
        .or_else(|| at.voice.find(FAMILIES, text))
        .or_else(|| at.voice.find(REFUSALS, text))
        .or(match at.phase {
            _ if at.voice == Voice::Program => None,
            Phase::StartTls => Some(Is(R::TlsProtocol)),
            Phase::Greeting => Some(Is(R::ServerUnavailable)),
            // A plain -ERR gives no reason.
            Phase::Auth if text.contains("-err") => Some(Refused),
            _ => None,
        });
    said.unwrap_or(Is(R::Unexpected)).reason(at)
}
