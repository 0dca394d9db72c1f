//! The simulator proved by raw sockets: honest servers let the right ones in, and every fault shows as its row says.
//!
//! No client library and no code of the probes takes part.

// A test that cannot go on should say so at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod assertions;
mod faults;
mod honest;
mod metadata;
mod pop3;
mod walk;
