//! What is remembered of a dialogue, and what is shown of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

fn texts(dialogue: &Dialogue) -> Vec<String> {
    dialogue.transcript().iter().map(|line| line.text.clone()).collect()
}

#[test]
fn logins_are_redacted_by_the_state_of_the_protocol() {
    let dialogue = Dialogue::begin(Scrubber::default());
    for line in
        ["a1 AUTHENTICATE XOAUTH2 c2VjcmV0\r\n", "a2 LOGIN user \"pass word\"\r\n", "AUTH XOAUTH2\r\n"]
    {
        dialogue.client_said(line.as_bytes());
    }
    dialogue.server_said(b"334 \r\n");
    dialogue.client_said(b"c2VjcmV0\r\n");
    dialogue.server_said(b"334 eyJzdGF0dXMiOiI0MDEifQ==\r\n");
    dialogue.client_said(b"\r\n");
    dialogue.client_said(b"QUIT\r\n");
    assert_eq!(
        texts(&dialogue),
        [
            "a1 AUTHENTICATE XOAUTH2 <redacted 8 bytes>",
            "a2 LOGIN <redacted 16 bytes>",
            "AUTH XOAUTH2",
            "334",
            "<redacted 8 bytes>",
            "334 {\"status\":\"401\"}",
            "",
            "QUIT"
        ]
    );
}

#[test]
fn the_front_end_in_a_greeting_can_be_read() {
    let name: Vec<u8> = "FR0P281CA0041.PROD.OUTLOOK.COM".bytes().flat_map(|letter| [letter, 0]).collect();
    let dialogue = Dialogue::begin(Scrubber::default());
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
fn a_server_is_known_by_the_name_in_its_greeting_and_by_nothing_else() {
    let cases = [
        (
            "220 FR0P281CA0041.outlook.office365.com Microsoft ESMTP",
            Some("FR0P281CA0041.outlook.office365.com"),
        ),
        ("220-mail.contoso.example ESMTP", Some("mail.contoso.example")),
        ("220 ready", None),
        ("220 ", None),
        ("421 mail.contoso.example busy", None),
        ("* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] Dovecot ready.", None),
        ("* OK ready [c2VjcmV0]", None),
        ("* BYE [mail.contoso.example]", None),
    ];
    for (greeting, name) in cases {
        let dialogue = Dialogue::begin(Scrubber::default());
        dialogue.server_said(format!("{greeting}\r\n* OK later [mail.other.example]\r\n").as_bytes());
        assert_eq!(dialogue.front_end().as_deref(), name, "{greeting}");
    }
}

#[test]
fn what_a_server_echoes_of_a_secret_is_not_kept() {
    let dialogue = Dialogue::begin(Scrubber::knowing(["hunter22"]));
    dialogue.server_said(b"535 no such password: hunter22\r\n535 partial hunter22");
    assert_eq!(dialogue.answer(), "535 no such password: <redacted>");
    assert_eq!(dialogue.last_server_line(), "535 partial <redacted>");
    assert!(!format!("{dialogue:?}").contains("partial"));
}

#[test]
fn an_answer_is_what_came_since_the_client_last_spoke() {
    let dialogue = Dialogue::begin(Scrubber::default());
    dialogue.server_said(b"220 ready\r\n");
    dialogue.client_said(b"EHLO x\r\n");
    dialogue.server_said(b"250-mail\r\n250 AUTH XOAUTH2\r\n");
    assert_eq!(dialogue.answer(), "250-mail\n250 AUTH XOAUTH2");
}

#[test]
fn a_dialogue_is_bounded_in_lines_and_in_their_length() {
    let dialogue = Dialogue::begin(Scrubber::default());
    for _ in 0..1000 {
        dialogue.server_said(&[b'x'; 10_000]);
        dialogue.server_said(b"\n");
    }
    let lines = dialogue.transcript();
    assert_eq!(lines.len(), MOST_LINES);
    assert!(lines.iter().all(|line| line.text.chars().count() <= LONGEST_KEPT + 1));
}
