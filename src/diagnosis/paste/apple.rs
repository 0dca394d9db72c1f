//! Numbers of Apple's frameworks and of MailCore: `Error Domain=NSURLErrorDomain Code=-1003 "…"`.
//!
//! Not here: the sentences beside them, which are often translated.

use crate::diagnosis::text::words;
use crate::model::Reason;

use Reason as R;

/// Numbers by the domain they belong to: MailCore's MCOConstants.h, Foundation's NSURLError.h, and
/// the sockets of macOS (errno).
const CODES: &[(&str, &str, Reason)] = &[
    ("mcoerrordomain", "2", R::TlsProtocol),              // TLSNotAvailable
    ("mcoerrordomain", "3", R::ProtocolError),            // Parse
    ("mcoerrordomain", "4", R::TlsCertificateUntrusted),  // Certificate
    ("mcoerrordomain", "5", R::CredentialsRejected),      // Authentication
    ("mcoerrordomain", "6", R::ProtocolDisabled),         // GmailIMAPNotEnabled
    ("mcoerrordomain", "7", R::Throttled),                // GmailExceededBandwidthLimit
    ("mcoerrordomain", "8", R::TooManyConnections),       // GmailTooManySimultaneousConnections
    ("mcoerrordomain", "10", R::ServerUnavailable),       // YahooUnavailable
    ("mcoerrordomain", "11", R::FolderMissing),           // NonExistantFolder
    ("mcoerrordomain", "25", R::TlsProtocol),             // StartTLSNotAvailable
    ("mcoerrordomain", "27", R::OverQuota),               // StorageLimit
    ("mcoerrordomain", "29", R::AccountLocked),           // NeedsConnectToWebmail
    ("mcoerrordomain", "31", R::CredentialsRejected),     // AuthenticationRequired
    ("mcoerrordomain", "40", R::BasicAuthDisabled),       // GmailApplicationSpecificPasswordRequired
    ("nsurlerrordomain", "-1001", R::Timeout),            // TimedOut
    ("nsurlerrordomain", "-1003", R::DnsNotFound),        // CannotFindHost
    ("nsurlerrordomain", "-1004", R::ConnectionRefused),  // CannotConnectToHost
    ("nsurlerrordomain", "-1005", R::ConnectionClosed),   // NetworkConnectionLost
    ("nsurlerrordomain", "-1006", R::DnsFailure),         // DNSLookupFailed
    ("nsurlerrordomain", "-1009", R::NetworkUnreachable), // NotConnectedToInternet
    ("nsurlerrordomain", "-1200", R::TlsProtocol),        // SecureConnectionFailed
    ("nsurlerrordomain", "-1201", R::TlsCertificateExpired), // ServerCertificateHasBadDate
    ("nsurlerrordomain", "-1202", R::TlsCertificateUntrusted), // ServerCertificateUntrusted
    ("nsurlerrordomain", "-1203", R::TlsCertificateUntrusted), // ServerCertificateHasUnknownRoot
    ("nsurlerrordomain", "-1204", R::ClockSkew),          // ServerCertificateNotYetValid
    ("nsposixerrordomain", "32", R::ConnectionClosed),    // EPIPE
    ("nsposixerrordomain", "50", R::NetworkUnreachable),  // ENETDOWN
    ("nsposixerrordomain", "51", R::NetworkUnreachable),  // ENETUNREACH
    ("nsposixerrordomain", "53", R::ConnectionClosed),    // ECONNABORTED
    ("nsposixerrordomain", "54", R::ConnectionClosed),    // ECONNRESET
    ("nsposixerrordomain", "57", R::ConnectionClosed),    // ENOTCONN
    ("nsposixerrordomain", "60", R::Timeout),             // ETIMEDOUT
    ("nsposixerrordomain", "61", R::ConnectionRefused),   // ECONNREFUSED
    ("nsposixerrordomain", "64", R::NetworkUnreachable),  // EHOSTDOWN
    ("nsposixerrordomain", "65", R::NetworkUnreachable),  // EHOSTUNREACH
];

/// Secure Transport's numbers (SecureTransport.h). They need no domain, because no other list has them.
const SECURE_TRANSPORT: &[(&str, Reason)] = &[
    ("-9800", R::TlsProtocol),             // errSSLProtocol
    ("-9801", R::TlsProtocol),             // errSSLNegotiation
    ("-9805", R::ConnectionClosed),        // errSSLClosedGraceful
    ("-9806", R::ConnectionClosed),        // errSSLClosedAbort
    ("-9807", R::TlsCertificateUntrusted), // errSSLXCertChainInvalid
    ("-9808", R::TlsCertificateUntrusted), // errSSLBadCert
    ("-9812", R::TlsCertificateUntrusted), // errSSLUnknownRootCert
    ("-9813", R::TlsCertificateUntrusted), // errSSLNoRootCert
    ("-9814", R::TlsCertificateExpired),   // errSSLCertExpired
    ("-9815", R::ClockSkew),               // errSSLCertNotYetValid
    ("-9824", R::TlsProtocol),             // errSSLPeerHandshakeFail
    ("-9836", R::TlsProtocol),             // errSSLPeerProtocolVersion
    ("-9843", R::TlsNameMismatch),         // errSSLHostNameMismatch
    ("-9847", R::TlsProtocol),             // errSSLDecryptionFail
];

/// A number belongs to a domain if it follows within this many words (`Code` and `error` may stand between).
const WITHIN: usize = 3;

/// The reason of the first number in a folded text that belongs to one of these lists.
pub(super) fn reason(folded: &str) -> Option<Reason> {
    let mut domain = "";
    let mut distance = WITHIN;
    words(folded).find_map(|word| {
        let word = word.trim_end_matches('.');
        if word.ends_with("errordomain") {
            (domain, distance) = (word, 0);
            return None;
        }
        distance += 1;
        let in_domain =
            CODES.iter().find(|(of, code, _)| distance <= WITHIN && *of == domain && *code == word);
        let of_tls = || SECURE_TRANSPORT.iter().find(|(code, _)| *code == word).map(|(_, reason)| *reason);
        in_domain.map(|(.., reason)| *reason).or_else(of_tls)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_counts_in_its_own_domain() {
        for (text, wanted) in [
            ("error domain=mcoerrordomain code=5 \"…\"", Some(R::CredentialsRejected)),
            ("the operation couldn't be completed. (nsurlerrordomain error -1003.)", Some(R::DnsNotFound)),
            ("error domain=nsposixerrordomain code=61", Some(R::ConnectionRefused)),
            ("cfnetwork sslhandshake failed (-9814)", Some(R::TlsCertificateExpired)),
            ("error domain=nscocoaerrordomain code=5", None),
            ("code=5", None),
        ] {
            assert_eq!(reason(text), wanted, "{text}");
        }
    }
}
