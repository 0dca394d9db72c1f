//! Refusals that are known before asking: the server does not offer the login.
//!
//! Not here: the server's answer when it is asked anyway, which the table of its protocol reads.

use crate::model::{Mechanism, Reason};

/// The facts that explain why a login cannot be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The mechanism that is wanted; for a password, any of the password mechanisms.
    pub wanted: Mechanism,
    /// Whether TLS is established.
    pub encrypted: bool,
    /// Whether the server offers STARTTLS.
    pub starttls: bool,
    /// Whether an IMAP server says LOGINDISABLED (RFC 3501 section 6.2.3).
    pub login_disabled: bool,
}

/// Why a mechanism that the server does not list cannot be used.
///
/// Before TLS a server may hide its mechanisms (RFC 4954 section 4, RFC 8314 section 3.3). If it offers STARTTLS, or
/// answers a password login with LOGINDISABLED, the connection lacks TLS.
pub const fn not_offered(offer: &Offer) -> Reason {
    let password = !matches!(offer.wanted, Mechanism::Xoauth2 | Mechanism::Oauthbearer);
    if !offer.encrypted && (offer.starttls || (offer.login_disabled && password)) {
        Reason::EncryptionRequired
    } else {
        Reason::MechanismUnsupported
    }
}
