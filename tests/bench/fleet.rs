//! A fleet in the real program, beside the bare dialogues at the same pace: processor time, memory, threads, lateness.

use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use mailbox_exporter::check::Prober;
use mailbox_exporter::model::Protocol;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::bare::Bare;
use crate::counterpart::{Servers, Wanted, by_tls};
use crate::meter::Process;
use crate::pages::{ask, probes, unpack, wait_for_first_probes};
use crate::{Scale, meter, mib, millis};

/// How long everything is watched.
const WATCHED: Duration = Duration::from_secs(60);
/// How often the agent is scraped in the second minute.
const SCRAPED_EVERY: Duration = Duration::from_secs(15);

/// Ten thousand mailboxes each minute.
pub(crate) fn dense(scale: Scale) {
    let watched = if scale.earnest { WATCHED } else { Duration::from_secs(3) };
    run(Wanted { interval: "1m", ..Wanted::idle(scale.mailboxes(10_000, 50)) }, watched);
}

/// Fifty thousand mailboxes every five minutes.
pub(crate) fn sparse(scale: Scale) {
    let watched = if scale.earnest { WATCHED } else { Duration::from_secs(3) };
    run(Wanted { interval: "5m", ..Wanted::idle(scale.mailboxes(50_000, 50)) }, watched);
}

fn run(wanted: Wanted, watched: Duration) {
    let servers = Servers::start(wanted);
    let checks = 2 * wanted.mailboxes;
    println!(
        "{} mailboxes by two protocols every {}, {} s each",
        wanted.mailboxes,
        wanted.interval,
        watched.as_secs()
    );
    let agent = servers.agent();
    let process = Process(agent.id());
    let idle = process.memory();
    wait_for_first_probes(agent.address, checks);
    let counted = |process: Process| {
        let metrics = unpack(&ask(agent.address, "/metrics"));
        (process.cpu(), probes(&metrics), buckets(&metrics))
    };

    let (_, first, _) = counted(process);
    let (begun, servers_begun) = (process.cpu(), servers.process().cpu());
    process.forget_peak();
    let mut rest = Vec::new();
    for _ in 0..watched.as_secs() {
        sleep(Duration::from_secs(1));
        rest.push(process.memory());
    }
    let (cpu, peak) = (process.cpu() - begun, process.peak());
    let (served, threads) = (servers.process().cpu() - servers_begun, process.threads());
    let (_, last, before) = counted(process);
    // The two scrapes that count are not in the time: what was probed while they were made is a little too much.
    let made = last - first;
    rest.sort_unstable();
    let middle = rest[rest.len() / 2];
    println!(
        "  alone: {made} probes, {:.3} core, {:.3} ms each; the servers {:.3} core",
        core(cpu, watched),
        millis(cpu) / made as f64,
        core(served, watched)
    );
    println!(
        "  memory: {:.1} MiB before the first probe, {:.1} at rest ({:.1} KiB a check), {:.1} at most; {threads} threads",
        mib(idle),
        mib(middle),
        middle as f64 / 1024.0 / checks as f64,
        mib(peak)
    );

    process.forget_peak();
    let begun = process.cpu();
    let scrapes = (watched.as_secs() / SCRAPED_EVERY.as_secs()).max(1);
    for _ in 0..scrapes {
        ask(agent.address, "/metrics");
        sleep(watched / u32::try_from(scrapes).unwrap());
    }
    let cpu = process.cpu() - begun;
    let (_, _, after) = counted(process);
    println!(
        "  scraped {scrapes} times: {:.3} core, {:.1} MiB at most; lateness {}",
        core(cpu, watched),
        mib(process.peak()),
        lateness(&before, &after)
    );
    drop(agent);
    bare(&servers, made, watched);
}

/// The same number of bare dialogues in the same time, half by each protocol.
fn bare(servers: &Servers, count: u64, watched: Duration) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let plan = servers.plan();
        let prober = Prober::new(&plan.limits, Arc::new(|_| ()));
        let mut clients = Vec::new();
        for protocol in [Protocol::Imap, Protocol::Smtp] {
            clients.push(Bare::of(&by_tls(&plan, protocol), &prober, &servers.authority()).await);
        }
        drop(plan);
        let mut pace = interval(watched / u32::try_from(count.max(1)).unwrap());
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let (begun, end) = (meter::cpu(), Instant::now() + watched);
        let mut talks = JoinSet::new();
        for number in 0.. {
            pace.tick().await;
            if Instant::now() >= end {
                break;
            }
            let client: &Bare = &clients[number % clients.len()];
            let client = client.clone();
            talks.spawn(async move { client.say().await });
            while talks.try_join_next().is_some() {}
        }
        let cpu = meter::cpu() - begun;
        println!("  bare dialogues at the same pace: {:.3} core", core(cpu, watched));
    });
}

fn core(cpu: Duration, of: Duration) -> f64 {
    cpu.as_secs_f64() / of.as_secs_f64()
}

/// The cumulative counts of the lateness histogram by their bounds.
fn buckets(metrics: &str) -> Vec<(f64, u64)> {
    let row = |line: &str| {
        let rest = line.strip_prefix("mailbox_exporter_probe_lateness_seconds_bucket{le=\"")?;
        let (bound, count) = rest.split_once("\"} ")?;
        Some((if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() }, count.parse().unwrap()))
    };
    metrics.lines().filter_map(row).collect()
}

/// In which bucket the 99th percentile and the latest of the probes between two pages lie.
fn lateness(before: &[(f64, u64)], after: &[(f64, u64)]) -> String {
    let counts: Vec<(f64, u64)> =
        before.iter().zip(after).map(|((bound, old), (_, new))| (*bound, new - old)).collect();
    let all = counts.last().map_or(0, |(_, count)| *count);
    let within =
        |count: u64| counts.iter().find(|(_, sum)| *sum >= count).map_or(0.0, |(bound, _)| bound * 1000.0);
    format!("p99 within {} ms, the latest within {} ms", within(all - all / 100), within(all))
}
