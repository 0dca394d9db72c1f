//! A row of the tables: a wording and its meaning; and how a table is read.
//!
//! Not here: the rows. Each is in the file of its protocol, together with its source.

use super::text::matches;
use crate::model::{Auth, Family, Mechanism, Phase, Protocol, Reason};

/// What a wording says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    /// This, whatever was being tried.
    Is(Reason),
    /// No to whatever was shown: a token or a password. Which of the two decides the reason.
    Refused,
    /// No right: to log in, or, after that, to the folder or the sender.
    Denied,
    /// One thing while logging in, another one after that.
    Before {
        /// Up to the login.
        auth: Reason,
        /// With the folder or the sender.
        later: Reason,
    },
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wording {
    /// Lower case, single spaces; `*` matches anything in between.
    pub(super) pattern: &'static str,
    /// What it says.
    pub(super) says: Says,
}

/// Writes a table of [`Wording`]s. The source is for readers who doubt a row: this macro requires it
/// and does not keep it at run time.
macro_rules! wordings {
    ($( $says:expr => { $( $pattern:literal, $source:literal; )+ } )+) => {
        &[ $( $( $crate::diagnosis::wording::Wording { pattern: $pattern, says: $says } ),+ ),+ ]
    };
}
pub(super) use wordings;

/// The first row of a table whose wording occurs in the folded text.
pub(super) fn find(table: &[Wording], text: &str) -> Option<Says> {
    table.iter().find(|row| matches(text, row.pattern)).map(|row| row.says)
}

/// Who says a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Voice {
    /// A server that refuses: every word of its answer may name the cause.
    Server,
    /// A program or a person: only phrases count, because single words occur in any sentence.
    Program,
}

impl Voice {
    /// As [`find`], with the rows that count in this voice.
    pub(super) fn find(self, table: &[Wording], text: &str) -> Option<Says> {
        let phrase = |pattern: &str| pattern.contains([' ', '*', '_', '-']) || pattern.len() > WORD;
        let counts = |row: &&Wording| {
            self == Self::Server || (phrase(row.pattern) && !EVERYDAY.contains(&row.pattern))
        };
        table.iter().find(|row| matches(text, row.pattern) && counts(row)).map(|row| row.says)
    }
}

/// Phrases that mean something in a server's answer, but that programs and people also say about other things.
const EVERYDAY: &[&str] = &[
    "no such",
    "no such file or directory",
    "not found",
    "does not exist",
    "doesn't exist",
    "could not be found",
    "unable to find",
    "access denied",
    "access is denied",
    "permission denied",
    "not allowed",
    "not authorized",
    "not authorised",
    "not available",
    "not implemented",
    "try again",
    "try later",
    "unknown command",
    "invalid command",
    "bad command",
    "illegal command",
    "command unknown",
    "command not implemented",
    "not understood",
    "too many",
    "cannot connect to",
    "unable to open",
    "couldn't open",
    "can't open",
    "unable to access",
    "invalid argument",
    "invalid parameter",
    "missing*argument",
    "missing*parameter",
    "unexpected*argument",
    "system error",
    "internal error",
    "server error",
    "generic failure",
    "something went wrong",
    "local problem",
    "configuration error",
    "configuration problem",
    "protocol error",
    "bad configuration",
    "application password",
    "app password",
    "app-specific password",
    "application-specific password",
    "application specific password",
    "less secure",
    "plain text",
    "modern auth",
    "already in use",
    "in use by",
    "currently in use",
    "timed out",
    "database is",
    "protocol*disabled",
    "imap*disabled",
    "pop*disabled",
    "smtp*disabled",
    "conditional access",
    "security defaults",
    "multi-factor",
    "legacy authentication",
    "verify your account",
    "access policy",
    "tls handshake",
    "tls negotiation",
    "use tls",
    "use ssl",
    "use starttls",
    "without tls",
    "without ssl",
    "must use*ssl",
    "must use*tls",
];

/// Words of more letters are names that some server made up, and no everyday words.
const WORD: usize = 14;

/// The response codes of a text, in their order: the first words in square brackets.
pub(super) fn bracketed(text: &str) -> impl Iterator<Item = &str> {
    text.split('[').skip(1).filter_map(|rest| rest.split([']', ' ']).next())
}

/// The context that is needed to understand the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    pub(super) phase: Phase,
    pub(super) protocol: Protocol,
    pub(super) family: Family,
    /// What was shown to the server.
    pub(super) login: Auth<(), ()>,
    pub(super) voice: Voice,
}

/// Wordings that answer only logins with a token. They decide the question if the mechanism is not known.
///
/// Exchange's POP3 service says "Authentication failure" after AUTH and "Logon failure" after PASS.
const TOKEN_WORDS: &[&str] =
    &["authenticate failed", "authentication failure: unknown user name", "token", "oauth", "bearer"];

/// What was shown, by the mechanism, or else by what the answer talks about.
pub(super) fn shown(mechanism: Option<Mechanism>, challenged: bool, text: &str) -> Auth<(), ()> {
    match mechanism {
        Some(mechanism) if mechanism.shows_password() => Auth::Password(()),
        Some(_) => Auth::Token(()),
        None if challenged || TOKEN_WORDS.iter().any(|word| text.contains(word)) => Auth::Token(()),
        None => Auth::Password(()),
    }
}

impl Says {
    /// The reason, here and now. A refusal of a login needs a login: before that it is an answer that
    /// does not fit the protocol.
    pub(super) fn reason(self, at: &Situation) -> Reason {
        let reason = self.anywhere(at);
        if at.phase < Phase::Auth && OF_A_LOGIN.contains(&reason) { Reason::ProtocolError } else { reason }
    }

    /// The reason, had the login been tried.
    pub(super) fn anywhere(self, at: &Situation) -> Reason {
        match self {
            Self::Is(reason) => reason,
            Self::Before { later, .. } if at.logged_in() => later,
            Self::Before { auth, .. } => auth,
            Self::Denied if at.logged_in() => Reason::MailboxAccessDenied,
            Self::Denied | Self::Refused => at.refused(),
        }
    }
}

/// Reasons that a server can have only after something was shown to it.
const OF_A_LOGIN: &[Reason] =
    &[Reason::CredentialsRejected, Reason::TokenRejected, Reason::MailboxAccessDenied];

impl Situation {
    fn logged_in(&self) -> bool {
        self.phase > Phase::Auth
    }

    /// What a plain "no" to a login means.
    pub(super) fn refused(&self) -> Reason {
        match (self.login, self.family) {
            (Auth::Token(()), _) => Reason::TokenRejected,
            // No password can work there any more, right or wrong (domain facts: basic authentication
            // for IMAP and POP3 ended with January 2023, for personal accounts with September 2024).
            (Auth::Password(()), Family::ExchangeOnline | Family::OutlookCom)
                if self.protocol.mail().is_some_and(|mail| mail.reads) =>
            {
                Reason::BasicAuthDisabled
            }
            (Auth::Password(()), _) => Reason::CredentialsRejected,
        }
    }
}
