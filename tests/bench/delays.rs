//! Whether the agent tells a slow server from itself: delays of known size at each step, alone and beside a fleet.
//!
//! What is printed beyond the delay includes the work of both sides. How late the server's timer is by itself is measured
//! here with a timer of the same kind, and taken off.

use std::thread::sleep;
use std::time::{Duration, Instant};

use mailbox_exporter::model::Phase;
use mailbox_exporter::sim::Step;
use tokio::runtime::Builder;

use crate::counterpart::{DELAY, LATE, Servers, Wanted, late_name};
use crate::pages::wait_for_first_probes;
use crate::support::process::Agent;
use crate::support::scrape::value;
use crate::support::yaml::Door;
use crate::{Scale, millis};

/// How often each mailbox is looked at, and how often there is something new.
const LOOKS: usize = 6;
const EVERY: Duration = Duration::from_secs(10);
/// How many timers are measured.
const TIMERS: u32 = 20;
/// Within what a delay is told, alone and beside a fleet of ten thousand mailboxes a minute by two protocols.
const PROMISED: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(10)];

pub(crate) fn run(scale: Scale) {
    let timer = timer();
    println!("a timer is late by {:.2} ms by itself", millis(timer));
    println!(
        "delays of {} ms, in ms: what is reported beyond them, in the middle and at most",
        DELAY.as_millis()
    );
    for (mailboxes, promised) in [1, scale.mailboxes(10_000, 50)].into_iter().zip(PROMISED) {
        println!(
            "{mailboxes} mailboxes beside them each minute; promised: within {} ms",
            promised.as_millis()
        );
        println!(
            "{:<12} {:<12} {:>8} {:>8} {:>18}",
            "late at", "phase", "middle", "most", "other phases, most"
        );
        let servers = Servers::start(Wanted { interval: "1m", late: true, ..Wanted::idle(mailboxes) });
        let agent = Agent::serve(&servers.config(), &[]);
        wait_for_first_probes(agent.address, 2 * mailboxes + LATE.len());
        let mut seen = LATE.map(|_| Vec::new());
        for _ in 0..if scale.earnest { LOOKS } else { 1 } {
            for (row, seen) in LATE.iter().zip(&mut seen) {
                seen.push(look(&agent, *row));
            }
            sleep(EVERY);
        }
        for ((step, _, phase), seen) in LATE.iter().zip(seen) {
            let mut beyond: Vec<f64> =
                seen.iter().map(|(there, _)| there - phase.map_or(0.0, |_| millis(DELAY + timer))).collect();
            beyond.sort_by(f64::total_cmp);
            let (middle, most) = (beyond[beyond.len() / 2], beyond[beyond.len() - 1]);
            let elsewhere = seen.iter().map(|(_, elsewhere)| *elsewhere).fold(0.0, f64::max);
            let verdict = if most <= millis(promised) { "" } else { "  MORE THAN PROMISED" };
            let (step, phase) = (format!("{step:?}"), phase.map_or("none", Phase::label));
            println!("{step:<12} {phase:<12} {middle:>8.2} {most:>8.2} {elsewhere:>18.2}{verdict}");
        }
    }
}

/// How late a timer like the server's is, on average.
fn timer() -> Duration {
    let runtime = Builder::new_current_thread().enable_time().build().unwrap();
    let begun = Instant::now();
    runtime.block_on(async {
        for _ in 0..TIMERS {
            tokio::time::sleep(DELAY).await;
        }
    });
    begun.elapsed() / TIMERS - DELAY
}

/// The time that the last probe of a late server spent in the phase of the delay, and in all others, in ms.
fn look(agent: &Agent, (step, door, late): (Step, Door, Option<Phase>)) -> (f64, f64) {
    let name = late_name(step);
    // An observation younger than a minute is the answer.
    let page = agent.page(&format!("/probe?mailbox={name}"));
    let took = |phase: &Phase| {
        let labels =
            format!("mailbox=\"{name}\",protocol=\"{}\",phase=\"{}\"", door.protocol(), phase.label());
        value(&page, &format!("mailbox_probe_phase_seconds{{{labels}}}")).unwrap_or(0.0) * 1000.0
    };
    let all: f64 = Phase::ALL.iter().map(took).sum();
    let there = late.as_ref().map_or(0.0, took);
    (there, all - there)
}
