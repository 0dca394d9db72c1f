//! Proof by a certificate that is registered at the identity provider: each request carries an assertion that its key
//! has signed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::assertion;
use crate::model::{Algorithm, App, Cause, End, EndSource, PairRef};
use crate::secret::Pair;
use crate::token::exchange::{Exchange, Issued};

/// How long the last good pair is used once the files no longer match: certificate and key are replaced one after the
/// other.
const GRACE: Duration = Duration::from_secs(60);

/// The last pair of certificate and key that was read without a fault.
#[derive(Default)]
pub(super) struct LastGood(Mutex<Option<Good>>);

struct Good {
    pair: Arc<Pair>,
    failing_since: Option<Instant>,
}

impl LastGood {
    /// The pair that was read, or the last good one while the files may be in the middle of a rotation.
    fn or_kept(&self, read: Result<Pair, Cause>, now: Instant) -> Result<Arc<Pair>, Cause> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(pair) => {
                let pair = Arc::new(pair);
                *kept = Some(Good { pair: Arc::clone(&pair), failing_since: None });
                Ok(pair)
            }
            Err(cause) => {
                let good =
                    kept.take().map(|good| Good { failing_since: good.failing_since.or(Some(now)), ..good });
                *kept = good.filter(|good| good.failing_since.is_some_and(|since| now < since + GRACE));
                kept.as_ref().map(|good| Arc::clone(&good.pair)).ok_or(cause)
            }
        }
    }
}

pub(super) async fn request(
    exchange: &Exchange<'_>,
    app: &App,
    places: &PairRef,
    algorithm: Algorithm,
    last_good: &LastGood,
) -> Result<Issued, Cause> {
    let pair = last_good.or_kept(Pair::read(places, algorithm).await, Instant::now())?;
    exchange.note_end(End { source: EndSource::Certificate, at: pair.certificate.not_after });
    let assertion = assertion::sign(&pair, algorithm, &app.client_id, &exchange.spec.url)?;
    assertion::request(exchange, app, &assertion).await
}

/// When the certificate expires; `None` while it cannot be read.
pub(super) async fn end(places: &PairRef, algorithm: Algorithm) -> Option<End> {
    let pair = Pair::read(places, algorithm).await.ok()?;
    Some(End { source: EndSource::Certificate, at: pair.certificate.not_after })
}

/// A sentence about the certificate that signs, for people to compare it with those that the provider knows.
pub(super) async fn refusal_facts(places: &PairRef, algorithm: Algorithm) -> Vec<String> {
    let Ok(pair) = Pair::read(places, algorithm).await else { return Vec::new() };
    let leaf = &pair.certificate;
    vec![format!(
        "Requests are signed with the certificate of thumbprint {} ({}), valid from {} to {}, in {}.",
        leaf.thumbprint(),
        leaf.subject,
        leaf.not_before,
        leaf.not_after,
        places.certificate,
    )]
}

#[cfg(test)]
// A test that cannot be set up has failed.
#[allow(clippy::unwrap_used)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256};

    use super::*;
    use crate::model::SecretRef;

    /// A pair of files, and what they are read as.
    async fn pair(name: &str) -> Result<Pair, Cause> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let certificate = CertificateParams::new([]).unwrap().self_signed(&key).unwrap();
        let path = std::env::temp_dir().join(format!("kept-{name}-{}", std::process::id()));
        std::fs::write(&path, format!("{}{}", certificate.pem(), key.serialize_pem())).unwrap();
        let place = SecretRef::File(path.clone());
        let places = PairRef { certificate: place.clone(), private_key: place, passphrase: None };
        let read = Pair::read(&places, Algorithm::Es256).await;
        std::fs::remove_file(path).unwrap();
        read
    }

    #[tokio::test]
    async fn the_last_good_pair_outlives_its_files_by_a_minute() {
        let (kept, begun) = (LastGood::default(), Instant::now());
        let broken = || Err(Cause::new(crate::model::Reason::SecretUnreadable, "no pair"));
        let at = |seconds| begun + Duration::from_secs(seconds);
        assert!(kept.or_kept(broken(), at(0)).is_err(), "there is no good pair yet");
        let good = kept.or_kept(pair("good").await, at(1)).unwrap();
        // Long after it was read: the minute begins when the files are first found broken.
        for seconds in [1000, 1059] {
            let used = kept.or_kept(broken(), at(seconds)).unwrap();
            assert_eq!(used.certificate, good.certificate);
        }
        assert!(kept.or_kept(broken(), at(1060)).is_err());
        assert!(kept.or_kept(broken(), at(1061)).is_err(), "an old key is not kept for ever");
        let next = kept.or_kept(pair("next").await, at(1062)).unwrap();
        assert_ne!(next.certificate, good.certificate);
        assert!(kept.or_kept(broken(), at(1063)).is_ok(), "a new minute");
    }
}
