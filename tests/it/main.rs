//! The product against simulated servers: every fault by every protocol, token economy, schedule, secrets, and the door.
//!
//! What real servers do is tested in `tests/real`. Whatever a test needs to know of time it waits for,
//! or lets pass by a clock of its own (`clock`).

// A test ends at the first thing that is not as it must be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod clock;
mod monitor;
mod probes;
mod recorded;
mod script;
mod tokens;
mod world;
