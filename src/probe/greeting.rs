//! Exchange's greetings end in `[…]`: the name of its front end in UTF-16 and base64, which its support asks for.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Such a greeting with the name decoded. `start` is the beginning of the protocol's greetings.
pub(super) fn exchange_decoded(line: &[u8], start: &str) -> Option<Vec<u8>> {
    let rest = line.strip_prefix(start.as_bytes())?.trim_ascii_end().strip_suffix(b"]")?;
    let bracket = rest.iter().rposition(|byte| *byte == b'[')?;
    let decoded = STANDARD.decode(rest.get(bracket + 1..)?).ok()?;
    let letter = |pair: &[u8]| match pair {
        [letter, 0] if letter.is_ascii_alphanumeric() || b".-".contains(letter) => Some(*letter),
        _ => None,
    };
    let name: Vec<u8> = decoded.chunks(2).map(letter).collect::<Option<_>>()?;
    Some([start.as_bytes(), rest.get(..=bracket)?, &name, b"]"].concat())
}

/// The text in brackets at the end of a greeting in clear text.
pub(super) fn in_brackets<'a>(greeting: &'a str, start: &str) -> Option<&'a str> {
    Some(greeting.strip_prefix(start)?.strip_suffix(']')?.rsplit_once('[')?.1)
}
