//! TLS: what a failed handshake means, from the typed errors of rustls and from the texts of other
//! libraries.
//!
//! Not here: what a mail server says in its own protocol about TLS (`454 TLS not available`).

use rustls::{AlertDescription, CertificateError, Error};

use crate::model::Reason;

/// What a TLS error means. The variants are those of rustls 0.23; what a later release adds is a
/// handshake that did not come about.
pub fn tls(error: &Error) -> Reason {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::NoCertificatesPresented | Error::InvalidCertRevocationList(_) => {
            Reason::TlsCertificateUntrusted
        }
        Error::UnsupportedNameType => Reason::TlsNameMismatch,
        Error::AlertReceived(alert) => received(*alert),
        Error::FailedToGetCurrentTime | Error::FailedToGetRandomBytes | Error::EncryptError => {
            Reason::Internal
        }
        // Everything else is a peer that speaks another TLS than ours, or none: InvalidMessage is what
        // a plain-text greeting looks like to rustls.
        _ => Reason::TlsProtocol,
    }
}

fn certificate(error: &CertificateError) -> Reason {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Reason::TlsCertificateExpired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Reason::ClockSkew,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Reason::TlsNameMismatch
        }
        // Unknown issuer, revoked, bad signature, wrong purpose, and `Other`, which carries
        // CaUsedAsEndEntity: the usual self-signed certificate.
        _ => Reason::TlsCertificateUntrusted,
    }
}

/// What the peer told us in an alert (RFC 8446 section 6).
fn received(alert: AlertDescription) -> Reason {
    match alert {
        AlertDescription::CloseNotify | AlertDescription::UserCanceled => Reason::ConnectionClosed,
        AlertDescription::UnrecognisedName => Reason::TlsNameMismatch,
        _ => Reason::TlsProtocol,
    }
}
