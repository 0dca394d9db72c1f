//! The throwaway certificate authority: right certificates, and wrong ones of every kind.
//!
//! Keys live in memory only. Does not accept connections.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

use crate::sim::script::Identity;

/// What a right certificate is issued for.
const HOSTS: [&str; 2] = ["localhost", "127.0.0.1"];
/// What the certificate for another host is issued for.
const OTHER_HOST: &str = "mail.elsewhere.example";
/// The years a right certificate is valid for, from the first of January to the first of January.
const YEARS: (i32, i32) = (2020, 2120);

/// An authority made for one run, and an acceptor for each [`Identity`].
pub(super) struct Authority {
    pem: String,
    self_signed_pem: String,
    acceptors: HashMap<Identity, TlsAcceptor>,
}

impl Authority {
    /// Makes keys and certificates.
    pub(super) fn new() -> io::Result<Self> {
        let (certificate, authority) = issuer("Simulator authority")?;
        let (_, stranger) = issuer("Unknown authority")?;
        let (self_signed_pem, self_signed) = self_signed()?;
        let years = |from, to| {
            let mut params = leaf(&HOSTS)?;
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
            Ok::<_, io::Error>(params)
        };
        let acceptors = [
            (Identity::Right, signed(&years(YEARS.0, YEARS.1)?, &authority)?),
            (Identity::Expired, signed(&years(2020, 2021)?, &authority)?),
            (Identity::NotYetValid, signed(&years(2110, 2120)?, &authority)?),
            (Identity::OtherName, signed(&leaf(&[OTHER_HOST])?, &authority)?),
            (Identity::SelfSigned, self_signed),
            (Identity::UnknownAuthority, signed(&years(YEARS.0, YEARS.1)?, &stranger)?),
        ];
        Ok(Self { pem: certificate.pem(), self_signed_pem, acceptors: HashMap::from(acceptors) })
    }

    /// The authority's certificate, for `ca_file`.
    pub(super) fn pem(&self) -> &str {
        &self.pem
    }

    /// The certificate that has signed itself, for a `ca_file` that names it.
    pub(super) fn self_signed_pem(&self) -> &str {
        &self.self_signed_pem
    }

    /// The acceptor that shows this certificate.
    pub(super) fn acceptor(&self, identity: Identity) -> io::Result<TlsAcceptor> {
        self.acceptors
            .get(&identity)
            .cloned()
            .ok_or_else(|| io::Error::other("every identity has a certificate"))
    }
}

type CaIssuer = Issuer<'static, KeyPair>;

fn issuer(name: &str) -> io::Result<(Certificate, CaIssuer)> {
    let mut params = leaf(&[])?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    Ok((certificate, Issuer::new(params, key)))
}

fn leaf(hosts: &[&str]) -> io::Result<CertificateParams> {
    let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut params = CertificateParams::new(hosts).map_err(io::Error::other)?;
    params.not_before = date_time_ymd(YEARS.0, 1, 1);
    params.not_after = date_time_ymd(YEARS.1, 1, 1);
    Ok(params)
}

fn signed(params: &CertificateParams, issuer: &CaIssuer) -> io::Result<TlsAcceptor> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.signed_by(&key, issuer).map_err(io::Error::other)?;
    acceptor(&certificate, &key)
}

fn self_signed() -> io::Result<(String, TlsAcceptor)> {
    let mut params = leaf(&HOSTS)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    Ok((certificate.pem(), acceptor(&certificate, &key)?))
}

fn acceptor(certificate: &Certificate, key: &KeyPair) -> io::Result<TlsAcceptor> {
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
