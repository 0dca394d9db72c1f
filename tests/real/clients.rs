//! Proof of the rig by a client that is not ours: what curl may do, a probe may expect to do.
//!
//! When these fail the rig is at fault, and the verdicts of the other tests mean nothing.

use std::process::{Command, Output};

use crate::certificates::authority;
use crate::rig::{DOMAIN, PASSWORD, Rig, find};

/// curl's exit status for a login that was refused.
const LOGIN_DENIED: i32 = 67;

enum With {
    Token(&'static str, &'static str),
    Password(&'static str, &'static str),
}

use With::{Password, Token};

const DIALOGUES: [(&str, &str, &str, With, i32); 18] = [
    ("imaps", "imaps", "user1", Token("app-right", "XOAUTH2"), 0),
    ("imaps", "imaps", "user1", Token("app-right", "OAUTHBEARER"), 0),
    ("imap", "imap", "user1", Token("app-right", "XOAUTH2"), 0),
    ("imaps", "imaps", "user1", Token("app-expired", "XOAUTH2"), LOGIN_DENIED),
    ("imaps", "imaps", "user1", Token("app-forged", "XOAUTH2"), LOGIN_DENIED),
    ("imaps", "imaps", "user1", Token("app-other-audience", "XOAUTH2"), LOGIN_DENIED),
    ("imaps", "imaps", "nobody", Token("app-right", "XOAUTH2"), LOGIN_DENIED),
    ("imaps", "imaps-plain", "user1", Password("PLAIN", PASSWORD), 0),
    ("imap", "imap-login", "user1", Password("LOGIN", PASSWORD), 0),
    ("imaps", "imaps", "user1", Password("PLAIN", "wrong"), LOGIN_DENIED),
    ("smtp", "submission", "user1", Token("app-right", "XOAUTH2"), 0),
    ("smtps", "submissions", "user1", Token("app-right", "OAUTHBEARER"), 0),
    ("smtp", "submission", "user1", Token("app-expired", "XOAUTH2"), LOGIN_DENIED),
    ("smtp", "submission", "user1", Token("app-forged", "XOAUTH2"), LOGIN_DENIED),
    ("smtp", "submission", "nobody", Token("app-right", "XOAUTH2"), LOGIN_DENIED),
    ("smtps", "submissions-plain", "user1", Password("PLAIN", PASSWORD), 0),
    ("smtps", "submissions-login", "user1", Password("LOGIN", PASSWORD), 0),
    ("smtps", "submissions", "user1", Password("LOGIN", "wrong"), LOGIN_DENIED),
];

/// curl with the rig's authority, TLS demanded unless the listener has none.
pub(crate) fn curl(rig: &Rig) -> Command {
    let mut command = Command::new(find("curl"));
    command.args(["--silent", "--show-error", "--max-time", "20", "--noproxy", "*", "--cacert"]).arg(authority(&rig.work));
    command
}

fn dialogue(rig: &Rig, scheme: &str, port: &str, user: &str, with: &With) -> Output {
    let mut command = curl(rig);
    if port != "imap-login" {
        command.arg("--ssl-reqd");
    }
    match with {
        Token(client, mechanism) => command
            .args(["--user", &format!("{user}@{DOMAIN}:"), "--oauth2-bearer", &rig.idp.token(client)])
            .args(["--login-options", &format!("AUTH={mechanism}")]),
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
    for (scheme, port, user, with, wanted) in &DIALOGUES {
        let output = dialogue(rig, scheme, port, user, with);
        if output.status.code() != Some(*wanted) {
            let how = match with {
                Token(client, mechanism) => format!("{client} by {mechanism}"),
                Password(mechanism, _) => format!("password by {mechanism}"),
            };
            faults += &format!(
                "{scheme} on {port}, {user}, {how}: {}, expected {wanted}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
    assert!(faults.is_empty(), "{faults}\n{}", rig.logs());
}
