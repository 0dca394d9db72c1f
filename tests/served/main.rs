//! The agent as a whole, started in this process against the simulator: what is found out, and how it is served.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod findings;
mod follow;
mod pki;
mod rig;
mod web;
