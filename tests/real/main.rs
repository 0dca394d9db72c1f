//! The program against real servers: Dovecot, Postfix and Prometheus as Debian ships them, and an identity provider, started
//! here on private ports.
//!
//! What a server of our own can be made to say is tested against the simulator (`tests/it`), not here. Nothing is skipped:
//! a server that is not installed is a failure that names the package.

// A test ends at the first thing that is not as it must be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod case;
mod certificates;
mod clients;
mod conduct;
mod dovecot;
mod idp;
mod oidc;
mod postfix;
mod readiness;
mod rig;
mod round_trip;
mod scrape;
#[allow(dead_code, reason = "real servers need no simulated world")]
#[path = "../support/mod.rs"]
mod support;
mod vast;
mod verdicts;
