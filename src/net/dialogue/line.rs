//! One line of a dialogue: which part may be stored, and how it is shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The server's line with its base64 content decoded.
pub(super) fn readable(line: &[u8]) -> String {
    let plain = challenge_decoded(line).or_else(|| front_end_decoded(line));
    String::from_utf8_lossy(plain.as_deref().unwrap_or(line)).trim_end_matches('\r').to_owned()
}

/// The error challenge of a token login, `+ base64` or `334 base64`, as readable JSON.
fn challenge_decoded(line: &[u8]) -> Option<Vec<u8>> {
    let start = if line.starts_with(b"+ ") { 2 } else { 4 };
    let (mark, base64) = line.split_at_checked(start)?;
    if mark != b"+ " && mark != b"334 " {
        return None;
    }
    let json = STANDARD.decode(base64.trim_ascii()).ok().filter(|decoded| decoded.starts_with(b"{"))?;
    Some([mark, json.as_slice()].concat())
}

/// Exchange's IMAP greeting ends in `[…]`: the name of its front end in UTF-16 and base64, which its support
/// asks for.
fn front_end_decoded(line: &[u8]) -> Option<Vec<u8>> {
    let rest = line.strip_prefix(b"* OK ")?.trim_ascii_end().strip_suffix(b"]")?;
    let start = rest.iter().rposition(|byte| *byte == b'[')?;
    let decoded = STANDARD.decode(rest.get(start + 1..)?).ok()?;
    let letter = |pair: &[u8]| match pair {
        [letter, 0] if letter.is_ascii_alphanumeric() || b".-".contains(letter) => Some(*letter),
        _ => None,
    };
    let name: Vec<u8> = decoded.chunks(2).map(letter).collect::<Option<_>>()?;
    Some([b"* OK ", rest.get(..=start)?, &name, b"]"].concat())
}

/// The server's name in a greeting: in brackets at the end for IMAP (see above), the first word for SMTP
/// (RFC 5321 section 4.2).
pub(super) fn front_end(greeting: &str) -> Option<&str> {
    let name = match greeting.strip_prefix("220").map(|rest| rest.trim_start_matches(['-', ' '])) {
        Some(rest) => rest.split(' ').next()?,
        None => greeting.strip_prefix("* OK ")?.strip_suffix(']')?.rsplit_once('[')?.1,
    };
    let is_name = name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    is_name.then_some(name)
}

pub(super) fn blank(bytes: usize) -> String {
    format!("<redacted {bytes} bytes>")
}

/// Replaces the secret part of a login command with its length.
///
/// `TAG AUTHENTICATE MECHANISM response`, `AUTH MECHANISM response`, `TAG LOGIN user password`.
pub(super) fn without_login(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let words: Vec<&str> = line.split(' ').collect();
    let open = words.iter().take(2).position(|word| {
        ["AUTHENTICATE", "AUTH", "LOGIN"].iter().any(|command| word.eq_ignore_ascii_case(command))
    });
    let Some(command) = open else { return line.to_owned() };
    let kept = if words[command].eq_ignore_ascii_case("LOGIN") { command + 1 } else { command + 2 };
    if words.len() <= kept {
        return line.to_owned();
    }
    let (kept, secret) = words.split_at(kept);
    format!("{} {}", kept.join(" "), blank(secret.join(" ").len()))
}
