//! One line of a dialogue: which part may be stored, and how it is shown.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::net::Syntax;

/// The server's line with its base64 content decoded.
pub(super) fn readable(line: &[u8], syntax: &Syntax) -> String {
    let plain = challenge_decoded(line, syntax).or_else(|| (syntax.decoded)(line));
    String::from_utf8_lossy(plain.as_deref().unwrap_or(line)).trim_end_matches('\r').to_owned()
}

/// Whether the server asks for login data. `+` is a prompt, `+OK` is not.
pub(super) fn is_prompt(line: &[u8], syntax: &Syntax) -> bool {
    let rest = line.strip_prefix(syntax.prompt);
    rest.is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric))
}

/// The error challenge of a token login, base64 after a prompt, as readable JSON.
fn challenge_decoded(line: &[u8], syntax: &Syntax) -> Option<Vec<u8>> {
    let base64 = line.strip_prefix(syntax.prompt)?.strip_prefix(b" ")?;
    let json = STANDARD.decode(base64.trim_ascii()).ok().filter(|decoded| decoded.starts_with(b"{"))?;
    Some([syntax.prompt, b" ", json.as_slice()].concat())
}

/// The server's name in a greeting, if what stands in its place is a name.
pub(super) fn front_end<'a>(greeting: &'a str, syntax: &Syntax) -> Option<&'a str> {
    let name = (syntax.server_name)(greeting)?;
    let is_name = name.contains('.') && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    is_name.then_some(name)
}

pub(super) fn blank(bytes: usize) -> String {
    format!("<redacted {bytes} bytes>")
}

/// Replaces the secret part of a login command, which may have a tag in front, with its length.
pub(super) fn without_login(line: &str, syntax: &Syntax) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    let last_shown = line.split(' ').take(2).enumerate().find_map(|(place, word)| {
        let (_, shown) = syntax.logins.iter().find(|(command, _)| word.eq_ignore_ascii_case(command))?;
        Some(place + shown)
    });
    let end = last_shown.and_then(|last| line.match_indices(' ').nth(last));
    match end.and_then(|(end, _)| line.split_at_checked(end)) {
        Some((shown, secret)) => format!("{shown} {}", blank(secret.len() - 1)),
        None => line.to_owned(),
    }
}
