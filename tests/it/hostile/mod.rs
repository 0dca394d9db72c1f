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
const ROWS: [(Fault, Door, &str); 14] = [
    (Fault::DeepNesting, Door::Imap, "capability protocol_error"),
    (Fault::HugeLiteral, Door::Imap, "capability protocol_error"),
    (Fault::EndlessLine, Door::Imap, "capability protocol_error"),
    (Fault::EndlessLine, Door::Smtp, "greeting protocol_error"),
    (Fault::EndlessLines, Door::Imap, "capability protocol_error"),
    (Fault::EndlessLines, Door::Smtp, "greeting protocol_error"),
    (Fault::EndlessLines, Door::SmtpTls, "greeting protocol_error"),
    (Fault::EightBitText, Door::Imap, "up"),
    (Fault::EightBitText, Door::Smtp, "up"),
    (Fault::InjectedPlaintext, Door::ImapStartTls, "starttls protocol_error"),
    (Fault::InjectedPlaintext, Door::Smtp, "starttls protocol_error"),
    (Fault::Token(TokenFault::HugeBody), Door::Imap, "token protocol_error"),
    (Fault::NulBytes, Door::Imap, "up"),
    (Fault::None, Door::Imap, "up"),
];

/// The longest that a probe of them may take there: seconds less than any of its time-outs.
const LONGEST: f64 = 5.0;
/// Memory that the program may ever have used, in kilobytes: its code, its threads, and no literal.
const MOST_MEMORY: u64 = 200 * 1024;

/// Each is probed again every few seconds, so that the second probe shows that the first left nothing behind.
const OFTEN: &str = "interval: 60s, imap: { interval: 4s }, smtp: { interval: 4s }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_can_kill_the_program_or_hold_it() {
    let mut world = World::start().await;
    let shared = world.app();
    let mut wanted = words::watch(&mut world, OFTEN).await;
    for (fault, door, verdict) in ROWS {
        let app = if matches!(fault, Fault::Token(_)) { world.app() } else { shared.clone() };
        let mailbox = world.mailbox_of(&app, fault).await;
        let name = format!("{}-{}-{}", fault.label(), door.protocol(), door.tls());
        world.yaml.watch(&name, &mailbox, door, OFTEN);
        wanted.push((name, verdict));
    }
    let agent = Agent::serve(&world.configuration(), &[]);
    let mut missing = Vec::new();
    let scrape = soon(|| {
        let scrape = Scrape::of(agent.address);
        let others = wanted.iter().map(|(name, wanted)| (name, wanted, said(&scrape, name)));
        missing = others
            .filter(|(_, wanted, said)| said.as_str() != **wanted)
            .map(|row| format!("{row:?}"))
            .collect();
        missing.is_empty().then_some(scrape)
    });
    let scrape = scrape.unwrap_or_else(|| panic!("not as they should be:\n{}", missing.join("\n")));
    for (name, _) in &wanted {
        let took = scrape.metric("mailbox_probe_duration_seconds").label("mailbox", name).value().unwrap();
        assert!(took < LONGEST, "{name} took {took} s");
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
    let status = fs::read_to_string(format!("/proc/{}/status", agent.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < MOST_MEMORY, "{peak} kB");
    let run = agent.terminate();
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    assert!(!run.stderr.contains("a panic"), "{}", run.stderr);
}

/// What the page says of a mailbox: `up`, phase and reason, or nothing yet.
fn said(scrape: &Scrape, mailbox: &str) -> String {
    let success = scrape.metric("mailbox_probe_success").label("mailbox", mailbox).value();
    if success == Some(1.0) {
        return "up".to_owned();
    }
    let failure = scrape.metric("mailbox_probe_failure_info").label("mailbox", mailbox);
    failure
        .text("phase")
        .zip(failure.text("reason"))
        .map_or_else(String::new, |(phase, reason)| format!("{phase} {reason}"))
}
