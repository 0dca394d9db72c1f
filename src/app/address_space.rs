//! Address space: the least with which the program starts.
//!
//! A program that runs out of it in the middle of its work is aborted by its allocator and can no longer say why.

use rustix::process::{Resource, getrlimit};

/// Two hundred mailboxes fit into this, with the threads' stacks and arenas. In MiB.
pub const LEAST: u64 = 96;

/// The limit in MiB if it is too small (`ulimit -v`, systemd `LimitAS`).
pub fn too_small() -> Option<u64> {
    let limit = getrlimit(Resource::As).current? / (1024 * 1024);
    (limit < LEAST).then_some(limit)
}
