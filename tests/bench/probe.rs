//! What a probe costs: processor time beside that of the bare TLS handshake with the same server in the same
//! run, round trips, and the memory of mailboxes that wait for their turn.
//!
//! `cargo bench` measures; run in any other way it only shows that it would. The servers are another process,
//! so that what is measured here is the probe alone.

// A measurement that cannot be made has failed, and its result is what is printed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod counterpart;
mod meter;
#[allow(dead_code, reason = "a measurement needs the configuration alone")]
#[path = "../support/mod.rs"]
mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mailbox_exporter::app::App;
use mailbox_exporter::check::{ProbeRequest, Prober};
use mailbox_exporter::model::{Check, Observation, Protocol, Speaker};
use mailbox_exporter::net::{Dialer, Io, TlsFacts};
use mailbox_exporter::report::Report;
use tokio::time::Instant;

use self::counterpart::{ARGUMENT, Servers};

/// Turns of a measurement; and where it is only tried.
const TURNS: (u32, u32) = (1000, 3);
/// Mailboxes whose memory is measured; and where it is only tried.
const FLEETS: (&[usize], &[usize]) = (&[1000, 10_000], &[50]);
/// How long a fleet is left alone before its memory is read: what was needed to build it is given back.
const REST: Duration = Duration::from_millis(300);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [argument, folder, count] = arguments.as_slice()
        && argument == ARGUMENT
    {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(counterpart::serve(Path::new(folder), count.parse().unwrap()));
        return;
    }
    let earnest = arguments.iter().any(|argument| argument == "--bench");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let turns = if earnest { TURNS.0 } else { TURNS.1 };
        time(turns).await;
        for count in if earnest { FLEETS.0 } else { FLEETS.1 } {
            memory(*count).await;
        }
    });
}

/// Processor time and round trips of each kind of probe.
async fn time(turns: u32) {
    let servers = Servers::start(1);
    let plan = servers.plan();
    let check = |provider: &str, protocol| {
        let named =
            |check: &&Arc<Check>| &*check.mailbox.provider.name == provider && check.protocol() == protocol;
        Arc::clone(plan.checks.iter().find(named).unwrap())
    };
    let (imap, smtp, smtp_tls) =
        (check("tls", Protocol::Imap), check("starttls", Protocol::Smtp), check("tls", Protocol::Smtp));
    let prober = Prober::new(&plan.limits, Arc::new(|_| ()));
    // The token, the authorities and whatever else is done once.
    for check in [&imap, &smtp, &smtp_tls] {
        observe(&prober, check).await;
    }
    let bare = handshakes(&servers, imap.endpoint.port, turns).await;
    println!("{turns} turns each\n");
    println!("{:<28} {:>10} {:>8} {:>12}", "", "cpu ms", "ratio", "round trips");
    println!("{:<28} {:>10.3} {:>8.2} {:>12}", "TLS handshake alone", millis(bare), 1.0, 2);
    for (name, check) in [("IMAP", &imap), ("SMTP, TLS at once", &smtp_tls), ("SMTP, STARTTLS", &smtp)] {
        let begun = meter::cpu();
        let mut trips = 0;
        for _ in 0..turns {
            trips = round_trips(&observe(&prober, check).await);
        }
        let each = (meter::cpu() - begun) / turns;
        println!(
            "{name:<28} {:>10.3} {:>8.2} {trips:>12}",
            millis(each),
            each.as_secs_f64() / bare.as_secs_f64()
        );
    }
    println!();
}

async fn observe(prober: &Prober, check: &Arc<Check>) -> Observation {
    let seen = prober.probe(&ProbeRequest::of_check(check, Instant::now())).await;
    assert!(seen.outcome.is_up(), "{:?}", seen.outcome);
    seen
}

/// What a handshake alone costs: the same connection, the same trust, and nothing said.
async fn handshakes(servers: &Servers, port: u16, turns: u32) -> Duration {
    let dialer = Dialer::default();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let authority = servers.authority();
    let shake = async || {
        let stream: Box<dyn Io> = Box::new(dialer.connect(address).await.unwrap());
        let trust = dialer.trust(Some(&authority)).await.unwrap();
        drop(trust.handshake(stream, "localhost", &mut TlsFacts::default()).await.unwrap());
    };
    shake().await;
    let begun = meter::cpu();
    for _ in 0..turns {
        shake().await;
    }
    (meter::cpu() - begun) / turns
}

/// How often the probe waits for the server, from the connection to the goodbye: once for TCP, once for TLS
/// 1.3, and once for each time that the server has the word.
fn round_trips(seen: &Observation) -> usize {
    let speakers: Vec<_> = seen.dialogue.iter().map(|line| line.from).collect();
    let words = speakers.iter().enumerate().filter(|(place, speaker)| {
        **speaker == Speaker::Server
            && place.checked_sub(1).is_none_or(|before| speakers[before] == Speaker::Client)
    });
    2 + words.count()
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Memory of a fleet: as it waits for its first probes, and when each check has been probed once.
async fn memory(count: usize) {
    let servers = Servers::start(count);
    let before = meter::memory();
    let plan = servers.plan();
    let app = App::start(&plan).await.unwrap();
    let rest = || tokio::time::sleep(REST);
    rest().await;
    let idle = meter::memory().saturating_sub(before);
    app.stop().await;
    println!("{count} mailboxes by two protocols: {}", per(idle, count));
    let prober = Prober::new(&plan.limits, Arc::new(|_| ()));
    let report = Report::new(&plan);
    for check in &plan.checks {
        report.record(observe(&prober, check).await);
    }
    rest().await;
    println!("{:>28} {}", "after a probe of each:", per(meter::memory().saturating_sub(before), count));
}

fn per(bytes: u64, count: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "memory of a machine")]
    let (all, each) = (bytes as f64 / 1024.0 / 1024.0, bytes as f64 / 1024.0 / count as f64);
    format!("{all:.1} MiB, {each:.1} KiB each")
}
