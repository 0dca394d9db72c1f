//! `/-/healthy`, as the kubelet asks: a new connection each time.

use std::time::{Duration, Instant};

use super::{Progress, repeat};
use crate::arena::{Arena, Target};
use crate::invariant::{HEALTHY_WITHIN_MS, Invariant};
use crate::metronome::TOLERATED;

/// Between two questions.
const EVERY: Duration = Duration::from_millis(250);
/// How long an answer is waited for: long enough to tell how late it is.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn watch(arena: &Arena, target: &Target, progress: &Progress) {
    repeat(progress, EVERY, async || {
        let condition = arena.journal.condition();
        let begun = Instant::now();
        let answer = target.door.get("/-/healthy", PATIENCE).await;
        let took = begun.elapsed();
        if took > Duration::from_millis(HEALTHY_WITHIN_MS) && arena.metronome.stall_since(begun) > TOLERATED {
            arena.journal.unjudged();
            return;
        }
        arena.journal.healthy(&condition, took);
        let name = target.agent.name;
        let fault = match answer {
            Err(fault) => format!("{name}: {fault}"),
            Ok(answer) if answer.status != 200 => format!("{name}: status {}", answer.status),
            Ok(_) if took > Duration::from_millis(HEALTHY_WITHIN_MS) => {
                format!("{name}: after {:.2} s", took.as_secs_f64())
            }
            Ok(_) => return,
        };
        arena.journal.fault(Invariant::Healthy, &condition, &fault);
    });
}
