//! The guard: limits what a server can send to the parsers.
//!
//! The mail libraries parse everything that arrives. Without the guard a server could make them overflow the
//! stack, allocate without limit or read a line forever before the login, and so stop the probes of all
//! other mailboxes. The limits that every protocol has are here; each protocol adds its own [`Bounds`].

use std::fmt;

use super::Bounds;

/// Maximum length of a line in bytes, including IMAP literals, or all lines of one SMTP reply. Servers send
/// a few hundred bytes; Exchange's longest lines are below 2 KiB.
pub(super) const LONGEST_LINE: usize = 16 * 1024;
/// Maximum number of lines per connection. A probe gets a few dozen. lettre parses a reply from its start
/// for every line, so a hundred thousand bytes of short lines would block a thread for seconds.
pub(super) const MOST_LINES: usize = 500;
/// Maximum number of bytes per connection.
pub(super) const LARGEST_DIALOGUE: usize = 1024 * 1024;

/// A rule that a server broke: a limit, or the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// More than 16 KiB in one line.
    LineTooLong,
    /// More than 500 lines in one connection.
    TooManyLines,
    /// More than 1 MiB in one connection.
    TooMuchData,
    /// A line that ends in LF alone, where the protocol or the parser wants CR LF.
    LoneLineFeed,
    /// A line that the protocol does not define.
    NotUnderstood(String),
    /// Any other rule of the protocol; the sentence says which.
    Rule(String),
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
            Self::TooManyLines => write!(f, "the server sent more than {MOST_LINES} lines"),
            Self::TooMuchData => write!(f, "the server sent more than {LARGEST_DIALOGUE} bytes"),
            Self::LoneLineFeed => f.write_str("the server ends its lines in LF instead of CR LF"),
            Self::NotUnderstood(line) => write!(f, "this line of the server is not understood: {line}"),
            Self::Rule(sentence) => f.write_str(sentence),
            Self::Early(line) => write!(f, "the server answered before it was asked: {line}"),
        }
    }
}

impl std::error::Error for Violation {}

/// Checks the bytes of one connection.
pub struct Guard {
    bounds: Box<dyn Bounds>,
    /// Bytes so far.
    total: usize,
    /// Lines so far.
    lines: usize,
    /// Bytes of the logical line so far.
    line: usize,
}

impl Guard {
    pub fn new(bounds: Box<dyn Bounds>) -> Self {
        Self { bounds, total: 0, lines: 0, line: 0 }
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
        let mut rest = bytes;
        while !rest.is_empty() {
            let plain = self.bounds.indifferent(rest).min(rest.len());
            let (part, behind) = rest.split_at_mut(plain.max(1));
            part.iter_mut().filter(|byte| **byte == 0 || **byte >= 0x80).for_each(|byte| *byte = b'?');
            match part {
                [byte] if plain == 0 => self.step(*byte)?,
                _ => self.lengthen(plain)?,
            }
            rest = behind;
        }
        Ok(())
    }

    fn lengthen(&mut self, more: usize) -> Result<(), Violation> {
        self.line += more;
        if self.line > LONGEST_LINE { Err(Violation::LineTooLong) } else { Ok(()) }
    }

    fn step(&mut self, byte: u8) -> Result<(), Violation> {
        self.lengthen(1)?;
        let goes_on = self.bounds.byte(byte)?;
        if byte == b'\n' {
            self.lines += 1;
            if self.lines > MOST_LINES {
                return Err(Violation::TooManyLines);
            }
            if !goes_on {
                self.line = 0;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
// A test that cannot continue must fail at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Lines, of which `-` at the end joins the next.
    #[derive(Default)]
    struct Joined {
        previous: u8,
        goes_on: bool,
    }

    impl Bounds for Joined {
        fn byte(&mut self, byte: u8) -> Result<bool, Violation> {
            self.goes_on = byte == b'\n' && self.previous == b'-';
            self.previous = byte;
            Ok(self.goes_on)
        }
    }

    fn admit(text: &str) -> Result<String, Violation> {
        let mut bytes = text.as_bytes().to_vec();
        Guard::new(Box::new(Joined::default())).admit(&mut bytes)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn each_bound_stops_the_server() {
        assert_eq!(admit("hello\n").unwrap(), "hello\n");
        assert_eq!(admit(&"x".repeat(LONGEST_LINE + 1)).unwrap_err(), Violation::LineTooLong);
        assert_eq!(admit(&"x\n".repeat(MOST_LINES + 1)).unwrap_err(), Violation::TooManyLines);
        let long = format!("{}\n", "x".repeat(10_000));
        assert_eq!(admit(&long.repeat(200)).unwrap_err(), Violation::TooMuchData);
    }

    #[test]
    fn the_lines_of_one_logical_line_count_together() {
        let line = |end: &str| format!("{}{end}\n", "x".repeat(LONGEST_LINE / 2));
        assert!(admit(&line("").repeat(3)).is_ok());
        assert_eq!(admit(&line("-").repeat(3)).unwrap_err(), Violation::LineTooLong);
    }

    #[test]
    fn bytes_that_the_parsers_cannot_take_become_question_marks() {
        assert_eq!(admit("* OK [ALERT]é\0\r\n").unwrap(), "* OK [ALERT]???\r\n");
    }
}
