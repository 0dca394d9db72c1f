//! `explain`, the real program: what it prints, for people and for programs, and what it ends with.

use mailbox_exporter::model::Reason;
use serde_json::Value;

use crate::support::process::{Program, Run};

const RECORDED: &str = include_str!("../data/responses.jsonl");

const FOUND: i32 = 0;
const NOT_RECOGNISED: i32 = 1;
const WRONG_USE: i32 = 2;

fn explain(arguments: &[&str]) -> Run {
    Program::new(&[&["explain"], arguments].concat()).run()
}

fn piped(bytes: &[u8], arguments: &[&str]) -> Run {
    Program::new(&[&["explain", "-"], arguments].concat()).input(bytes).run()
}

#[test]
fn smtp_auth_switched_off_is_named_with_owner_and_command() {
    let output = explain(&[
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
    ]);
    let said = output.stdout;
    assert_eq!(output.status, Some(FOUND));
    for words in [
        "smtp_auth_disabled_tenant",
        "mail administrator",
        "Set-CASMailbox -Identity 'ADDRESS' -SmtpClientAuthenticationDisabled $false",
        "Set-TransportConfig -SmtpClientAuthenticationDisabled $false",
        "OAuth logins are refused as well",
        "/reasons/smtp_auth_disabled_tenant",
    ] {
        assert!(said.contains(words), "{words} is missing:\n{said}");
    }
    assert!(!said.contains('\x1b'), "colours in a pipe:\n{said}");
}

#[test]
fn the_json_has_exactly_the_promised_members() {
    let output = explain(&["--output", "json", "421 4.3.2 Service not available"]);
    let said = output.json();
    let members: Vec<_> = said.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, ["docs", "hint", "meaning", "owner", "reason", "transient"]);
    assert_eq!(said["reason"], "server_unavailable");
    assert_eq!(said["owner"], serde_json::json!(["wait", "admin"]));
    assert_eq!(said["transient"], true);
    assert_eq!(said["docs"], "/reasons/server_unavailable");
    assert!(said["hint"].as_str().unwrap().len() > 20);
}

#[test]
fn options_sharpen_what_a_text_alone_leaves_open() {
    let reason = |arguments: &[&str]| {
        let arguments = [&["--output", "json"], arguments].concat();
        explain(&arguments).json()["reason"].as_str().unwrap().to_owned()
    };
    let refusal = "A1 NO LOGIN failed.";
    assert_eq!(reason(&[refusal]), "credentials_rejected", "no provider is not Exchange Online");
    for provider in ["exchange_online", "exchange_online_gcc_high", "Office365", "outlook.com", "outlook_com"]
    {
        assert_eq!(reason(&[refusal, "--provider", provider]), "basic_auth_disabled", "{provider}");
    }
    assert_eq!(reason(&[refusal, "--provider", "a house of its own"]), "credentials_rejected");
    let refusal = "535 5.7.3 Authentication unsuccessful";
    assert_eq!(reason(&[refusal, "--mechanism", "login"]), "credentials_rejected");
    assert_eq!(reason(&[refusal, "--mechanism", "XOAUTH2"]), "token_rejected");
    let refusal = "-ERR Authentication failure: unknown user name or bad password.";
    assert_eq!(reason(&["--protocol", "pop3", "--mechanism", "xoauth2", refusal]), "token_rejected");
    assert_eq!(reason(&[refusal, "--mechanism", "user_pass"]), "credentials_rejected");
    let missing = "a1 NO [NONEXISTENT] unknown";
    assert_eq!(reason(&[missing, "--phase", "select"]), "folder_missing");
    assert_eq!(reason(&[missing, "--phase", "stat"]), "folder_missing");
    assert_eq!(reason(&[missing, "--phase", "auth"]), "account_not_found");
}

#[test]
fn any_pair_of_phase_and_protocol_is_taken() {
    for protocol in ["imap", "smtp", "pop3", "oauth"] {
        for phase in [
            "token",
            "resolve",
            "connect",
            "tls",
            "greeting",
            "starttls",
            "capability",
            "auth",
            "select",
            "stat",
            "sender",
            "send",
        ] {
            let output = explain(&["connection reset by peer", "--protocol", protocol, "--phase", phase]);
            assert_eq!(output.status, Some(FOUND), "{protocol} {phase}: {}", output.stdout);
            assert!(
                output.stdout.starts_with("connection_closed\n"),
                "{protocol} {phase}: {}",
                output.stdout
            );
        }
    }
}

#[test]
fn an_unknown_text_is_unexpected_and_printed_all_the_same() {
    for text in ["flux capacitor", "", "99999999", "a1 NO flux"] {
        let output = explain(&["--output", "json", text]);
        assert_eq!(output.status, Some(NOT_RECOGNISED), "{text}");
        assert_eq!(output.json()["reason"], "unexpected", "{text}");
    }
    assert!(explain(&["flux capacitor"]).stdout.starts_with("unexpected\n"));
}

#[test]
fn a_success_is_no_fault_and_a_list_says_what_it_lacks() {
    for (arguments, reason) in [
        (&["250 OK"][..], None),
        (&["--phase", "sender", "250 2.1.0 Sender OK"], None),
        (&["250-mail.contoso.example\n250-SIZE\n250 STARTTLS"], None),
        (&["--mechanism", "xoauth2", "250 AUTH XOAUTH2 LOGIN"], None),
        (&["--mechanism", "xoauth2", "250 AUTH LOGIN PLAIN"], Some("mechanism_unsupported")),
        (
            &["--mechanism", "login", "250-mail.contoso.example\n250-SIZE\n250 STARTTLS"],
            Some("encryption_required"),
        ),
    ] {
        let output = explain(&[&["--protocol", "smtp", "--output", "json"], arguments].concat());
        assert_eq!(output.json()["reason"].as_str(), reason, "{arguments:?}");
        assert_eq!(output.status, Some(FOUND), "{arguments:?}");
    }
}

#[test]
fn no_failure_is_told_as_such_with_the_members_of_every_answer() {
    for text in [
        "a1 OK [CAPABILITY IMAP4rev1 QUOTA NAMESPACE] Authentication successful",
        "* CAPABILITY IMAP4rev1 AUTH=XOAUTH2 SASL-IR",
        "* OK The Microsoft Exchange IMAP4 service is ready.",
        "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"x\",\"refresh_token\":\"y\"}",
    ] {
        let output = explain(&["--output", "json", text]);
        let said = output.json();
        let members: Vec<_> = said.as_object().unwrap().keys().cloned().collect();
        assert_eq!(members, ["docs", "hint", "meaning", "owner", "reason", "transient"], "{text}");
        assert!(said["reason"].is_null() && said["owner"].as_array().unwrap().is_empty(), "{text}: {said}");
        assert_eq!(output.status, Some(FOUND), "{text}");
        let output = explain(&[text]);
        assert!(output.stdout.starts_with("no failure\n"), "{text}: {}", output.stdout);
        assert_eq!(output.status, Some(FOUND), "{text}");
    }
}

#[test]
fn a_bare_status_of_an_identity_provider_is_one_of_http() {
    for (status, reason) in [("429", "idp_throttled"), ("503", "idp_unavailable"), ("401", "secret_invalid")]
    {
        let output = explain(&["--protocol", "oauth", "--output", "json", status]);
        assert_eq!(output.json()["reason"], reason, "{status}");
    }
}

#[test]
fn a_reasons_name_tells_all_there_is_to_know_about_it() {
    for reason in Reason::ALL {
        let output = explain(&["--output", "json", reason.label()]);
        assert_eq!(output.status, Some(FOUND), "{reason}");
        let said = output.json();
        assert_eq!(said["reason"], reason.label());
        assert!(said["hint"].as_str().unwrap().len() > 20, "{reason}");
    }
}

#[test]
fn a_text_may_begin_with_a_hyphen_and_stand_without_quotes() {
    let output = explain(&["-ERR [IN-USE] Mailbox is locked", "--protocol", "pop3"]);
    assert!(output.stdout.starts_with("too_many_connections\n"), "{}", output.stdout);
    let output = explain(&["535", "5.7.8", "Error:", "authentication", "failed:", "generic", "failure"]);
    assert!(output.stdout.starts_with("server_unavailable\n"), "{}", output.stdout);
}

#[test]
fn a_wrong_option_is_told_and_ends_with_2() {
    for arguments in [
        &["x", "--protocol", "xmpp"][..],
        &["x", "--phase", "later"],
        &["x", "--mechanism", "magic"],
        &["x", "--output", "yaml"],
        &["--protocl", "imap"],
        &[],
    ] {
        let output = explain(arguments);
        assert_eq!(output.status, Some(WRONG_USE), "{arguments:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    let complaint = explain(&["x", "--protocol", "xmpp"]).stderr;
    assert!(complaint.contains("imap, smtp, pop3, graph, oauth"));
}

#[test]
fn standard_input_of_any_bytes_is_read_up_to_a_bound() {
    let output = piped(b"a1 NO [UNAVAILABLE] \xff\xfe Temporary authentication failure.\r\n", &[]);
    assert!(output.stdout.starts_with("server_unavailable\n"), "{}", output.stdout);
    // As some shells pipe it: two bytes a letter.
    let wide: Vec<u8> = "535 5.7.139 account locked".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(piped(&wide, &[]).stdout.starts_with("account_locked\n"));
    let noise: Vec<u8> = (0..4096_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    assert!(matches!(piped(&noise, &[]).status, Some(FOUND | NOT_RECOGNISED)));
    let mut long = b"535 5.7.8 Error: authentication failed\n".to_vec();
    long.resize(1 << 20, b'x');
    let output = piped(&long, &[]);
    assert!(output.stdout.starts_with("credentials_rejected\n"), "{}", output.stdout);
    assert!(output.stderr.contains("64 KiB"));
}

#[test]
fn what_was_pasted_is_never_printed() {
    let secret = "dXNlcj1pbnZvaWNlcwFhdXRoPUJlYXJlciBzZWNyZXQBAQ==";
    let dialogue =
        format!("C: AUTH XOAUTH2 {secret}\nS: 535 5.7.3 Authentication unsuccessful\nC: PASS hunter2\n");
    for format in ["text", "json"] {
        let output = piped(dialogue.as_bytes(), &["--output", format]);
        let said = output.said();
        assert!(said.contains("token_rejected"), "{said}");
        assert!(!said.contains(secret) && !said.contains("hunter2"), "{said}");
    }
}

#[test]
fn recorded_answers_pass_through_the_real_program() {
    // One of each protocol and reason is enough here: every row is read in the unit tests.
    let mut seen = std::collections::BTreeSet::new();
    for line in RECORDED.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        if !seen.insert((text("protocol").to_owned(), text("reason").to_owned())) {
            continue;
        }
        let mut arguments =
            vec!["--output", "json", "--phase", text("stage"), "--provider", text("provider")];
        if text("protocol") != "net" {
            arguments.extend(["--protocol", text("protocol")]);
        }
        if row["mechanism"].is_string() {
            arguments.extend(["--mechanism", text("mechanism")]);
        }
        let output = piped(text("raw").as_bytes(), &arguments);
        assert_eq!(output.json()["reason"], text("reason"), "{}: {}", text("id"), text("raw"));
        let wanted = if text("reason") == "unexpected" { NOT_RECOGNISED } else { FOUND };
        assert_eq!(output.status, Some(wanted), "{}", text("id"));
    }
    assert!(seen.len() > 60, "{}", seen.len());
}
