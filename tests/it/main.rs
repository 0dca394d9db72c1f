//! The product against simulated servers: every fault by every protocol, token economy, schedule, secrets, and the door.
//!
//! What real servers do is tested in `tests/real`. Whatever a test needs to know of time it waits for,
//! or lets pass by a clock of its own (`clock`).

// A test ends at the first thing that is not as it must be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod azure_arc;
mod certificate;
mod clock;
mod dialogues;
mod directory;
mod door;
mod echoes;
mod endless;
mod endpoints;
mod expiry;
mod explain;
mod federated;
mod files;
mod google;
mod graph;
mod hostile;
mod kinds;
mod login;
mod managed_identity;
mod media;
mod monitor;
mod oauthbearer;
mod outages;
mod peer;
mod pieces;
mod pop3;
mod presets;
mod probes;
mod prompts;
mod quirks;
mod readiness;
mod recorded;
mod refresh_token;
mod reload;
mod rotated_tokens;
mod rotation;
mod round_trip;
mod script;
mod secrets;
mod served;
mod setup;
#[path = "../support/mod.rs"]
mod support;
mod tokens;
mod trips;
mod unread;
