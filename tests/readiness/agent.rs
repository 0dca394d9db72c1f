//! The running agent: metrics and pages, one process a state directory, and death by SIGKILL.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mailbox_exporter::sim::Fault;

use crate::world::{PROGRAM, World, passwords_shown, takes_passwords};

/// Often enough to be waited for.
const OFTEN: &str = "interval: 1s, timeout: 900ms";
/// For anything that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

struct Agent {
    child: Child,
    address: SocketAddr,
}

impl Agent {
    fn start(config: &Path) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(config)
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(log.read_line(&mut line).unwrap() > 0, "serve ended");
            if let Some((_, rest)) = line.split_once("http://") {
                let end =
                    rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
                break rest[..end].parse().unwrap();
            }
        };
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, address }
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.0 200"), "{path}: {answer}");
        answer
    }

    /// Waits until a page says so.
    fn until(&self, path: &str, said: &str) -> String {
        let began = Instant::now();
        loop {
            let page = self.get(path);
            if page.contains(said) {
                return page;
            }
            assert!(began.elapsed() < PATIENCE, "{path} never said {said}:\n{page}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// SIGKILL: nothing is written down on the way out.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_and_pages_show_every_state_with_its_counts() {
    let mut world = World::new().await;
    world.pace = OFTEN;
    world.exchange(Fault::None, "").await;
    world.exchange(Fault::TokenRejected, "not_expected: [imap]").await;
    let tenant = world.tenant();
    let agent = Agent::start(&world.configure());
    agent.until("/metrics", "mailbox_readiness{mailbox=\"m0\",protocol=\"imap\",state=\"decommissioned\"} 1");
    agent.until("/metrics", "mailbox_readiness{mailbox=\"m0\",protocol=\"smtp\",state=\"dual\"} 1");
    let page =
        agent.until("/metrics", "mailbox_readiness{mailbox=\"m1\",protocol=\"smtp\",state=\"at_risk\"} 1");
    let expected = [
        "mailbox_readiness{mailbox=\"m1\",protocol=\"imap\",state=\"not_expected\"} 1".to_owned(),
        "mailbox_basic_auth{mailbox=\"m0\",protocol=\"imap\",state=\"closed\"} 1".to_owned(),
        "mailbox_basic_auth{mailbox=\"m0\",protocol=\"smtp\",state=\"unknown\"} 1".to_owned(),
        format!("mailbox_readiness_checks{{tenant=\"{tenant}\",protocol=\"smtp\",state=\"at_risk\"}} 1"),
        format!("mailbox_readiness_checks{{tenant=\"{tenant}\",protocol=\"smtp\",state=\"ready\"}} 0"),
        format!("mailbox_readiness_score{{tenant=\"{tenant}\"}} "),
        "mailbox_readiness_evidence_timestamp_seconds{mailbox=\"m0\",protocol=\"smtp\",signal=\"oauth_login\"} ".to_owned(),
        // 2026-12-31 00:00 UTC.
        "mailbox_basic_auth_deadline_timestamp_seconds{provider=\"exchange_online\",protocol=\"smtp\",kind=\"default_off\"} 1798675200\n".to_owned(),
    ];
    for series in expected {
        assert!(page.contains(&series), "{series} is not in\n{page}");
    }
    // No date is known, so that there is no series.
    assert!(!page.contains("provider=\"exchange_online\",protocol=\"smtp\",kind=\"removal\""));
    assert_eq!(
        page.matches("\nmailbox_readiness{mailbox=\"m0\",protocol=\"smtp\"").count(),
        1,
        "one state at a time"
    );

    let board = agent.get("/readiness");
    for words in ["0 of 3", "OAuth login", "2026-12-31", "nothing survives a restart"] {
        let words = words.replace("0 of 3", "1 of 3");
        assert!(board.contains(&words), "the board does not say {words}:\n{board}");
    }
    assert!(agent.get("/mailboxes/m0").contains("Without passwords"));
    let json = agent.get("/api/v1/readiness");
    let json: serde_json::Value = serde_json::from_str(json.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(json["mailboxes"].as_array().unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_seen_and_tried_survives_sigkill() {
    let mut world = World::new().await;
    world.pace = OFTEN;
    let mailbox = world.exchange(Fault::None, "checks: [smtp]").await;
    takes_passwords(&mailbox);
    world.top = world.refusal();
    world.age();
    let config = world.configure();
    let agent = Agent::start(&config);
    let state = "mailbox_basic_auth{mailbox=\"m0\",protocol=\"smtp\",state=\"open\"} 1";
    agent.until("/metrics", state);
    assert_eq!(passwords_shown(&mailbox), 1);
    // What the trial showed is written down with the rest, within seconds.
    let journal = world.folder.join("state/readiness.journal");
    let began = Instant::now();
    while !std::fs::read_to_string(&journal).unwrap().contains("\"finding\":\"reached\"") {
        assert!(began.elapsed() < PATIENCE, "never written down");
        std::thread::sleep(Duration::from_millis(50));
    }
    agent.kill();

    // A new agent: the evidence is there before any probe, and the password is not tried again.
    mailbox.set_fault(Fault::Refused);
    let agent = Agent::start(&config);
    let page = agent.get("/metrics");
    assert!(page.contains(state), "{page}");
    agent.kill();
    mailbox.set_fault(Fault::None);
    let board = world.round().await;
    assert!(board.standing("m0", "smtp")["oauth_logins"]["successes_7d"].as_u64().unwrap() >= 2);
    assert_eq!(passwords_shown(&mailbox), 1, "once in 24 h, also across SIGKILL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_directory_has_one_agent_and_the_command_reads_beside_it() {
    let mut world = World::new().await;
    world.pace = OFTEN;
    let mailbox = world.exchange(Fault::None, "checks: [smtp], password: { file: pw }").await;
    takes_passwords(&mailbox);
    world.file("pw", mailbox.password());
    world.top = "state_dir: state\nreadiness: { password_login: declared }\n".to_owned();
    let config = world.configure();
    let agent = Agent::start(&config);
    agent.until("/metrics", "mailbox_basic_auth{mailbox=\"m0\",protocol=\"smtp\",state=\"open\"} 1");
    let second = Command::new(PROGRAM)
        .args(["serve", "--listen", "127.0.0.1:0", "--config"])
        .arg(&config)
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another process holds it"));
    let board = world.round().await;
    assert!(board.json["memory"].as_str().unwrap().contains("an agent is writing"), "{}", board.json);
    assert_eq!(passwords_shown(&mailbox), 1, "the command tries nothing that the agent does not know of");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_import_counts_without_a_restart_and_what_was_seen_stays() {
    let mut world = World::new().await;
    world.pace = OFTEN;
    world.exchange(Fault::None, "checks: [smtp]").await;
    world.top = "readiness: { usage: usage.csv }\n".to_owned();
    world.file("usage.csv", "m0,smtp,used\n");
    let agent = Agent::start(&world.configure());
    let use_of = |word: &str| format!("\"use\":\"{word}\"");
    agent.until("/metrics", "signal=\"oauth_login\"");
    agent.until("/api/v1/readiness", &use_of("seen"));
    world.file("usage.csv", "m0,smtp,unused\n");
    let page = agent.until("/api/v1/readiness", &use_of("none"));
    assert!(page.contains("\"state\":\"dual\""), "the logins seen before are forgotten: {page}");
    // What cannot be read now goes on saying what it said.
    world.file("usage.csv", [0xff]);
    agent.until("/api/v1/readiness", "\"fault\":");
    assert!(agent.get("/api/v1/readiness").contains(&use_of("none")));
}
