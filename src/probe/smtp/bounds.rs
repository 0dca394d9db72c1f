//! Limits what an SMTP server may send: the lines of a reply are counted together, and each must end in CR LF.

use crate::net::{Bounds, Violation};

/// Where a connection stands within its reply.
#[derive(Debug, Default)]
pub(super) struct SmtpBounds {
    /// The last byte that was checked.
    previous: u8,
    /// How many bytes of the current line were checked.
    column: usize,
    /// The current line says that another line of its reply follows (`250-`, RFC 5321 section 4.2.1).
    continued: bool,
}

impl Bounds for SmtpBounds {
    fn byte(&mut self, byte: u8) -> Result<bool, Violation> {
        // RFC 5321 section 2.3.8 forbids it. lettre would wait for the CR until the timeout, and the server
        // would be reported as silent.
        if byte == b'\n' && self.previous != b'\r' {
            return Err(Violation::LoneLineFeed);
        }
        // The code has three digits; the next byte says whether more lines follow.
        if self.column == 3 {
            self.continued = byte == b'-';
        }
        self.previous = byte;
        self.column = if byte == b'\n' { 0 } else { self.column + 1 };
        Ok(self.continued)
    }

    fn indifferent(&self, bytes: &[u8]) -> usize {
        if self.column <= 3 || self.previous == b'\r' {
            return 0;
        }
        bytes.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::net::Guard;

    fn admit(text: &str) -> Result<(), Violation> {
        Guard::new(Box::new(SmtpBounds::default())).admit(&mut text.as_bytes().to_vec())
    }

    #[test]
    fn parentheses_and_braces_mean_nothing() {
        assert_eq!(admit("220 ((((((((((((((((((((((((( {500000000}\r\n"), Ok(()));
    }

    #[test]
    fn a_line_that_ends_in_lf_alone_stops_the_server() {
        assert_eq!(admit("220-x\r\n220 x\n"), Err(Violation::LoneLineFeed));
    }

    #[test]
    fn the_lines_of_a_reply_count_together() {
        let line = format!("250-{}\r\n", "x".repeat(994));
        assert_eq!(admit(&format!("{}250 x\r\n", line.repeat(16)).repeat(3)), Ok(()));
        assert_eq!(admit(&line.repeat(17)), Err(Violation::LineTooLong));
    }

    /// Bounds that look at every byte.
    #[derive(Default)]
    struct Stepwise(SmtpBounds);

    impl Bounds for Stepwise {
        fn byte(&mut self, byte: u8) -> Result<bool, Violation> {
            self.0.byte(byte)
        }
    }

    proptest! {
        #[test]
        fn what_is_passed_over_makes_no_difference(
            lines in prop::collection::vec(("2?5?0?[- ]?", "[ab\r]{0,5}", prop::bool::weighted(0.95)), 0..12), times in 1..40_usize,
        ) {
            let line = |(code, text, ends): (String, String, bool)| code + &text + if ends { "\r\n" } else { "\n" };
            let text = lines.into_iter().map(line).collect::<String>().repeat(times);
            let stepwise = Guard::new(Box::new(Stepwise::default())).admit(&mut text.clone().into_bytes());
            prop_assert_eq!(admit(&text), stepwise);
        }
    }
}
