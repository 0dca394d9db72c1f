//! Splits a paste into lines: opens JSON records, turns spelt-out line ends into real ones, and marks the
//! frames of stack traces.
//!
//! Not here: a line's kind of evidence.

use super::marks::{Speaker, marked};
use super::records;

/// The longest text that is read, in bytes.
const BOUND: usize = 64 * 1024;

/// How many lines are read at most.
const MOST: usize = 8 * 1024;

#[derive(Debug)]
pub(super) struct Line {
    /// Who said it, by its mark.
    pub(super) speaker: Speaker,
    /// The line without its mark.
    pub(super) text: String,
    /// The line with its mark.
    pub(super) whole: String,
    /// Whether it begins with blanks: then it may continue the line before it.
    pub(super) indented: bool,
    /// Whether it is a place in a program, or that program's source.
    pub(super) frame: bool,
    /// Where it begins in the text, in bytes.
    pub(super) at: usize,
}

/// The lines of a text that are not empty.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let text = text.get(..text.floor_char_boundary(BOUND)).unwrap_or(text);
    let mut found = Vec::new();
    let mut source_follows = false;
    let mut next = 0;
    for raw in text.split_inclusive('\n').take(MOST) {
        let at = next;
        next += raw.len();
        let opened = records::words(raw.trim_end());
        let real = real_line_ends(opened.as_deref().unwrap_or(raw));
        for line in real.lines().filter(|line| !line.trim().is_empty()) {
            let frame = is_frame(line) || (source_follows && line.starts_with("    "));
            source_follows = line.trim_start().starts_with("File \"");
            let (speaker, rest) = marked(line);
            let indented = line.starts_with(char::is_whitespace);
            found.push(Line {
                speaker,
                text: rest.to_owned(),
                whole: line.trim().to_owned(),
                indented,
                frame,
                at,
            });
        }
    }
    found
}

/// Line ends that a language's notation spells out (`\r\n` as four characters) made real. A path of
/// Windows has such letters too: `D:\new\report`.
fn real_line_ends(line: &str) -> String {
    if !line.contains('\\') {
        return line.to_owned();
    }
    let mut real = String::with_capacity(line.len());
    for word in line.split_inclusive(' ') {
        if is_windows_path(word) {
            real.push_str(word);
        } else {
            real += &word
                .replace("\\r\\n", "\n")
                .replace("\\n", "\n")
                .replace("\\r", "\n")
                .replace("\\\"", "\"")
                .replace("\\t", " ");
        }
    }
    real
}

fn is_windows_path(word: &str) -> bool {
    word.as_bytes()
        .windows(3)
        .any(|three| matches!(three, [drive, b':', b'\\'] if drive.is_ascii_alphabetic()))
}

/// How lines begin that tell about a program and not about a server.
const FRAMES: &[&str] = &[
    "File \"",
    "Traceback ",
    "... ",
    "self.",
    "goroutine ",
    "from /",
    "stack backtrace",
    "Stack trace:",
    "node:internal",
];

/// Whether a person typed the line at a shell's prompt: `$ mbsync -a`, `root@mx:/# openssl …`, `PS C:\\srv> …`.
fn is_typed(line: &str) -> bool {
    let mut words = line.split_whitespace().take(4);
    let first = words.next().unwrap_or_default();
    let ends = |word: &str| word.ends_with(['$', '#']);
    (line.starts_with("$ ") && line.len() > 2)
        || (first.contains('@') && (ends(first) || words.any(|word| matches!(word, "$" | "#"))))
        || line.starts_with("PS C:\\")
}

fn is_frame(line: &str) -> bool {
    let line = line.trim();
    let first = line.split_whitespace().next().unwrap_or_default();
    is_typed(line) || FRAMES.iter().any(|head| line.starts_with(head))
        || (first == "at" && is_place(line))
        // PHP: `#0 /srv/mail/Transport.php(89): Mailer->send()`, `#3 {main}`.
        || (first.len() > 1
            && first.starts_with('#')
            && first.bytes().skip(1).all(|byte| byte.is_ascii_digit())
            && line.contains(['(', '{']))
        // Ruby: ``/usr/lib/ruby/net/imap.rb:1188:in `get_tagged_response'``.
        || (line.ends_with('\'') && (line.contains(":in `") || line.contains(":in '")))
}

/// Whether a line names a place in a program: a function, a file with a number.
fn is_place(line: &str) -> bool {
    line.ends_with(')')
        || line.contains('(')
        || line.contains(":line ")
        || line
            .rsplit(':')
            .next()
            .is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
        || line.split_whitespace().count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<String> {
        lines(text).into_iter().filter(|line| !line.frame).map(|line| line.text).collect()
    }

    #[test]
    fn a_record_is_opened_and_spelt_out_line_ends_become_real() {
        assert_eq!(
            said(r#"{"level":"error","msg":"send failed","err":{"message":"535 5.7.8 no"}}"#),
            ["send failed", "535 5.7.8 no"]
        );
        assert_eq!(said(r"b'535-5.7.8 one\r\n535 5.7.8 two'"), ["b'535-5.7.8 one", "535 5.7.8 two'"]);
        assert_eq!(said(r"D:\new\report.js:12 failed"), [r"D:\new\report.js:12 failed"]);
        assert_eq!(
            said(r#"{"error":"invalid_grant","error_description":"x"}"#).len(),
            1,
            "an answer stays whole"
        );
    }

    #[test]
    fn frames_and_their_source_are_told_apart() {
        let trace = "Traceback (most recent call last):\n  File \"/srv/probe.py\", line 3, in run\n    raise Timeout('x')\nimaplib.error: b'LOGIN failed.'\n    at Socket.emit (node:events:518:28)\n#0 /srv/a.php(89): x()";
        assert_eq!(said(trace), ["imaplib.error: b'LOGIN failed.'"]);
        assert_eq!(said("at busy times it fails"), ["at busy times it fails"]);
        for typed in ["$ mbsync -a", "root@mx:/# openssl s_client", "ops@mx ~ # date", "PS C:\\srv> dir"] {
            assert!(said(typed).is_empty(), "{typed}");
        }
        assert_eq!(said("adele@contoso.example was refused").len(), 1);
    }
}
