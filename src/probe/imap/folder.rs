//! A folder's name as IMAP writes it: modified UTF-7 (RFC 3501 section 5.1.3) in a quoted string.

use base64::Engine;
use base64::alphabet::IMAP_MUTF7;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};

const MODIFIED: GeneralPurpose = GeneralPurpose::new(&IMAP_MUTF7, NO_PAD);

/// A quoted string, RFC 3501 section 4.3.
pub(super) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A folder's name in the form that is sent. A name in modified UTF-7, copied from a LIST answer for example, is sent as
/// it is.
pub(super) fn spelt(name: &str) -> String {
    if is_spelt(name) { name.to_owned() } else { utf7(name) }
}

/// The readable form of a name that a server sent; the name as sent if [`spelt`] could not turn it back.
pub(super) fn readable(wire: &str) -> String {
    let mut parts = wire.split('&');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let Some((code, rest)) = part.split_once('-') else { return wire.to_owned() };
        match decoded(code) {
            Some(text) if !text.contains(char::is_control) => name.push_str(&text),
            _ => return wire.to_owned(),
        }
        name.push_str(rest);
    }
    if spelt(&name) == wire { name } else { wire.to_owned() }
}

/// Whether a name is modified UTF-7 already: it has a `&`, and each of them begins a valid sequence.
fn is_spelt(name: &str) -> bool {
    let mut parts = name.split('&');
    let plain = |text: &str| text.chars().all(|letter| (' '..='~').contains(&letter));
    let is_first_plain = parts.next().is_none_or(plain);
    let mut sequences = parts.peekable();
    is_first_plain
        && sequences.peek().is_some()
        && sequences.all(|part| part.split_once('-').is_some_and(|(code, rest)| is_code(code) && plain(rest)))
}

/// Whether this may stand between `&` and `-`. An empty code means `&` itself; any other must be UTF-16 of characters
/// that cannot be sent as they are.
fn is_code(code: &str) -> bool {
    decoded(code)
        .is_some_and(|text| code.is_empty() || !text.contains(|letter| (' '..='~').contains(&letter)))
}

/// The characters that a code between `&` and `-` means.
fn decoded(code: &str) -> Option<String> {
    if code.is_empty() {
        return Some("&".to_owned());
    }
    let bytes = MODIFIED.decode(code).ok()?;
    let units = bytes.chunks_exact(2);
    if !units.remainder().is_empty() {
        return None;
    }
    let units = units.map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).collect::<Result<_, _>>().ok()
}

/// A name in modified UTF-7.
fn utf7(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut foreign: Vec<u8> = Vec::new();
    let close = |foreign: &mut Vec<u8>, encoded: &mut String| {
        if !foreign.is_empty() {
            encoded.push_str(&format!("&{}-", MODIFIED.encode(std::mem::take(foreign))));
        }
    };
    for letter in name.chars() {
        if (' '..='~').contains(&letter) {
            close(&mut foreign, &mut encoded);
            encoded.push(letter);
            if letter == '&' {
                encoded.push('-');
            }
        } else {
            let mut units = [0; 2];
            foreign.extend(letter.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    close(&mut foreign, &mut encoded);
    encoded
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folder_names_are_spelt_as_imap_wants_them() {
        let rows = [
            ("INBOX", "INBOX"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("R&D", "R&-D"),
            ("R&Dev-team", "R&-Dev-team"),
            ("Q&A-B", "Q&-A-B"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("😀", "&2D3eAA-"),
        ];
        for (name, spelt) in rows {
            assert_eq!(super::spelt(name), spelt);
            assert_eq!(readable(spelt), name);
        }
        assert_eq!(quoted(r#"a "b" \c"#), r#""a \"b\" \\c""#);
    }

    #[test]
    fn a_name_in_modified_utf_7_is_taken_as_written() {
        for name in ["Entw&APw-rfe", "R&-D", "~peter/mail/&U,BTFw-/&ZeVnLIqe-", "&2D3eAA-", "&-"] {
            assert_eq!(spelt(name), name);
        }
    }

    #[test]
    fn a_name_that_could_not_be_written_back_stays_as_it_is() {
        for wire in ["Entw&-APw-rfe", "A&B", "&AAo-", "&AGE-", "&2D0-", "&----"] {
            assert_eq!(spelt(&readable(wire)), spelt(wire));
            assert_eq!(readable(wire), wire);
        }
    }

    proptest! {
        #[test]
        fn what_is_spelt_once_is_not_spelt_twice(name in "[ -~äß台😀]{0,20}") {
            let once = spelt(&name);
            prop_assert_eq!(spelt(&once), once);
        }
    }
}
