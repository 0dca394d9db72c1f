//! Can this mailbox be used right now; if not, in which phase did it fail, why, and who must do what?
//!
//! The map of the modules, from the lowest layer to the highest. Each paragraph is one layer. A module imports only
//! from layers that are listed before its own; modules of one layer do not import each other. A test checks this.

// The vocabulary: no I/O, no clock, no format.
pub mod model;

// Untrusted text, made safe for each medium.
pub mod safe;

// Reading and replacing files, bounded in bytes and in time.
pub mod files;

// Secrets: read from their places, and removed from text.
pub mod secret;

// The time.
pub mod clock;

// Which build this is.
pub mod version;

// How this process was started.
pub mod invocation;

// Tools.
pub mod background;
pub mod diagnosis;
pub mod file_watch;
pub mod imports;
pub mod net;
pub mod schedule;
pub mod shard;
pub mod spool;

// HTTPS to services that are no mail servers.
pub mod https;

// Talking to mail servers and identity providers.
pub mod probe;
pub mod token;

// One round of work: probe, judge, report.
pub mod check;
pub mod directory;
pub mod readiness;
pub mod report;

// The parts of the agent.
pub mod config;
pub mod http;
pub mod monitor;
pub mod password_trials;

// The whole agent.
pub mod app;

// The command line.
pub mod cli;

// The simulated servers for `demo` and the tests. They share no code with the modules above.
pub mod sim;
