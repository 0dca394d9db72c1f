//! How the program behaves, whatever it finds: its exit statuses, its silence about secrets, and no mail left behind.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::case::{CASES, WRONG_PASSWORD, WRONG_SECRET, case, configure, folder};
use crate::clients::curl;
use crate::idp::CLIENT_SECRET;
use crate::rig::{DOMAIN, PASSWORD, Rig, as_root, find};
use crate::support::process::{results, run};
use crate::support::wait::soon;

#[test]
fn exit_statuses_are_those_of_the_interface() {
    let rig = Rig::shared();
    let good = configure(rig, "exit-good", "{}", &[case("imaps-xoauth2"), case("smtp-starttls")]);
    let mixed = configure(rig, "exit-mixed", "{}", &[case("imaps-xoauth2"), case("imaps-token-expired")]);
    let bad = folder(rig, "exit-bad").join("config.yaml");
    fs::write(&bad, "mailboxes:\n  - adress: user1@rig.test\n").unwrap();
    let missing = rig.work.join("no-such-file.yaml");

    let rows: [(&[&str], &Path, i32); 16] = [
        (&["check"], &good, 0),
        (&["check"], &mixed, 1),
        (&["check", "imaps-xoauth2"], &mixed, 0),
        (&["check", "imaps-token-expired"], &mixed, 1),
        (&["check", "--protocol", "smtp"], &good, 0),
        (&["check", "imaps-xoauht2"], &mixed, 2),
        (&["check"], &bad, 2),
        (&["check"], &missing, 2),
        (&["check", "--output", "nagios"], &good, 0),
        (&["check", "--output", "nagios"], &mixed, 2),
        (&["check", "--output", "nagios"], &bad, 3),
        (&["check", "--output", "nagios"], &missing, 3),
        (&["validate"], &good, 0),
        (&["validate"], &bad, 2),
        (&["validate"], &missing, 2),
        (&["serve"], &bad, 2),
    ];
    let mut faults = String::new();
    for (arguments, config, wanted) in rows {
        let run = run(arguments, Some(config));
        if run.status != Some(wanted) {
            faults += &format!(
                "{arguments:?} {config:?}: {:?}, not {wanted}\n{}{}\n",
                run.status, run.stdout, run.stderr
            );
        }
    }
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn complaints_name_what_is_wrong() {
    let rig = Rig::shared();
    let good = configure(rig, "complaints", "{}", &[case("imaps-xoauth2")]);
    let misspelt = run(&["check", "imaps-xoauht2"], Some(&good)).stderr;
    assert!(misspelt.contains("imaps-xoauth2"), "the nearest name is offered: {misspelt}");

    let bad = folder(rig, "complaints").join("bad.yaml");
    fs::write(&bad, "mailboxes:\n  - adress: user1@rig.test\n").unwrap();
    let run = run(&["validate"], Some(&bad));
    let said = format!("{}{}", run.stdout, run.stderr);
    assert!(
        said.contains("2:5") && said.contains("adress") && said.contains("address"),
        "line, column and key: {said}"
    );
}

#[test]
fn a_named_mailbox_is_the_only_one_checked() {
    let rig = Rig::shared();
    let config = configure(rig, "named", "{}", &[case("imaps-xoauth2"), case("imaps-token-expired")]);
    let results = results(&run(&["check", "--output", "json", "imaps-xoauth2"], Some(&config)));
    let names: Vec<_> = results.iter().map(|result| &result["mailbox"]).collect();
    assert_eq!(names, ["imaps-xoauth2"]);
}

#[test]
fn the_table_shows_every_check_with_its_verdict() {
    let rig = Rig::shared();
    let config = configure(rig, "table", "{}", &[case("smtp-starttls"), case("imaps-folder")]);
    let run = run(&["check"], Some(&config));
    let row = |name: &str| run.stdout.lines().find(|line| line.contains(name)).unwrap_or("");
    assert!(row("smtp-starttls").contains("smtp"), "{}", run.stdout);
    for word in ["imap", "select", "folder_missing"] {
        assert!(row("imaps-folder").contains(word), "{word}: {}", run.stdout);
    }
}

/// Every secret of a round, in clear and as it stands on the wire.
pub(crate) fn secrets(rig: &Rig) -> Vec<String> {
    let mut secrets = vec![];
    for secret in [CLIENT_SECRET, WRONG_SECRET, PASSWORD, WRONG_PASSWORD] {
        // Form-encoded as well, where that differs.
        secrets.extend([secret.to_owned(), secret.replace('~', "%7E"), STANDARD.encode(secret)]);
        for user in ["user1", "absent"] {
            secrets.push(STANDARD.encode(format!("\0{user}@{DOMAIN}\0{secret}")));
        }
    }
    for token in rig.idp.minted() {
        // Half a token that was cut is a secret no less; and a signature is enough to complete one.
        let (claims, signature) = token.rsplit_once('.').unwrap();
        secrets.extend([claims[..claims.len() / 2].to_owned(), signature.to_owned()]);
        for user in ["user1", "absent"] {
            let response = STANDARD.encode(format!("user={user}@{DOMAIN}\x01auth=Bearer {token}\x01\x01"));
            secrets.push(response[..response.len() / 2].to_owned());
        }
    }
    secrets
}

/// Fails where one of the secrets stands in the text.
pub(crate) fn must_hold_no_secret(secrets: &[String], text: &str, what: &str) {
    for secret in secrets {
        if let Some(at) = text.find(secret.as_str()) {
            let line = text[..at].lines().count();
            panic!("{what} holds a secret that begins with {:?}, in line {line}", &secret[..8]);
        }
    }
}

#[test]
fn no_secret_is_printed_at_any_log_level() {
    let rig = Rig::shared();
    let config = configure(rig, "secrets", "{}", CASES);
    let run = run(&["check", "--output", "json", "--transcript", "--log-level", "trace"], Some(&config));
    let secrets = secrets(rig);
    assert!(secrets.len() > 30, "the round fetched tokens");
    must_hold_no_secret(&secrets, &run.stdout, "standard output");
    must_hold_no_secret(&secrets, &run.stderr, "standard error");
    assert!(!run.stderr.is_empty(), "at this level something is said");

    // The dialogue is there, or its silence would prove nothing.
    let results = results(&run);
    for (name, command) in [("imaps-xoauth2", "AUTHENTICATE XOAUTH2"), ("smtp-starttls", "AUTH XOAUTH2")] {
        let result = results.iter().find(|result| result["mailbox"] == name).unwrap();
        let said = |from: &str, words: &str| {
            let lines = result["transcript"].as_array().unwrap();
            lines.iter().any(|line| {
                line["at_seconds"].is_number()
                    && line["from"] == from
                    && line["text"].as_str().unwrap().contains(words)
            })
        };
        assert!(said("client", command) && said("server", ""), "{}", result["transcript"]);
    }
}

/// The mail that tests brought in. Some mailboxes have a message from the start.
fn delivered(rig: &Rig) -> Vec<String> {
    let given = |file: &String| {
        ["/examined/", "/selected/", "/fetched/"].iter().any(|mailbox| file.contains(mailbox))
    };
    rig.mail().into_iter().filter(|file| !given(file)).collect()
}

fn queue(rig: &Rig) -> String {
    let output =
        as_root(&find("postqueue")).arg("-c").arg(rig.work.join("postfix/conf")).arg("-p").output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn probes_send_no_mail() {
    let rig = Rig::shared();
    let config =
        configure(rig, "no-mail", "{}", &[case("smtp-sender"), case("smtps-xoauth2"), case("imaps-xoauth2")]);
    let run = run(&["check"], Some(&config));
    assert_eq!(run.status, Some(0), "{}\n{}", run.stdout, run.stderr);

    // Every message that Postfix ever takes passes its cleanup service, which logs it.
    assert!(
        rig.log("postfix").contains("mail=1"),
        "one probe asked about the sender:\n{}",
        rig.log("postfix")
    );
    assert!(!rig.log("postfix").contains("postfix/cleanup["), "{}", rig.log("postfix"));
    assert_eq!(queue(rig), "Mail queue is empty\n");
    assert_eq!(delivered(rig), [""; 0]);

    // A mail that is sent is seen in both places.
    send(rig);
    let arrived =
        soon(|| delivered(rig).iter().any(|file| file.contains("/control/Maildir/new/")).then_some(()));
    assert!(arrived.is_some(), "the mail is not in the mailbox:\n{}", rig.log("postfix"));
    assert!(rig.log("postfix").contains("postfix/cleanup["));
}

fn send(rig: &Rig) {
    let message = folder(rig, "no-mail").join("message");
    fs::write(&message, "Subject: control\r\n\r\nSent on purpose.\r\n").unwrap();
    let mut command: Command = curl(rig);
    command
        .args([
            "--ssl-reqd",
            "--user",
            &format!("user1@{DOMAIN}:"),
            "--oauth2-bearer",
            &rig.idp.token("app-right"),
        ])
        .args([
            "--mail-from",
            &format!("user1@{DOMAIN}"),
            "--mail-rcpt",
            &format!("control@{DOMAIN}"),
            "--upload-file",
        ])
        .arg(message)
        .arg(format!("smtp://127.0.0.1:{}", rig.ports.of("submission")));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), rig.logs());
}
