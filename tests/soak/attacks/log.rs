//! A log that is not read. A pipe holds 64 KiB; the fleet fills it within seconds.

use crate::arena::{Arena, Turn};

pub(super) async fn unread(arena: &Arena, turn: Turn) {
    arena.open.agent.log.pause(true);
    turn.rest(turn.left()).await;
    arena.open.agent.log.pause(false);
}
