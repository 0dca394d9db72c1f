//! The faults of mailboxes: their names, and at which services they show.
//!
//! The rows with their scripts are in `table`. Does not run the scripts: `session.rs` does, in the dialogues of
//! `imap.rs`, `smtp.rs` and `pop3.rs`. The faults of the identity provider have a table of their own, `token_fault.rs`.

use crate::sim::script::{Act, Service, Step};
use crate::sim::token_fault::TokenFault;

/// What is done at which step.
pub(super) type Script = &'static [(Step, Act)];

/// One row.
struct Row {
    label: &'static str,
    name: &'static str,
    about: &'static str,
    imap: Script,
    smtp: Script,
    pop3: Script,
}

/// Where a fault can be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shows {
    /// At the token request.
    pub token: bool,
    /// In the IMAP dialogue.
    pub imap: bool,
    /// In the SMTP dialogue.
    pub smtp: bool,
    /// In the POP3 dialogue.
    pub pop3: bool,
}

macro_rules! faults {
    ($( $variant:ident => $label:literal, $name:literal, $about:literal,
        imap [$($imap:expr),* $(,)?], smtp [$($smtp:expr),* $(,)?] $(, pop3 [$($pop3:expr),* $(,)?])?; )+) => {
        /// What is wrong with a mailbox, its servers or its identity provider.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fault {
            $( #[doc = $about] $variant, )+
            /// A fault at the identity provider, which hits every mailbox of the app.
            Token(TokenFault),
            /// A fault that only messages meet.
            Post(PostFault),
        }

        /// The faults of this file, in the order of the table.
        pub(super) const OF_MAIL: &[Fault] = &[ $( Fault::$variant, )+ ];

        impl Fault {
            pub(super) const fn row(self) -> Row {
                match self {
                    $( Self::$variant => {
                        const IMAP: Script = &[$($imap),*];
                        const SMTP: Script = &[$($smtp),*];
                        const POP3: Script = &[$($($pop3),*)?];
                        Row { label: $label, name: $name, about: $about, imap: IMAP, smtp: SMTP, pop3: POP3 }
                    } )+
                    Self::Token(fault) => {
                        let row = fault.row();
                        Row { label: row.label, name: row.name, about: row.about, imap: &[], smtp: &[], pop3: &[] }
                    }
                    Self::Post(fault) => {
                        let row = fault.row();
                        Row { label: row.label, name: row.name, about: row.about, imap: row.script, smtp: row.script, pop3: &[] }
                    }
                }
            }
        }
    };
}

mod table;

pub use self::table::Fault;
use self::table::OF_MAIL;

impl Fault {
    /// Every fault there is but those of messages, the healthy mailbox first, those of the identity provider last.
    pub const ALL: &'static [Self] = &all();

    /// What `demo` shows: mailboxes, each with a lesson of its own.
    pub const DEMO: &'static [Self] = &[
        Self::None,
        Self::Token(TokenFault::SecretInvalid),
        Self::Token(TokenFault::SecretExpired),
        Self::Token(TokenFault::ConsentMissing),
        Self::Token(TokenFault::ConditionalAccess),
        Self::Token(TokenFault::RefreshTokenIdle),
        Self::Token(TokenFault::Roleless),
        Self::TokenRejected,
        Self::NotConnected,
        Self::FolderMissing,
        Self::SmtpAuthDisabledTenant,
        Self::SmtpAuthDisabledMailbox,
        Self::CertificateExpired,
        Self::Refused,
        Self::SilentGreeting,
        Self::Throttled,
    ];

    /// Its name for machines, in `snake_case`.
    pub const fn label(self) -> &'static str {
        self.row().label
    }

    /// One sentence for people.
    pub const fn about(self) -> &'static str {
        self.row().about
    }

    /// The local part a mailbox with this fault gets.
    pub const fn mailbox_name(self) -> &'static str {
        self.row().name
    }

    /// The fault of that label, if there is one.
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|fault| fault.label() == label)
    }

    /// Where it can be seen. A token that is issued but wanting shows in the mail dialogues too.
    pub fn shows(self) -> Shows {
        let row = self.row();
        let token = matches!(self, Self::Token(_));
        let wanting = matches!(
            self,
            Self::Token(TokenFault::Roleless | TokenFault::WrongAudience | TokenFault::StaleToken)
        );
        let mail = |script: Script| wanting || !script.is_empty();
        Shows { token, imap: mail(row.imap), smtp: mail(row.smtp), pop3: mail(row.pop3) }
    }

    /// What is done in the dialogue of a service.
    pub(super) const fn script(self, service: Service) -> Script {
        let row = self.row();
        match service {
            Service::Imap => row.imap,
            Service::Smtp => row.smtp,
            Service::Pop3 => row.pop3,
        }
    }
}

const fn all() -> [Fault; OF_MAIL.len() + TokenFault::ALL.len()] {
    let mut all = [Fault::None; OF_MAIL.len() + TokenFault::ALL.len()];
    let mut at = 0;
    while at < all.len() {
        all[at] =
            if at < OF_MAIL.len() { OF_MAIL[at] } else { Fault::Token(TokenFault::ALL[at - OF_MAIL.len()]) };
        at += 1;
    }
    all
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_has_a_label_a_name_and_a_sentence_of_its_own() {
        let labels: HashSet<_> = Fault::ALL.iter().map(|fault| fault.label()).collect();
        let names: HashSet<_> = Fault::ALL.iter().map(|fault| fault.mailbox_name()).collect();
        assert_eq!((labels.len(), names.len()), (Fault::ALL.len(), Fault::ALL.len()));
        for &fault in Fault::ALL {
            assert_eq!(Fault::from_label(fault.label()), Some(fault));
            assert!(
                fault.label().bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')),
                "{fault:?}"
            );
            assert!(fault.about().ends_with('.'), "{fault:?}");
        }
    }

    #[test]
    fn every_fault_shows_somewhere() {
        for &fault in Fault::ALL {
            let Shows { token, imap, smtp, pop3 } = fault.shows();
            assert_eq!(token || imap || smtp || pop3, fault != Fault::None, "{fault:?}");
        }
    }
}
