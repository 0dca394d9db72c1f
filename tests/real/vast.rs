//! A folder of 200,000 messages: what a probe that counts the unread ones tells, how long it takes, and in how much memory.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::case::{VAST, configure};
use crate::dovecot::vast_home;
use crate::rig::{DOMAIN, Rig, as_root, find};
use crate::support::process::{Agent, results, run};

const MESSAGES: i64 = 200_000;
/// Messages before this one are read; the rest is not.
const FIRST_UNREAD: i64 = 120_001;
/// When the first message came, in seconds since 1970; each comes a second later.
const BEGIN: i64 = 1_700_000_000;

/// How long Dovecot may take to make its index of the folder.
const INDEXING: Duration = Duration::from_secs(300);
/// What such a folder may cost at most.
const LONGEST_SECONDS: f64 = 2.0;
const MOST_MEMORY_KIB: u64 = 1024;
/// Probes whose memory is measured together.
const PROBES: usize = 5;

/// An mbox with all messages. Dovecot finds in it the identifiers that it would write itself.
fn mbox() -> String {
    let mut text = String::new();
    for number in 1..=MESSAGES {
        let came = Timestamp::from_second(BEGIN + number).unwrap().strftime("%a %b %e %H:%M:%S %Y");
        let status = if number < FIRST_UNREAD { "RO" } else { "O" };
        write!(text, "From rig@{DOMAIN} {came}\nSubject: message {number}\nStatus: {status}\n").unwrap();
        if number == 1 {
            writeln!(text, "X-IMAPbase: {BEGIN} {MESSAGES:010}").unwrap();
        }
        write!(text, "X-UID: {number}\n\nOne of many.\n\n").unwrap();
    }
    text
}

/// Has Dovecot make its index of the folder.
fn index(rig: &Rig) {
    let seconds = INDEXING.as_secs().to_string();
    let done = as_root(&find("timeout"))
        .arg(seconds)
        .arg(find("doveadm"))
        .arg("-c")
        .arg(rig.work.join("full.conf"))
        .args(["mailbox", "status", "-u", &format!("vast@{DOMAIN}"), "messages unseen", "INBOX"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let wanted = format!("messages={MESSAGES} unseen={}", MESSAGES - FIRST_UNREAD + 1);
    assert!(said.contains(&wanted), "{said} {}", String::from_utf8_lossy(&done.stderr));
}

fn peak_kib(agent: &Agent) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", agent.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn select_seconds(result: &Value) -> f64 {
    let phases = result["phases"].as_array().unwrap();
    phases.iter().find(|phase| phase["phase"] == "select").unwrap()["seconds"].as_f64().unwrap()
}

#[test]
fn a_folder_of_200_000_messages_is_counted_in_its_bounds() {
    let rig = Rig::shared();
    let home = vast_home(&rig.work);
    fs::create_dir_all(&home).unwrap();
    let (inbox, messages) = (home.join("inbox"), mbox());
    fs::write(&inbox, &messages).unwrap();
    let owned = as_root(Path::new("chown")).args(["-R", "mail:mail"]).arg(&home).status().unwrap();
    assert!(owned.success());
    index(rig);

    let extra = "imap: {unread: true, timeout: 60s, interval: 1h}";
    let config = configure(rig, "vast", "{}", &[VAST.with(extra)]);
    let check = || results(&run(&["check", "--output", "json", "--transcript"], Some(&config))).remove(0);
    let rounds: Vec<Value> = (0..3).map(|_| check()).collect();
    for result in &rounds {
        assert_eq!(result["success"], true, "{result}");
        let unread = &result["server"]["unread"];
        assert_eq!(unread["messages"], MESSAGES - FIRST_UNREAD + 1, "{unread}");
        assert_eq!(unread["oldest"], "2023-11-16T07:33:21Z", "{unread}");
        assert_eq!(unread["newest"], "2023-11-17T05:46:40Z", "{unread}");
        assert!(unread["missing"].is_null(), "{unread}");
    }
    let kept = as_root(Path::new("cat")).arg(&inbox).output().unwrap().stdout;
    assert!(kept == messages.as_bytes(), "no message has another flag");

    let took: Vec<(f64, f64)> = rounds
        .iter()
        .map(|result| (select_seconds(result), result["duration_seconds"].as_f64().unwrap()))
        .collect();
    let best = took.iter().map(|(_, whole)| *whole).fold(f64::INFINITY, f64::min);

    let small: Vec<_> = (0..=PROBES).map(|at| (format!("small-{at}"), "user1")).collect();
    let large: Vec<_> = (0..PROBES).map(|at| (format!("large-{at}"), VAST.user)).collect();
    let cases: Vec<_> = small
        .iter()
        .chain(&large)
        .map(|(name, user)| VAST.as_user(name.clone().leak(), user).with(extra))
        .collect();
    let agent = Agent::serve(&configure(rig, "vast-memory", "{}", &cases), &[]);
    let probe = |(name, _): &(String, &str)| {
        let page = agent.page(&format!("/probe?mailbox={name}"));
        assert!(page.contains("mailbox_folder_unread_messages"), "{page}");
    };
    small.iter().for_each(probe);
    let usual = peak_kib(&agent);
    large.iter().for_each(probe);
    let more = peak_kib(&agent) - usual;
    agent.terminate();
    assert!(best < LONGEST_SECONDS, "{took:?}");
    assert!(more < MOST_MEMORY_KIB, "{more} KiB for {PROBES} probes");
}
