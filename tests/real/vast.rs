//! A folder of 20,000 messages: what a probe that counts the unread ones tells, how long it takes, and in how much memory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::case::{VAST, configure};
use crate::dovecot::vast_home;
use crate::rig::{Rig, as_root};
use crate::support::process::{Agent, results, run};

const MESSAGES: usize = 20_000;
/// Messages before this one are read; the rest is not.
const FIRST_UNREAD: usize = 12_001;
/// File systems allow so many links of one file, and more.
const LINKS: usize = 10_000;
/// When the first message came, in seconds since 1970; each comes a second later.
const BEGIN: u64 = 1_700_000_000;

/// Probes during which Dovecot may make its index of the folder.
const INDEXING: usize = 6;
/// What such a folder may cost at most.
const LONGEST_SECONDS: f64 = 2.0;
const MOST_MEMORY_KIB: u64 = 1024;
/// Probes whose memory is measured together.
const PROBES: usize = 5;

/// Fills the maildir. Thousands of names share a message; the two that have a date of their own do not.
fn fill(maildir: &Path) {
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(maildir.join(part)).unwrap();
    }
    let cur = maildir.join("cur");
    let name = |number: usize| {
        let flags = if number < FIRST_UNREAD { "S" } else { "" };
        cur.join(format!("{}.{number}.rig:2,{flags}", BEGIN + number as u64))
    };
    let mut shared = PathBuf::new();
    for number in 1..=MESSAGES {
        let (file, has_own_date) = (name(number), [FIRST_UNREAD, MESSAGES].contains(&number));
        if !has_own_date && number % LINKS != 1 {
            fs::hard_link(&shared, &file).unwrap();
            continue;
        }
        fs::write(&file, format!("Subject: message {number}\r\n\r\nOne of many.\r\n")).unwrap();
        let came = SystemTime::UNIX_EPOCH + Duration::from_secs(BEGIN + number as u64);
        File::options().append(true).open(&file).unwrap().set_modified(came).unwrap();
        if !has_own_date {
            shared = file;
        }
    }
}

/// The messages and their flags, which are in the names.
fn names(maildir: &Path) -> Vec<String> {
    let entries = ["new", "cur"].map(|part| fs::read_dir(maildir.join(part)).unwrap());
    let mut names: Vec<_> = entries
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
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
fn a_folder_of_20_000_messages_is_counted_in_its_bounds() {
    let rig = Rig::shared();
    let home = vast_home(&rig.work);
    let maildir = home.join("Maildir");
    fill(&maildir);
    let owned = as_root(Path::new("chown")).args(["-R", "mail:mail"]).arg(&home).status().unwrap();
    assert!(owned.success());
    let before = names(&maildir);
    assert_eq!(before.len(), MESSAGES);

    let extra = "imap: {unread: true, timeout: 60s, interval: 1h}";
    let config = configure(rig, "vast", "{}", &[VAST.with(extra)]);
    let check = || results(&run(&["check", "--output", "json", "--transcript"], Some(&config))).remove(0);
    // Dovecot makes its index for the first client, which may take longer than a probe waits.
    let is_indexed = (0..INDEXING).any(|_| check()["success"] == true);
    assert!(is_indexed, "Dovecot has not made its index in {INDEXING} probes");
    let rounds: Vec<Value> = (0..3).map(|_| check()).collect();
    for result in &rounds {
        assert_eq!(result["success"], true, "{result}");
        let unread = &result["server"]["unread"];
        assert_eq!(unread["messages"], MESSAGES - FIRST_UNREAD + 1, "{unread}");
        assert_eq!(unread["oldest"], "2023-11-15T01:33:21Z", "{unread}");
        assert_eq!(unread["newest"], "2023-11-15T03:46:40Z", "{unread}");
        assert!(unread["missing"].is_null(), "{unread}");
    }
    assert_eq!(names(&maildir), before, "no message has another flag");

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
