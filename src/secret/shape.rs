//! Oddities in the shape of a secret, which distinguish a bad paste from a wrong secret.
//!
//! Owns the findings. None of them repeats a character of the secret.

use secrecy::ExposeSecret;

use super::placeholder::is_placeholder;
use crate::model::Redacted;

/// Marks that people and word processors put around a value. Straight ones at both ends only: a password may hold one.
const STRAIGHT: [char; 3] = ['"', '\'', '`'];
/// Those that no keyboard has and every word processor makes.
pub const TYPOGRAPHIC: [char; 8] =
    ['\u{201c}', '\u{201d}', '\u{201e}', '\u{2018}', '\u{2019}', '\u{201a}', '\u{ab}', '\u{bb}'];

/// A secret's text, and what is known about it.
struct Sight<'a> {
    text: &'a str,
    /// Of the application whose secret it is; a password has none.
    client_id: Option<&'a str>,
}

impl Sight<'_> {
    const fn is_password(&self) -> bool {
        self.client_id.is_none()
    }
}

type Row = (fn(&Sight<'_>) -> bool, &'static str);

/// Each sentence follows "the secret in PLACE".
const ROWS: &[Row] = &[
    (quoted, "begins and ends with a quotation mark: a file holds the bare value"),
    (
        |of| TYPOGRAPHIC.iter().any(|mark| of.text.starts_with(*mark) || of.text.ends_with(*mark)),
        "begins or ends with a typographic quotation mark: a file holds the bare value",
    ),
    (
        |of| of.text.starts_with(char::is_whitespace) || of.text.ends_with(char::is_whitespace),
        "begins or ends with a blank, which is part of it",
    ),
    (|of| of.text.trim().contains(['\r', '\n']), "has more than one line: a secret is one line"),
    (
        |of| !of.is_password() && of.text.trim().contains([' ', '\t']),
        "has a blank inside, which no client secret has",
    ),
    (|of| of.client_id.is_some_and(|id| of.text.trim().eq_ignore_ascii_case(id)), "is the client id itself"),
    (
        |of| !of.is_password() && is_uuid(of.text.trim()),
        "has the shape of an id (36 characters, 8-4-4-4-12): mostly the secret's ID was copied in place of its Value",
    ),
    (|of| is_placeholder(of.text.trim()), "looks like a placeholder that was left standing"),
    (|of| of.text.contains("-----BEGIN "), "is a PEM file, and not a secret"),
    (
        |of| of.text.trim().chars().any(|c| c.is_control() && c != '\r' && c != '\n' && c != '\t'),
        "holds control characters",
    ),
];

/// Oddities of a client's secret, or of a password if there is no client; each sentence
/// follows the secret's place.
pub fn oddities(secret: &Redacted, client_id: Option<&str>) -> Vec<&'static str> {
    let sight = Sight { text: secret.expose_secret(), client_id };
    ROWS.iter().filter(|(is_so, _)| is_so(&sight)).map(|(_, sentence)| *sentence).collect()
}

fn quoted(of: &Sight<'_>) -> bool {
    let text = of.text.trim();
    STRAIGHT.iter().any(|mark| text.len() > 1 && text.starts_with(*mark) && text.ends_with(*mark))
}

fn is_uuid(text: &str) -> bool {
    const LENGTH: usize = "00000000-0000-0000-0000-000000000000".len();
    text.len() == LENGTH && uuid::Uuid::try_parse(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: Option<&str> = Some("app");
    const PASSWORD: Option<&str> = None;

    #[test]
    fn a_wrong_paste_is_told_by_its_shape_and_never_by_its_text() {
        const ID: &str = "66666666-7777-8888-9999-000000000000";
        for (text, client_id, sentence) in [
            ("\"hunter2~hunter2\"", APP, "quotation mark"),
            ("'hunter2'", PASSWORD, "quotation mark"),
            ("\u{201c}hunter2\u{201d}", APP, "typographic"),
            ("hunter2 ", PASSWORD, "begins or ends with a blank"),
            ("hunter2\nhunter3", PASSWORD, "more than one line"),
            ("hunter2 hunter2", APP, "blank inside"),
            ("11111111-2222-3333-4444-hunter222222", APP, ""),
            ("11111111-2222-3333-4444-555555555555", APP, "the secret's ID was copied"),
            (ID, Some(ID), "is the client id"),
            ("${HUNTER2}", APP, "placeholder"),
        ] {
            let found = oddities(&Redacted::from(text), client_id);
            assert_eq!(found.is_empty(), sentence.is_empty(), "{text}: {found:?}");
            assert!(
                sentence.is_empty() || found.iter().any(|said| said.contains(sentence)),
                "{text}: {found:?}"
            );
            assert!(!found.iter().any(|said| said.contains("unter2")), "{found:?}");
        }
    }

    #[test]
    fn ordinary_secrets_are_not_odd() {
        for (text, client_id) in [
            ("abc8Q~x.1234567890abcdefghijklmnopqrstuv", APP),
            ("GOCSPX-abcdefghijklmnop_qrstuv", APP),
            ("abcd efgh ijkl mnop", PASSWORD),
            ("it's \"quoted\" inside", PASSWORD),
        ] {
            assert_eq!(oddities(&Redacted::from(text), client_id), [""; 0], "{text}");
        }
    }
}
