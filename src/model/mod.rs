//! The vocabulary of the program: mailbox, check, phase, reason, observation.
//!
//! Owns these types and the closed lists, each declared once with `table!`. No I/O, no clock, no async, no
//! file format.

/// Declares a closed set: an enum whose variants each have one row of facts.
///
/// The row type needs a field `label: &'static str`, the variant's name in metrics, JSON and YAML.
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
            /// All variants, in the order of the table.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The row of this variant.
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

            /// The variant with this label.
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
mod cloud;
mod credential;
mod difference;
mod directory;
mod end;
mod external;
mod mailbox;
mod observation;
mod overview;
mod phase;
mod plan;
mod policy;
mod protocol;
mod readiness;
mod reason;
mod round_trip;
#[cfg(test)]
pub(crate) mod samples;
mod shard;
mod token;
mod web;

pub use check::{Access, Check, CheckName, Goal, Patience, TokenAccess, TokenSpec};
pub use cloud::Cloud;
pub use credential::{
    Algorithm, App, Auth, Credential, IdentityService, PairRef, Proof, Redacted, SecretIn, SecretRef,
    WRONG_PASSWORD,
};
pub use difference::{Difference, DirectoryCounts, WebChange};
pub use directory::{Directory, DirectoryEnds, Feed, FeedReading, Sightings};
pub use end::{End, EndSource, Expires};
pub use external::{Address, ExternalUrl};
pub use mailbox::{
    Endpoint, Family, HIGH_VOLUME_HOSTS, IpChoice, Mailbox, Mechanism, Provider, Security, Service,
};
pub use observation::{
    Certificate, DialogueLine, Observation, OnDemand, Outcome, ServerFacts, Speaker, TokenSeal, Transcript,
    Unread,
};
pub use overview::{Overview, Position};
pub use phase::{Phase, Timings};
pub use plan::{Limits, Listen, Plan};
pub use policy::{Expectation, PasswordLogin, Policy};
pub use protocol::{ByProtocol, MailRow, Permissions, Protocol};
pub use readiness::{
    Basic, Board, Confidence, Conflict, Deadline, DeadlineKind, Evidence, Exhibit, Finding, Import,
    ImportReport, Keeping, Oauth, Record, Score, Signal, SourceReading, Standing, State, Use,
};
pub use reason::{Cause, Failure, Owner, Reason};
pub use round_trip::{RoundTrip, SenderCheck, SenderVerdict, SenderVerdicts, TripFacts};
pub use shard::Shard;
pub use token::{Claims, NOTABLE_SKEW, TokenFacts, TokenReport};
pub use web::{CipherSuite, ClientAuth, Curve, TlsVersion, Users, Web, WebTls};
