//! Keeps secrets out of text that others wrote, before it is kept or shown.
//!
//! Owns the [`Scrubber`]. Reading secrets is the parent's.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::ExposeSecret;

use crate::model::Redacted;

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
mod tests {
    use super::*;

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
