//! TLS on the server side: the HTTP endpoint's certificate, and its demands on clients.
//!
//! Owns the set-up from files to rustls. `http` accepts the connections.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, SupportedKxGroup, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion};

use super::authorities::system_roots;
use super::clients::Clients;
use crate::clock::TlsTime;
use crate::files;
use crate::model::{ClientAuth, Curve, TlsVersion, WebTls};

/// Maximum file size in bytes: a bundle of all public authorities needs a fifth of it.
const LARGEST_FILE: u64 = 1024 * 1024;

/// A setting that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {sentence}")]
pub struct ServerTlsFault {
    /// The setting's name in the file.
    pub key: &'static str,
    pub sentence: String,
}

impl ServerTlsFault {
    fn new(key: &'static str, sentence: impl Into<String>) -> Self {
        Self { key, sentence: sentence.into() }
    }
}

/// The TLS configuration for these settings. Reads the files, and blocks the thread while reading.
///
/// # Errors
/// Every setting that cannot be used: files that are unreadable or have the wrong content. If all files are
/// readable: a key that does not match the certificate, or settings that leave no cipher suite.
pub fn server_tls(tls: &WebTls) -> Result<ServerConfig, Vec<ServerTlsFault>> {
    let provider = Arc::new(provider(tls));
    let chain = certificates("cert_file", &tls.cert_file);
    let key = private_key(&tls.key_file);
    let clients = clients(tls, &provider);
    let (chain, key, clients) = match (chain, key, clients) {
        (Ok(chain), Ok(key), Ok(clients)) => (chain, key, clients),
        (chain, key, clients) => {
            return Err([chain.err(), key.err(), clients.err()].into_iter().flatten().collect());
        }
    };
    together(tls, provider, (chain, key), clients).map_err(|fault| vec![fault])
}

fn together(
    tls: &WebTls,
    provider: Arc<CryptoProvider>,
    (chain, key): (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>),
    clients: Option<Clients>,
) -> Result<ServerConfig, ServerTlsFault> {
    let certified = CertifiedKey::from_der(chain.clone(), key.clone_key(), &provider);
    certified.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            ServerTlsFault::new("key_file", "this key is not that of the certificate in cert_file")
        }
        rustls::Error::InvalidCertificate(_) => {
            ServerTlsFault::new("cert_file", format!("this certificate cannot be used: {error}"))
        }
        _ => ServerTlsFault::new("key_file", format!("this key cannot be used: {error}")),
    })?;
    let builder = ServerConfig::builder_with_details(provider, Arc::new(TlsTime))
        .with_protocol_versions(&versions(tls))
        .map_err(|error| ServerTlsFault::new("cipher_suites", error.to_string()))?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(Arc::new(clients)),
    };
    let mut config = builder
        .with_single_cert(chain, key)
        .map_err(|error| ServerTlsFault::new("cert_file", format!("cannot be used: {error}")))?;
    config.ignore_client_order = tls.prefer_server_cipher_suites;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn provider(tls: &WebTls) -> CryptoProvider {
    let all = aws_lc_rs::default_provider();
    let is_13 = |suite: &SupportedCipherSuite| suite.tls13().is_some();
    let cipher_suites = if tls.cipher_suites.is_empty() {
        all.cipher_suites
    } else {
        let of = |name: &str| all.cipher_suites.iter().find(|suite| suite.suite().as_str() == Some(name));
        let chosen = tls.cipher_suites.iter().filter_map(|suite| of(suite.label()));
        all.cipher_suites.iter().filter(|suite| is_13(suite)).chain(chosen).copied().collect()
    };
    let kx_groups = if tls.curve_preferences.is_empty() {
        all.kx_groups
    } else {
        tls.curve_preferences.iter().map(|curve| group(*curve)).collect()
    };
    CryptoProvider { cipher_suites, kx_groups, ..all }
}

fn group(curve: Curve) -> &'static dyn SupportedKxGroup {
    match curve {
        Curve::P256 => aws_lc_rs::kx_group::SECP256R1,
        Curve::P384 => aws_lc_rs::kx_group::SECP384R1,
        Curve::X25519 => aws_lc_rs::kx_group::X25519,
        Curve::X25519MlKem768 => aws_lc_rs::kx_group::X25519MLKEM768,
    }
}

fn versions(tls: &WebTls) -> Vec<&'static SupportedProtocolVersion> {
    let spoken =
        TlsVersion::ALL.iter().rev().filter(|version| (tls.min_version..=tls.max_version).contains(*version));
    let of = |version: &TlsVersion| match version {
        TlsVersion::Tls12 => &rustls::version::TLS12,
        TlsVersion::Tls13 => &rustls::version::TLS13,
    };
    spoken.map(of).collect()
}

/// The verifier for client certificates, if any are requested.
fn clients(tls: &WebTls, provider: &Arc<CryptoProvider>) -> Result<Option<Clients>, ServerTlsFault> {
    let unusable = |error: &dyn std::fmt::Display| {
        ServerTlsFault::new("client_ca_file", format!("holds no usable authority: {error}"))
    };
    let policy = tls.client_auth;
    let verifier = |roots| {
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        // The list of authorities is not sent: clients then offer the certificate they have, and skip
        // reading a long list.
        let builder = if tls.client_ca_file.is_none() { builder.clear_root_hint_subjects() } else { builder };
        builder.build().map_err(|error| unusable(&error))
    };
    let authority = match &tls.client_ca_file {
        _ if policy == ClientAuth::NoClientCert => return Ok(None),
        Some(file) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates("client_ca_file", file)? {
                roots.add(certificate).map_err(|error| unusable(&error))?;
            }
            Some(verifier(roots)?)
        }
        // As in Go's crypto/tls, the system's authorities count if none are named.
        None if policy == ClientAuth::VerifyClientCertIfGiven => {
            let roots = system_roots()
                .map_err(|cause| ServerTlsFault::new("client_ca_file", cause.detail.to_string()))?;
            Some(verifier(roots)?)
        }
        None if policy.is_verified() => {
            return Err(ServerTlsFault::new(
                "client_ca_file",
                "is missing: the authorities whose client certificates are accepted",
            ));
        }
        None => None,
    };
    Ok(Some(Clients::new(policy, authority, tls.client_allowed_sans.clone(), provider)))
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, ServerTlsFault> {
    let pem = read("key_file", file)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
        ServerTlsFault::new("key_file", format!("{} holds no private key in PEM form", file.display()))
    })
}

/// The certificates in a file; at least one.
fn certificates(key: &'static str, file: &Path) -> Result<Vec<CertificateDer<'static>>, ServerTlsFault> {
    let pem = read(key, file)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) | Err(_) => {
            Err(ServerTlsFault::new(key, format!("{} holds no certificate in PEM form", file.display())))
        }
    }
}

fn read(key: &'static str, file: &Path) -> Result<Vec<u8>, ServerTlsFault> {
    let fault = |fault| ServerTlsFault::new(key, format!("{}: {fault}", file.display()));
    files::read(file, LARGEST_FILE).map(files::without_mark).map_err(fault)
}
