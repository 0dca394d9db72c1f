//! Reads a secret from its place, at the moment it is used; and keeps its text out of everything that is kept.
//!
//! Owns the reading of [`SecretRef`]s, their fingerprints and the [`Scrubber`]. Where secrets go
//! from here is up to `token` and `probe`.

use std::io;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

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

/// Takes secrets out of text that others wrote, before it is kept or shown.
///
/// A server may echo what it was told, as it was or in base64; an identity provider may quote the
/// form it was sent. Whatever looks like a token goes as well, known or not.
#[derive(Default)]
pub struct Scrubber {
    needles: Vec<Redacted>,
}

/// What stands where a secret stood.
const BLANK: &str = "<redacted>";

/// A run of this many characters of the base64 alphabets is taken for a token.
const TOKEN_RUN: usize = 64;

/// Shorter secrets are looked for as words only, or every text with that letter would be torn.
const SHORTEST_ANYWHERE: usize = 4;

impl Scrubber {
    /// A scrubber that also knows these secrets, in every spelling in which they could come back.
    pub fn knowing<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut scrubber = Self::default();
        for secret in secrets {
            scrubber.learn(secret);
        }
        scrubber
    }

    /// Adds a secret.
    pub fn learn(&mut self, secret: &str) {
        let percent: String = form_urlencoded(secret.as_bytes());
        let spellings = [
            secret.to_owned(),
            STANDARD.encode(secret),
            STANDARD_NO_PAD.encode(secret),
            URL_SAFE_NO_PAD.encode(secret),
            percent.replace("%20", "+"),
            percent,
            secret.replace('\\', "\\\\").replace('"', "\\\""),
        ];
        for spelling in spellings {
            if !spelling.is_empty() && !self.needles.iter().any(|known| known.expose_secret() == spelling) {
                self.needles.push(Redacted::from(spelling));
            }
        }
        // The longest first, so that no needle leaves the tail of a longer one behind.
        self.needles.sort_by_key(|needle| std::cmp::Reverse(needle.expose_secret().len()));
    }

    /// The text without secrets, in one line, and cut to `limit` characters.
    pub fn clean(&self, text: &str, limit: usize) -> String {
        let mut text = text.to_owned();
        for needle in &self.needles {
            let needle = needle.expose_secret();
            if text.contains(needle) {
                text = if needle.len() < SHORTEST_ANYWHERE {
                    blank_words(&text, needle)
                } else {
                    text.replace(needle, BLANK)
                };
            }
        }
        let text = blank_token_runs(&text);
        let mut clean = String::with_capacity(text.len().min(limit + 3));
        for (count, letter) in text.chars().enumerate() {
            if count == limit {
                clean.push('…');
                break;
            }
            clean.push(if letter.is_control() { ' ' } else { letter });
        }
        clean.truncate(clean.trim_end().len());
        clean
    }
}

impl std::fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Scrubber({} needles)", self.needles.len())
    }
}

/// `application/x-www-form-urlencoded`, with `%20` for the space.
fn form_urlencoded(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' | b'*' => {
                char::from(*byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn blank_words(text: &str, needle: &str) -> String {
    text.split(' ').map(|word| if word == needle { BLANK } else { word }).collect::<Vec<_>>().join(" ")
}

/// Replaces what looks like a token: a long run of base64 letters with at least one digit and both
/// cases, so that no sentence, path or host name is taken for one.
fn blank_token_runs(text: &str) -> String {
    let in_run = |letter: char| letter.is_ascii_alphanumeric() || "+/=_-.~".contains(letter);
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(in_run) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|letter| !in_run(letter)).unwrap_or(from.len());
        let (run, after) = from.split_at(end);
        let token = run.len() >= TOKEN_RUN
            && run.contains(|letter: char| letter.is_ascii_digit())
            && run.contains(|letter: char| letter.is_ascii_lowercase())
            && run.contains(|letter: char| letter.is_ascii_uppercase());
        clean.push_str(before);
        clean.push_str(if token { BLANK } else { run });
        rest = after;
    }
    clean.push_str(rest);
    clean
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

    #[test]
    fn a_secret_is_taken_out_in_every_spelling() {
        let secret = "p&ss w0rd\"x";
        let scrubber = Scrubber::knowing([secret]);
        let echoes = [
            secret.to_owned(),
            STANDARD.encode(secret),
            "p%26ss+w0rd%22x".to_owned(),
            "p&ss w0rd\\\"x".to_owned(),
        ];
        for echo in echoes {
            let clean = scrubber.clean(&format!("535 bad {echo} here"), 200);
            assert_eq!(clean, "535 bad <redacted> here");
        }
    }

    #[test]
    fn what_looks_like_a_token_goes_though_nobody_named_it() {
        let token = format!("eyJ0eXAiOiJKV1QifQ.{}.sig-_9", "aB3".repeat(40));
        assert_eq!(
            Scrubber::default().clean(&format!("NO token {token} refused"), 400),
            "NO token <redacted> refused"
        );
    }

    #[test]
    fn ordinary_sentences_stay_as_they_are() {
        let sentence = "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant. \
             [FR2P281CA0035.DEUP281.PROD.OUTLOOK.COM 2023-03-23T18:00:39.250Z 08DB2B43918359DA]";
        assert_eq!(Scrubber::default().clean(sentence, 400), sentence);
    }

    #[test]
    fn text_is_cut_and_its_control_characters_are_gone() {
        assert_eq!(Scrubber::default().clean("a\r\nb\u{1b}[31m\0", 400), "a  b [31m");
        assert_eq!(Scrubber::default().clean(&"x".repeat(50), 10), format!("{}…", "x".repeat(10)));
    }
}
