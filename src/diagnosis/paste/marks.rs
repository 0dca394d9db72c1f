//! Marks of a line: who speaks in it, by the signs that programs put before the lines they send and receive.
//!
//! Not here: the line's content. If the content contradicts the mark, the content wins, because some logs are
//! written from the server's side.

/// Who speaks in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    Server,
    Client,
    /// No mark, or one that programs use for both.
    Unmarked,
}

/// How programs mark the server's lines: mail libraries, proxies, curl, swaks, Python's smtplib.
const SERVER: &[&str] = &[
    "s:",
    "s->c:",
    "<",
    "<-",
    "<--",
    "<=",
    "<<",
    "<<<",
    "<<-",
    "<**",
    "<~",
    "<~*",
    "reply:",
    "server:",
    "recv:",
    "received:",
    "read:",
    "response:",
    "<rx>",
    "rx:",
];

/// How programs mark the client's lines.
const CLIENT: &[&str] = &[
    "c:", "c->s:", ">", "->", "-->", "=>", ">>", ">>>", "->>", "~>", "send:", "client:", "sent:", "sending:",
    "<tx>", "tx]", "tx:",
];

/// Marks of several words.
const PHRASES: &[(&str, Speaker)] = &[
    ("server -> client:", Speaker::Server),
    ("client -> server:", Speaker::Client),
    ("server → client:", Speaker::Server),
    ("client → server:", Speaker::Client),
    ("smtp inbound:", Speaker::Server),
    ("smtp outbound:", Speaker::Client),
    ("smtp -> get(): ", Speaker::Server),
    ("from server:", Speaker::Server),
];

/// A mark is among this many first words of a line: a time, a level or a name may precede it.
const WITHIN: usize = 8;

/// The speaker of a line, and the line without the mark.
pub(super) fn marked(line: &str) -> (Speaker, &str) {
    let line = line.trim();
    if let Some(found) = by_phrase(line) {
        return found;
    }
    let mut rest = line;
    for _ in 0..WITHIN {
        let Some((word, after)) = rest.split_once(char::is_whitespace) else { break };
        let speaker = speaker(word);
        let after = after.trim_start();
        if speaker != Speaker::Unmarked {
            return (speaker, after);
        }
        // Some programs number their connections: `S (3): 535 …`.
        if let Some(numbered) = numbered(word, after) {
            return numbered;
        }
        rest = after;
    }
    (Speaker::Unmarked, line)
}

fn speaker(word: &str) -> Speaker {
    let word = word.trim_start_matches(['[', '"', '\'']).to_ascii_lowercase();
    // mutt writes `4< a0001 NO`, fetchmail `IMAP< A2 NO`, Perl `Net::SMTP=GLOB(0x1)<<< 535`.
    let bare = word.trim_start_matches(|c: char| c.is_alphanumeric() || "=:()_.".contains(c));
    let sign = if bare.len() < word.len() && bare.bytes().all(|byte| matches!(byte, b'<' | b'>')) {
        bare
    } else {
        &word
    };
    if SERVER.contains(&sign) || SERVER.contains(&word.as_str()) {
        Speaker::Server
    } else if CLIENT.contains(&sign) || CLIENT.contains(&word.as_str()) {
        Speaker::Client
    } else {
        Speaker::Unmarked
    }
}

/// A mark of two words with a number: `S (3):`.
fn numbered<'a>(word: &str, after: &'a str) -> Option<(Speaker, &'a str)> {
    let speaker = match word {
        "S" | "s" => Speaker::Server,
        "C" | "c" => Speaker::Client,
        _ => return None,
    };
    let (number, rest) = after.split_once(char::is_whitespace)?;
    let is_number = number.starts_with('(') && number.ends_with(':');
    is_number.then(|| (speaker, rest.trim_start()))
}

fn by_phrase(line: &str) -> Option<(Speaker, &str)> {
    // A phrase is near the beginning of its line.
    let head = line.get(..line.floor_char_boundary(120))?.to_lowercase();
    let (at, length, speaker) =
        PHRASES.iter().find_map(|(phrase, speaker)| Some((head.find(phrase)?, phrase.len(), *speaker)))?;
    let said = line.get(at + length..)?.trim_start();
    // Some logs quote what was said.
    let quoted = said.strip_prefix('"').map(|said| said.strip_suffix('"').unwrap_or(said));
    Some((speaker, quoted.unwrap_or(said)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_of_every_program_is_known_and_taken_off() {
        for (line, speaker, rest) in [
            ("S: a1 NO x", Speaker::Server, "a1 NO x"),
            ("S (3): 535 x", Speaker::Server, "535 x"),
            ("< 535 x", Speaker::Server, "535 x"),
            ("4< a0001 NO x", Speaker::Server, "a0001 NO x"),
            ("fetchmail: IMAP< A2 NO x", Speaker::Server, "A2 NO x"),
            ("Net::SMTP=GLOB(0x55d)<<< 535 x", Speaker::Server, "535 x"),
            ("2026-01-02 10:00:00 SERVER -> CLIENT: 535 x", Speaker::Server, "535 x"),
            ("CLIENT -> SERVER: AUTH LOGIN", Speaker::Client, "AUTH LOGIN"),
            ("~> AUTH PLAIN", Speaker::Client, "AUTH PLAIN"),
            (
                "Login failed for <user@contoso.example> today",
                Speaker::Unmarked,
                "Login failed for <user@contoso.example> today",
            ),
        ] {
            assert_eq!(marked(line), (speaker, rest), "{line}");
        }
    }
}
