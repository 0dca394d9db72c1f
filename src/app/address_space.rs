//! Address space: the least that the program needs to start, and how its allocator copes with a limit.
//!
//! A program that runs out of address space in the middle of its work is aborted by its allocator and can no longer say
//! why.

use std::env;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::{Resource, getrlimit};

/// Two hundred mailboxes fit into this, with the threads' stacks and one arena. In MiB.
pub const LEAST: u64 = 96;

/// With this much, the arenas of all threads fit beside everything else. In MiB.
const ROOMY: u64 = 8 * 1024;

/// Tells glibc how many arenas it may open (mallopt(3)). Each reserves 64 MiB of address space, and a thread that finds
/// the others busy opens one.
const ARENAS: &str = "MALLOC_ARENA_MAX";

/// The limit in MiB if it is too small (`ulimit -v`, systemd `LimitAS`).
pub fn too_small() -> Option<u64> {
    limit().filter(|limit| *limit < LEAST)
}

/// Restarts the program with a single arena if its address space is limited. The allocator reads the variable only
/// once, before the program begins.
///
/// It must be called before anything else is done.
pub fn use_one_arena_if_limited() {
    let is_limited = limit().is_some_and(|limit| (LEAST..ROOMY).contains(&limit));
    if !is_limited || env::var_os(ARENAS).is_some() {
        return;
    }
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    if let Ok(program) = env::current_exe() {
        // It returns only if it fails. The program then goes on with the arenas that it has.
        let _ = Command::new(program).arg0(name).args(arguments).env(ARENAS, "1").exec();
    }
}

fn limit() -> Option<u64> {
    Some(getrlimit(Resource::As).current? / (1024 * 1024))
}
