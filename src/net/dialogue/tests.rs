//! What is remembered of a dialogue, and what is shown of it.

use super::lines::MOST_LINES;
use super::*;

fn texts(dialogue: &Dialogue) -> Vec<String> {
    dialogue.transcript().iter().map(|line| line.text.clone()).collect()
}

/// A protocol of these tests: the server asks by `+`, SECRET and KEYED carry logins.
static SYNTAX: Syntax = Syntax {
    prompt: b"+",
    logins: &[("SECRET", 0), ("KEYED", 1)],
    decoded: |_| None,
    server_name: |greeting| greeting.strip_prefix("hello "),
};

fn begin() -> Dialogue {
    Dialogue::begin(Scrubber::default(), &SYNTAX)
}

#[test]
fn logins_are_redacted_by_the_state_of_the_protocol() {
    let dialogue = begin();
    for line in ["a1 KEYED XOAUTH2 c2VjcmV0\r\n", "secret user \"pass word\"\r\n", "KEYED XOAUTH2\r\n"] {
        dialogue.client_said(line.as_bytes());
    }
    dialogue.server_said(b"+\r\n");
    dialogue.client_said(b"c2VjcmV0\r\n");
    dialogue.server_said(b"+ eyJzdGF0dXMiOiI0MDEifQ==\r\n");
    dialogue.client_said(b"\r\n");
    dialogue.server_said(b"+OK no prompt\r\n");
    dialogue.client_said(b"QUIT\r\n");
    assert_eq!(
        texts(&dialogue),
        [
            "a1 KEYED XOAUTH2 <redacted 8 bytes>",
            "secret <redacted 16 bytes>",
            "KEYED XOAUTH2",
            "+",
            "<redacted 8 bytes>",
            "+ {\"status\":\"401\"}",
            "",
            "+OK no prompt",
            "QUIT"
        ]
    );
}

#[test]
fn a_server_is_known_by_its_greeting_alone() {
    let cases =
        [("hello mail.contoso.example", Some("mail.contoso.example")), ("hello there", None), ("ho", None)];
    for (greeting, name) in cases {
        let dialogue = begin();
        dialogue.server_said(format!("{greeting}\r\nhello mail.other.example\r\n").as_bytes());
        assert_eq!(dialogue.front_end().as_deref(), name, "{greeting}");
    }
}

#[test]
fn what_a_server_echoes_of_a_secret_is_not_kept() {
    let dialogue = Dialogue::begin(Scrubber::knowing(["hunter22"]), &SYNTAX);
    dialogue.server_said(b"535 no such password: hunter22\r\n535 partial hunter22");
    assert_eq!(dialogue.answer(), "535 no such password: <redacted>");
    assert_eq!(dialogue.last_server_line(), "535 partial <redacted>");
    assert!(!format!("{dialogue:?}").contains("partial"));
}

#[test]
fn an_answer_is_what_came_since_the_client_last_spoke() {
    let dialogue = begin();
    dialogue.server_said(b"220 ready\r\n");
    dialogue.client_said(b"EHLO x\r\n");
    dialogue.server_said(b"250-mail\r\n250 AUTH XOAUTH2\r\n");
    assert_eq!(dialogue.answer(), "250-mail\n250 AUTH XOAUTH2");
}

#[test]
fn lines_are_the_same_however_their_bytes_arrive() {
    let said: &[u8] = b"SECRET c2VjcmV0\r\nKEYED XOAUTH2 \r\n\nplain \xff\r\nSECRET\r\n";
    let heard =
        [b"hello\r\n\r\nfine \xe4\n", [b'x'; LONGEST_KEPT + 1].as_slice(), b" y\r\nlast\r\n"].concat();
    let cut_at = |cut: usize| {
        let dialogue = begin();
        let (head, tail) = said.split_at(cut.min(said.len()));
        dialogue.client_said(head);
        dialogue.client_said(tail);
        let (head, tail) = heard.split_at(cut);
        dialogue.server_said(head);
        dialogue.server_said(tail);
        texts(&dialogue)
    };
    let whole = cut_at(0);
    assert_eq!(
        whole[..5],
        ["SECRET <redacted 8 bytes>", "KEYED XOAUTH2 <redacted 0 bytes>", "", "plain \u{fffd}", "SECRET"]
    );
    assert_eq!((whole.len(), whole[9].as_str()), (10, "last"));
    for cut in (1..100).chain(heard.len() - 20..heard.len()) {
        assert_eq!(cut_at(cut), whole, "{cut}");
    }
}

#[test]
fn a_dialogue_is_bounded_in_lines_and_in_their_length() {
    let dialogue = begin();
    for _ in 0..1000 {
        dialogue.server_said(&[b'x'; 10_000]);
        dialogue.server_said(b"\n");
    }
    let lines = dialogue.transcript();
    assert_eq!(lines.len(), MOST_LINES);
    assert!(lines.iter().all(|line| line.text.chars().count() <= LONGEST_KEPT + 1));
}
