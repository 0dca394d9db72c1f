//! SMTP's replies: where one ends, and the form in which lettre can read it.
//!
//! The text after a code is optional (RFC 5321 section 4.2), and a line may be longer than the 512 bytes
//! of section 4.5.3.1.5. lettre requires a blank after the code and at most 1000 bytes. It is given both;
//! the dialogue has the full text.

use crate::net::{Framing, Step, Violation};

/// Bytes of a line that lettre takes, line end excluded.
const LONGEST_FIT: usize = 998;
/// The server closes the channel: it may say so at any time (RFC 5321 section 3.8).
const CLOSING: &[u8] = b"421";

/// Where a connection stands within its reply.
#[derive(Debug, Default)]
pub(super) struct SmtpFraming {
    /// The code of the lines so far.
    code: Option<[u8; 3]>,
}

impl Framing for SmtpFraming {
    fn line(&mut self, line: &[u8], fit: &mut Vec<u8>) -> Result<Step, Violation> {
        let body = line.strip_suffix(b"\r\n").unwrap_or(line);
        let Some((code, separator, text)) = parts(body) else {
            return Err(Violation::NotUnderstood(Violation::quote(body)));
        };
        if self.code.is_some_and(|known| known != code) {
            let line = Violation::quote(body);
            return Err(Violation::Rule(format!(
                "the reply code changes in the middle of a reply, at: {line}"
            )));
        }
        fit.extend(code);
        fit.push(separator);
        fit.extend(text.get(..LONGEST_FIT - code.len() - 1).unwrap_or(text));
        fit.extend(b"\r\n");
        self.code = (separator == b'-').then_some(code);
        Ok(if self.code.is_some() { Step::More } else { Step::Answer })
    }

    /// Nothing may wait: without pipelining each reply belongs to the command before it.
    fn early<'a>(&self, waiting: &'a [u8]) -> Option<&'a [u8]> {
        (!waiting.is_empty() && !waiting.starts_with(CLOSING)).then_some(waiting)
    }
}

/// Code, separator and text of a line. The second digit may be one that no document knows: 571, 587.
fn parts(body: &[u8]) -> Option<([u8; 3], u8, &[u8])> {
    let (code, rest) = body.split_first_chunk::<3>()?;
    let is_code = matches!(code, [b'2'..=b'5', y, z] if y.is_ascii_digit() && z.is_ascii_digit());
    match rest {
        _ if !is_code => None,
        [] => Some((*code, b' ', b"")),
        [separator @ (b' ' | b'-'), text @ ..] => Some((*code, *separator, text)),
        _ => None,
    }
}

#[cfg(test)]
// A test that cannot go on should say so at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fit(reply: &str) -> Result<(String, Option<Step>), Violation> {
        let mut framing = SmtpFraming::default();
        let (mut fit, mut last) = (Vec::new(), None);
        for line in reply.split_inclusive('\n') {
            last = Some(framing.line(line.as_bytes(), &mut fit)?);
        }
        Ok((String::from_utf8(fit).unwrap(), last))
    }

    #[test]
    fn a_bare_code_is_a_reply() {
        let rows = [
            ("334\r\n", "334 \r\n"),
            ("334 \r\n", "334 \r\n"),
            ("220-hello\r\n220\r\n", "220-hello\r\n220 \r\n"),
            ("250-\r\n250-AUTH XOAUTH2\r\n250\r\n", "250-\r\n250-AUTH XOAUTH2\r\n250 \r\n"),
            ("571 5.7.1 no\r\n", "571 5.7.1 no\r\n"),
        ];
        for (reply, handed_on) in rows {
            assert_eq!(fit(reply).unwrap(), (handed_on.to_owned(), Some(Step::Answer)), "{reply:?}");
        }
        assert_eq!(fit("250-goes on\r\n").unwrap().1, Some(Step::More));
    }

    #[test]
    fn a_long_line_is_cut_where_lettre_would_refuse_it() {
        let (handed_on, _) = fit(&format!("235 {}\r\n", "x".repeat(5000))).unwrap();
        assert_eq!(handed_on.len(), 1000);
    }

    #[test]
    fn what_is_no_reply_is_quoted() {
        let foreign = ["", "* OK IMAP ready", "25", "2500 x", "600 x", "099 x", "250\tx", "-50 x", "abc x"];
        for line in foreign {
            let violation = fit(&format!("{line}\r\n")).unwrap_err();
            assert_eq!(violation, Violation::NotUnderstood(line.to_owned()));
        }
    }

    #[test]
    fn a_code_that_changes_within_a_reply_is_no_reply() {
        for reply in [
            "250-one\r\n250-two\r\n550 three\r\n",
            "550-one\r\n550 three\r\n".replace("550 ", "250 ").as_str(),
        ] {
            assert!(matches!(fit(reply).unwrap_err(), Violation::Rule(_)), "{reply:?}");
        }
    }

    #[test]
    fn only_a_farewell_may_arrive_before_the_client_speaks() {
        let early = |waiting: &'static str| SmtpFraming::default().early(waiting.as_bytes()).is_some();
        assert!(early("235 2.7.0 Accepted\r\n"));
        assert!(early("2"));
        assert!(!early(""));
        assert!(!early("421 4.4.2 Timeout\r\n"));
    }

    proptest! {
        #[test]
        fn no_line_makes_the_parser_read_more_than_came(lines in prop::collection::vec("[245][0-9]{2}[ -][ -~]{0,40}|\\PC{0,60}", 1..6)) {
            let mut framing = SmtpFraming::default();
            let mut out = Vec::new();
            for line in &lines {
                let line = format!("{line}\r\n");
                if framing.line(line.as_bytes(), &mut out).is_err() {
                    break;
                }
                framing.early(line.as_bytes());
            }
            let came: usize = lines.iter().map(|line| line.len() + 3).sum();
            prop_assert!(out.len() <= came);
        }
    }
}
