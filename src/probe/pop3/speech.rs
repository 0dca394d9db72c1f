//! How POP3's lines are shown and judged: login commands, prompts and greetings.

use crate::net::Syntax;
use crate::probe::{Speech, greeting};

pub(in crate::probe) static SPEECH: Speech = Speech {
    syntax: Syntax {
        prompt: b"+",
        // RFC 5034 section 4 and RFC 1939 section 7.
        logins: &[("AUTH", 1), ("PASS", 0)],
        decoded: |line| greeting::exchange_decoded(line, "+OK "),
        server_name: |line| greeting::in_brackets(line, "+OK "),
    },
    // Every answer but the list of capabilities is one line.
    refusal_in: |_| None,
    warns: false,
    // A server that closes an idle connection may say so (RFC 2449 section 8.1).
    is_farewell: |line| line.starts_with("-ERR"),
    by_gateways: false,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Dialogue;
    use crate::secret::Scrubber;

    #[test]
    fn logins_are_redacted_and_an_accepting_answer_asks_for_nothing() {
        let dialogue = Dialogue::begin(Scrubber::default(), &SPEECH.syntax);
        dialogue.client_said(b"AUTH XOAUTH2\r\n");
        dialogue.server_said(b"+ \r\n");
        dialogue.client_said(b"c2VjcmV0\r\n");
        dialogue.server_said(b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n");
        dialogue.client_said(b"\r\n");
        dialogue.client_said(b"USER desk@contoso.example\r\n");
        dialogue.server_said(b"+OK\r\n");
        dialogue.client_said(b"PASS pass word\r\n");
        dialogue.server_said(b"+OK\r\n");
        dialogue.client_said(b"STAT\r\n");
        let texts: Vec<String> = dialogue.transcript().iter().map(|line| line.text.clone()).collect();
        assert_eq!(
            texts,
            [
                "AUTH XOAUTH2",
                "+",
                "<redacted 8 bytes>",
                "+ {\"status\":\"401\"}",
                "",
                "USER desk@contoso.example",
                "+OK",
                "PASS <redacted 9 bytes>",
                "+OK",
                "STAT"
            ]
        );
    }
}
