//! `/-/healthy`, as the kubelet asks: a new connection each time.

use std::time::Duration;

use super::repeat;
use crate::arena::{Arena, Target};
use crate::invariant::{HEALTHY_WITHIN_MS, Invariant};
use crate::stage::Progress;

/// Between two questions.
const EVERY: Duration = Duration::from_millis(250);
/// How long an answer is waited for: long enough to tell how late it is.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn watch(arena: &Arena, target: &Target, progress: &Progress) {
    repeat(progress, EVERY, async || {
        let condition = arena.journal.condition();
        let fairness = arena.watch(target);
        let answer = target.door.get("/-/healthy", PATIENCE).await;
        let (took, name) = (fairness.took(), target.agent.name);
        arena.journal.healthy(&condition, took);
        let fault = match answer {
            Ok(answer) if answer.status != 200 => format!("{name}: status {}", answer.status),
            Ok(_) if took <= Duration::from_millis(HEALTHY_WITHIN_MS) => return,
            _ if fairness.was_denied() => return arena.journal.unjudged(Invariant::Healthy),
            Err(fault) => format!("{name}: {fault}"),
            Ok(_) => format!("{name}: after {:.2} s", took.as_secs_f64()),
        };
        arena.journal.fault(Invariant::Healthy, &condition, &fault);
    });
}
