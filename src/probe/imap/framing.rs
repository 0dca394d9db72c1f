//! IMAP's lines: which of them a probe reads, and the form in which async-imap can read them.
//!
//! A client must be prepared to accept any response at all times (RFC 3501 section 7). The library gives
//! up the connection at an empty line, a second blank, or data that it does not know. So it is given what
//! a probe asks for, in its plainest form; all other data is skipped. The dialogue has the full text.

use super::data;
use crate::net::{Framing, Step, Violation};

/// Status responses, RFC 3501 section 7.1.
const STATUSES: [&str; 5] = ["OK", "NO", "BAD", "BYE", "PREAUTH"];
/// Those that a command can end with.
const ENDINGS: usize = 3;
/// The capability without which async-imap rejects a list. IMAP4rev2 servers need not name it.
const REVISION: &str = "IMAP4rev1";
/// The beginning of our tags; digits follow.
pub(super) const TAG: char = 'a';

/// Where a connection stands within its line.
#[derive(Debug, Default)]
pub(super) struct ImapFraming {
    /// A skipped answer goes on, after a literal or inside one.
    inside: bool,
    /// Bytes left of the literal.
    literal: usize,
    /// The answer that goes on is handed on as it is.
    verbatim: bool,
}

impl Framing for ImapFraming {
    fn line(&mut self, line: &[u8], fit: &mut Vec<u8>) -> Result<Step, Violation> {
        if self.inside {
            return Ok(self.go_on(line, fit));
        }
        let Some(body) = line.strip_suffix(b"\r\n") else { return Err(Violation::LoneLineFeed) };
        // The guard lets only ASCII pass.
        let text = std::str::from_utf8(body).unwrap_or_default();
        let (head, rest) = word(text);
        let understood = match head {
            "" => Some(Step::Skipped),
            "+" => {
                fit.extend([b"+ ", rest.as_bytes(), b"\r\n"].concat());
                Some(Step::Answer)
            }
            "*" if is_part_of_message(rest) => {
                self.verbatim = true;
                return Ok(self.go_on(line, fit));
            }
            "*" => untagged(rest, fit),
            tag if is_tag(tag) => status(tag, rest, STATUSES.get(..ENDINGS).unwrap_or_default(), fit),
            _ => None,
        };
        match understood {
            None => Err(Violation::NotUnderstood(Violation::quote(body))),
            Some(Step::Skipped) => Ok(self.skip(line)),
            Some(step) => Ok(step),
        }
    }

    /// A tagged OK cannot be meant for a command, or for a part of one, that is only about to be sent. A
    /// tagged refusal of the running command may come at any time.
    fn early<'a>(&self, waiting: &'a [u8]) -> Option<&'a [u8]> {
        waiting.split_inclusive(|byte| *byte == b'\n').find(|line| {
            let text = std::str::from_utf8(line).unwrap_or_default();
            let (tag, rest) = word(text);
            is_tag(tag) && word(rest).0.eq_ignore_ascii_case("OK")
        })
    }
}

impl ImapFraming {
    /// Takes a line of an answer that may have several.
    fn go_on(&mut self, line: &[u8], fit: &mut Vec<u8>) -> Step {
        if self.verbatim {
            fit.extend(line);
        }
        match self.skip(line) {
            Step::Skipped if std::mem::take(&mut self.verbatim) => Step::Answer,
            step => step,
        }
    }

    /// Takes a line of an answer that is skipped; whether more of it follows.
    fn skip(&mut self, line: &[u8]) -> Step {
        let behind = line.get(self.literal..).unwrap_or_default();
        self.literal = self.literal.saturating_sub(line.len());
        self.inside = match literal(behind) {
            Some(size) => {
                self.literal = size;
                true
            }
            // The line that ends with a literal's last byte is not the end of the answer.
            None => behind.is_empty(),
        };
        if self.inside { Step::More } else { Step::Skipped }
    }
}

/// The first word, and what follows it without the blanks in between.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_ascii_start();
    let end = text.find(|letter: char| letter.is_ascii_whitespace()).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    (word, rest.trim_ascii_start())
}

fn is_tag(word: &str) -> bool {
    let digits = word.strip_prefix(TAG);
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The size that a line announces of a literal that follows it: `{12}` or `{12+}` at its end.
fn literal(line: &[u8]) -> Option<usize> {
    let line = line.strip_suffix(b"\r\n")?.strip_suffix(b"}")?;
    let start = line.iter().rposition(|byte| *byte == b'{')? + 1;
    let digits = line.get(start..)?;
    std::str::from_utf8(digits.strip_suffix(b"+").unwrap_or(digits)).ok()?.parse().ok()
}

/// Untagged data; `None` if it is data that a probe reads, and malformed.
fn untagged(text: &str, fit: &mut Vec<u8>) -> Option<Step> {
    let (first, rest) = word(text);
    if let Some(step) = status("*", text, &STATUSES, fit) {
        return Some(step);
    }
    if first.eq_ignore_ascii_case("CAPABILITY") {
        capabilities(rest, fit);
        return Some(Step::Answer);
    }
    if word(rest).0.eq_ignore_ascii_case("EXISTS") {
        let count: u32 = first.parse().ok()?;
        fit.extend(format!("* {count} EXISTS\r\n").as_bytes());
        return Some(Step::Answer);
    }
    Some(if data::plain(first, rest, fit) { Step::Answer } else { Step::Skipped })
}

/// Whether untagged data holds a part of a message, which a probe has asked for.
fn is_part_of_message(text: &str) -> bool {
    let (number, rest) = word(text);
    let (kind, data) = word(rest);
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && kind.eq_ignore_ascii_case("FETCH") && data.to_ascii_uppercase().contains("BODY[")
}

/// A status response without its text, after the capabilities that its code lists. It keeps the number of the first
/// unseen message.
fn status(tag: &str, text: &str, statuses: &[&str], fit: &mut Vec<u8>) -> Option<Step> {
    let (first, rest) = word(text);
    let status = statuses.iter().find(|status| first.eq_ignore_ascii_case(status))?;
    if let Some(code) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'))
        && word(code.0).0.eq_ignore_ascii_case("CAPABILITY")
    {
        capabilities(word(code.0).1, fit);
    }
    fit.extend([tag, " ", status, " "].map(str::as_bytes).concat());
    if let Some(place) = data::first_unseen(rest).filter(|_| tag == "*") {
        fit.extend(format!("[UNSEEN {place}] ").as_bytes());
    }
    fit.extend(b".\r\n");
    Some(Step::Answer)
}

/// A list of capabilities; what is no atom (RFC 3501 section 9) is left out.
fn capabilities(list: &str, fit: &mut Vec<u8>) {
    let is_atom =
        |word: &&str| word.bytes().all(|byte| byte.is_ascii_graphic() && !b"(){%*\"\\]".contains(&byte));
    fit.extend([b"* CAPABILITY ", REVISION.as_bytes()].concat());
    let words = list.split_ascii_whitespace().filter(is_atom);
    for word in words.filter(|word| !word.eq_ignore_ascii_case(REVISION)) {
        fit.push(b' ');
        fit.extend(word.as_bytes());
    }
    fit.extend(b"\r\n");
}

#[cfg(test)]
// A test that cannot go on should say so at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use async_imap::imap_proto::Response;
    use proptest::prelude::*;

    use super::*;

    /// The form in which the parser gets these lines.
    fn fit(lines: &str) -> Result<String, Violation> {
        let mut framing = ImapFraming::default();
        let mut fit = Vec::new();
        for line in lines.split_inclusive('\n') {
            framing.line(line.as_bytes(), &mut fit)?;
        }
        Ok(String::from_utf8(fit).unwrap())
    }

    #[test]
    fn what_a_probe_reads_is_handed_on_in_its_plainest_form() {
        let rows = [
            ("*  1843 EXISTS\r\n", "* 1843 EXISTS\r\n"),
            ("* 3 exists\r\n", "* 3 EXISTS\r\n"),
            (
                "* CAPABILITY  IMAP4rev2 AUTH=XOAUTH2 \r\n",
                "* CAPABILITY IMAP4rev1 IMAP4rev2 AUTH=XOAUTH2\r\n",
            ),
            ("* OK [ALERT] hello\r\n", "* OK .\r\n"),
            ("* OK\r\n", "* OK .\r\n"),
            ("* bye\r\n", "* BYE .\r\n"),
            ("a12  OK [READ-WRITE] done\r\n", "a12 OK .\r\n"),
            ("a1 OK [CAPABILITY IMAP4rev2 ID] in\r\n", "* CAPABILITY IMAP4rev1 IMAP4rev2 ID\r\na1 OK .\r\n"),
            ("a1 OK [CAPABILITY IMAP4rev1\r\n", "a1 OK .\r\n"),
            ("a1 NO [REFERRAL imap://other.example/] elsewhere\r\n", "a1 NO .\r\n"),
            ("+\r\n", "+ \r\n"),
            ("* SEARCH  3 4 (MODSEQ 9)\r\n", "* SEARCH 3 4\r\n"),
            ("* search\r\n", "* SEARCH\r\n"),
            (
                "* 3 FETCH (UID 9 BODY[HEADER.FIELDS (X-A)]<0> {12}\r\nX-A: (1)\r\n\r\n)\r\n",
                "* 3 FETCH (UID 9 BODY[HEADER.FIELDS (X-A)]<0> {12}\r\nX-A: (1)\r\n\r\n)\r\n",
            ),
            ("* 3 FETCH (BODY[3] NIL UID 9)\r\n", "* 3 FETCH (BODY[3] NIL UID 9)\r\n"),
            ("+ eyJ9 \r\n", "+ eyJ9 \r\n"),
        ];
        for (line, handed_on) in rows {
            let found = fit(line).unwrap();
            assert_eq!(found, handed_on, "{line:?}");
            Response::parse(found.as_bytes()).unwrap();
        }
    }

    #[test]
    fn data_that_no_probe_reads_is_skipped() {
        let skipped = [
            "* NOOP\r\n",
            "\r\n",
            "   \r\n",
            "*\r\n",
            "* ESEARCH (TAG \"a3\") UID ALL 1:3\r\n",
            "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n",
            "* X-ANYTHING at (all\r\n",
            "* 3 RECENT\r\n* 12 FETCH (FLAGS (\\Seen))\r\n",
            "* FLAGS (\\Answered)\r\n",
            "* ID (\"name\" {5}\r\nname))\r\n",
            "* LIST () \"/\" {7}\r\na1 OK x\r\n* 9 EXISTS\r\n",
            "* LIST () \"/\" {4}\r\nab\r\n {2+}\r\n\r\n\r\n",
        ];
        for line in skipped {
            let with_end = format!("{line}a3 OK done\r\n");
            let behind = if line.contains("EXISTS") { "* 9 EXISTS\r\na3 OK .\r\n" } else { "a3 OK .\r\n" };
            assert_eq!(fit(&with_end).unwrap(), behind, "{line:?}");
        }
    }

    #[test]
    fn a_line_that_is_no_imap_is_quoted() {
        for line in ["220 mail.example ESMTP", "ZZ99 OK done", "a1 MAYBE", "OK done", "* -1 EXISTS", "+OK hi"]
        {
            let violation = fit(&format!("* OK hi\r\n{line}\r\n* BYE\r\n")).unwrap_err();
            assert_eq!(violation, Violation::NotUnderstood(line.to_owned()));
        }
        assert_eq!(fit("* OK ready\n").unwrap_err(), Violation::LoneLineFeed);
    }

    #[test]
    fn a_success_that_waits_before_the_client_speaks_is_early() {
        let framing = ImapFraming::default();
        let early = |waiting: &'static str| framing.early(waiting.as_bytes()).is_some();
        assert!(early("* CAPABILITY IMAP4rev1\r\na1 OK x\r\n"));
        assert!(early("a2 ok"));
        assert!(!early("* OK still here\r\n* 3 EXISTS\r\n+ \r\n* BYE\r\n"));
        assert!(!early("a2 NO [AUTHENTICATIONFAILED] no\r\n"));
    }

    proptest! {
        #[test]
        fn whatever_is_handed_on_can_be_parsed(text in "(\\*|\\+|a1|)[ -~]{0,40}") {
            if let Ok(fit) = fit(&format!("{text}\r\n")) && !fit.is_empty() && !fit.starts_with('+') {
                prop_assert!(Response::parse(fit.as_bytes()).is_ok(), "{fit:?}");
            }
        }
    }
}
