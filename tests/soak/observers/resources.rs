//! Memory, descriptors and threads of both agents, second by second, and whether they live.

use std::time::Duration;

use super::repeat;
use crate::arena::{Arena, Target};
use crate::invariant::Invariant;
use crate::stage::{Progress, Stage};
use crate::summary::BOUNDS;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

pub(super) fn watch(arena: &Arena, progress: &Progress) {
    let mut told = [Told::default(), Told::default()];
    repeat(progress, EVERY, async || {
        for (target, told) in [&arena.open, &arena.guarded].into_iter().zip(&mut told) {
            look(arena, target, progress.stage(), told);
        }
    });
}

/// What has been complained of: once is enough.
#[derive(Default)]
struct Told {
    dead: bool,
    above: [bool; BOUNDS.len()],
}

fn look(arena: &Arena, target: &Target, stage: Stage, told: &mut Told) {
    let name = target.agent.name;
    if let Some(status) = target.agent.ended() {
        if !std::mem::replace(&mut told.dead, true) {
            arena.journal.fault_now(Invariant::Alive, &format!("{name}: it has ended, {status}"));
        }
        return;
    }
    let Some(used) = target.agent.resources() else { return };
    let condition = arena.journal.condition();
    for (bound, told) in BOUNDS.iter().zip(&mut told.above) {
        let now = (bound.now)(&used);
        // Once for each time that it rises above.
        if now > bound.most && !std::mem::replace(told, now > bound.most) {
            let detail = format!("{name}: {}, more than {}", now / bound.unit, bound.most / bound.unit);
            arena.journal.fault(bound.invariant, &condition, &detail);
        }
        *told &= now > bound.most;
    }
    if stage > Stage::Warmup {
        arena.journal.usage(name, stage, &condition, &used);
    }
}
