//! How the lines of HTTP are shown and judged: the header that carries the token.

use crate::net::Syntax;
use crate::probe::Speech;

pub(in crate::probe) static SPEECH: Speech = Speech {
    syntax: Syntax {
        // The server never asks for login data, so this is a text that no line begins with.
        prompt: b"\n",
        // RFC 6750 section 2.1.
        logins: &[("AUTHORIZATION:", 0)],
        decoded: |_| None,
        server_name: |_| None,
    },
    refusal_in: |_| None,
    warns: false,
    is_farewell: |_| false,
    by_gateways: false,
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::Dialogue;
    use crate::secret::Scrubber;

    #[test]
    fn the_token_is_redacted_and_the_request_is_shown() {
        let dialogue = Dialogue::begin(Scrubber::default(), &SPEECH.syntax);
        dialogue.client_said(b"GET /v1.0/users/a HTTP/1.1\r\nauthorization: Bearer c2VjcmV0\r\n\r\n");
        dialogue.server_said(b"HTTP/1.1 200 OK\r\n\r\n{}\n");
        let texts: Vec<String> = dialogue.transcript().iter().map(|line| line.text.clone()).collect();
        assert_eq!(
            texts,
            ["GET /v1.0/users/a HTTP/1.1", "authorization: <redacted>", "", "HTTP/1.1 200 OK", "", "{}"]
        );
    }
}
