//! Interception: a public provider's host shows a certificate that no public authority has issued.
//!
//! This module knows which hosts are public. `net` knows which authorities are public, and what a handshake showed.

use crate::model::{Certificate, Reason};

/// The domains of public providers, for mail and for identities. Public authorities issue their certificates; any
/// other certificate was made by something in between.
const PUBLIC: &[&str] = &[
    // Microsoft 365, its national clouds, personal accounts.
    "office365.com",
    "office365.us",
    "office.com",
    "outlook.com",
    "outlook.cn",
    "microsoftonline.com",
    "microsoftonline.us",
    "microsoftonline.cn",
    "graph.microsoft.com",
    "graph.microsoft.us",
    "dod-graph.microsoft.us",
    "microsoftgraph.chinacloudapi.cn",
    "login.windows.net",
    "login.live.com",
    "hve.mx.microsoft",
    // Google.
    "gmail.com",
    "googlemail.com",
    "google.com",
    "googleapis.com",
];

/// Whether a host belongs to a public provider.
pub(super) fn is_public(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    PUBLIC.iter().any(|domain| {
        host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    })
}

/// Whether something between us and a public provider's host seems to answer in its place. It does not matter
/// whether this machine trusts it.
pub fn is_intercepted(host: &str, certificate: Option<&Certificate>) -> bool {
    is_public(host) && certificate.is_some_and(|certificate| certificate.public_root == Some(false))
}

/// Whether a reason is about the certificate that was shown.
pub const fn is_of_certificate(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::TlsCertificateUntrusted
            | Reason::TlsCertificateExpired
            | Reason::TlsNameMismatch
            | Reason::ClockSkew
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_foreign_authority_at_a_public_host_is_suspected() {
        let shown = |public_root| {
            let text = String::new;
            Certificate { subject: text(), issuer: text(), sha256: text(), public_root }
        };
        let private = shown(Some(false));
        for host in ["outlook.office365.com", "SMTP.office365.com.", "imap.gmail.com", "partner.outlook.cn"] {
            assert!(is_intercepted(host, Some(&private)), "{host}");
            assert!(!is_intercepted(host, Some(&shown(Some(true)))), "{host}");
            assert!(!is_intercepted(host, Some(&shown(None))), "{host}: not told is not suspected");
            assert!(!is_intercepted(host, None), "{host}");
        }
        for host in ["localhost", "mail.contoso.example", "notoffice365.com", "gmail.com.example", ""] {
            assert!(!is_intercepted(host, Some(&private)), "{host}");
        }
    }
}
