//! SMTP: enhanced and basic status codes, and the wordings that only submission has.
//!
//! Not here: sentences that every mail protocol knows.

use super::sentences::{FAMILIES, REFUSALS, SENTENCES};
use super::text::{leading_number, words};
use super::wording::Says::{Denied, Is, Refused};
use super::wording::{Says, Situation, Voice, Wording, wordings};
use crate::model::{Auth, Phase, Reason};

use Reason as R;

/// Sentences of SMTP servers that the shared table would read otherwise, or not at all.
const WORDINGS: &[Wording] = wordings! {
    // Such a server dislikes the name that we give in EHLO.
    Is(R::ProtocolError) => {
        "invalid helo", "generic: 550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)";
        "invalid ehlo", "generic";
        "helo command rejected", "postfix src/smtpd/smtpd_check.c: Helo command rejected: need fully-qualified hostname";
        "helo*invalid", "exim, MDaemon";
        "ehlo*invalid", "exim, Haraka";
        "need fully-qualified hostname", "postfix src/smtpd/smtpd_check.c";
    }
    Is(R::CredentialsRejected) => {
        "rejected: not logged in", "postfix src/smtpd/smtpd_check.c: Sender address rejected: not logged in";
        "auth command first", "postfix src/smtpd/smtpd.c: 503 5.5.4 Error: send AUTH command first";
        "please authenticate", "exim and others: relay access denied - please authenticate";
        "issue an auth command", "OpenSMTPD: 530 5.5.1 Invalid command: Must issue an AUTH command first";
    }
    Is(R::TlsProtocol) => {
        "tls not available", "postfix src/smtpd/smtpd.c; RFC 3207 section 4";
        "tls 1.0 and 1.1 are not supported", "Exchange Online: 421 4.7.66";
        "tls version", "Exchange Online: 421 4.7.66, earlier wording";
        "starttls*not", "generic: STARTTLS not supported, available, implemented";
        "tls*not supported", "generic; Exchange Server";
        "tls is not available", "generic";
        "tls currently unavailable", "exim src/smtp_in.c: 454";
        "tls*temporarily unavailable", "generic variation of the row above";
        "tls negotiation", "generic; exim, Gmail";
        "tls handshake", "generic";
    }
    Is(R::MechanismUnsupported) => {
        "auth extension not supported", "Python smtplib: SMTP AUTH extension not supported by server.";
        "server doesn't support auth", "Go net/smtp";
        "no suitable authentication", "Python smtplib; generic";
    }
    Is(R::ServerUnavailable) => {
        "4.3.2 service not available", "Exchange: 421 4.3.2 Service not available";
        "4.3.2 service not active", "Exchange: 421 4.3.2 Service not active";
        "430 4.2.0 storedrv*logon failure", "Exchange Online: 430 4.2.0 STOREDRV; mailbox logon failure";
    }
    // Here the reason is unavailable, not the server.
    Refused => {
        "authentication failed: (reason unavailable)", "postfix src/smtpd/smtpd_sasl_glue.c, with Dovecot's SASL";
    }
};

/// Sentences that refuse mail before a login. They are read after the shared sentences, because one of those is
/// "multi-factor authentication required".
const UNAUTHENTICATED: &[Wording] = wordings! {
    Is(R::CredentialsRejected) => {
        "auth is required", "generic: SMTP AUTH is required for message submission on port 587";
        "authenticate first", "generic";
        "authenticate before", "generic";
        "authentication required", "RFC 4954 section 6, at MAIL; Gmail: 530-5.7.0 Authentication Required";
        "authentication is required", "generic; SMTP authentication is required";
        "must authenticate", "generic";
        "client not authenticated", "Exchange Online 5.7.57";
        "client was not authenticated", "Exchange 5.7.57";
    }
};

/// Enhanced status codes that mean one thing: RFC 3463, RFC 5248 (the registry), RFC 4954 section 6,
/// or a vendor's list. A leading `*` matches either class.
const CODES: &[(&str, Says)] = &[
    ("*.7.30", Is(R::BasicAuthDisabled)), // Exchange Online, announced for the final removal
    ("*.7.57", Is(R::CredentialsRejected)), // Exchange: client was not authenticated
    ("*.7.60", Is(R::MailboxAccessDenied)), // Exchange: send as this sender
    ("*.7.66", Is(R::TlsProtocol)),       // Exchange Online: TLS too old
    ("*.7.4", Is(R::MechanismUnsupported)), // RFC 3463: security features not supported
    ("*.7.10", Is(R::EncryptionRequired)), // RFC 5248: encryption needed
    ("*.7.11", Is(R::EncryptionRequired)), // RFC 4954: encryption required
    ("*.7.12", Is(R::PasswordExpired)),   // RFC 4954: a password transition is needed
    ("*.7.13", Is(R::AccountDisabled)),   // RFC 5248: user account disabled
    ("*.7.14", Is(R::AccountLocked)),     // Gmail: log in with a browser
    ("*.7.9", Is(R::MechanismUnsupported)), // RFC 4954: mechanism too weak
    ("*.7.61", Is(R::MechanismUnsupported)), // Exchange Online
    ("*.1.1", Is(R::AccountNotFound)),    // RFC 3463: bad destination mailbox
    ("*.1.10", Is(R::AccountNotFound)),   // Exchange Online: recipient not found
    ("*.1.8", Is(R::MailboxAccessDenied)), // RFC 3463: bad sender's system address; Exchange: restricted sender
    ("*.1.7", Is(R::MailboxAccessDenied)), // RFC 3463: bad sender's mailbox
    ("*.2.1", Is(R::AccountDisabled)),     // RFC 3463: mailbox disabled
    ("*.2.2", Is(R::OverQuota)),           // RFC 3463: mailbox full
    ("*.2.252", Is(R::MailboxAccessDenied)), // Exchange: SendAsDenied
    ("*.2.121", Is(R::Throttled)),         // Exchange Online: recipient limit
    ("*.7.232", Is(R::Throttled)),         // Exchange Online: external recipients of a trial tenant
    ("*.7.233", Is(R::Throttled)),         // Exchange Online: external recipients of a tenant
    ("*.4.5", Is(R::ServerUnavailable)),   // RFC 3463: mail system congestion
    ("*.4.1", Is(R::ConnectionClosed)),    // haraka/Haraka#2321
    ("*.4.2", Is(R::ConnectionClosed)),    // RFC 3463: bad connection; postfix: timeout exceeded
    ("*.5.124", Is(R::ProtocolError)),     // Exchange Online: invalid XOAUTH2 auth data
    ("*.5.2", Is(R::ProtocolError)),       // RFC 3463: syntax error
    ("*.5.4", Is(R::ProtocolError)),       // RFC 3463: invalid command arguments
    ("*.5.5", Is(R::ProtocolError)),       // RFC 3463: wrong protocol version
    ("*.5.6", Is(R::ProtocolError)),       // RFC 4954: exchange line too long
];

/// Enhanced codes that say little. They are read after every sentence and every family of words.
const WEAK_CODES: &[(&str, Says)] = &[
    ("*.7.8", Refused),                    // RFC 4954: authentication credentials invalid
    ("*.7.3", Refused),                    // Exchange: authentication unsuccessful
    ("*.7.139", Refused),                  // Exchange Online: authentication unsuccessful
    ("*.7.0", Denied),                     // RFC 3463: other security status
    ("*.7.1", Denied),                     // RFC 3463: delivery not authorized
    ("*.7.2", Denied),                     // RFC 3463
    ("*.7.501", Is(R::ServerUnavailable)), // Exchange Online: server busy or access denied, by class
    ("*.5.1", Is(R::ProtocolError)),       // RFC 3463: invalid command
    ("*.5.0", Is(R::ProtocolError)),       // RFC 3463
    ("4.3.*", Is(R::ServerUnavailable)),   // RFC 3463: mail system status
    ("4.2.*", Is(R::ServerUnavailable)),   // RFC 3463: mailbox status
    ("4.4.*", Is(R::ServerUnavailable)),   // RFC 3463: network and routing status
    ("5.3.*", Is(R::ServerUnavailable)),   // RFC 3463: mail system status
];

/// Basic codes: RFC 5321 section 4.2, RFC 4954 section 6. Only the class of a code is read after them.
const BASIC: &[(u16, Says)] = &[
    (334, Refused), // a challenge in place of an answer: the token's error report
    (421, Is(R::ServerUnavailable)),
    (432, Is(R::PasswordExpired)),
    (435, Is(R::ServerUnavailable)), // exim: unable to authenticate at present
    (440, Is(R::TlsProtocol)),       // courier: TLS not available
    (450, Is(R::ServerUnavailable)),
    (451, Is(R::ServerUnavailable)),
    (452, Is(R::ServerUnavailable)),
    (453, Is(R::ServerUnavailable)),
    (454, Is(R::ServerUnavailable)),
    (455, Is(R::ServerUnavailable)),
    (458, Is(R::ServerUnavailable)),
    (459, Is(R::ServerUnavailable)),
    (471, Is(R::ServerUnavailable)),
    (500, Is(R::ProtocolError)),
    (501, Is(R::ProtocolError)),
    (502, Is(R::ProtocolError)),
    (503, Is(R::ProtocolError)),
    (504, Is(R::MechanismUnsupported)),
    (511, Is(R::AccountNotFound)),   // courier
    (513, Denied),                   // courier: Relaying denied
    (517, Denied),                   // courier: Sender rejected
    (521, Is(R::ServerUnavailable)), // RFC 7504: takes no mail
    (523, Is(R::EncryptionRequired)),
    (525, Is(R::AccountDisabled)), // RFC 4954, draft stage: user account disabled
    (530, Is(R::CredentialsRejected)),
    (534, Is(R::MechanismUnsupported)),
    (535, Refused),
    (538, Is(R::EncryptionRequired)),
    (540, Is(R::TlsProtocol)), // courier: TLS not available
    (550, Denied),
    (551, Denied),
    (552, Is(R::OverQuota)),
    (553, Denied),
    (554, Denied),
    (571, Denied), // courier: Delivery not authorized
];

/// Codes that refuse a message for any reason at all: "mailbox unavailable", "transaction failed". At a login
/// they refuse the login; later they tell nothing, unless a table knows the words.
const VAGUE: &[u16] = &[550, 554];

/// What an SMTP answer means.
pub(super) fn classify(text: &str, at: &Situation) -> Reason {
    if let Some(reason) = missing_from_offer(text, at) {
        return reason;
    }
    let server = at.voice == Voice::Server;
    // A number in a person's sentence is not a code.
    let basic = words(text).find_map(basic_code).filter(|_| server);
    let enhanced = enhanced_code(text);
    // An enhanced code says more than 500 and 502: with 5.5.2 the syntax was wrong, not the command unknown. Exchange
    // says 5.3.3 for an unknown command, but what it then quotes may be login data ('AAAA'), which is no command.
    let is_unknown = |code: &str| code == "5.5.1" || code == "5.3.3" && !text.contains("command '");
    let unknown_command = match (basic, enhanced) {
        (Some(500 | 502), code) => code.is_none_or(is_unknown),
        (None, code) => code == Some("5.5.1"),
        _ => false,
    };
    let by_basic_code = || {
        let tells = |code: u16| at.phase != Phase::Sender || !VAGUE.contains(&code);
        BASIC.iter().find(|(code, _)| Some(*code) == basic && tells(*code)).map(|(_, says)| *says)
    };
    let by_code = |table: &[(&str, Says)]| {
        let code = enhanced?;
        table.iter().find(|(row, _)| fits(row, code)).map(|(_, says)| *says)
    };
    let said = at
        .voice
        .find(WORDINGS, text)
        .or_else(|| at.voice.find(SENTENCES, text))
        .or_else(|| at.voice.find(UNAUTHENTICATED, text))
        // A refused command means that the server does not offer it: no TLS at STARTTLS, no AUTH at the login.
        .or_else(|| match at.phase {
            Phase::Capability | Phase::StartTls | Phase::Tls if unknown_command => Some(Is(R::TlsProtocol)),
            Phase::Auth if unknown_command && !text.contains("limit") && !text.contains("long") => {
                Some(Is(R::MechanismUnsupported))
            }
            _ => None,
        })
        .or_else(|| by_code(CODES))
        .or_else(|| at.voice.find(FAMILIES, text))
        .or_else(|| (server && at.phase == Phase::StartTls).then_some(Is(R::TlsProtocol)))
        // The client has not said anything yet, so a greeting that refuses means no service (RFC 5321 section 3.1).
        .or_else(|| (at.phase == Phase::Greeting && basic == Some(554)).then_some(Is(R::ServerUnavailable)))
        .or_else(|| at.voice.find(REFUSALS, text))
        .or_else(|| by_code(WEAK_CODES))
        .or_else(by_basic_code)
        .or(match enhanced.and_then(|code| code.chars().next()) {
            Some('4') => Some(Is(R::ServerUnavailable)),
            _ => None,
        })
        .or_else(|| (server && is_temporary(text)).then_some(Is(R::ServerUnavailable)));
    let says = said.unwrap_or(Is(R::Unexpected));
    // A reply of class 4 is temporary (RFC 5321 section 4.2.1), so it refuses no right for good.
    let is_outage = is_temporary(text) && OUTAGES.contains(&says.anywhere(at));
    if is_outage { R::ServerUnavailable } else { says.reason(at) }
}

/// With a temporary code, these reasons mean that the server's directory or its next hop has failed.
const OUTAGES: &[Reason] = &[R::MailboxAccessDenied, R::CredentialsRejected, R::TokenRejected, R::Unexpected];

/// Codes that answer nothing but a login (RFC 4954 section 6).
const OF_LOGIN: &[&str] = &["535", "534", "538", "432"];

/// Whether a reply can only be one to a login.
pub(super) fn is_of_login(text: &str) -> bool {
    OF_LOGIN.iter().any(|code| text.trim_start().starts_with(code))
}

/// Whether a reply lists the extensions that a server offers.
pub(super) fn is_offer(text: &str) -> bool {
    (text.starts_with("250-") || text.starts_with("250 "))
        && words(&text.to_ascii_lowercase()).any(|word| EXTENSIONS.contains(&word.trim_start_matches("250-")))
}

/// Whether the code at the head of a reply is of class 4, a temporary failure (RFC 5321 section 4.2.1).
fn is_temporary(text: &str) -> bool {
    let code: Option<u16> = text.split([' ', '-']).next().and_then(leading_number);
    code.is_some_and(|code| (400..500).contains(&code))
}

/// Joins the lines of a reply into one. Every line repeats the codes; they are kept once.
pub(super) fn join(text: &str) -> String {
    let mut joined = String::with_capacity(text.len());
    let mut first = None;
    for line in text.lines().map(str::trim) {
        let (code, rest) = split_codes(line);
        match (first, code) {
            (Some(known), Some(code)) if known == code => {
                let rest = without_repeated(rest, &joined);
                joined.push_str(rest);
            }
            _ => joined.push_str(line),
        }
        first = first.or(code);
        joined.push(' ');
    }
    joined
}

/// A line's text without the enhanced code that has been said before.
fn without_repeated<'a>(text: &'a str, joined: &str) -> &'a str {
    match text.split_once(' ') {
        Some((word, after)) if is_enhanced(word) && joined.contains(word) => after,
        _ => text,
    }
}

/// The basic code at the head of a line, and what follows it.
fn split_codes(line: &str) -> (Option<u16>, &str) {
    let Some((head, rest)) = line.split_at_checked(3) else { return (None, line) };
    match leading_number::<u16>(head).filter(|_| rest.is_empty() || rest.starts_with(['-', ' '])) {
        Some(code) => (Some(code), rest.trim_start_matches(['-', ' '])),
        None => (None, line),
    }
}

/// A word that is a reply code, or begins with one as `535-5.7.1` does. Only codes of the table:
/// 587 is a port.
fn basic_code(word: &str) -> Option<u16> {
    let code = leading_number(word.split('-').next()?)?;
    BASIC.iter().any(|(known, _)| *known == code).then_some(code)
}

/// The first enhanced code: three numbers, the first of them 4 or 5.
fn enhanced_code(text: &str) -> Option<&str> {
    words(text).find_map(|word| {
        let word = word
            .split_once('-')
            .map_or(word, |(code, rest)| if basic_code(code).is_some() { rest } else { word });
        is_enhanced(word).then_some(word)
    })
}

/// Whether a word is a basic code by which a server refuses.
pub(super) fn is_code(word: &str) -> bool {
    word.len() == 3 && word.starts_with(['3', '4', '5']) && basic_code(word).is_some()
}

/// Whether a word is an enhanced code by which a server refuses.
pub(super) fn is_enhanced(word: &str) -> bool {
    let mut numbers = word.split('.').map(|part| part.len() <= 3 && leading_number::<u16>(part).is_some());
    word.starts_with(['4', '5'])
        && word.get(1..2) == Some(".")
        && numbers.by_ref().take(3).filter(|good| *good).count() == 3
        && numbers.next().is_none()
}

/// Whether a row of the tables covers an enhanced code; `*` matches one number at either end.
fn fits(row: &str, code: &str) -> bool {
    match (row.strip_prefix('*'), row.strip_suffix('*')) {
        (Some(tail), _) => code.get(1..) == Some(tail),
        (_, Some(head)) => code.starts_with(head),
        _ => row == code,
    }
}

/// Keywords of EHLO replies (the registry of RFC 5321 section 2.2.2). A text with one of them is a list of extensions.
const EXTENSIONS: &[&str] = &[
    "auth",
    "starttls",
    "size",
    "pipelining",
    "8bitmime",
    "smtputf8",
    "chunking",
    "dsn",
    "enhancedstatuscodes",
];

/// What is missing, if the text is a list of extensions without a usable login.
fn missing_from_offer(text: &str, at: &Situation) -> Option<Reason> {
    let wanted: &[&str] = match at.login {
        Auth::Token(()) => &["xoauth2", "oauthbearer"],
        Auth::Password(()) => &["plain", "login"],
    };
    let is_offered = words(text).any(|word| wanted.contains(&word));
    let missing = if text.contains("starttls") { R::EncryptionRequired } else { R::MechanismUnsupported };
    (is_offer(text) && !is_offered).then_some(missing)
}
