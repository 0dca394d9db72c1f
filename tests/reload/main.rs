//! The running agent and a configuration that changes: reloads, shards and probes out of turn, against the simulator.
//!
//! What a plan means to the report, to tokens and to permits one by one is tested beside their code.

// A test ends at the first thing that is not as it must be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod credentials;
mod load;
mod poverty;
mod pressure;
mod probing;
mod program;
mod reloading;
mod sharing;
mod world;
