//! Round trips through real servers: Postfix takes the message, Dovecot gets it by LMTP and shows it by IMAP.
//!
//! Whatever happens to the message, both mailboxes end as they began; every message in them is compared.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::case::folder;
use crate::certificates::authority;
use crate::idp::{CLIENT_SECRET, SCOPE, TENANT};
use crate::rig::{DOMAIN, Rig, as_root, find};
use crate::support::process::{Program, Run, results, run};
use crate::support::wait::until;

/// Messages of other people, which nobody may touch: one is about round trips, one is marked as deleted by its owner.
const OTHERS: [(&str, &str); 3] = [
    ("cur/1.invoice:2,S", "Subject: Invoice 4711\r\n\r\nPay.\r\n"),
    (
        "cur/2.talk:2,",
        "Subject: mailbox-exporter round trip\r\nX-Mailbox-Exporter-Round-Trip: mine\r\n\r\nTalk.\r\n",
    ),
    ("cur/3.done:2,ST", "Subject: done with\r\n\r\nDeleted by its owner, and not yet removed.\r\n"),
];

/// Messages by file, relative to the mailbox; the marks of a message are part of its name.
type Mail = BTreeMap<String, String>;

/// A way from one mailbox to another, and what is in both before anything happens.
struct Way {
    rig: &'static Rig,
    config: PathBuf,
    users: Vec<&'static str>,
    before: Mail,
    _alone: MutexGuard<'static, ()>,
}

/// The ways share mailboxes and a queue: one is tried at a time.
static ALONE: Mutex<()> = Mutex::new(());

impl Way {
    /// `timeout` is that of the round trip.
    fn between(from: &'static str, to: &'static str, timeout: &str) -> Self {
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let rig = Rig::post();
        let mut users = vec![from, to];
        users.dedup();
        for user in &users {
            put_others(rig, user);
        }
        let before = mail(rig, &users);
        assert_eq!(before.len(), users.len() * OTHERS.len());
        Self { rig, config: configure(rig, from, to, timeout), users, before, _alone: alone }
    }

    fn check(&self) -> Run {
        run(&["check", "--output", "json"], Some(&self.config))
    }

    /// Fails where a message is there that was not, or is not there that was, or has changed.
    fn is_as_before(&self) {
        assert_eq!(mail(self.rig, &self.users), self.before, "{}", self.rig.log("postfix"));
    }

    /// Lets go of what is held for the receiving mailbox.
    fn release(&self) {
        for (id, _) in self.queued() {
            let output = self.postfix("postsuper", &["-H", &id]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        // What is let go of is deferred; this tries it again at once.
        let output = self.postfix("postqueue", &["-f"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn is_queued(&self) -> bool {
        !self.queued().is_empty()
    }

    /// Whether Postfix has taken a message as a whole. One that is still coming in vanishes with its sender.
    fn is_held(&self) -> bool {
        self.queued().iter().any(|(_, queue)| queue == "hold")
    }

    /// The messages for the receiving mailbox: id and queue.
    fn queued(&self) -> Vec<(String, String)> {
        let to = format!("{}@{DOMAIN}", self.users.last().unwrap());
        let listed = String::from_utf8(self.postfix("postqueue", &["-j"]).stdout).unwrap();
        let messages = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let is_for_it = |message: &Value| message["recipients"][0]["address"] == to.as_str();
        let text = |message: &Value, key: &str| message[key].as_str().unwrap().to_owned();
        messages
            .filter(is_for_it)
            .map(|message| (text(&message, "queue_id"), text(&message, "queue_name")))
            .collect()
    }

    fn postfix(&self, program: &str, arguments: &[&str]) -> Output {
        let conf = self.rig.work.join("postfix/conf");
        as_root(&find(program)).arg("-c").arg(conf).args(arguments).output().unwrap()
    }

    /// Messages that were not there before.
    fn arrived(&self) -> Vec<String> {
        mail(self.rig, &self.users).into_keys().filter(|file| !self.before.contains_key(file)).collect()
    }
}

fn configure(rig: &Rig, from: &str, to: &str, timeout: &str) -> PathBuf {
    let folder = folder(rig, &format!("trip-{from}-{to}"));
    fs::write(folder.join("client-secret"), CLIENT_SECRET).unwrap();
    let (imaps, submissions) = (rig.ports.of("imaps"), rig.ports.of("submissions"));
    let (idp, ca) = (rig.idp.port(), authority(&rig.work));
    let ca = ca.display();
    let mut yaml = format!(
        "credentials:\n  right: {{ type: client_secret, tenant: {TENANT}, client_id: app-right, secret: {{file: client-secret}} }}\n\
         providers:\n  rig:\n    imap: {{ host: 127.0.0.1, port: {imaps} }}\n    smtp: {{ host: 127.0.0.1, port: {submissions}, tls: implicit }}\n    \
         token_url: \"http://127.0.0.1:{idp}/{{tenant}}/oauth2/v2.0/token\"\n    scope: {SCOPE}\n    ca_file: {ca}\n\
         defaults: {{ provider: rig }}\nmailboxes:\n  \
         - {{ name: {from}, address: {from}@{DOMAIN}, credential: right, checks: [round_trip], round_trip: {{ to: {to}, timeout: {timeout} }} }}\n"
    );
    if from != to {
        yaml += &format!("  - {{ name: {to}, address: {to}@{DOMAIN}, credential: right, checks: [imap] }}\n");
    }
    let path = folder.join("config.yaml");
    fs::write(&path, yaml).unwrap();
    path
}

fn maildir(rig: &Rig, user: &str) -> PathBuf {
    rig.work.join("mail").join(user).join("Maildir")
}

fn put_others(rig: &Rig, user: &str) {
    let given = folder(rig, &format!("mail-of-{user}"));
    for part in ["new", "cur", "tmp"] {
        fs::create_dir_all(given.join(part)).unwrap();
    }
    for (file, text) in OTHERS {
        fs::write(given.join(file), text).unwrap();
    }
    let home = maildir(rig, user);
    for (program, arguments) in [
        ("mkdir", vec![Path::new("-p"), home.parent().unwrap()]),
        ("cp", vec![Path::new("-rT"), &given, &home]),
        ("chown", vec![Path::new("-R"), Path::new("mail:mail"), home.parent().unwrap()]),
    ] {
        let done = as_root(&find(program)).args(arguments).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
}

/// Every message of these users, in every folder, with its content.
fn mail(rig: &Rig, users: &[&str]) -> Mail {
    let mut found = Mail::new();
    for user in users {
        let home = maildir(rig, user);
        let output = as_root(&find("find"))
            .arg(&home)
            .args(["-ignore_readdir_race", "-type", "f", "-regex", r".*/\(new\|cur\|tmp\)/[^/]*"])
            .output()
            .unwrap();
        for file in String::from_utf8(output.stdout).unwrap().lines() {
            let content = as_root(&find("cat")).arg(file).output().unwrap();
            let name = format!("{user}{}", file.strip_prefix(home.to_str().unwrap()).unwrap());
            found.insert(name, String::from_utf8_lossy(&content.stdout).into_owned());
        }
    }
    found
}

/// The result of the round trip.
fn trip(run: &Run) -> Value {
    let all = results(run);
    let found = all.iter().find(|result| result["protocol"] == "round_trip");
    found.unwrap_or_else(|| panic!("no round trip: {}", run.said())).clone()
}

fn assert_fails(run: &Run, phase: &str, reason: &str, detail: &[&str]) {
    let trip = trip(run);
    assert_eq!((&trip["phase"], &trip["reason"]), (&phase.into(), &reason.into()), "{trip:#}");
    for words in detail {
        assert!(trip["detail"].as_str().unwrap().contains(words), "{words}: {trip:#}");
    }
}

#[test]
fn a_message_gets_there_and_both_mailboxes_end_as_they_began() {
    for (from, to) in [("writes", "reads"), ("alone", "alone")] {
        let way = Way::between(from, to, "60s");
        let run = way.check();
        let trip = trip(&run);
        assert_eq!((run.status, &trip["success"]), (Some(0), &true.into()), "{trip:#}\n{}", way.rig.logs());
        assert_eq!(trip["round_trip"]["to"], to);
        for leg in ["send_seconds", "deliver_seconds"] {
            assert!(trip["round_trip"][leg].is_number(), "{trip:#}");
        }
        let phases: Vec<_> =
            trip["phases"].as_array().unwrap().iter().map(|phase| phase["phase"].clone()).collect();
        let wanted = [
            "token",
            "resolve",
            "connect",
            "tls",
            "greeting",
            "capability",
            "auth",
            "send",
            "deliver",
            "clean",
        ];
        assert_eq!(phases, wanted);
        way.is_as_before();
    }
}

#[test]
fn a_message_in_the_folder_for_junk_is_found_and_deleted() {
    let way = Way::between("writes", "junked", "60s");
    assert_fails(&way.check(), "deliver", "delivered_to_junk", &["Junk Email"]);
    way.is_as_before();
}

#[test]
fn junk_and_copies_are_found_where_the_server_marks_folders() {
    let way = Way::between("keeps", "spurned", "60s");
    let run = way.check();
    assert_fails(&run, "deliver", "delivered_to_junk", &["the folder Unerwünscht of spurned"]);
    way.is_as_before();
    // The copy did exist: the server's log has its delivery.
    let copy = "to=<keeps@rig.test>, relay=127.0.0.1";
    assert!(way.rig.log("postfix").contains(copy), "{}", way.rig.log("postfix"));
}

#[test]
fn a_report_of_failed_delivery_tells_the_status_code() {
    let way = Way::between("returns", "gone", "60s");
    assert_fails(&way.check(), "deliver", "bounced", &["5.1.1", "nobody-here@rig.test"]);
    way.is_as_before();
}

#[test]
fn a_message_that_is_held_is_found_by_the_next_run() {
    let way = Way::between("held", "held", "12s");
    assert_fails(&way.check(), "deliver", "not_delivered", &["took it with: 250 2.0.0 Ok: queued as"]);
    way.is_as_before();
    way.release();
    until("the late message", || (!way.arrived().is_empty()).then_some(()));
    let run = way.check();
    assert_fails(&run, "deliver", "not_delivered", &["left behind by an earlier run"]);
    way.is_as_before();
}

#[test]
fn a_run_that_was_killed_between_the_legs_is_cleaned_up_after() {
    let way = Way::between("held-again", "held-again", "60s");
    for _ in 0..2 {
        let process = Program::new(&["check"]).config(&way.config).start();
        until("the message in the queue", || way.is_held().then_some(()));
        assert!(Command::new("kill").args(["-KILL", &process.id().to_string()]).status().unwrap().success());
        assert_eq!(process.end().status, None);
        way.release();
        until("the message in the mailbox", || (!way.is_queued()).then_some(()));
    }
    // The second run may have deleted the message of the first before it was killed.
    let left = way.arrived().len();
    assert!(left == 1 || left == 2, "{left}\n{}", way.rig.log("postfix"));
    let process = Program::new(&["check", "--output", "json"]).config(&way.config).start();
    until("the third message in the queue", || way.is_held().then_some(()));
    way.release();
    let run = process.end();
    let trip = trip(&run);
    assert_eq!(trip["success"], true, "{trip:#}");
    assert_eq!(trip["round_trip"]["earlier"].as_array().unwrap().len(), left, "{trip:#}");
    way.is_as_before();
}
