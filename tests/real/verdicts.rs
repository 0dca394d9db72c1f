//! One round of `check --output json` over the whole table, judged result by result.
//!
//! The shape of a result is section 5 of the interface; which verdict belongs to which case is `case.rs`.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::Value;

use crate::case::{CASES, CROWDED, Case, SELECTED, Verdict, case, configure};
use crate::clients::Line;
use crate::dovecot::FEW;
use crate::rig::{DOMAIN, PASSWORD, Rig};
use crate::support::process::{results, run};

/// How far the phases may be off the duration.
const SLACK_SECONDS: f64 = 0.005;
/// Over a probe's `timeout`, for a machine that is busy.
const LATE_SECONDS: f64 = 1.0;

/// A result against its case: every fault found.
fn judge(rig: &Rig, case: &Case, result: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            faults.push(what);
        }
    };
    let text = |member: &str| result[member].as_str().unwrap_or("").to_owned();
    must(text("mailbox") == case.name, format!("mailbox is {:?}", result["mailbox"]));
    must(text("address") == format!("{}@{DOMAIN}", case.user), format!("address is {:?}", result["address"]));
    must(text("protocol") == case.protocol, format!("protocol is {:?}", result["protocol"]));
    must(
        text("started_at").parse::<Timestamp>().is_ok(),
        format!("started_at is {:?}", result["started_at"]),
    );

    let server = &result["server"];
    let name = format!("{}:{}", case.host, rig.ports.of(case.port));
    must(server["name"] == *name, format!("server.name is {}, not {name}", server["name"]));

    match case.verdict {
        Verdict::Up => {
            must(result["success"] == true, "it failed".to_owned());
            for member in ["phase", "reason", "detail", "hint"] {
                must(result[member].is_null(), format!("a success has a {member}"));
            }
            let ip = server["ip"].as_str().unwrap_or("");
            must(
                ip.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()),
                format!("server.ip is {:?}", server["ip"]),
            );
            let offered = server["mechanisms"].as_array().map_or(0, Vec::len);
            must(offered > 0, format!("server.mechanisms is {}", server["mechanisms"]));
            if case.tls != "none" {
                let version = server["tls_version"].as_str().unwrap_or("");
                must(version == "TLSv1.3", format!("server.tls_version is {version:?}"));
                let expiry = server["certificate_expiry"].as_str().unwrap_or("");
                must(expiry.starts_with("2099-01-01"), format!("server.certificate_expiry is {expiry:?}"));
            }
        }
        Verdict::Down(phase, reasons) => {
            must(result["success"] == false, "it succeeded".to_owned());
            let seen = (text("phase"), text("reason"));
            must(
                seen.0 == phase && reasons.contains(&seen.1.as_str()),
                format!("({}, {}), expected ({phase}, {})", seen.0, seen.1, reasons.join(" or ")),
            );
            for member in ["detail", "hint"] {
                must(!text(member).is_empty(), format!("no {member}"));
            }
        }
    }
    faults.extend(judge_phases(case, result));
    if !faults.is_empty() {
        faults.push(format!("detail: {}", result["detail"]));
    }
    faults
}

/// The phases entered: in order, each once, complete up to the verdict's, and as long together as the probe.
fn judge_phases(case: &Case, result: &Value) -> Vec<String> {
    let entries = result["phases"].as_array().cloned().unwrap_or_default();
    let names: Vec<&str> = entries.iter().map(|entry| entry["phase"].as_str().unwrap_or("?")).collect();
    let goal = match case.protocol {
        "imap" => "select",
        "pop3" => "stat",
        _ => "sender",
    };
    let order: &[&str] = match case.tls {
        "starttls" => {
            &["token", "resolve", "connect", "greeting", "capability", "starttls", "tls", "auth", goal]
        }
        "implicit" => &["token", "resolve", "connect", "tls", "greeting", "capability", "auth", goal],
        _ => &["token", "resolve", "connect", "greeting", "capability", "auth", goal],
    };
    // A password may be in hand at once, an address needs no resolver, capabilities may come unasked, and not every SMTP
    // check asks about the sender. All others are entered on the way.
    let certain = |phase: &str| !matches!(phase, "token" | "resolve" | "capability" | "sender");
    let last = match case.verdict {
        Verdict::Up if goal == "sender" && names.last() != Some(&"sender") => "auth",
        Verdict::Up => goal,
        Verdict::Down(phase, _) => phase,
    };
    let end = order.iter().position(|phase| *phase == last).map_or(order.len(), |at| at + 1);

    let mut faults = Vec::new();
    let mut rest = order[..end].iter();
    if !names.iter().all(|name| rest.any(|phase| phase == name)) {
        faults.push(format!("phases {names:?} are not in the order {:?}", &order[..end]));
    }
    if names.last() != Some(&last) {
        faults.push(format!("phases {names:?} do not end with {last}"));
    }
    for phase in order[..end].iter().filter(|phase| certain(phase) && !names.contains(phase)) {
        faults.push(format!("phases {names:?} lack {phase}"));
    }

    let seconds: Vec<f64> = entries.iter().map(|entry| entry["seconds"].as_f64().unwrap_or(-1.0)).collect();
    let (sum, duration) = (seconds.iter().sum::<f64>(), result["duration_seconds"].as_f64().unwrap_or(-1.0));
    if seconds.iter().any(|took| *took < 0.0) || duration <= 0.0 || (sum - duration).abs() > SLACK_SECONDS {
        faults.push(format!("phases of {seconds:?} s, duration {duration} s"));
    }
    if matches!(case.verdict, Verdict::Down(_, ["timeout"])) && !(1.5..2.0 + LATE_SECONDS).contains(&duration)
    {
        faults.push(format!("a timeout of 2 s took {duration} s"));
    }
    faults
}

/// Judges a whole answer: exactly one result per case.
pub(crate) fn judge_all(rig: &Rig, cases: &[Case], answer: &[Value]) -> String {
    let mut faults = String::new();
    for case in cases {
        let mut matching = answer.iter().filter(|result| result["mailbox"] == case.name);
        let complaints = match (matching.next(), matching.next()) {
            (Some(result), None) => judge(rig, case, result),
            (None, _) => vec!["no result".to_owned()],
            (Some(_), Some(_)) => vec!["more than one result".to_owned()],
        };
        if !complaints.is_empty() {
            faults += &format!("{}: {}\n", case.name, complaints.join("; "));
        }
    }
    if answer.len() != cases.len() {
        faults += &format!("{} results for {} cases\n", answer.len(), cases.len());
    }
    faults
}

#[test]
fn every_case_ends_in_its_phase_for_its_reason() {
    let rig = Rig::shared();
    let config = configure(rig, "verdicts", "{}", CASES);
    let run = run(&["check", "--output", "json"], Some(&config));
    assert_eq!(run.status, Some(1), "some checks fail: {}", run.stderr);
    let faults = judge_all(rig, CASES, &results(&run));
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn a_token_goes_by_the_mechanism_that_the_server_offers() {
    let rig = Rig::shared();
    let rows = [
        ("imaps-offered", "AUTHENTICATE XOAUTH2"),
        ("imaps-bearer-alone", "AUTHENTICATE OAUTHBEARER"),
        ("smtps-offered", "AUTH XOAUTH2"),
        ("smtps-bearer-alone", "AUTH OAUTHBEARER"),
        ("pop3s-offered", "AUTH XOAUTH2"),
        ("pop3s-bearer-alone", "AUTH OAUTHBEARER"),
    ];
    let cases = rows.map(|(name, _)| case(name));
    let config = configure(rig, "offered", "{}", &cases);
    let answer = results(&run(&["check", "--output", "json", "--transcript"], Some(&config)));
    assert_eq!(answer.len(), rows.len());
    for (name, command) in rows {
        let result = answer.iter().find(|result| result["mailbox"] == name).unwrap();
        let lines = result["transcript"].as_array().unwrap();
        let logs_in =
            |line: &&Value| line["from"] == "client" && line["text"].as_str().unwrap().contains("AUTH");
        let logins: Vec<_> = lines.iter().filter(logs_in).collect();
        assert_eq!(logins.len(), 1, "{name}: {lines:?}");
        assert!(logins[0]["text"].as_str().unwrap().contains(command), "{name}: {lines:?}");
    }
}

#[test]
fn a_session_too_many_is_told_from_a_refused_password() {
    let rig = Rig::shared();
    let config = configure(rig, "crowded", "{}", &[CROWDED]);
    let mut held = Vec::new();
    for _ in 0..FEW {
        let mut line = Line::open(rig, "imap-plain");
        line.hear(&["* OK"]);
        line.say(&format!("a LOGIN {}@{DOMAIN} {PASSWORD}", CROWDED.user));
        assert!(line.hear(&["a "]).starts_with("a OK"));
        held.push(line);
    }
    let faults = judge_all(rig, &[CROWDED], &results(&run(&["check", "--output", "json"], Some(&config))));
    drop(held);
    assert!(faults.is_empty(), "{faults}");
}

#[test]
fn counting_messages_by_pop3_leaves_them_there() {
    let rig = Rig::shared();
    let mail = || rig.mail().into_iter().filter(|file| file.contains("/fetched/")).count();
    assert_eq!(mail(), 1, "the mailbox has a message: {:?}", rig.mail());
    let config = configure(rig, "counted", "{}", &[case("pop3s-fetched")]);
    let run = run(&["check", "--output", "json"], Some(&config));
    assert_eq!(run.status, Some(0), "{}\n{}", run.stdout, run.stderr);
    assert_eq!(mail(), 1, "{:?}", rig.mail());
}

#[test]
fn read_only_leaves_new_messages_new() {
    let rig = Rig::shared();
    let new = |user: &str| rig.mail().iter().any(|file| file.contains(&format!("/{user}/Maildir/new/")));
    assert!(new("examined") && new("selected"), "both mailboxes have a new message: {:?}", rig.mail());

    let cases = [case("imaps-examine"), SELECTED];
    let config = configure(rig, "read-only", "{}", &cases);
    let run = run(&["check", "--output", "json"], Some(&config));
    assert_eq!(run.status, Some(0), "{}\n{}", run.stdout, run.stderr);
    assert!(new("examined"), "EXAMINE must not touch the message");
    assert!(!new("selected"), "SELECT takes the mark away, or this test could not fail");
}
