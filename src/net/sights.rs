//! Facts about the certificates that servers show. Each is read once and shared by all observations that saw it.
//!
//! A fleet sees the same few certificates hundreds of times a second. Whether a server is trusted is not remembered:
//! that is verified in every handshake. Not here: the handshake.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::model::Certificate;

/// Maximum length to keep of a name, because a certificate can contain any text.
const LONGEST_NAME: usize = 120;
/// How many certificates are remembered. A server behind a load balancer shows a handful.
const KEPT: usize = 256;
/// How long the judgement of a certificate is reused. Authorities and certificates expire.
const FRESH: Duration = Duration::from_secs(60 * 60);

/// A certificate that was shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    /// `notAfter`.
    pub(super) expiry: Option<Timestamp>,
    /// `None` if it cannot be read.
    pub(super) certificate: Option<Arc<Certificate>>,
}

/// The certificates that were shown by this name.
#[derive(Debug)]
pub(super) struct Sights {
    /// Trusts only the built-in public authorities.
    public: Arc<WebPkiServerVerifier>,
    /// By the hash of the chain and the name.
    known: Mutex<HashMap<[u8; 32], (UnixTime, Shown)>>,
}

impl Sights {
    pub(super) fn new(public: Arc<WebPkiServerVerifier>) -> Self {
        Self { public, known: Mutex::default() }
    }

    /// What a chain tells about the server's own certificate.
    pub(super) fn of(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Shown {
        let mut hash = Sha256::new();
        hash.update(name.to_str().as_bytes());
        for certificate in [leaf].into_iter().chain(intermediates) {
            hash.update(certificate.len().to_be_bytes());
            hash.update(certificate);
        }
        let key = hash.finalize().into();
        if let Some((at, shown)) = self.locked().get(&key)
            && now.as_secs().abs_diff(at.as_secs()) < FRESH.as_secs()
        {
            return shown.clone();
        }
        let shown = describe(leaf, self.is_public(leaf, intermediates, name, now));
        let mut known = self.locked();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, (now, shown.clone()));
        shown
    }

    /// See [`Certificate::public_root`].
    fn is_public(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Option<bool> {
        match self.public.verify_server_cert(leaf, intermediates, name, &[], now) {
            Ok(_) => Some(true),
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Some(false),
            // A typical self-signed certificate claims to be an authority.
            Err(Error::InvalidCertificate(CertificateError::Other(_))) => Some(false),
            Err(_) => None,
        }
    }

    /// The guarded values stay valid if the holder of the lock panics: every change is one insertion.
    fn locked(&self) -> MutexGuard<'_, HashMap<[u8; 32], (UnixTime, Shown)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn describe(leaf: &CertificateDer<'_>, public_root: Option<bool>) -> Shown {
    let Ok((_, parsed)) = X509Certificate::from_der(leaf) else {
        return Shown { expiry: None, certificate: None };
    };
    let name = |name: &x509_parser::x509::X509Name<'_>| {
        name.to_string().chars().filter(|letter| !letter.is_control()).take(LONGEST_NAME).collect::<String>()
    };
    let certificate = Certificate {
        subject: name(parsed.subject()),
        issuer: name(parsed.issuer()),
        sha256: Sha256::digest(leaf).iter().map(|byte| format!("{byte:02x}")).collect(),
        public_root,
    };
    Shown {
        expiry: Timestamp::from_second(parsed.validity().not_after.timestamp()).ok(),
        certificate: Some(Arc::new(certificate)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should say so at once
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;
    use std::sync::LazyLock;

    use super::*;
    use crate::net::authorities::public_roots;

    fn leaf(name: &str) -> CertificateDer<'static> {
        rcgen::generate_simple_self_signed([name.to_owned()]).unwrap().cert.into()
    }

    #[test]
    fn a_certificate_is_read_once_an_hour_and_shared() {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let public = WebPkiServerVerifier::builder_with_provider(Arc::new(public_roots()), provider);
        let sights = Sights::new(public.build().unwrap());
        let (one, other) = (leaf("one.test"), leaf("other.test"));
        let name = ServerName::try_from("one.test").unwrap();
        let at = |seconds| UnixTime::since_unix_epoch(Duration::from_secs(2_000_000_000 + seconds));
        let look = |leaf: &CertificateDer<'_>, seconds| {
            sights.of(leaf, &[], &name, at(seconds)).certificate.unwrap()
        };
        let first = look(&one, 0);
        assert_eq!(first.public_root, Some(false));
        assert!(Arc::ptr_eq(&first, &look(&one, FRESH.as_secs() - 1)), "shared");
        assert_ne!(first.sha256, look(&other, 1).sha256);
        assert!(!Arc::ptr_eq(&first, &look(&one, FRESH.as_secs())), "looked at again");
        for number in 0..2 * KEPT {
            look(&leaf(&format!("{number}.test")), 1);
        }
        assert!(sights.locked().len() <= KEPT);
    }

    proptest! {
        #[test]
        fn a_damaged_certificate_shows_short_names_or_none(
            changes in prop::collection::vec((any::<Index>(), any::<u8>()), 0..6), end in prop::option::of(any::<Index>()),
        ) {
            static WHOLE: LazyLock<CertificateDer<'static>> = LazyLock::new(|| leaf("one.test"));
            let mut bytes = WHOLE.to_vec();
            for (at, byte) in changes {
                *at.get_mut(&mut bytes) = byte;
            }
            bytes.truncate(end.map_or(usize::MAX, |end| end.index(WHOLE.len())));
            let leaf = CertificateDer::from(bytes);
            let _ = crate::net::clients::names(&leaf);
            if let Some(shown) = describe(&leaf, None).certificate {
                let names = [&shown.subject, &shown.issuer];
                prop_assert!(names.iter().all(|name| name.chars().count() <= LONGEST_NAME && !name.contains(char::is_control)));
            }
        }
    }
}
