//! The nouns of the program: what a mailbox, a check, a phase, a reason and an observation are.
//!
//! Owns the words and the closed lists, each written once as a `table!`. No I/O, no clock, no
//! async, no file format: everything else in the house is built from these values.

/// Declares a closed set: an enum in which every variant owns one row of facts.
///
/// The row type needs a `label: &'static str`, which is the variant's name in metrics, JSON and YAML.
macro_rules! table {
    (
        $(#[$meta:meta])*
        pub enum $name:ident: $row:ty {
            $( $(#[$variant_meta:meta])* $variant:ident => $value:expr; )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
        }

        impl $name {
            /// Every row, in the order of the table.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The facts of this row.
            pub const fn row(self) -> &'static $row {
                match self {
                    $( Self::$variant => {
                        const ROW: &$row = &$value;
                        ROW
                    } )+
                }
            }

            /// The name in metrics, JSON and configuration.
            pub const fn label(self) -> &'static str {
                self.row().label
            }

            /// The row of that label, if there is one.
            pub fn from_label(label: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|row| row.label() == label)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.label())
            }
        }
    };
}

mod check;
mod credential;
mod difference;
mod mailbox;
mod observation;
mod phase;
mod plan;
mod policy;
mod readiness;
mod reason;
mod shard;
mod token;
mod web;

pub use check::{Access, Check, CheckName, Goal, TokenSpec};
pub use credential::{Claims, Credential, Grant, Redacted, SecretIn, SecretRef, TokenForm, WRONG_PASSWORD};
pub use difference::Difference;
pub use mailbox::{Endpoint, Family, IpChoice, Mailbox, Mechanism, Protocol, Provider, Security};
pub use observation::{
    Certificate, DialogueLine, Observation, OnDemand, Outcome, ServerFacts, Speaker, TokenSeal,
};
pub use phase::{Phase, Timings};
pub use plan::{Limits, Listen, Plan};
pub use policy::{Expectation, PasswordLogin, Policy};
pub use readiness::{
    Basic, Board, Confidence, Deadline, DeadlineKind, Evidence, Exhibit, Finding, ImportReport, Oauth,
    Record, Score, Signal, Standing, State, Use,
};
pub use reason::{Cause, Failure, Owner, Reason};
pub use shard::Shard;
pub use token::{NOTABLE_SKEW, TokenFacts, TokenReport};
pub use web::{CipherSuite, ClientAuth, Curve, TlsVersion, Users, Web, WebTls};
