//! The certificate authorities of the system, and those built in.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use tracing::warn;

use crate::files::{self, Fault, PATIENCE};
use crate::model::{Cause, Reason};

/// The largest file of authorities that is read, in bytes: every public one makes a quarter of a MiB.
const LARGEST: u64 = 16 * 1024 * 1024;

/// The system's authorities; those built in if the system has none. Blocks for as long as files may take.
///
/// # Errors
/// [`Reason::SecretUnreadable`] if a file system does not answer; the next call tries again.
pub(super) fn system_roots() -> Result<RootCertStore, Cause> {
    static ROOTS: OnceLock<RootCertStore> = OnceLock::new();
    if let Some(roots) = ROOTS.get() {
        return Ok(roots.clone());
    }
    let named = |variable| env::var_os(variable).filter(|value| !value.is_empty());
    let file = named("SSL_CERT_FILE").map(PathBuf::from);
    let folders =
        named("SSL_CERT_DIR").map(|folders| env::split_paths(&folders).collect()).unwrap_or_default();
    let roots = load(file, folders)?;
    Ok(ROOTS.get_or_init(|| roots).clone())
}

/// The authorities built in: those that public providers have their certificates from.
pub(super) fn public_roots() -> RootCertStore {
    webpki_roots::TLS_SERVER_ROOTS.iter().cloned().collect()
}

fn load(file: Option<PathBuf>, folders: Vec<PathBuf>) -> Result<RootCertStore, Cause> {
    let mut certificates = Vec::new();
    if file.is_none() && folders.is_empty() {
        certificates = bounded(Path::new("/etc/ssl"), || load_native_certs().certs)?;
    }
    // Not by the library, which reads whatever has this name: a FIFO for ever, a device without end.
    if let Some(file) = file {
        match files::read(&file, LARGEST) {
            Ok(pem) => certificates.extend(CertificateDer::pem_slice_iter(&pem).flatten()),
            Err(fault @ (Fault::Hangs(_) | Fault::Blocked)) => return Err(unreadable(&file, &fault)),
            Err(fault) => warn!(file = %file.display(), %fault, "SSL_CERT_FILE adds no authorities"),
        }
    }
    for folder in folders {
        let place = folder.clone();
        certificates.extend(bounded(&place, move || load_certs_from_paths(None, Some(&folder)).certs)?);
    }
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates);
    Ok(if roots.is_empty() { public_roots() } else { roots })
}

fn bounded<T: Send + 'static>(place: &Path, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Cause> {
    files::within(place, PATIENCE, job).map_err(|fault| unreadable(place, &fault))
}

fn unreadable(place: &Path, fault: &Fault) -> Cause {
    let detail = format!("the system's certificate authorities: {}: {fault}", place.display());
    Cause::new(Reason::SecretUnreadable, detail)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should say so at once
mod tests {
    use std::fs;
    use std::process::Command;

    use super::*;

    #[test]
    fn authorities_come_from_regular_files_only() {
        let folder = env::temp_dir().join(format!("authorities-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("many")).unwrap();
        let authority = |name: &str| {
            let pair = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
            pair.cert.pem()
        };
        let at = |name: &str| Some(folder.join(name));
        fs::write(folder.join("one.pem"), authority("one.test") + &authority("two.test")).unwrap();
        fs::write(folder.join("many/three.pem"), authority("three.test")).unwrap();
        for fifo in ["fifo", "many/fifo"] {
            assert!(Command::new("mkfifo").arg(folder.join(fifo)).status().unwrap().success());
        }
        let built_in = public_roots().len();
        let rows = [
            (at("one.pem"), vec![folder.join("many")], 3),
            (None, vec![folder.join("many"), folder.join("nothing")], 1),
            (at("fifo"), vec![folder.join("many")], 1),
            (at("fifo"), vec![], built_in),
            (Some("/dev/zero".into()), vec![], built_in),
            (at("nothing"), vec![], built_in),
        ];
        for (file, folders, expected) in rows {
            let shown = format!("{file:?} {folders:?}");
            assert_eq!(load(file, folders).unwrap().len(), expected, "{shown}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
