//! Makes foreign text safe for the medium that it is about to enter.
//!
//! Owns which characters act on a reader, and one function for each medium: a line of a log or a terminal, a page, JSON,
//! CSV, markdown, a plugin's output. Every output passes one of them before it leaves the program. Not here: the search
//! for secrets (`secret`).

mod markdown;

use std::borrow::Cow;
use std::path::Path;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use self::markdown::markdown;

/// Everything but the unreserved characters of a URL (RFC 3986 section 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The replacement of a character that acts on its reader.
const REPLACEMENT: char = '\u{fffd}';

/// Ranges of characters that are invisible, or that move, join or reverse the text next to them. C0 and C1 controls
/// are found by [`char::is_control`].
const UNSEEN: [(char, char); 13] = [
    ('\u{ad}', '\u{ad}'),       // soft hyphen
    ('\u{34f}', '\u{34f}'),     // combining grapheme joiner
    ('\u{61c}', '\u{61c}'),     // Arabic letter mark
    ('\u{115f}', '\u{1160}'),   // Hangul fillers
    ('\u{180b}', '\u{180f}'),   // Mongolian selectors and vowel separator
    ('\u{200b}', '\u{200f}'),   // zero width spaces and joiners, direction marks
    ('\u{2028}', '\u{202e}'),   // line and paragraph separators, embeddings and overrides of direction
    ('\u{2060}', '\u{206f}'),   // word joiner, invisible operators, isolates
    ('\u{3164}', '\u{3164}'),   // Hangul filler
    ('\u{feff}', '\u{feff}'),   // byte order mark
    ('\u{ffa0}', '\u{ffa0}'),   // half-width Hangul filler
    ('\u{fff9}', '\u{fffb}'),   // interlinear annotation
    ('\u{e0000}', '\u{e0fff}'), // tags and selectors
];

/// Whether a character acts on its reader, or hides from it.
pub fn acts(letter: char) -> bool {
    let unseen = |(from, to): &(char, char)| (*from..=*to).contains(&letter);
    letter.is_control() || (!letter.is_ascii() && UNSEEN.iter().any(unseen))
}

/// A character by its number, such as `U+202E`, for messages about one that cannot be seen.
pub fn code_point(letter: char) -> String {
    format!("U+{:04X}", u32::from(letter))
}

/// Whether a character only separates words or lines, so that a blank can replace it.
fn separates(letter: char) -> bool {
    matches!(letter, '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Text as a part of a URL, percent-encoded.
pub fn url_part(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A string of PowerShell, its quotes included (about_Quoting_Rules). PowerShell takes typographic single quotes for the
/// plain one, so each of them is doubled.
pub fn powershell(text: &str) -> String {
    let mut quoted = String::from("'");
    for letter in text.chars() {
        quoted.push(letter);
        if matches!(letter, '\'' | '\u{2018}'..='\u{201b}') {
            quoted.push(letter);
        }
    }
    quoted.push('\'');
    quoted
}

/// One word of a POSIX shell, quoted where it has to be.
pub fn shell(text: &str) -> Cow<'_, str> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "@.-_/".contains(letter);
    if !text.is_empty() && text.chars().all(plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

/// One line for people, in a log, a table or a message. Line ends and tabs become blanks; every other character that
/// acts on its reader becomes `U+FFFD`.
pub fn line(text: &str) -> Cow<'_, str> {
    replaced(text, |_| false)
}

/// Like [`line()`], for text that may have several lines and tabs.
pub fn lines(text: &str) -> Cow<'_, str> {
    replaced(text, |letter| letter == '\n' || letter == '\t')
}

/// Like [`lines`], for text that may contain these colours, each a whole escape sequence.
pub fn coloured<'t>(text: &'t str, colours: &[&str]) -> Cow<'t, str> {
    if !text.contains(|letter| acts(letter) && letter != '\n' && letter != '\t') {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        let (before, from) = rest.split_at(at);
        clean += &lines(before);
        let own = colours.iter().find(|colour| from.starts_with(**colour));
        let shown = own.copied().unwrap_or("\u{fffd}");
        clean += shown;
        rest = from.get(own.map_or(1, |colour| colour.len())..).unwrap_or_default();
    }
    clean += &lines(rest);
    Cow::Owned(clean)
}

/// A path, for one line.
pub fn path(path: &Path) -> String {
    line(&path.to_string_lossy()).into_owned()
}

/// A finished HTML page. Markup is escaped where it is written; this replaces characters that an escape does not make
/// harmless.
pub fn page(html: String) -> String {
    owned(html, lines)
}

/// Finished JSON. A character that acts on a reader is written as an escape like `\u202e`, so that a program still reads
/// the same text.
pub fn json(json: String) -> String {
    // JSON has line ends outside its strings, but no other such character.
    let is_escaped = |letter: char| letter != '\n' && acts(letter);
    owned(json, |json| {
        if !json.contains(is_escaped) {
            return Cow::Borrowed(json);
        }
        let mut escaped = String::with_capacity(json.len() + 64);
        for letter in json.chars() {
            if is_escaped(letter) {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    escaped += &format!("\\u{unit:04x}");
                }
            } else {
                escaped.push(letter);
            }
        }
        Cow::Owned(escaped)
    })
}

/// A cell of CSV. Spreadsheets take a cell that begins with one of `= + - @` for a formula; an apostrophe in front makes
/// it text.
pub fn cell(text: &str) -> Cow<'_, str> {
    let text = line(text);
    // A dash alone marks an empty cell.
    let starts = |letter: char| matches!(letter, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠');
    if text != "-" && text.trim_start().starts_with(starts) {
        return Cow::Owned(format!("'{text}"));
    }
    text
}

/// A part of a plugin's output, without bars: monitoring reads the text after a bar as numbers.
pub fn plugin(text: &str) -> Cow<'_, str> {
    let text = line(text);
    if text.contains('|') { Cow::Owned(text.replace('|', "/")) } else { text }
}

fn replaced(text: &str, may_stay: impl Fn(char) -> bool) -> Cow<'_, str> {
    let is_replaced = |letter: char| acts(letter) && !may_stay(letter);
    if !text.contains(is_replaced) {
        return Cow::Borrowed(text);
    }
    let replace = |letter: char| match letter {
        _ if !is_replaced(letter) => letter,
        _ if separates(letter) => ' ',
        _ => REPLACEMENT,
    };
    Cow::Owned(text.chars().map(replace).collect())
}

/// Applies a change, and returns the text itself if it did not need one.
fn owned(text: String, change: impl FnOnce(&str) -> Cow<'_, str>) -> String {
    match change(&text) {
        Cow::Owned(changed) => changed,
        Cow::Borrowed(_) => text,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVIL: &str =
        "a\r\n\u{1b}[31mb\u{9b}2J\u{7}\u{7f}\u{85}\u{ad}\u{200b}\u{202e}\u{2028}\u{2066}\u{feff}\u{e0041}z";

    #[test]
    fn no_quote_ends_a_powershell_string() {
        assert_eq!(powershell("o'neil@contoso.example"), "'o''neil@contoso.example'");
        assert_eq!(powershell("a\u{2019}b"), "'a\u{2019}\u{2019}b'");
    }

    #[test]
    fn no_quote_ends_a_word_of_a_shell() {
        assert_eq!(shell("/etc/agent/config.yaml"), "/etc/agent/config.yaml");
        assert_eq!(shell("o'neil $HOME"), r"'o'\''neil $HOME'");
        assert_eq!(shell(""), "''");
    }

    #[test]
    fn nothing_that_acts_on_its_reader_is_left_in_any_medium() {
        let json = json(format!("\"{EVIL}\""));
        let media = [
            line(EVIL).into_owned(),
            lines(EVIL).replace('\n', ""),
            path(Path::new(EVIL)),
            page(EVIL.to_owned()).replace('\n', ""),
            json.replace('\n', ""),
            cell(EVIL).into_owned(),
            markdown(EVIL),
            plugin(EVIL).into_owned(),
        ];
        for text in media {
            assert!(!text.contains(acts), "{text:?}");
            assert!(text.contains('b') && text.contains("z"), "{text:?}");
        }
    }

    #[test]
    fn ordinary_text_stays_as_it_is_in_any_language() {
        for text in ["Müller & Söhne", "请求成功", "почта", "שלום", "❤️ inbox", "a\u{a0}b", "`x` | y"]
        {
            assert!(matches!(line(text), Cow::Borrowed(_)), "{text}");
            assert_eq!(page(text.to_owned()), text);
            assert_eq!(json(text.to_owned()), text);
        }
        assert_eq!(lines("one\ntwo\tthree"), "one\ntwo\tthree");
    }

    #[test]
    fn of_colours_only_the_programs_own_stay() {
        let text = "\u{1b}[31mred\u{1b}[0m \u{1b}[2J\u{1b}[1;31m\u{202e}\n";
        assert_eq!(
            coloured(text, &["\u{1b}[31m", "\u{1b}[0m"]),
            "\u{1b}[31mred\u{1b}[0m \u{fffd}[2J\u{fffd}[1;31m\u{fffd}\n"
        );
    }

    #[test]
    fn a_program_reads_from_json_what_was_there() {
        let text = "\u{202e}\u{9b}\u{e0041}\u{7f} plain";
        let written = json(serde_json::to_string(text).unwrap_or_default());
        assert_eq!(written, "\"\\u202e\\u009b\\udb40\\udc41\\u007f plain\"");
        assert_eq!(serde_json::from_str::<String>(&written).ok().as_deref(), Some(text));
    }

    #[test]
    fn no_cell_of_csv_is_a_formula() {
        let cases = [
            ("=1+1", "'=1+1"),
            ("+49 30", "'+49 30"),
            ("-2", "'-2"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "' =1"),
            ("\r=1", "' =1"),
            ("＝1", "'＝1"),
            ("-", "-"),
            ("desk", "desk"),
            ("a=b", "a=b"),
        ];
        for (text, written) in cases {
            assert_eq!(cell(text), written);
        }
    }

    #[test]
    fn a_plugin_has_one_bar_and_it_is_its_own() {
        assert_eq!(plugin("a | 'x'=1\nb"), "a / 'x'=1 b");
    }

    proptest! {
        #[test]
        fn no_text_acts_on_its_reader_in_any_medium(letters in prop::collection::vec(any::<char>(), 0..40), at in 0..EVIL.len()) {
            let text: String = letters.into_iter().chain(EVIL.chars().skip(at)).collect();
            let written = json(serde_json::to_string(&text).unwrap_or_default());
            prop_assert_eq!(serde_json::from_str::<String>(&written).ok(), Some(text.clone()));
            let cell = cell(&text);
            prop_assert!(cell == "-" || !cell.trim_start().starts_with(['=', '+', '-', '@']), "{cell:?}");
            let media = [line(&text), lines(&text).replace(['\n', '\t'], "").into(), cell, plugin(&text), markdown(&text).into(), written.into()];
            for clean in media {
                prop_assert!(!clean.contains(acts), "{clean:?} of {text:?}");
            }
        }
    }
}
