//! POP3's lines: each is an answer of its own, and the probe asks for the next if a list goes on.

use crate::net::{Bounds, Framing, Step, Violation};

/// How a server says no, and why it closes: it may say so at any time (RFC 2449 section 8.1).
const REFUSAL: &[u8] = b"-ERR";

/// No line belongs to the one before: the guard's limits are enough.
#[derive(Debug, Default)]
pub(super) struct Pop3Bounds;

impl Bounds for Pop3Bounds {
    fn byte(&mut self, _: u8) -> Result<bool, Violation> {
        Ok(false)
    }
}

#[derive(Debug, Default)]
pub(super) struct Pop3Framing;

impl Framing for Pop3Framing {
    fn line(&mut self, line: &[u8], fit: &mut Vec<u8>) -> Result<Step, Violation> {
        // RFC 1939 section 3.
        if !line.ends_with(b"\r\n") {
            return Err(Violation::LoneLineFeed);
        }
        fit.extend(line);
        Ok(Step::Answer)
    }

    /// Nothing may wait: each answer belongs to the command before it.
    fn early<'a>(&self, waiting: &'a [u8]) -> Option<&'a [u8]> {
        (!waiting.is_empty() && !waiting.starts_with(REFUSAL)).then_some(waiting)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::net::Guard;

    #[test]
    fn every_line_is_an_answer() {
        let mut fit = Vec::new();
        assert_eq!(Pop3Framing.line(b"+OK hi\r\n", &mut fit), Ok(Step::Answer));
        assert_eq!(fit, b"+OK hi\r\n");
        assert_eq!(Pop3Framing.line(b"+OK hi\n", &mut fit), Err(Violation::LoneLineFeed));
    }

    #[test]
    fn only_a_refusal_may_arrive_before_the_client_speaks() {
        let early = |waiting: &'static str| Pop3Framing.early(waiting.as_bytes()).is_some();
        assert!(early("+OK Logged in.\r\n"));
        assert!(early("+"));
        assert!(!early(""));
        assert!(!early("-ERR Disconnected for inactivity.\r\n"));
    }

    #[test]
    fn a_list_without_end_stops_the_server() {
        let mut bytes = "TOP\r\n".repeat(1000).into_bytes();
        let admitted = Guard::new(Box::new(Pop3Bounds)).admit(&mut bytes);
        assert_eq!(admitted, Err(Violation::TooManyLines));
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_read_more_than_came(lines in prop::collection::vec("[+-](OK|ERR)? ?[ -~]{0,40}|\\PC{0,60}", 1..6)) {
            let mut framing = Pop3Framing;
            let mut out = Vec::new();
            for line in &lines {
                let line = format!("{line}\r\n");
                if framing.line(line.as_bytes(), &mut out).is_err() {
                    break;
                }
                framing.early(line.as_bytes());
            }
            let came: usize = lines.iter().map(|line| line.len() + 2).sum();
            prop_assert!(out.len() <= came);
        }
    }
}
