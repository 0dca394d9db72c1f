//! Reads a secret from its place, at the moment it is used; and keeps its text out of everything that is kept.
//!
//! Owns the reading of [`SecretRef`]s and their fingerprints, and in `scrub` the [`Scrubber`]. Where secrets
//! go from here is up to `token` and `probe`.

mod scrub;

use std::io;
use std::path::Path;

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

pub use self::scrub::Scrubber;
use crate::model::{Cause, Reason, Redacted, SecretRef, WRONG_PASSWORD};

/// The largest file that is taken for a secret or a list of authorities, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Reads the secret now. One trailing line end is not part of it.
///
/// # Errors
/// [`Reason::SecretUnreadable`], naming the place, where it is missing, unreadable, empty, too large or not text.
pub async fn read(place: &SecretRef) -> Result<Redacted, Cause> {
    let unreadable = |why: &str| Cause::new(Reason::SecretUnreadable, format!("{place} {why}"));
    let text = match place {
        SecretRef::File(path) => {
            let bytes = read_file(path).await?;
            String::from_utf8(bytes).map_err(|_| unreadable("is not UTF-8 text"))?
        }
        SecretRef::Env(name) => std::env::var(name).map_err(|error| match error {
            std::env::VarError::NotPresent => unreadable("is not set"),
            std::env::VarError::NotUnicode(_) => unreadable("is not UTF-8 text"),
        })?,
        SecretRef::WrongPassword => WRONG_PASSWORD.to_owned(),
    };
    let text = Redacted::from(text);
    let secret = text.expose_secret();
    let trimmed = secret.strip_suffix('\n').map_or(secret, |rest| rest.strip_suffix('\r').unwrap_or(rest));
    if trimmed.is_empty() {
        return Err(unreadable("is empty"));
    }
    Ok(Redacted::from(trimmed))
}

/// Reads a file that a check depends on, bounded in size.
///
/// # Errors
/// [`Reason::SecretUnreadable`] with the path and the system's words.
pub async fn read_file(path: &Path) -> Result<Vec<u8>, Cause> {
    let unreadable = |why: &dyn std::fmt::Display| {
        Cause::new(Reason::SecretUnreadable, format!("file {}: {why}", path.display()))
    };
    let read = async {
        let mut bytes = Vec::new();
        tokio::fs::File::open(path).await?.take(LARGEST_FILE + 1).read_to_end(&mut bytes).await?;
        io::Result::Ok(bytes)
    };
    let bytes = read.await.map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > LARGEST_FILE {
        return Err(unreadable(&format_args!("is larger than {LARGEST_FILE} bytes")));
    }
    Ok(bytes)
}

/// What tells one state of a secret from another without holding it; `None` while it cannot be read.
pub type Fingerprint = Option<[u8; 32]>;

/// The fingerprint of what lies at the place now.
pub async fn fingerprint(place: &SecretRef) -> Fingerprint {
    read(place).await.ok().map(|secret| fingerprint_of(&secret))
}

/// The fingerprint of a secret in hand.
pub fn fingerprint_of(secret: &Redacted) -> [u8; 32] {
    Sha256::digest(secret.expose_secret()).into()
}

#[cfg(test)]
// A test that cannot go on should say so at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_line_end_is_not_part_of_a_secret() {
        let place = std::env::temp_dir().join(format!("secret-{}", std::process::id()));
        for (content, secret) in [("s3cret\n", "s3cret"), ("s3cret\r\n", "s3cret"), ("a b \n\n", "a b \n")] {
            std::fs::write(&place, content).unwrap();
            let read = read(&SecretRef::File(place.clone())).await.unwrap();
            assert_eq!(read.expose_secret(), secret);
        }
        std::fs::remove_file(&place).unwrap();
    }

    #[tokio::test]
    async fn an_unreadable_secret_names_its_place() {
        let cause = read(&SecretRef::File("/nonexistent/secret".into())).await.unwrap_err();
        assert_eq!(cause.reason, Reason::SecretUnreadable);
        assert!(cause.detail.contains("/nonexistent/secret"), "{}", cause.detail);
        let cause = read(&SecretRef::Env("MAILBOX_EXPORTER_NO_SUCH_VARIABLE".into())).await.unwrap_err();
        assert!(cause.detail.contains("MAILBOX_EXPORTER_NO_SUCH_VARIABLE is not set"), "{}", cause.detail);
    }
}
