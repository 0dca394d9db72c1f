//! How IMAP's lines are shown and judged: login commands, prompts, greetings, warnings and farewells.

use crate::net::Syntax;
use crate::probe::Speech;
use crate::probe::greeting;

pub(in crate::probe) static SPEECH: Speech = Speech {
    syntax: Syntax {
        prompt: b"+",
        // RFC 3501 sections 6.2.2 and 6.2.3.
        logins: &[("AUTHENTICATE", 1), ("LOGIN", 0)],
        decoded: |line| greeting::exchange_decoded(line, "* OK "),
        server_name: |line| greeting::in_brackets(line, "* OK "),
    },
    refusal_in,
    // An untagged NO or BAD may be a warning as well (RFC 3501 section 7.1.2).
    warns: true,
    // RFC 3501 section 7.1.5.
    is_farewell: |line| line.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("* BYE")),
    by_gateways: true,
};

/// The text of an untagged NO or BAD, its status included.
fn refusal_in(line: &str) -> Option<&str> {
    let rest = line.strip_prefix('*')?.trim_start();
    let status = rest.split(' ').next()?;
    ["NO", "BAD"].iter().any(|refusal| status.eq_ignore_ascii_case(refusal)).then_some(rest)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::net::Dialogue;
    use crate::secret::Scrubber;

    fn begin() -> Dialogue {
        Dialogue::begin(Scrubber::default(), &SPEECH.syntax)
    }

    fn texts(dialogue: &Dialogue) -> Vec<String> {
        dialogue.transcript().iter().map(|line| line.text.clone()).collect()
    }

    #[test]
    fn logins_are_redacted() {
        let dialogue = begin();
        dialogue.client_said(b"a1 AUTHENTICATE XOAUTH2 c2VjcmV0\r\na2 LOGIN user \"pass word\"\r\n");
        dialogue.client_said(b"a3 AUTHENTICATE PLAIN\r\n");
        dialogue.server_said(b"+ \r\n");
        dialogue.client_said(b"c2VjcmV0\r\n");
        assert_eq!(
            texts(&dialogue),
            [
                "a1 AUTHENTICATE XOAUTH2 <redacted 8 bytes>",
                "a2 LOGIN <redacted 16 bytes>",
                "a3 AUTHENTICATE PLAIN",
                "+",
                "<redacted 8 bytes>"
            ]
        );
    }

    #[test]
    fn the_front_end_in_a_greeting_can_be_read() {
        let name: Vec<u8> = "FR0P281CA0041.PROD.OUTLOOK.COM".bytes().flat_map(|letter| [letter, 0]).collect();
        let dialogue = begin();
        let greeting = format!("* OK Service is ready. [{}]\r\n", STANDARD.encode(name));
        dialogue.server_said(greeting.as_bytes());
        dialogue.server_said(b"* OK [CAPABILITY IMAP4rev1] ready [c2VjcmV0]\r\n");
        assert_eq!(
            texts(&dialogue),
            [
                "* OK Service is ready. [FR0P281CA0041.PROD.OUTLOOK.COM]",
                "* OK [CAPABILITY IMAP4rev1] ready [c2VjcmV0]"
            ]
        );
        assert_eq!(dialogue.front_end().as_deref(), Some("FR0P281CA0041.PROD.OUTLOOK.COM"));
    }

    #[test]
    fn a_greeting_without_a_name_names_no_server() {
        for greeting in [
            "* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Dovecot ready.",
            "* OK ready [c2VjcmV0]",
            "* BYE [mail.contoso.example]",
        ] {
            let dialogue = begin();
            dialogue.server_said(format!("{greeting}\r\n").as_bytes());
            assert_eq!(dialogue.front_end(), None, "{greeting}");
        }
    }
}
