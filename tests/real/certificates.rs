//! A throwaway certificate authority and the servers' certificates, good and bad.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// Which name a certificate is for, by its own short name, and the years of its life.
///
/// The address at which the servers show it is in [`crate::rig`].
const LEAVES: [(&str, &[&str], i32, i32); 3] = [
    ("good", &["localhost", "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4"], 2020, 2099),
    ("expired", &["localhost", "127.0.0.3"], 2020, 2021),
    ("elsewhere", &["elsewhere.rig.test"], 2020, 2099),
];

/// Where the authority's certificate lies in `work`: the `ca_file` of the configuration.
pub(crate) fn authority(work: &Path) -> PathBuf {
    work.join("ca.pem")
}

/// Where a leaf's chain and key lie.
pub(crate) fn leaf(work: &Path, name: &str) -> (PathBuf, PathBuf) {
    (work.join(format!("{name}.pem")), work.join(format!("{name}.key")))
}

/// Writes the authority's certificate and every leaf into `work`.
pub(crate) fn issue(work: &Path) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Rig authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2099, 1, 1));
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    fs::write(authority(work), issuer.pem()).unwrap();

    for (name, hosts, from, to) in LEAVES {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let (chain_file, key_file) = leaf(work, name);
        fs::write(chain_file, certificate.pem()).unwrap();
        fs::write(key_file, key.serialize_pem()).unwrap();
    }
}
