//! How SMTP's lines are shown and judged: login commands, prompts, greetings and farewells.

use crate::net::Syntax;
use crate::probe::Speech;

pub(in crate::probe) static SPEECH: Speech = Speech {
    syntax: Syntax {
        prompt: b"334",
        // RFC 4954 section 4.
        logins: &[("AUTH", 1)],
        decoded: |_| None,
        // RFC 5321 section 4.2: the first word after the code.
        server_name: |line| line.strip_prefix("220")?.trim_start_matches(['-', ' ']).split(' ').next(),
    },
    refusal_in: |line| matches!(line.as_bytes(), [b'4' | b'5', _, _, b'-', ..]).then_some(line),
    warns: false,
    // RFC 5321 section 3.8.
    is_farewell: |line| line.starts_with("421"),
    by_gateways: true,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Dialogue;
    use crate::secret::Scrubber;

    #[test]
    fn logins_are_redacted() {
        let dialogue = Dialogue::begin(Scrubber::default(), &SPEECH.syntax);
        dialogue.client_said(b"AUTH XOAUTH2\r\n");
        dialogue.server_said(b"334 \r\n");
        dialogue.client_said(b"c2VjcmV0\r\n");
        dialogue.server_said(b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n");
        dialogue.client_said(b"\r\n");
        dialogue.client_said(b"AUTH PLAIN c2VjcmV0\r\n");
        let texts: Vec<String> = dialogue.transcript().iter().map(|line| line.text.clone()).collect();
        assert_eq!(
            texts,
            [
                "AUTH XOAUTH2",
                "334",
                "<redacted 8 bytes>",
                "334 {\"status\":\"401\"}",
                "",
                "AUTH PLAIN <redacted 8 bytes>"
            ]
        );
    }

    #[test]
    fn a_server_is_known_by_the_first_word_of_its_greeting() {
        let cases = [
            (
                "220 FR0P281CA0041.outlook.office365.com Microsoft ESMTP",
                Some("FR0P281CA0041.outlook.office365.com"),
            ),
            ("220-mail.contoso.example ESMTP", Some("mail.contoso.example")),
            ("220 ready", None),
            ("220 ", None),
            ("421 mail.contoso.example busy", None),
        ];
        for (greeting, name) in cases {
            let dialogue = Dialogue::begin(Scrubber::default(), &SPEECH.syntax);
            dialogue.server_said(format!("{greeting}\r\n").as_bytes());
            assert_eq!(dialogue.front_end().as_deref(), name, "{greeting}");
        }
    }
}
