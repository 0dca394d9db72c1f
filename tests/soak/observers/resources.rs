//! Memory, descriptors and threads of both agents, second by second, and whether they live.

use std::time::Duration;

use super::{Progress, Stage, repeat};
use crate::arena::{Arena, Target};
use crate::invariant::Invariant;

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

pub(super) fn watch(arena: &Arena, progress: &Progress) {
    let mut dead = [false; 2];
    repeat(progress, EVERY, async || {
        for (target, dead) in [&arena.open, &arena.guarded].into_iter().zip(&mut dead) {
            look(arena, target, progress.stage(), dead);
        }
    });
}

fn look(arena: &Arena, target: &Target, stage: Stage, dead: &mut bool) {
    let name = target.agent.name;
    if let Some(status) = target.agent.ended() {
        if !std::mem::replace(dead, true) {
            arena.journal.fault_now(Invariant::Alive, &format!("{name}: it has ended, {status}"));
        }
        return;
    }
    if stage == Stage::Attack
        && let Some(used) = target.agent.resources()
    {
        arena.journal.usage(name, used.memory_kib, used.descriptors, used.threads);
    }
}
