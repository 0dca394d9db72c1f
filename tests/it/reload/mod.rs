//! The running agent and a configuration that changes: reloads, shards and probes out of turn, against the simulator.
//!
//! What a plan means to the report, to tokens and to permits one by one is tested beside their code.

mod credentials;
mod load;
mod poverty;
mod pressure;
mod probing;
mod program;
mod reloading;
mod sharing;
