//! A server's own certificate in the `ca_file`: trusted as it is.
//!
//! `openssl req -x509` makes a self-signed certificate that claims to be an authority. The usual verifier
//! rejects it as a server certificate, although the operator has named exactly this certificate. Its name
//! and dates are checked here, its key by the handshake.

use std::time::Duration;

use rustls::client::danger::ServerCertVerified;
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Whether a rejection says only that the issuer is not trusted.
pub(super) fn is_about_authority(refused: &Error) -> bool {
    matches!(refused, Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::Other(_)))
}

/// Verifies a certificate that the `ca_file` contains.
///
/// # Errors
/// If its dates or names do not match.
pub(super) fn verify(
    leaf: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    let (_, parsed) = X509Certificate::from_der(leaf).map_err(|_| CertificateError::BadEncoding)?;
    let moment = |seconds: i64| {
        UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()))
    };
    let not_before = moment(parsed.validity().not_before.timestamp());
    let not_after = moment(parsed.validity().not_after.timestamp());
    if now < not_before {
        return Err(CertificateError::NotValidYetContext { time: now, not_before }.into());
    }
    if now > not_after {
        return Err(CertificateError::ExpiredContext { time: now, not_after }.into());
    }
    verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
    Ok(ServerCertVerified::assertion())
}

#[cfg(test)]
// A test that cannot continue must fail at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, date_time_ymd};

    use super::*;

    /// A certificate as OpenSSL makes it by default, for `mail.example`, valid in 2026.
    fn certificate() -> CertificateDer<'static> {
        let mut params = CertificateParams::new(["mail.example".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2026, 12, 31);
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().clone()
    }

    #[test]
    fn a_pinned_certificate_still_needs_its_name_and_dates() {
        let certificate = certificate();
        let days = |days: u64| UnixTime::since_unix_epoch(Duration::from_secs(days * 24 * 60 * 60));
        // Days since 1970 of 2026-06-01, 2025-06-01 and 2027-06-01.
        let (inside, before, after) = (days(20_605), days(20_240), days(20_970));
        let judged = |name: &'static str, now| verify(&certificate, &name.try_into().unwrap(), now);
        assert!(judged("mail.example", inside).is_ok());
        let refused = |name, now| match judged(name, now).unwrap_err() {
            Error::InvalidCertificate(error) => error,
            other => unreachable!("{other}"),
        };
        assert!(matches!(
            refused("other.example", inside),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. }
        ));
        assert!(matches!(refused("mail.example", before), CertificateError::NotValidYetContext { .. }));
        assert!(matches!(refused("mail.example", after), CertificateError::ExpiredContext { .. }));
    }
}
