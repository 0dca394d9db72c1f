//! When a credential expires, and who says so.

use std::path::PathBuf;

use jiff::Timestamp;

/// The facts about one source of expiry dates.
#[derive(Debug)]
pub struct EndRow {
    /// The label value in metrics.
    pub label: &'static str,
    /// The thing that expires.
    pub noun: &'static str,
    /// Follows "the date is".
    pub origin: &'static str,
    /// It is renewed all the time, so a near end is not news.
    pub renewed: bool,
}

table! {
    /// Who says when a credential expires.
    pub enum EndSource: EndRow {
        /// `expires` in the configuration.
        Declared => EndRow { label: "declared", noun: "secret", origin: "the one declared in the configuration", renewed: false };
        /// `notAfter` of the certificate that signs.
        Certificate => EndRow { label: "certificate", noun: "certificate", origin: "the certificate's own", renewed: false };
        /// What Entra says of the app's secrets and certificates.
        Directory => EndRow { label: "directory", noun: "secret or certificate", origin: "the one in the directory, read by Microsoft Graph", renewed: false };
        /// `exp` of the token file of a federated credential.
        TokenFile => EndRow { label: "token_file", noun: "token file", origin: "the token's own", renewed: true };
    }
}

/// When a credential expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub source: EndSource,
    pub at: Timestamp,
}

/// Where the configuration says when a credential expires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expires {
    At(Timestamp),
    /// A file holds the date. The program that renews the secret writes it.
    In(PathBuf),
}
