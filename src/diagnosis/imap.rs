//! IMAP: response codes, the wordings that only IMAP has, and what is left when nothing is known.
//!
//! Not here: sentences that every mail protocol knows.

use super::sentences::{FAMILIES, REFUSALS, SENTENCES};
use super::text::words;
use super::wording::Says::{Before, Is, Refused};
use super::wording::{Says, Situation, Voice, Wording, bracketed, find, wordings};
use crate::model::{Auth, Mechanism, Phase, Reason};

use Reason as R;

/// Sentences of IMAP servers that the shared table would read otherwise, or not at all.
const WORDINGS: &[Wording] = wordings! {
    Is(R::ProtocolError) => {
        "no mailbox selected", "generic; Dovecot, Cyrus, Gmail";
    }
    Is(R::TlsProtocol) => {
        "tls*not available", "generic: the answer to STARTTLS, as RFC 3207 section 4 words it for SMTP";
    }
    // The folder's name follows, and may be any word.
    Is(R::FolderMissing) => {
        "mailbox doesn't exist", "dovecot src/lib-storage/mail-storage.h";
        "mailbox does not exist", "cyrusimap/cyrus-imapd imap/imap_err.et";
        "code: some(trycreate)", "async-imap, its Debug form of [TRYCREATE]";
        "nonexistent namespace", "rob-luke/emails-html-to-pdf#42";
        "unknown mailbox", "Gmail: Unknown Mailbox: NoSuchFolder (Failure)";
        "unable to open this mailbox", "Courier imap/imapd.c: the folder cannot be opened";
    }
};

/// Response codes: RFC 5530 section 3 unless said otherwise.
const CODES: &[(&str, Says)] = &[
    ("unavailable", Is(R::ServerUnavailable)),
    ("authenticationfailed", Refused),
    ("authorizationfailed", Is(R::MailboxAccessDenied)),
    ("expired", Is(R::PasswordExpired)),
    ("privacyrequired", Is(R::EncryptionRequired)),
    ("contactadmin", Is(R::AccountDisabled)),
    ("noperm", Is(R::MailboxAccessDenied)),
    ("inuse", Is(R::TooManyConnections)),
    ("expungeissued", Is(R::ServerUnavailable)),
    ("corruption", Is(R::ServerUnavailable)),
    ("serverbug", Is(R::ServerUnavailable)),
    ("clientbug", Is(R::ProtocolError)),
    ("cannot", Before { auth: R::ProtocolError, later: R::FolderMissing }),
    ("limit", Is(R::TooManyConnections)),
    ("overquota", Is(R::OverQuota)),
    ("nonexistent", Before { auth: R::AccountNotFound, later: R::FolderMissing }),
    ("trycreate", Is(R::FolderMissing)),    // RFC 3501 section 7.1
    ("badcharset", Is(R::ProtocolError)),   // RFC 3501 section 7.1
    ("parse", Is(R::ProtocolError)),        // RFC 3501 section 7.1
    ("webalert", Is(R::AccountLocked)),     // Gmail
    ("throttled", Is(R::Throttled)),        // Gmail, Yahoo
    ("unknown-cte", Is(R::ProtocolError)),  // RFC 3516
    ("toobig", Is(R::ProtocolError)),       // RFC 4469
    ("referral", Is(R::ServerUnavailable)), // RFC 2221: the mailbox is at another server
];

/// The last table to be tried, for folders that cannot be opened.
const LAST: &[Wording] = wordings! {
    Is(R::FolderMissing) => {
        "select failed", "Zimbra/zm-mailbox: NO SELECT failed, of a folder that is not there";
        "examine failed", "Zimbra/zm-mailbox, as the row above";
    }
};

/// Codes that mean one thing even before the sentences: what follows them is free text.
const STRONG: &[&str] = &[
    "overquota",
    "referral",
    "nonexistent",
    "trycreate",
    "noperm",
    "expired",
    "privacyrequired",
    "webalert",
];

/// What the status word says when nothing else does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    No,
    Bad,
    Bye,
    /// An untagged list of capabilities: the login that was wanted is not in it.
    Capability,
    Other,
}

/// What an IMAP answer means.
pub(super) fn classify(text: &str, at: &Situation) -> Reason {
    let server = at.voice == Voice::Server;
    let status = status(text);
    if (server && status == Status::Capability)
        || (at.phase == Phase::Capability && text.contains("capability imap"))
    {
        return capability(text, at);
    }
    let code = |only: fn(&str) -> bool| {
        let named = |code: &&str| CODES.iter().find(|(name, _)| name == code && only(name));
        bracketed(text).find_map(|code| named(&code)).map(|(_, says)| *says)
    };
    // Two sentences come with codes that say something else (design notes, misleading words):
    // a bandwidth limit under [OVERQUOTA], a connection limit under [UNAVAILABLE].
    let said = at
        .voice
        .find(WORDINGS, text)
        .filter(|_| at.phase != Phase::Auth)
        .or_else(|| code(|name| STRONG.contains(&name)).filter(|_| !limit(text)))
        .or_else(|| at.voice.find(SENTENCES, text))
        .or_else(|| code(|_| true))
        .or_else(|| {
            (server && at.phase == Phase::StartTls && text.contains("tls")).then_some(Is(R::TlsProtocol))
        })
        .or_else(|| at.voice.find(FAMILIES, text))
        .or_else(|| at.voice.find(REFUSALS, text))
        .or_else(|| at.voice.find(LAST, text))
        .or_else(|| {
            (server && at.phase == Phase::StartTls && status != Status::Bye).then_some(Is(R::TlsProtocol))
        })
        .or(match (status, at.phase) {
            _ if !server => None,
            (Status::No, Phase::Auth) => Some(Refused),
            (Status::No, Phase::Select) => None,
            (Status::Bad, _) => Some(Is(R::ProtocolError)),
            (Status::Bye, _) => Some(Is(R::ConnectionClosed)),
            _ => None,
        });
    said.unwrap_or(Is(R::Unexpected)).reason(at)
}

/// Whether an answer lists what a server offers.
pub(super) fn is_offer(text: &str) -> bool {
    text.to_ascii_lowercase().contains("capability imap")
}

/// Whether a list of capabilities has a login of the wanted kind; of any kind if none is named.
pub(super) fn is_offered(folded: &str, wanted: Option<Mechanism>) -> bool {
    let token = folded.contains("auth=xoauth2") || folded.contains("auth=oauthbearer");
    let password = !folded.contains("logindisabled");
    match wanted {
        Some(mechanism) if mechanism.shows_password() => password,
        Some(_) => token,
        None => password || (token && !folded.contains("starttls")),
    }
}

/// Whether a word in small letters is one of the response codes.
pub(super) fn is_code(word: &str) -> bool {
    CODES.iter().any(|(code, _)| *code == word)
}

fn limit(text: &str) -> bool {
    matches!(find(SENTENCES, text), Some(Is(R::Throttled | R::TooManyConnections)))
}

fn status(text: &str) -> Status {
    // The tag, or the star of an untagged answer, may precede it.
    let found = words(text).take(2).find_map(|word| match word {
        "no" => Some(Status::No),
        "bad" => Some(Status::Bad),
        "bye" => Some(Status::Bye),
        "capability" => Some(Status::Capability),
        _ => None,
    });
    found.unwrap_or(Status::Other)
}

/// What is missing from a list of capabilities that holds no usable login.
fn capability(text: &str, at: &Situation) -> Reason {
    let tokens = text.contains("auth=xoauth2") || text.contains("auth=oauthbearer");
    match (text.contains("starttls"), text.contains("logindisabled"), at.login) {
        // STARTTLS is offered before TLS only.
        (true, _, _) => R::EncryptionRequired,
        // Exchange Online since August 2026: tokens or nothing (domain facts, wordings).
        (false, true, Auth::Password(())) if tokens => R::BasicAuthDisabled,
        _ => R::MechanismUnsupported,
    }
}
