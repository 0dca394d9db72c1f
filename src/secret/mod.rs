//! Reads a secret from its place at the moment it is used, and removes secrets from texts that are logged or shown.
//!
//! Owns the reading of [`SecretRef`]s and their fingerprints. `shape` finds what is odd about a secret, and `scrub` has
//! the [`Scrubber`]. `token` and `probe` decide where secrets are sent.

mod declared_end;
mod pair;
mod placeholder;
mod scrub;
mod service_account;
mod shape;

use std::path::Path;

use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};

pub use self::declared_end::{date, declared_end};
pub use self::pair::Pair;
pub use self::placeholder::placeholder;
pub use self::scrub::Scrubber;
pub use self::service_account::ServiceAccount;
pub use self::shape::{TYPOGRAPHIC, oddities};
use crate::files;
use crate::model::{Cause, Reason, Redacted, SecretRef, WRONG_PASSWORD};

/// The largest file that is read for a secret or a list of certificate authorities, in bytes.
const LARGEST_FILE: u64 = 1024 * 1024;

/// Some editors put it in front of UTF-8. An environment variable may have been filled from such a file.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// Reads the secret now. A leading byte order mark and trailing line ends are not part of it.
///
/// # Errors
/// [`Reason::SecretUnreadable`], naming the place, if it is missing, not a regular file, unreadable, empty, too
/// large or not text, or if its file system does not answer.
pub async fn read(place: &SecretRef) -> Result<Redacted, Cause> {
    let text = match place {
        SecretRef::File(path) => {
            let bytes = read_file(path).await?;
            String::from_utf8(bytes).map_err(|_| unreadable(place, NOT_TEXT))?
        }
        SecretRef::Env(name) => std::env::var(name).map_err(|error| match error {
            std::env::VarError::NotPresent => unreadable(place, "is not set"),
            std::env::VarError::NotUnicode(_) => unreadable(place, NOT_TEXT),
        })?,
        SecretRef::WrongPassword => WRONG_PASSWORD.to_owned(),
    };
    filled(place, text)
}

/// [`read`] of a file that another program named: of at most `most` bytes, and no symbolic link.
///
/// # Errors
/// Those of [`read`].
pub async fn read_unlinked(path: &Path, most: u64) -> Result<Redacted, Cause> {
    let place = SecretRef::File(path.to_owned());
    let bytes = files::read_unlinked(path, most).await.map_err(|fault| unreadable_file(path, &fault))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable(&place, NOT_TEXT))?;
    filled(&place, text)
}

const NOT_TEXT: &str = "is not UTF-8 text";

fn unreadable(place: &SecretRef, why: &str) -> Cause {
    Cause::new(Reason::SecretUnreadable, format!("{place} {why}"))
}

/// The secret in the text at this place.
fn filled(place: &SecretRef, text: String) -> Result<Redacted, Cause> {
    let text = Redacted::from(text);
    let bare = bare(text.expose_secret());
    if bare.is_empty() {
        return Err(unreadable(place, "is empty"));
    }
    Ok(Redacted::from(bare))
}

/// Reads the bytes at the place now, text or not, without a leading byte order mark.
///
/// # Errors
/// Those of [`read`], except that a file may be empty or not text.
pub async fn read_bytes(place: &SecretRef) -> Result<Vec<u8>, Cause> {
    match place {
        SecretRef::File(path) => read_file(path).await,
        SecretRef::Env(_) | SecretRef::WrongPassword => {
            read(place).await.map(|text| text.expose_secret().as_bytes().to_vec())
        }
    }
}

/// Sentences about the oddities of the secret at this place; see [`oddities`].
pub async fn oddity_sentences(place: &SecretRef, client_id: Option<&str>) -> Vec<String> {
    let Ok(secret) = read(place).await else { return Vec::new() };
    oddities(&secret, client_id).into_iter().map(|odd| format!("The secret in {place} {odd}.")).collect()
}

/// The value without the byte order mark and line ends that editors and `echo` add.
fn bare(text: &str) -> &str {
    text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text).trim_end_matches(['\r', '\n'])
}

/// Reads a file that a check depends on, bounded in size and time, without a leading byte order mark.
///
/// # Errors
/// [`Reason::SecretUnreadable`] with the path and why.
pub async fn read_file(path: &Path) -> Result<Vec<u8>, Cause> {
    let read = files::read_async(path, LARGEST_FILE).await;
    read.map(files::without_mark).map_err(|fault| unreadable_file(path, &fault))
}

/// The hash of a file that a check depends on, at most a second old.
///
/// # Errors
/// As [`read_file`].
pub async fn hash_file(path: &Path) -> Result<files::Hash, Cause> {
    let hash = files::hash(path, LARGEST_FILE).await;
    hash.map_err(|fault| unreadable_file(path, &fault))
}

fn unreadable_file(path: &Path, fault: &files::Fault) -> Cause {
    Cause::new(Reason::SecretUnreadable, format!("file {}: {fault}", path.display()))
}

/// A hash that changes if one of several secrets does, and reveals none; `None` while one of them cannot be read.
pub type Fingerprint = Option<[u8; 32]>;

/// The fingerprint of the secrets at these places, as they were at most a second ago. Without a place it never
/// changes.
pub async fn fingerprint(places: &[&SecretRef]) -> Fingerprint {
    let mut hash = Sha256::new();
    for place in places {
        let one = match place {
            SecretRef::File(path) => hash_file(path).await.ok()?,
            SecretRef::Env(_) | SecretRef::WrongPassword => fingerprint_of(&read(place).await.ok()?),
        };
        hash.update(one);
    }
    Some(hash.finalize().into())
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
    async fn a_byte_order_mark_and_line_ends_are_not_part_of_a_secret() {
        let place = std::env::temp_dir().join(format!("secret-{}", std::process::id()));
        for (content, secret) in [
            ("s3cret\n", "s3cret"),
            ("s3cret\r\n", "s3cret"),
            ("a b \n\n", "a b "),
            ("s3cret\r\n\r\n", "s3cret"),
            ("\u{feff}s3cret\n", "s3cret"),
            ("s3\ncret", "s3\ncret"),
        ] {
            std::fs::write(&place, content).unwrap();
            let read = read(&SecretRef::File(place.clone())).await.unwrap();
            assert_eq!(read.expose_secret(), secret, "{content:?}");
        }
        std::fs::write(&place, "\u{feff}\r\n").unwrap();
        assert!(read(&SecretRef::File(place.clone())).await.unwrap_err().detail.ends_with("is empty"));
        std::fs::remove_file(&place).unwrap();
    }

    #[tokio::test]
    async fn a_secret_that_is_no_regular_file_is_unreadable_at_once() {
        let place = std::env::temp_dir().join(format!("secret-fifo-{}", std::process::id()));
        let _ = std::fs::remove_file(&place);
        assert!(std::process::Command::new("mkfifo").arg(&place).status().unwrap().success());
        let cause = read(&SecretRef::File(place.clone())).await.unwrap_err();
        std::fs::remove_file(&place).unwrap();
        assert_eq!(cause.reason, Reason::SecretUnreadable);
        assert!(cause.detail.contains("this is a FIFO"), "{}", cause.detail);
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
