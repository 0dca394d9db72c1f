//! The mail protocols whose answers can be read: more than those that are probed, since people paste
//! what other programs were told.
//!
//! Not here: what an answer means; each dialect has a file of its own.

use crate::model::Protocol;

/// How a mail server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 3501, RFC 9051.
    Imap,
    /// RFC 5321, RFC 4954.
    Smtp,
    /// RFC 1939, RFC 2449, RFC 5034.
    Pop3,
}

impl Dialect {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::Imap, Self::Smtp, Self::Pop3];

    /// The name in options and metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Imap => Protocol::Imap.label(),
            Self::Smtp => Protocol::Smtp.label(),
            Self::Pop3 => "pop3",
        }
    }

    /// The name as people write it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Imap => "IMAP",
            Self::Smtp => "SMTP",
            Self::Pop3 => "POP3",
        }
    }

    /// Whether mail is read by it: Exchange Online takes no password there, whereas submission may.
    pub(super) const fn reads(self) -> bool {
        matches!(self, Self::Imap | Self::Pop3)
    }
}

impl From<Protocol> for Dialect {
    fn from(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Imap => Self::Imap,
            Protocol::Smtp => Self::Smtp,
        }
    }
}
