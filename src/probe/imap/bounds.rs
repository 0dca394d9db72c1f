//! The bounds of IMAP's lines: literals and parentheses, which async-imap allocates and recurses for.

use crate::net::{Bounds, Violation};

/// Maximum size of a literal in bytes. A round trip asks for parts of a message within this size.
const LARGEST_LITERAL: usize = 4 * 1024;
/// Maximum number of open parentheses in a line. Real answers up to SELECT need two; the lines of a message in a
/// literal have some of their own, which all count.
const DEEPEST_NESTING: usize = 40;

/// Where a connection stands within its line.
#[derive(Debug, Default)]
pub(super) struct ImapBounds {
    /// Open parentheses in this logical line. Within a possible literal the count only grows: whether the
    /// parser treats those bytes as data or as a line, it is never nested deeper than this.
    depth: usize,
    /// Remaining bytes of a possible literal.
    literal: usize,
    /// The size in a `{digits` that was just read, and whether its `}` has come.
    announced: Option<(usize, bool)>,
}

impl Bounds for ImapBounds {
    fn byte(&mut self, byte: u8) -> Result<bool, Violation> {
        let inside_literal = self.literal > 0;
        self.literal = self.literal.saturating_sub(1);
        let goes_on = self.step(byte, inside_literal)? || inside_literal;
        if byte == b'\n' && !goes_on {
            self.depth = 0;
        }
        Ok(goes_on)
    }

    fn indifferent(&self, bytes: &[u8]) -> usize {
        if self.literal > 0 || self.announced.is_some() {
            return 0;
        }
        bytes.iter().position(|byte| b"(){\n".contains(byte)).unwrap_or(bytes.len())
    }
}

impl ImapBounds {
    /// Whether the logical line continues after this line end, because a literal follows.
    fn step(&mut self, byte: u8, inside_literal: bool) -> Result<bool, Violation> {
        match byte {
            b'(' => {
                self.depth += 1;
                if self.depth > DEEPEST_NESTING {
                    return Err(too_deep());
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
                    return Err(too_large());
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

fn too_deep() -> Violation {
    Violation::Rule(format!("the server nested more than {DEEPEST_NESTING} parentheses"))
}

fn too_large() -> Violation {
    Violation::Rule(format!("the server announced a literal of more than {LARGEST_LITERAL} bytes"))
}

#[cfg(test)]
// A test that cannot continue must fail at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::net::Guard;

    fn admit(text: &str) -> Result<String, Violation> {
        let mut bytes = text.as_bytes().to_vec();
        Guard::new(Box::new(ImapBounds::default())).admit(&mut bytes)?;
        Ok(String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn ordinary_answers_pass_unchanged() {
        let dialogue = "* OK The Microsoft Exchange IMAP4 service is ready. [RgBS]\r\n\
            * CAPABILITY IMAP4 IMAP4rev1 AUTH=XOAUTH2 SASL-IR LOGINDISABLED\r\na1 OK CAPABILITY completed.\r\n\
            * FLAGS (\\Seen \\Answered)\r\n* OK [PERMANENTFLAGS (\\Seen \\*)] x\r\n* LIST () {5}\r\nINBOX\r\n";
        assert_eq!(admit(dialogue).unwrap(), dialogue);
    }

    #[test]
    fn each_bound_stops_the_server() {
        let stop = |text: &str| admit(text).unwrap_err();
        assert_eq!(stop(&format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(500))), too_deep());
        assert_eq!(stop("* STATUS {500000000}\r\n"), too_large());
        assert_eq!(stop("* STATUS {99999999999999999999999999}\r\n"), too_large());
    }

    #[test]
    fn literals_hide_neither_depth_nor_size_nor_length() {
        let stop = |text: &str| admit(text).unwrap_err();
        // Depth carried over literals, real or pretended.
        assert_eq!(stop(&"(((((((({3}\r\nx\r\n".repeat(6)), too_deep());
        assert_eq!(stop(&"(((((((({0}\r\n".repeat(6)), too_deep());
        assert_eq!(stop(&"(((((((({8}\r\n))))))))".repeat(6)), too_deep());
        assert_eq!(stop(&format!("* OK {{4000}}\r\n* 1 FETCH {}", "(".repeat(41))), too_deep());
        assert_eq!(stop("* OK {4000}\r\n* STATUS {500000000}\r\n"), too_large());
        let padded = format!("{}{{4000}}\r\n", "x".repeat(100));
        assert_eq!(stop(&padded.repeat(200)), Violation::LineTooLong);
    }

    /// Bounds that look at every byte.
    #[derive(Default)]
    struct Stepwise(ImapBounds);

    impl Bounds for Stepwise {
        fn byte(&mut self, byte: u8) -> Result<bool, Violation> {
            self.0.byte(byte)
        }
    }

    proptest! {
        #[test]
        fn what_is_passed_over_makes_no_difference(text in "[(){}0-9+a\r\n]{0,200}") {
            let stepwise = Guard::new(Box::new(Stepwise::default())).admit(&mut text.clone().into_bytes());
            prop_assert_eq!(admit(&text).map(drop), stepwise);
        }

        #[test]
        fn the_guard_says_the_same_however_the_bytes_are_cut(
            text in "[(){}0-9a\r\n]{0,200}", cut in 0usize..200,
        ) {
            let whole = admit(&text);
            let mut bytes = text.clone().into_bytes();
            let mut guard = Guard::new(Box::new(ImapBounds::default()));
            let (head, tail) = bytes.split_at_mut(cut.min(text.len()));
            let parts = guard.admit(head).and_then(|()| guard.admit(tail));
            prop_assert_eq!(whole.map(drop), parts);
        }
    }
}
