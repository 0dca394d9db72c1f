//! Proof of the rig by clients that are not ours: what curl or a bare socket may do, a probe may expect to do.
//!
//! When these fail the rig is at fault, and the verdicts of the other tests mean nothing.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::certificates::authority;
use crate::rig::{DOMAIN, PASSWORD, Rig, find};
use crate::support::wait::PATIENCE;

/// curl's exit status for a login that was refused.
const LOGIN_DENIED: i32 = 67;

enum With {
    /// By OAUTHBEARER: where a server offers that too, curl is not to be talked into XOAUTH2.
    Token(&'static str),
    Password(&'static str, &'static str),
}

use With::{Password, Token};

const CURL: [(&str, &str, &str, With, i32); 14] = [
    ("imaps", "imaps", "user1", Token("app-right"), 0),
    ("imap", "imap", "user1", Token("app-right"), 0),
    ("imaps", "imaps", "user1", Token("app-expired"), LOGIN_DENIED),
    ("imaps", "imaps", "absent", Token("app-right"), LOGIN_DENIED),
    ("imaps", "imaps-plain", "user1", Password("PLAIN", PASSWORD), 0),
    ("imap", "imap-login", "user1", Password("LOGIN", PASSWORD), 0),
    ("imaps", "imaps", "user1", Password("PLAIN", "wrong"), LOGIN_DENIED),
    ("imaps", "imaps", "absent", Password("PLAIN", PASSWORD), LOGIN_DENIED),
    ("smtp", "submission", "user1", Token("app-right"), 0),
    ("smtps", "submissions", "user1", Token("app-right"), 0),
    ("smtp", "submission", "user1", Token("app-forged"), LOGIN_DENIED),
    ("smtps", "submissions-plain", "user1", Password("PLAIN", PASSWORD), 0),
    ("smtps", "submissions-login", "user1", Password("LOGIN", PASSWORD), 0),
    ("smtps", "submissions", "user1", Password("LOGIN", "wrong"), LOGIN_DENIED),
];

/// By XOAUTH2: whose token, which user, whether the servers let it in.
const XOAUTH2: [(&str, &str, bool); 5] = [
    ("app-right", "user1", true),
    ("app-expired", "user1", false),
    ("app-forged", "user1", false),
    ("app-other-audience", "user1", false),
    ("app-right", "absent", false),
];

/// curl with the rig's authority and an end.
pub(crate) fn curl(rig: &Rig) -> Command {
    let mut command = Command::new(find("curl"));
    command.args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--cacert"]);
    command.arg(authority(&rig.work));
    command
}

fn dialogue(rig: &Rig, scheme: &str, port: &str, user: &str, with: &With) -> Output {
    let mut command = curl(rig);
    if port != "imap-login" {
        command.arg("--ssl-reqd");
    }
    match with {
        Token(client) => command
            .args(["--user", &format!("{user}@{DOMAIN}:")])
            .args(["--oauth2-bearer", &rig.idp.token(client)]),
        Password(mechanism, password) => command
            .args(["--user", &format!("{user}@{DOMAIN}:{password}")])
            .args(["--login-options", &format!("AUTH={mechanism}")]),
    };
    let folder = if scheme.starts_with("imap") { "INBOX" } else { "" };
    command.args(["--request", "NOOP", &format!("{scheme}://127.0.0.1:{}/{folder}", rig.ports.of(port))]);
    command.output().unwrap()
}

#[test]
fn the_rig_admits_and_refuses_curl_as_it_should() {
    let rig = Rig::shared();
    let mut faults = String::new();
    for (scheme, port, user, with, wanted) in &CURL {
        let output = dialogue(rig, scheme, port, user, with);
        if output.status.code() != Some(*wanted) {
            let how = match with {
                Token(client) => format!("token of {client}"),
                Password(mechanism, _) => format!("password by {mechanism}"),
            };
            let said = String::from_utf8_lossy(&output.stderr);
            faults += &format!("{scheme} on {port}, {user}, {how}: {}, not {wanted}: {said}", output.status);
        }
    }
    assert!(faults.is_empty(), "{faults}\n{}", rig.logs());
}

/// A conversation in clear text by lines.
pub(crate) struct Line(BufReader<TcpStream>);

impl Line {
    /// Connects; the greeting is still to be read.
    pub(crate) fn open(rig: &Rig, port: &str) -> Self {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, rig.ports.of(port))).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self(BufReader::new(stream))
    }

    /// The next line that begins with one of these.
    pub(crate) fn hear(&mut self, beginnings: &[&str]) -> String {
        loop {
            let mut line = String::new();
            let read = self.0.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "the server closed the connection before any of {beginnings:?}");
            if beginnings.iter().any(|beginning| line.starts_with(beginning)) {
                return line;
            }
        }
    }

    pub(crate) fn say(&mut self, line: &str) {
        self.0.get_mut().write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }
}

fn xoauth2(rig: &Rig, user: &str, client: &str) -> String {
    STANDARD.encode(format!("user={user}@{DOMAIN}\x01auth=Bearer {}\x01\x01", rig.idp.token(client)))
}

/// The challenge, where there is one, in clear text; then the verdict.
fn xoauth2_by_imap(rig: &Rig, user: &str, client: &str) -> (String, String) {
    let mut line = Line::open(rig, "imap");
    line.hear(&["* OK"]);
    line.say(&format!("a AUTHENTICATE XOAUTH2 {}", xoauth2(rig, user, client)));
    let answer = line.hear(&["+ ", "a "]);
    match answer.strip_prefix("+ ") {
        None => (String::new(), answer),
        Some(challenge) => {
            line.say("");
            (clear(challenge), line.hear(&["a "]))
        }
    }
}

/// The same over the listener without TLS; in two steps, because Postfix cuts a line at 2048 bytes.
fn xoauth2_by_smtp(rig: &Rig, user: &str, client: &str) -> (String, String) {
    let mut line = Line::open(rig, "submission-bare");
    line.hear(&["220 "]);
    line.say("EHLO client.rig.test");
    line.hear(&["250 "]);
    line.say("AUTH XOAUTH2");
    line.hear(&["334"]);
    line.say(&xoauth2(rig, user, client));
    let answer = line.hear(&["2", "3", "4", "5"]);
    match answer.strip_prefix("334 ") {
        None => (String::new(), answer),
        Some(challenge) => {
            line.say("");
            (clear(challenge), line.hear(&["2", "3", "4", "5"]))
        }
    }
}

fn clear(challenge: &str) -> String {
    String::from_utf8(STANDARD.decode(challenge.trim_end()).unwrap()).unwrap()
}

#[test]
fn the_rig_admits_and_refuses_xoauth2_with_its_challenge() {
    let rig = Rig::shared();
    for (client, user, admitted) in XOAUTH2 {
        let dialogues = [
            (xoauth2_by_imap(rig, user, client), "a OK", "a NO"),
            (xoauth2_by_smtp(rig, user, client), "235 ", "535 "),
        ];
        for ((challenge, verdict), yes, no) in dialogues {
            assert!(
                verdict.starts_with(if admitted { yes } else { no }),
                "{user}, {client}: {challenge} {verdict}"
            );
            assert_eq!(
                challenge.contains("\"status\""),
                !admitted,
                "{user}, {client}: {challenge} {verdict}"
            );
        }
    }
}
