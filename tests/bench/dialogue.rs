//! What a probe costs beside the bare dialogue with the same server, in turns: processor time and round trips.

use std::sync::Arc;
use std::time::Duration;

use mailbox_exporter::check::{ProbeRequest, Prober};
use mailbox_exporter::model::{Check, Observation, Protocol, Speaker};
use mailbox_exporter::report::Report;
use tokio::time::Instant;

use crate::bare::Bare;
use crate::counterpart::{Servers, Wanted, by_tls};
use crate::{Scale, meter, millis};

/// Dialogues in a row, before it is the other's turn: a machine that is busy for a moment disturbs both.
const IN_A_ROW: u32 = 25;

pub(crate) async fn run(scale: Scale) {
    let turns = if scale.earnest { 40 } else { 1 };
    let servers = Servers::start(Wanted::idle(1));
    let plan = servers.plan();
    let prober = Prober::new(&plan.limits, Arc::new(|_| ()));
    let report = Report::new(&plan);
    println!("{:<18} {:>9} {:>9} {:>9} {:>7}   round trips", "", "shake ms", "bare ms", "probe ms", "ratio");
    for (name, protocol) in [("IMAP", Protocol::Imap), ("SMTP, TLS at once", Protocol::Smtp)] {
        let check = by_tls(&plan, protocol);
        let bare = Bare::of(&check, &prober, &servers.authority()).await;
        let trips = round_trips(&observe(&prober, &check).await);
        let [mut shaken, mut said, mut probed] = [Duration::ZERO; 3];
        // The first turn pays for what is done once: the authorities, the memory.
        for turn in 0..=turns {
            let counts = u32::from(turn > 0);
            shaken += counts * cost(async || drop(bare.shake().await)).await;
            said += counts * cost(async || bare.say().await).await;
            probed += counts * cost(async || _ = report.record(observe(&prober, &check).await)).await;
        }
        let each = |all: Duration| millis(all / (turns * IN_A_ROW));
        println!(
            "{name:<18} {:>9.3} {:>9.3} {:>9.3} {:>7.2}   {trips} beside {}",
            each(shaken),
            each(said),
            each(probed),
            probed.as_secs_f64() / said.as_secs_f64(),
            bare.round_trips()
        );
    }
}

/// What a turn of something costs.
async fn cost(work: impl AsyncFnMut()) -> Duration {
    let mut work = work;
    let begun = meter::cpu();
    for _ in 0..IN_A_ROW {
        work().await;
    }
    meter::cpu() - begun
}

/// One probe, which must succeed.
pub(crate) async fn observe(prober: &Prober, check: &Arc<Check>) -> Observation {
    let seen = prober.probe(&ProbeRequest::of_check(check, Instant::now())).await;
    assert!(seen.outcome.is_up(), "{:?}", seen.outcome);
    seen
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
