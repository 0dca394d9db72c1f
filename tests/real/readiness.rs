//! What real servers prove about passwords: Dovecot by what it offers, Dovecot and Postfix by logins.

use serde_json::Value;

use crate::case::{READINESS, configure};
use crate::idp::TENANT;
use crate::rig::{PASSWORD, Rig};
use crate::support::process::run;

/// One round of `readiness`; passwords may be tried as `readiness` says.
fn round(rig: &Rig, test: &str, readiness: &str) -> Value {
    let defaults =
        format!("{{ interval: 60s, timeout: 30s }}\nstate_dir: state\nreadiness: {{ {readiness} }}");
    let config = configure(rig, test, &defaults, READINESS);
    let run = run(&["readiness", "--output", "json"], Some(&config));
    assert_eq!(run.status, Some(1), "{}", run.stderr);
    assert!(!run.stdout.contains(PASSWORD) && !run.stderr.contains(PASSWORD), "a password is printed");
    serde_json::from_str(&run.stdout).unwrap()
}

/// `state, basic, signal=finding …` of a mailbox.
fn stands(board: &Value, mailbox: &str) -> (String, String, Vec<String>) {
    let all = board["mailboxes"].as_array().unwrap();
    let one = all.iter().find(|one| one["mailbox"] == mailbox).unwrap();
    let text = |member: &str| one[member].as_str().unwrap().to_owned();
    let evidence = one["evidence"].as_array().unwrap().iter();
    let evidence = evidence
        .map(|seen| format!("{}={}", seen["signal"].as_str().unwrap(), seen["finding"].as_str().unwrap()));
    (text("state"), text("basic"), evidence.collect())
}

#[test]
fn real_servers_prove_closed_by_their_offer_and_open_by_a_login() {
    let rig = Rig::shared();
    let board = round(rig, "readiness", "password_login: declared");
    let cases: [(&str, &str, &str, &[&str]); 6] = [
        // Dovecot without any password mechanism says LOGINDISABLED, after TLS too.
        ("token-only", "decommissioned", "closed", &["offer=not_offered", "oauth_login=oauth_works"]),
        // Postfix lists PLAIN and LOGIN.
        ("advertised", "dual", "unknown", &["offer=offered", "oauth_login=oauth_works"]),
        (
            "imap-password",
            "dual",
            "open",
            &["offer=offered", "oauth_login=oauth_works", "password_login=accepted"],
        ),
        (
            "smtp-password",
            "dual",
            "open",
            &["offer=offered", "oauth_login=oauth_works", "password_login=accepted"],
        ),
        (
            "wrong-password",
            "dual",
            "unknown",
            &["offer=offered", "oauth_login=oauth_works", "password_login=undecided"],
        ),
        ("by-password", "at_risk", "open", &["offer=offered", "password_login=accepted"]),
    ];
    for (mailbox, state, basic, evidence) in cases {
        let (is_state, is_basic, seen) = stands(&board, mailbox);
        assert_eq!(
            (is_state.as_str(), is_basic.as_str()),
            (state, basic),
            "{mailbox}: {seen:?}\n{}",
            rig.logs()
        );
        assert_eq!(seen, evidence, "{mailbox}");
    }
}

#[test]
fn a_declared_password_reaches_a_real_server_once_a_day() {
    let rig = Rig::shared();
    let opted_in = format!("password_login: refusal, refusal_tenants: [{TENANT}]");
    for _ in 0..2 {
        let board = round(rig, "refusal", &opted_in);
        let (state, basic, seen) = stands(&board, "wrong-password");
        // What Postfix answers says nothing about passwords as such.
        assert_eq!((state.as_str(), basic.as_str()), ("dual", "unknown"));
        assert!(seen.contains(&"password_login=undecided".to_owned()), "{seen:?}");
        for mailbox in ["advertised", "token-only", "wrong-password"] {
            let (.., seen) = stands(&board, mailbox);
            assert!(!seen.iter().any(|seen| seen.starts_with("refusal")), "{mailbox}: {seen:?}");
        }
    }
    let log = rig.log("full");
    let tried = log.lines().filter(|line| line.contains("refused@") && line.contains("Password mismatch"));
    let tried: Vec<_> = tried.collect();
    // The declared one, and not again in the second round. The other test of this file declares it as well.
    assert!((1..=2).contains(&tried.len()), "{tried:#?}");
    assert!(!rig.log("token").contains("Password mismatch"));
}
