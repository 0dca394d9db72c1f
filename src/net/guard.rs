//! The guard: limits what a server can send to the parsers.
//!
//! The mail libraries parse everything that arrives. Without the guard a server could make them overflow the
//! stack, allocate without limit or read a line forever before the login, and so stop the probes of all
//! other mailboxes. The guard is a byte-wise state machine that knows just enough of both protocols to
//! prevent that. It does not judge whether an answer makes sense.

use std::fmt;

/// Whose limits apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grammar {
    /// Lines with literals and parentheses.
    Imap,
    /// Lines.
    Smtp,
}

/// Maximum length of a line in bytes, including IMAP literals, or all lines of one SMTP reply. Servers send
/// a few hundred bytes; Exchange's longest lines are below 2 KiB.
pub(super) const LONGEST_LINE: usize = 16 * 1024;
/// Maximum number of lines per connection. A probe gets a few dozen. lettre parses a reply from its start
/// for every line, so a hundred thousand bytes of short lines would block a thread for seconds.
pub(super) const MOST_LINES: usize = 500;
/// Maximum size of an IMAP literal in bytes. No command of a probe is answered with a literal.
pub(super) const LARGEST_LITERAL: usize = 4 * 1024;
/// Maximum number of open parentheses in an IMAP line. Real answers up to SELECT need two.
pub(super) const DEEPEST_NESTING: usize = 16;
/// Maximum number of bytes per connection.
pub(super) const LARGEST_DIALOGUE: usize = 1024 * 1024;

/// A rule that a server broke: a limit, or the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// More than 16 KiB in one line.
    LineTooLong,
    /// A literal above 4 KiB.
    LiteralTooLarge,
    /// More than 16 parentheses open.
    NestedTooDeep,
    /// More than 500 lines in one connection.
    TooManyLines,
    /// More than 1 MiB in one connection.
    TooMuchData,
    /// An SMTP line that ends in LF alone, which RFC 5321 section 2.3.8 forbids. lettre would wait for the
    /// CR until the timeout, and the server would be reported as silent.
    LoneLineFeed,
    /// A line that the protocol does not define.
    NotUnderstood(String),
    /// An SMTP reply whose lines have different codes (RFC 5321 section 4.2.1).
    CodeChanges(String),
    /// An answer that came before its question: it may be meant for, or sent by, a third party.
    Early(String),
}

/// Bytes to quote of a line that broke a rule.
const LONGEST_QUOTE: usize = 300;

impl Violation {
    /// A line for quoting: truncated, without its line end.
    pub fn quote(line: &[u8]) -> String {
        let line = line.get(..LONGEST_QUOTE).unwrap_or(line);
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        String::from_utf8_lossy(line).trim_end().to_owned()
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineTooLong => write!(f, "the server sent a line of more than {LONGEST_LINE} bytes"),
            Self::LiteralTooLarge => {
                write!(f, "the server announced a literal of more than {LARGEST_LITERAL} bytes")
            }
            Self::NestedTooDeep => write!(f, "the server nested more than {DEEPEST_NESTING} parentheses"),
            Self::TooManyLines => write!(f, "the server sent more than {MOST_LINES} lines"),
            Self::TooMuchData => write!(f, "the server sent more than {LARGEST_DIALOGUE} bytes"),
            Self::LoneLineFeed => f.write_str("the server ends its lines in LF instead of CR LF"),
            Self::NotUnderstood(line) => write!(f, "this line of the server is not understood: {line}"),
            Self::CodeChanges(line) => {
                write!(f, "the reply code changes in the middle of a reply, at: {line}")
            }
            Self::Early(line) => write!(f, "the server answered before it was asked: {line}"),
        }
    }
}

impl std::error::Error for Violation {}

/// Checks the bytes of one connection.
#[derive(Debug)]
pub struct Guard {
    grammar: Grammar,
    /// Bytes so far.
    total: usize,
    /// Lines so far.
    lines: usize,
    /// The byte before this one.
    previous: u8,
    /// Bytes of this line.
    column: usize,
    /// The line announces a further line of its SMTP reply (`250-`, RFC 5321 section 4.2.1).
    continued: bool,
    /// Bytes of the logical line so far, including literals or the earlier lines of a reply.
    line: usize,
    /// Open parentheses in this logical line. Within a possible literal the count only grows: whether the
    /// parser treats those bytes as data or as a line, it is never nested deeper than this.
    depth: usize,
    /// Remaining bytes of a possible literal.
    literal: usize,
    /// The size in a `{digits` that was just read, and whether its `}` has come.
    announced: Option<(usize, bool)>,
}

impl Guard {
    pub const fn new(grammar: Grammar) -> Self {
        Self {
            grammar,
            total: 0,
            lines: 0,
            previous: 0,
            column: 0,
            continued: false,
            line: 0,
            depth: 0,
            literal: 0,
            announced: None,
        }
    }

    /// Checks bytes that have just arrived, and replaces NUL and 8-bit bytes, on which the libraries fail or
    /// panic, with `?`.
    ///
    /// # Errors
    /// The first limit that was exceeded; then no part of `bytes` may be passed on.
    pub fn admit(&mut self, bytes: &mut [u8]) -> Result<(), Violation> {
        self.total += bytes.len();
        if self.total > LARGEST_DIALOGUE {
            return Err(Violation::TooMuchData);
        }
        for byte in bytes {
            if *byte == 0 || *byte >= 0x80 {
                *byte = b'?';
            }
            self.step(*byte)?;
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<(), Violation> {
        self.line += 1;
        if self.line > LONGEST_LINE {
            return Err(Violation::LineTooLong);
        }
        let inside_literal = self.literal > 0;
        self.literal = self.literal.saturating_sub(1);
        let goes_on = match self.grammar {
            Grammar::Imap => self.step_imap(byte, inside_literal)?,
            Grammar::Smtp => self.step_smtp(byte)?,
        };
        self.previous = byte;
        self.column += 1;
        if byte == b'\n' {
            self.column = 0;
            self.lines += 1;
            if self.lines > MOST_LINES {
                return Err(Violation::TooManyLines);
            }
            if !inside_literal && !goes_on {
                self.line = 0;
                self.depth = 0;
            }
        }
        Ok(())
    }

    /// Whether the reply continues after this line.
    fn step_smtp(&mut self, byte: u8) -> Result<bool, Violation> {
        if byte == b'\n' && self.previous != b'\r' {
            return Err(Violation::LoneLineFeed);
        }
        // The code has three digits; the next byte says whether more lines follow.
        if self.column == 3 {
            self.continued = byte == b'-';
        }
        Ok(self.continued)
    }

    /// Whether the logical line continues after this line end, because a literal follows.
    fn step_imap(&mut self, byte: u8, inside_literal: bool) -> Result<bool, Violation> {
        match byte {
            b'(' => {
                self.depth += 1;
                if self.depth > DEEPEST_NESTING {
                    return Err(Violation::NestedTooDeep);
                }
            }
            b')' if !inside_literal => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.announced = match (byte, self.announced) {
            (b'{', _) => Some((0, false)),
            (digit @ b'0'..=b'9', Some((size, false))) => {
                Some((size.saturating_mul(10).saturating_add(usize::from(digit - b'0')), false))
            }
            // LITERAL+ writes `{12+}`.
            (b'+', Some((size, false))) => Some((size, false)),
            (b'}', Some((size, false))) => Some((size, true)),
            (b'\r', Some((size, true))) => Some((size, true)),
            (b'\n', Some((size, true))) => {
                if size > LARGEST_LITERAL {
                    return Err(Violation::LiteralTooLarge);
                }
                // Of two announcements the larger counts, so that all of its bytes are checked.
                self.literal = self.literal.max(size);
                self.announced = None;
                return Ok(true);
            }
            _ => None,
        };
        Ok(false)
    }
}

#[cfg(test)]
// A test that cannot continue must fail at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn admit(grammar: Grammar, text: &str) -> Result<String, Violation> {
        let mut bytes = text.as_bytes().to_vec();
        Guard::new(grammar).admit(&mut bytes)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn ordinary_answers_pass_unchanged() {
        let dialogue = "* OK The Microsoft Exchange IMAP4 service is ready. [RgBS]\r\n\
            * CAPABILITY IMAP4 IMAP4rev1 AUTH=XOAUTH2 SASL-IR LOGINDISABLED\r\na1 OK CAPABILITY completed.\r\n\
            * FLAGS (\\Seen \\Answered)\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n* LIST () {5}\r\nINBOX\r\n";
        assert_eq!(admit(Grammar::Imap, dialogue).unwrap(), dialogue);
        assert_eq!(admit(Grammar::Smtp, "220 ((((((((((((((((((((((((( {500000000}\r\n").unwrap().len(), 43);
    }

    #[test]
    fn each_bound_stops_the_server() {
        let imap = |text: &str| admit(Grammar::Imap, text).unwrap_err();
        assert_eq!(imap(&format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(500))), Violation::NestedTooDeep);
        assert_eq!(imap("* STATUS {500000000}\r\n"), Violation::LiteralTooLarge);
        assert_eq!(imap("* STATUS {99999999999999999999999999}\r\n"), Violation::LiteralTooLarge);
        assert_eq!(imap(&"x".repeat(LONGEST_LINE + 1)), Violation::LineTooLong);
        assert_eq!(imap(&"* OK\r\n".repeat(MOST_LINES + 1)), Violation::TooManyLines);
        assert_eq!(imap(&format!("* OK {}\r\n", "x".repeat(10_000)).repeat(200)), Violation::TooMuchData);
        let smtp = |text: &str| admit(Grammar::Smtp, text).unwrap_err();
        assert_eq!(smtp(&"2".repeat(LONGEST_LINE + 1)), Violation::LineTooLong);
        assert_eq!(smtp(&"220 x\r\n".repeat(MOST_LINES + 1)), Violation::TooManyLines);
        assert_eq!(smtp("220-x\r\n220 x\n"), Violation::LoneLineFeed);
    }

    #[test]
    fn the_lines_of_an_smtp_reply_count_together() {
        let line = format!("250-{}\r\n", "x".repeat(994));
        assert!(admit(Grammar::Smtp, &format!("{}250 x\r\n", line.repeat(16)).repeat(3)).is_ok());
        assert_eq!(admit(Grammar::Smtp, &line.repeat(17)).unwrap_err(), Violation::LineTooLong);
    }

    #[test]
    fn literals_hide_neither_depth_nor_size_nor_length() {
        let imap = |text: &str| admit(Grammar::Imap, text).unwrap_err();
        // Depth carried over literals, real or pretended.
        assert_eq!(imap(&"(((((((({3}\r\nx\r\n".repeat(3)), Violation::NestedTooDeep);
        assert_eq!(imap(&"(((((((({0}\r\n".repeat(3)), Violation::NestedTooDeep);
        assert_eq!(imap(&"(((((((({8}\r\n))))))))".repeat(3)), Violation::NestedTooDeep);
        assert_eq!(imap(&format!("* OK {{4000}}\r\n* 1 FETCH {}", "(".repeat(40))), Violation::NestedTooDeep);
        assert_eq!(imap("* OK {4000}\r\n* STATUS {500000000}\r\n"), Violation::LiteralTooLarge);
        let padded = format!("{}{{4000}}\r\n", "x".repeat(100));
        assert_eq!(imap(&padded.repeat(200)), Violation::LineTooLong);
    }

    #[test]
    fn bytes_that_the_parsers_cannot_take_become_question_marks() {
        assert_eq!(admit(Grammar::Imap, "* OK [ALERT]é\0\r\n").unwrap(), "* OK [ALERT]???\r\n");
    }

    proptest! {
        #[test]
        fn the_guard_says_the_same_however_the_bytes_are_cut(
            text in "[(){}0-9a\r\n]{0,200}", cut in 0usize..200,
        ) {
            let whole = admit(Grammar::Imap, &text);
            let mut bytes = text.clone().into_bytes();
            let mut guard = Guard::new(Grammar::Imap);
            let (head, tail) = bytes.split_at_mut(cut.min(text.len()));
            let parts = guard.admit(head).and_then(|()| guard.admit(tail));
            prop_assert_eq!(whole.map(drop), parts);
        }
    }
}
