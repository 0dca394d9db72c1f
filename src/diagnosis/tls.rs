//! TLS: what a failed handshake means, from the typed errors of rustls and from the texts of other
//! libraries.
//!
//! Not here: what a mail server says in its own protocol about TLS (`454 TLS not available`).

use rustls::{AlertDescription, CertificateError, Error};

use super::wording::Says::Is;
use super::wording::{Wording, wordings};
use crate::model::Reason;

use Reason as R;

/// What a TLS error means. The variants are those of rustls 0.23; one that a later release adds counts as a
/// handshake that failed.
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
        // Everything else means that the peer speaks another TLS than we do, or none: rustls reports a
        // plain-text greeting as InvalidMessage.
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

/// What an alert of the peer means (RFC 8446 section 6).
fn received(alert: AlertDescription) -> Reason {
    match alert {
        AlertDescription::CloseNotify | AlertDescription::UserCanceled => Reason::ConnectionClosed,
        AlertDescription::UnrecognisedName => Reason::TlsNameMismatch,
        _ => Reason::TlsProtocol,
    }
}

/// What TLS libraries write about certificates.
pub(super) const CERTIFICATES: &[Wording] = wordings! {
    // Go has one sentence for both ends of the validity; the words after it tell which end is meant.
    Is(R::ClockSkew) => {
        "certificate*expired or is not yet valid*is before", "Go crypto/x509: current time … is before …";
    }
    Is(R::TlsCertificateExpired) => {
        "certificate*expired or is not yet valid", "Go crypto/x509: CertificateInvalidError";
    }
    Is(R::ClockSkew) => {
        "certificatenotyetvalid", "Java: CertificateNotYetValidException";
        "not valid yet", "rustls v0.23 source, CertificateError";
        "certificate*not yet valid", "OpenSSL X509_V_ERR_CERT_NOT_YET_VALID; Go crypto/x509";
        "notvalidyet", "rustls, debug form of older releases";
        "cert_not_yet_valid", "Node.js tls error codes";
    }
    Is(R::TlsCertificateExpired) => {
        "certificate has expired", "chatmail/relay#409; OpenSSL X509_V_ERR_CERT_HAS_EXPIRED; Node.js";
        "certificate expired", "rustls v0.23 source, CertificateError";
        "cert_has_expired", "Node.js tls error codes";
        "peer certificate: expired", "rustls, debug form of older releases";
        "expiredcontext", "rustls, debug form";
        "invalidcertificate(expired", "rustls, debug form";
        "certificate is not valid after", "rustls v0.23 source, CertificateError";
        "certificateexpired", "rustls AlertDescription";
        "sec_error_expired_certificate", "NSS";
        "certificate*expired", "generic; Schannel, Java: CertificateExpiredException";
        "nottimevalid", ".NET X509ChainStatusFlags";
        "expired certificate", "GnuTLS: The certificate chain uses expired certificate";
        "validity check failed", "Java PKIX: validity check failed";
    }
    Is(R::TlsNameMismatch) => {
        "hostname verification failed", "Perl IO::Socket::SSL";
        "failed host verification", "swaks: TLS peer certificate passed CA verification, failed host verification";
        "notvalidforname", "ankaboot-source/leadminer#2769";
        "not valid for name", "rustls v0.23 source, CertificateError";
        "not valid for any names", "rustls v0.23 source; Go crypto/x509";
        "server name type wasn't supported", "pimalaya/himalaya#448";
        "hostname mismatch", "OpenSSL X509_V_ERR_HOSTNAME_MISMATCH; Python ssl";
        "host name mismatch", "generic spelling of the row above";
        "ip address mismatch", "OpenSSL X509_V_ERR_IP_ADDRESS_MISMATCH";
        "hostname*doesn't match", "Python ssl: hostname doesn't match";
        "certificate*doesn't match", "Java: Certificate for <…> doesn't match; the host name";
        "hostname*does not match", "Node.js: Hostname/IP does not match certificate's altnames";
        "does not match hostname", "GnuTLS: the certificate's owner does not match hostname";
        "certificate*does not match", "generic";
        "target principal name", "Schannel SEC_E_WRONG_PRINCIPAL";
        "certificate cn*did not match", "PHP streams";
        "remotecertificatenamemismatch", ".NET SslPolicyErrors";
        "namemismatch", ".NET SslPolicyErrors.RemoteCertificateNameMismatch";
        "no alternative certificate subject name", "curl";
        "altnames", "Node.js: ERR_TLS_CERT_ALTNAME_INVALID";
        "altname_invalid", "Node.js tls error codes";
        "certificate is valid for", "Go crypto/x509: HostnameError";
        "certificate is not valid for", "Go crypto/x509; GnuTLS";
        "doesn't contain any ip sans", "Go crypto/x509";
        "relies on legacy common name", "Go crypto/x509";
        "no name matching * found", "Java: CertificateException: No name matching host found";
        "no subject alternative", "Java: No subject alternative DNS name matching";
        "unrecognisedname", "rustls AlertDescription";
        "unrecognized name", "OpenSSL, Go alert text; Java unrecognized_name";
        "unrecognized_name", "Java";
        "ssl_error_bad_cert_domain", "NSS";
        "name mismatch", "generic";
    }
    Is(R::TlsCertificateUntrusted) => {
        "unknownissuer", "pimalaya/himalaya#673; chatmail/async-imap#113";
        "unknown issuer", "rustls main branch; generic";
        "causedasendentity", "pimalaya/himalaya#448";
        "self signed", "mscdex/node-imap#724";
        "self-signed", "OpenSSL 3 spelling of the row above";
        "self_signed", "Node.js: DEPTH_ZERO_SELF_SIGNED_CERT";
        "unable to get local issuer", "OpenSSL X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY";
        "unable to get issuer", "OpenSSL";
        "unable_to_get_issuer", "Node.js tls error codes";
        "unable to verify the first certificate", "OpenSSL, Node.js";
        "unable_to_verify_leaf", "Node.js tls error codes";
        "unknown authority", "Go crypto/x509: certificate signed by unknown authority";
        "path building failed", "Java: PKIX path building failed";
        "unable to find valid certification path", "Java";
        "trust anchor", "Java, Android";
        "untrusted", "generic: untrusted root, chain";
        "not trusted", "generic; macOS Security, GnuTLS";
        "unknownca", "rustls AlertDescription";
        "unknown ca", "OpenSSL alert text: tlsv1 alert unknown ca";
        "unknown certificate authority", "Go alert text";
        "failed to load system roots", "Go crypto/x509: … and no roots provided";
        "certificate revoked", "generic";
        "peer certificate: revoked", "rustls v0.23 source, CertificateError";
        "certificate*revoked", "generic";
        "cert_revoked", "Node.js tls error codes";
        "invalidpurpose", "rustls CertificateError";
        "badsignature", "rustls CertificateError";
        "badencoding", "rustls CertificateError";
        "unhandledcriticalextension", "rustls CertificateError";
        "certificate verify failed", "lefcha/imapfilter#274";
        "certificate_verify_failed", "Python ssl";
        "certificate verification", "generic";
        "signature verification failed", "generic; Java";
        "peer verification failed", "generic";
        "invalid peer certificate", "rustls: whatever else it is";
        "failed to verify certificate", "Go crypto/tls: whatever else it is";
        "bad certificate", "OpenSSL, Go alert text";
        "alert certificate unknown", "OpenSSL: ssl/tls alert certificate unknown";
        "certificate_unknown", "Java: Received fatal alert: certificate_unknown";
        "check revocation", "Schannel CRYPT_E_NO_REVOCATION_CHECK: The revocation function was unable to check revocation";
        "revocation server was offline", "Schannel CRYPT_E_REVOCATION_OFFLINE";
        "remote certificate was rejected", ".NET SslStream: its callback said no";
        "remote certificate is invalid", ".NET SslStream: whatever else it is";
        "certificate for this server is invalid", "macOS Foundation";
        "sent no certificates", "rustls v0.23 source, Error";
        "certificate could not be validated", "MailKit: whatever else it is";
        "certificate cannot be verified", "printers; generic";
        "certificate could not be verified", "generic";
        "certificate can't be verified", "generic";
        "certificate not trusted", "postfix: Server certificate not trusted";
        "partialchain", ".NET X509ChainStatusFlags";
        "invalid certificate", "generic";
        "sec_error", "NSS";
    }
};

/// What TLS libraries write if they know why a handshake failed. It counts more than the end of the connection,
/// which they may report as well.
pub(super) const FAULTS: &[Wording] = wordings! {
    Is(R::TlsProtocol) => {
        "no protocols available", "OpenSSL";
        "protocolversion", "rustls v0.23 source, AlertDescription";
        "protocol version", "OpenSSL alert text: tlsv1 alert protocol version";
        "protocol_version", "Java";
        "suitable tls version", "rustls main branch source, AlertDescription";
        "first record does not look like", "mattermost/mattermost#954";
        "wrong version number", "OpenSSL: plain text on a TLS port";
        "wrong_version_number", "Node.js, Python";
        "unsupported protocol", "OpenSSL";
        "unsupported_protocol", "Python";
        "packet length too long", "OpenSSL: plain text on a TLS port";
        "record layer failure", "Python: plain text on a TLS port";
        "record overflow", "OpenSSL, Go alert text";
        "oversized record", "Go crypto/tls: plain text on a TLS port";
        "unknown protocol", "OpenSSL 1.0";
        "http request", "OpenSSL";
        "invalidcontenttype", "rustls v0.23 source, InvalidMessage";
        "corrupt message", "rustls v0.23 source: received corrupt message of type";
        "invalidmessage", "rustls, debug form";
        "peerincompatible", "rustls, debug form";
        "peer is incompatible", "rustls v0.23 source, Error";
        "nociphersuitesincommon", "rustls PeerIncompatible";
        "no cipher", "OpenSSL, Go";
        "no shared cipher", "OpenSSL";
        "no ciphers", "generic";
        "cipher suite", "Go, Java: no cipher suite in common";
        "inappropriate fallback", "OpenSSL, Go alert text";
        "inappropriate_fallback", "Java, Python";
        "insufficientsecurity", "rustls AlertDescription";
        "insufficient security", "OpenSSL, Go alert text";
        "dh key too small", "OpenSSL";
        "ee key too small", "OpenSSL";
        "legacy sigalg", "OpenSSL 3";
        "unsafe legacy renegotiation", "OpenSSL 3";
        "received fatal alert", "rustls, Java: any other alert";
        "sslv3 alert", "OpenSSL: any other alert";
        "tlsv1 alert", "OpenSSL: any other alert";
        "tlsv13 alert", "OpenSSL: any other alert";
        "unexpected tls packet", "GnuTLS: plain text on a TLS port";
        "tls fatal alert", "GnuTLS, OpenSSL: any other alert";
        "tls alert", ".NET: the remote party sent a TLS alert";
        "common algorithm", "Schannel: they do not possess a common algorithm";
        "unexpected packet format", ".NET: plain text on a TLS port";
        "no appropriate protocol", "Java: protocol is disabled or cipher suites are inappropriate";
        "frame size*corrupted", ".NET: plain text on a TLS port";
        "not a tls", "generic";
        "unsupported or unrecognized ssl message", "Java: plain text on a TLS port";
        "unrecognized ssl message", "Java: plain text on a TLS port";
    }
};

/// What TLS libraries write if they know only that a handshake failed. They may write the same when the socket was
/// closed in the middle of it.
pub(super) const HANDSHAKES: &[Wording] = wordings! {
    Is(R::TlsProtocol) => {
        "handshake problem", "Perl IO::Socket::SSL";
        "handshakefailure", "rustls v0.23 source, AlertDescription";
        "handshake failure", "OpenSSL, Go alert text";
        "handshake_failure", "Java";
        "peer misbehaved", "rustls v0.23 source, Error";
        "received unexpected", "rustls v0.23 source, Error";
        "remote error: tls", "Go crypto/tls: any other alert";
        "ssl routines", "OpenSSL: any other fault";
        "ssl_error", "OpenSSL, NSS: any other fault";
        "eproto", "Node.js: write EPROTO";
        "tls handshake", "generic";
        "ssl handshake", "generic";
        "handshake fail", "generic";
        "handshake not complete", "rustls v0.23 source, Error";
        "failed to enable crypto", "PHP streams, whatever the cause";
        "no peer certificate available", "openssl s_client: the handshake ended before the certificate";
        "ssl_accept", "dovecot src/login-common: Disconnected (no auth attempts): … TLS handshaking: SSL_accept() syscall failed";
    }
};
