//! Members that are never shown: of JSON, forms, HTML forms, XML and headers, by their names.
//!
//! Owns those names, where the value of a member begins and ends in each of these notations, and by
//! which members an answer is known to repeat our own request.

use std::ops::Range;

use super::reading::{BREAK, Letter};

/// A name with one of these in it is never shown with its value …
const HIDDEN_PARTS: [&str; 8] =
    ["token", "secret", "assertion", "password", "passwd", "passphrase", "api_key", "private_key"];
/// … nor is one of these.
const HIDDEN: [&str; 9] = [
    "code",
    "device_code",
    "user_code",
    "pass",
    "pwd",
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];
/// Names that hide a value after a colon without quotation marks. These are fewer, because sentences have colons too.
const HIDDEN_BEFORE_COLON: [&str; 10] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "client_secret",
    "client_assertion",
    "token",
    "access_token",
    "refresh_token",
    "id_token",
];
/// Headers: their whole line is hidden.
const HIDDEN_HEADERS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// Fields that only a token request has.
const OF_REQUEST: [&str; 4] = ["grant_type", "client_secret", "client_assertion", "client_assertion_type"];
/// Further fields of a token request.
const ALSO_OF_REQUEST: [&str; 6] =
    ["client_id", "scope", "resource", "audience", "refresh_token", "requested_token_use"];

/// A reply code, and the number of an AADSTS error, are as short as this; a code that can be redeemed is longer.
const LONGEST_REPLY_CODE: usize = 7;
/// The name of an error as Graph gives it, `ErrorAccessDenied`, has so many letters …
const ERROR_NAME: std::ops::RangeInclusive<usize> = 8..=64;
/// … and its words have at least so many on average. In a code that can be redeemed the cases change more often, and
/// it has digits.
const LETTERS_OF_WORD: usize = 4;
/// A word after a colon that may be a secret.
const SHORTEST_BEHIND_COLON: usize = 8;
/// The longest name of a member: no real one is longer.
const LONGEST_NAME: usize = 64;
/// Letters of a tag that are looked at.
const LONGEST_TAG: usize = 4096;

/// The secrets that the members of a text hold.
#[derive(Default)]
pub(super) struct Members {
    /// The values that are never shown.
    pub(super) hidden: Vec<Range<usize>>,
    /// Where the text begins to repeat a token request.
    pub(super) request: Option<usize>,
}

/// Looks for members in a reading, in each of its parts.
pub(super) fn of(letters: &[Letter]) -> Members {
    let mut all = Members::default();
    let mut begin = 0;
    for part in letters.split(|letter| letter.char == BREAK) {
        let Members { hidden, request } = of_part(part);
        all.hidden.extend(hidden.into_iter().map(|value| begin + value.start..begin + value.end));
        all.request = all.request.or(request.map(|at| begin + at));
        begin += part.len() + 1;
    }
    all
}

fn of_part(letters: &[Letter]) -> Members {
    let text: Vec<char> = letters.iter().map(|letter| letter.char).collect();
    let mut members = Members::default();
    let (mut fields, mut is_request) = (None, false);
    let mut begin = 0;
    while begin < text.len() {
        let length = text.iter().skip(begin).take_while(|char| is_name(**char)).count();
        let end = begin + length.max(1);
        if (1..=LONGEST_NAME).contains(&length) {
            let name: String = text.iter().skip(begin).take(length).map(char::to_ascii_lowercase).collect();
            let own = OF_REQUEST.contains(&name.as_str());
            if own || ALSO_OF_REQUEST.contains(&name.as_str()) || is_hidden(&name) {
                let named = Named { text: &text, name: &name, at: begin..begin + length };
                let value = named.value().filter(|value| !value.is_empty());
                if value.is_some() && (own || ALSO_OF_REQUEST.contains(&name.as_str())) {
                    fields = fields.or(Some(named.opening()));
                    is_request |= own;
                }
                if let Some(value) = value.filter(|_| is_hidden(&name)) {
                    // Nothing within it counts any more.
                    begin = value.end.max(begin);
                    members.hidden.push(value);
                }
            }
        }
        begin = begin.max(end);
    }
    members.request = fields.filter(|_| is_request);
    members
}

fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_' || char == '-'
}

fn is_hidden(name: &str) -> bool {
    HIDDEN.contains(&name) || HIDDEN_PARTS.iter().any(|part| name.contains(part))
}

/// A name in a text.
struct Named<'t> {
    text: &'t [char],
    name: &'t str,
    at: Range<usize>,
}

impl Named<'_> {
    fn char(&self, at: usize) -> Option<char> {
        self.text.get(at).copied()
    }

    fn before(&self) -> Option<char> {
        self.char(self.at.start.checked_sub(1)?)
    }

    /// The quotation mark on both sides of the name.
    fn quote(&self) -> Option<char> {
        let quote = self.before().filter(|char| matches!(char, '"' | '\''))?;
        (self.char(self.at.end) == Some(quote)).then_some(quote)
    }

    /// Where the name begins with what opens it.
    fn opening(&self) -> usize {
        let opens = |char| matches!(char, '"' | '\'' | '<' | '{' | '&' | '=');
        self.at.start - usize::from(self.before().is_some_and(opens))
    }

    /// Where the value of this member stands, if it is one.
    fn value(&self) -> Option<Range<usize>> {
        let quoted = usize::from(self.quote().is_some());
        if let Some(value) = self.of_attribute(quoted) {
            return Some(value);
        }
        let sign = self.blanks(self.at.end + quoted);
        match (self.char(sign)?, self.before()) {
            (':', _) if quoted > 0 => {
                Some(self.of_json(self.blanks(sign + 1))).filter(|value| !self.is_error_name(value))
            }
            (':', _) => self.behind_colon(sign + 1),
            ('=', _) if self.char(sign + 1) == Some('>') => Some(self.of_json(self.blanks(sign + 2))),
            ('=', _) => Some(self.of_form(sign + 1)).filter(|value| !self.is_reply_code(value)),
            ('>', Some('<')) => Some(self.until(sign + 1, |char| char == '<')),
            (_, Some('<')) => Some(self.until(self.behind(sign, '>')?, |char| char == '<')),
            ('<', Some('>')) => self.of_next_element(sign),
            _ => None,
        }
    }

    fn blanks(&self, from: usize) -> usize {
        from + self.text.iter().skip(from).take_while(|char| char.is_whitespace()).count()
    }

    fn until(&self, from: usize, end: impl Fn(char) -> bool) -> Range<usize> {
        from..from + self.text.iter().skip(from).take_while(|char| !end(**char)).count()
    }

    /// The place after the next such sign.
    fn behind(&self, from: usize, sign: char) -> Option<usize> {
        let length = self.text.iter().skip(from).take(LONGEST_TAG).position(|char| *char == sign)?;
        Some(from + length + 1)
    }

    /// Up to the quotation mark that closes what this one opens; a text that is cut off ends it too.
    fn of_quoted(&self, from: usize, quote: char) -> Range<usize> {
        let mut escaped = false;
        let end = self.text.iter().skip(from).position(|char| {
            let closes = *char == quote && !escaped;
            escaped = *char == '\\' && !escaped;
            closes
        });
        from..end.map_or(self.text.len(), |length| from + length)
    }

    fn of_json(&self, from: usize) -> Range<usize> {
        match self.char(from) {
            Some(quote @ ('"' | '\'')) => self.of_quoted(from + 1, quote),
            Some('{' | '[') => {
                let mut depth = 0_usize;
                let end = self.text.iter().skip(from).position(|char| {
                    match char {
                        '{' | '[' => depth += 1,
                        '}' | ']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    depth == 0
                });
                from..end.map_or(self.text.len(), |length| from + length + 1)
            }
            _ => self.until(from, |char| char.is_whitespace() || ",}]".contains(char)),
        }
    }

    fn of_form(&self, from: usize) -> Range<usize> {
        match self.char(from) {
            Some(quote @ ('"' | '\'')) => self.of_quoted(from + 1, quote),
            _ => self.until(from, |char| char.is_whitespace() || "&\"'<>;,)}]".contains(char)),
        }
    }

    fn is_reply_code(&self, value: &Range<usize>) -> bool {
        let mut value = self.text.get(value.clone()).unwrap_or_default().iter();
        self.name == "code" && value.len() <= LONGEST_REPLY_CODE && value.all(char::is_ascii_digit)
    }

    /// Whether a code is the name of an error: words that each begin with a capital, with at most one underscore
    /// between them.
    fn is_error_name(&self, value: &Range<usize>) -> bool {
        let value = self.text.get(value.clone()).unwrap_or_default();
        let mut parts = value.split(|char| *char == '_');
        let is_named = |part: &[char]| {
            part.first().is_some_and(char::is_ascii_uppercase)
                && part.iter().all(char::is_ascii_alphabetic)
                && part.iter().any(char::is_ascii_lowercase)
        };
        let begins_word = |pair: &&[char]| matches!(pair, [before, next] if before.is_ascii_lowercase() && next.is_ascii_uppercase());
        let words = 1 + value.windows(2).filter(begins_word).count();
        self.name == "code"
            && ERROR_NAME.contains(&value.len())
            && value.len() >= words * LETTERS_OF_WORD
            && value.iter().filter(|char| **char == '_').count() <= 1
            && parts.all(is_named)
    }

    /// A header's line; a word with a digit behind any other name.
    fn behind_colon(&self, from: usize) -> Option<Range<usize>> {
        let from = self.blanks(from);
        if HIDDEN_HEADERS.contains(&self.name) {
            return Some(self.until(from, |char| char == '\r' || char == '\n'));
        }
        if !HIDDEN_BEFORE_COLON.contains(&self.name) {
            return None;
        }
        let value = self.until(from, |char| char.is_whitespace() || ",;<>\"'".contains(char));
        let mut chars = self.text.get(value.clone())?.iter();
        (value.len() >= SHORTEST_BEHIND_COLON && chars.any(char::is_ascii_digit)).then_some(value)
    }

    /// `<input name="client_secret" value="…">`, in any order; `<textarea name=client_secret>…<`.
    fn of_attribute(&self, quoted: usize) -> Option<Range<usize>> {
        let sign = self.at.start.checked_sub(1 + quoted)?;
        let before: String = self.text.get(..sign)?.iter().rev().take(5).collect();
        let is_attribute = self.char(sign) == Some('=')
            && ["eman", "di"].iter().any(|name| before.to_ascii_lowercase().starts_with(name));
        if !is_attribute {
            return None;
        }
        let back = self.text.get(..sign)?.iter().rev().take(LONGEST_TAG).position(|char| *char == '<')?;
        let tag = sign - 1 - back;
        let end = self.behind(self.at.end, '>').unwrap_or(self.text.len());
        let attribute: Vec<char> = "value=".chars().collect();
        let shown = self.text.get(tag..end)?.windows(attribute.len());
        let shown = shown.map(|chars| chars.iter().map(char::to_ascii_lowercase)).enumerate();
        let found =
            shown.into_iter().find_map(|(place, chars)| chars.eq(attribute.iter().copied()).then_some(place));
        match found {
            Some(place) => Some(self.of_form(tag + place + attribute.len())),
            None => Some(self.until(end, |char| char == '<')),
        }
    }

    /// `<td>client_secret</td><td>…<`.
    fn of_next_element(&self, mut from: usize) -> Option<Range<usize>> {
        while self.char(from) == Some('<') {
            from = self.blanks(self.behind(from, '>')?);
        }
        Some(self.until(from, |char| char == '<'))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Scrubber;

    const LIMIT: usize = 200;

    #[test]
    fn the_name_of_an_error_is_no_code_to_be_redeemed() {
        for name in [
            "ErrorAccessDenied",
            "InvalidAuthenticationToken",
            "Authorization_RequestDenied",
            "MailboxNotEnabledForRESTAPI",
            "NoPermissionsInAccessToken",
        ] {
            for text in
                [format!("{{\"error\":{{\"code\":\"{name}\",\"a\":1}}}}"), format!("\"code\": \"{name}\",")]
            {
                assert_eq!(Scrubber::default().clean(&text, LIMIT), text);
            }
        }
        for code in [
            "ErrorAccessDenied1",
            "Error-Access",
            "Error_Access_Denied",
            "_ErrorAccess",
            "errorAccess",
            "XkqWzRtYbNmLpQsDf",
            "CaNaRySeCrEt",
            "ABCDEFGHIJKL",
            "Short",
            "0.AXEAbcd",
            &"Error".repeat(13),
        ] {
            let clean = Scrubber::default().clean(&format!("{{\"code\":\"{code}\"}}"), LIMIT);
            assert_eq!(clean, "{\"code\":\"<redacted>\"}", "{code}");
            let clean = Scrubber::default()
                .clean(&format!("{{\"user_code\":\"ErrorAccessDenied\",\"x\":\"{code}\"}}"), LIMIT);
            assert!(clean.starts_with("{\"user_code\":\"<redacted>\""), "{clean}");
        }
        // A secret that is known goes all the same.
        let clean = Scrubber::knowing(["HarvestMoonlight"]).clean("{\"code\":\"HarvestMoonlight\"}", LIMIT);
        assert_eq!(clean, "{\"code\":\"<redacted>\"}");
    }
}
