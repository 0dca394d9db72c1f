//! TLS: the trusted authorities, and a handshake that reports everything it learns.
//!
//! Owns the verifiers, and the facts about the server's certificate, even if it was rejected. `diagnosis`
//! interprets failed handshakes.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Io;
use super::authorities::{public_roots, system_roots};
use super::opening::Opening;
use super::pinned;
use super::sights::{Shown, Sights};
use crate::clock::TlsTime;
use crate::model::{Cause, Certificate, Reason};
use crate::secret;

/// What a handshake learned, whether or not it succeeded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: Option<&'static str>,
    /// The cipher suite, by its IANA name.
    pub cipher: Option<&'static str>,
    /// `notAfter` of the server's own certificate.
    pub certificate_expiry: Option<Timestamp>,
    /// Subject and issuer of that certificate.
    pub certificate: Option<Arc<Certificate>>,
}

/// The trusted authorities for one `ca_file`, or without one.
#[derive(Clone)]
pub struct Trust {
    config: ClientConfig,
    verifier: Arc<WebPkiServerVerifier>,
    sights: Arc<Sights>,
    /// The certificates in the `ca_file`. A server that shows one of them as its own is trusted (`pinned`).
    in_ca_file: Arc<[CertificateDer<'static>]>,
}

/// The certificate that a handshake showed.
type Seen = Arc<Mutex<Option<Shown>>>;

impl Trust {
    /// A configuration for one handshake, and the certificate that it will see.
    fn client_config(&self) -> (ClientConfig, Seen) {
        let seen = Seen::default();
        let witness = Witness {
            verifier: Arc::clone(&self.verifier),
            sights: Arc::clone(&self.sights),
            in_ca_file: Arc::clone(&self.in_ca_file),
            seen: Arc::clone(&seen),
        };
        let mut config = self.config.clone();
        config.dangerous().set_certificate_verifier(Arc::new(witness));
        (config, seen)
    }

    /// Performs one handshake. Sessions are never resumed, because a resumed one would show a remembered
    /// certificate.
    ///
    /// # Errors
    /// The error of the network or of rustls, inside the `io::Error`; the facts contain what was learned
    /// until then.
    pub async fn handshake(
        &self,
        stream: Box<dyn Io>,
        host: &str,
        facts: &mut TlsFacts,
    ) -> io::Result<TlsStream<Opening>> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{host} is not a valid name for TLS"))
        })?;
        let (config, seen) = self.client_config();
        let outcome = TlsConnector::from(Arc::new(config)).connect(name, Opening::over(stream)).await;
        if let Some(shown) = &*seen.lock().unwrap_or_else(PoisonError::into_inner) {
            facts.certificate_expiry = shown.expiry;
            facts.certificate.clone_from(&shown.certificate);
        }
        let stream = outcome?;
        let suite = stream.get_ref().1.negotiated_cipher_suite();
        facts.cipher = suite.and_then(|suite| suite.suite().as_str());
        facts.version = stream.get_ref().1.protocol_version().map(|version| match version {
            rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3",
            rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2",
            _ => "other",
        });
        Ok(stream)
    }
}

/// Records the certificate before it is verified, so that a rejected one can be described.
#[derive(Debug)]
struct Witness {
    verifier: Arc<WebPkiServerVerifier>,
    sights: Arc<Sights>,
    in_ca_file: Arc<[CertificateDer<'static>]>,
    seen: Seen,
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = self.sights.of(leaf, intermediates, name, now);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        match self.verifier.verify_server_cert(leaf, intermediates, name, ocsp, now) {
            Err(refused) if pinned::is_about_authority(&refused) && self.in_ca_file.contains(leaf) => {
                pinned::verify(leaf, name, now)
            }
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// One root store for each `ca_file`, because building one is expensive.
#[derive(Default)]
pub struct Trusts {
    system: OnceLock<Trust>,
    extended: Mutex<HashMap<PathBuf, ([u8; 32], Trust)>>,
}

impl Trusts {
    /// The trust for this `ca_file`. A replaced file needs no restart: its hash is compared every time.
    ///
    /// # Errors
    /// [`Reason::SecretUnreadable`] if the file is unreadable or contains no certificate.
    pub async fn with(&self, ca_file: Option<&Path>) -> Result<Trust, Cause> {
        let Some(path) = ca_file else {
            if let Some(trust) = self.system.get() {
                return Ok(trust.clone());
            }
            let trust = build(roots().await?, Vec::new())?;
            return Ok(self.system.get_or_init(|| trust).clone());
        };
        let hash = secret::hash_file(path).await?;
        if let Some((known, trust)) = self.locked().get(path)
            && *known == hash
        {
            return Ok(trust.clone());
        }
        let pem = secret::read_file(path).await?;
        let system = roots().await?;
        // The file's authorities come first, because a chain is tried with one after the other.
        let mut roots = RootCertStore::empty();
        let certificates: Vec<_> = CertificateDer::pem_slice_iter(&pem).flatten().collect();
        let (added, _) = roots.add_parsable_certificates(certificates.iter().cloned());
        if added == 0 {
            let detail = format!("file {}: holds no certificate in PEM form", path.display());
            return Err(Cause::new(Reason::SecretUnreadable, detail));
        }
        roots.extend(system.roots);
        let trust = build(roots, certificates)?;
        self.locked().insert(path.to_owned(), (hash, trust.clone()));
        Ok(trust)
    }

    fn locked(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, ([u8; 32], Trust)>> {
        self.extended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// [`system_roots`], read on a thread where blocking is allowed.
async fn roots() -> Result<RootCertStore, Cause> {
    let read = tokio::task::spawn_blocking(system_roots).await;
    read.unwrap_or_else(|error| Err(Cause::new(Reason::Internal, format!("TLS set-up: {error}"))))
}

fn build(roots: RootCertStore, in_ca_file: Vec<CertificateDer<'static>>) -> Result<Trust, Cause> {
    let fault = |error: &dyn std::fmt::Display| Cause::new(Reason::Internal, format!("TLS set-up: {error}"));
    let roots = Arc::new(roots);
    let provider: Arc<CryptoProvider> = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = |roots| {
        let builder = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
        builder.build().map_err(|error| fault(&error))
    };
    let (verifier, public) = (verifier(Arc::clone(&roots))?, verifier(Arc::new(public_roots()))?);
    let mut config = ClientConfig::builder_with_details(Arc::clone(&provider), Arc::new(TlsTime))
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(&error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    Ok(Trust { config, verifier, sights: Arc::new(Sights::new(public)), in_ca_file: in_ca_file.into() })
}
