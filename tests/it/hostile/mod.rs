//! Servers that would kill a client that does not count: the program survives them, in little time and memory.
//!
//! One row for each way, as measured with the mail libraries alone: stack overflow, allocation without bound,
//! a core burnt, a panic, answers from before TLS believed after it.

mod words;

use std::fs;

use crate::support::process::Agent;
use crate::support::scrape::Scrape;
use crate::support::wait::{soon, until};
use crate::support::world::World;
use crate::support::yaml::Door;
use mailbox_exporter::sim::{Fault, TokenFault};

/// What is hostile, at which door, and what is made of it.
const ROWS: [(Fault, Door, &str, &str); 14] = [
    (Fault::DeepNesting, Door::Imap, "capability", "protocol_error"),
    (Fault::HugeLiteral, Door::Imap, "capability", "protocol_error"),
    (Fault::EndlessLine, Door::Imap, "capability", "protocol_error"),
    (Fault::EndlessLine, Door::Smtp, "greeting", "protocol_error"),
    (Fault::EndlessLines, Door::Imap, "capability", "protocol_error"),
    (Fault::EndlessLines, Door::Smtp, "greeting", "protocol_error"),
    (Fault::EndlessLines, Door::SmtpTls, "greeting", "protocol_error"),
    (Fault::EightBitText, Door::Imap, "", ""),
    (Fault::EightBitText, Door::Smtp, "", ""),
    (Fault::InjectedPlaintext, Door::ImapStartTls, "starttls", "protocol_error"),
    (Fault::InjectedPlaintext, Door::Smtp, "starttls", "protocol_error"),
    (Fault::Token(TokenFault::HugeBody), Door::Imap, "token", "protocol_error"),
    (Fault::NulBytes, Door::Imap, "", ""),
    (Fault::None, Door::Imap, "", ""),
];

/// The longest that a probe of them may take there: seconds less than any of its time-outs.
const LONGEST: f64 = 5.0;
/// Memory that the program may ever have used, in kilobytes: its code, its threads, and no literal.
const MOST_MEMORY: u64 = 200 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_can_kill_the_program_or_hold_it() {
    let mut world = World::start().await;
    let shared = world.app();
    let name = |(fault, door, ..): &(Fault, Door, &str, &str)| {
        format!("{}-{}-{}", fault.label(), door.protocol(), door.tls())
    };
    for row in &ROWS {
        let app = if matches!(row.0, Fault::Token(_)) { world.app() } else { shared.clone() };
        let mailbox = world.mailbox_of(&app, row.0).await;
        world.yaml.watch(
            &name(row),
            &mailbox,
            row.1,
            "interval: 60s, imap: { interval: 4s }, smtp: { interval: 4s }",
        );
    }
    let agent = Agent::serve(&world.configuration(), &[]);
    let shows = |scrape: &Scrape, row: &(Fault, Door, &str, &str)| {
        let success = scrape.metric("mailbox_probe_success").label("mailbox", &name(row)).value();
        let failure = scrape.metric("mailbox_probe_failure_info").label("mailbox", &name(row));
        match row.2 {
            "" => success == Some(1.0),
            phase => failure.label("phase", phase).label("reason", row.3).value() == Some(1.0),
        }
    };
    let mut missing = Vec::new();
    let scrape = soon(|| {
        let scrape = Scrape::of(agent.address);
        missing = ROWS.iter().filter(|row| !shows(&scrape, row)).map(name).collect();
        missing.is_empty().then_some(scrape)
    });
    let scrape = scrape.unwrap_or_else(|| panic!("not as they should be: {missing:?}"));
    for row in &ROWS {
        let took =
            scrape.metric("mailbox_probe_duration_seconds").label("mailbox", &name(row)).value().unwrap();
        assert!(took < LONGEST, "{} took {took} s", name(row));
    }
    until("a second round of those that are well", || {
        let scrape = Scrape::of(agent.address);
        let successes = scrape
            .metric("mailbox_probes_total")
            .label("mailbox", "none-imap-implicit")
            .label("outcome", "success");
        successes.value().filter(|count| *count >= 2.0)
    });
    agent.page("/-/healthy");
    let peak = peak_memory(agent.id()).unwrap();
    assert!(peak < MOST_MEMORY, "{peak} kB");
    let run = agent.terminate();
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    assert!(!run.stderr.contains("a panic"), "{}", run.stderr);
}

/// The most memory that a process has used so far, in kilobytes; nothing once it has ended.
fn peak_memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches(" kB").parse().ok()
}
