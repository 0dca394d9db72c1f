//! Can this mailbox be used right now; if not, in which phase did it fail, why, and who must do what?
//!
//! The map of the house, from the words up to the doors. A module imports only from the floors
//! above its own here; those on one floor do not know each other.

// The words: no I/O, no clock, no format.
pub mod model;

// Text of others, for each medium.
pub mod safe;

// Files of others, within bounds.
pub mod files;

// Secrets by place.
pub mod secret;

// The time.
pub mod clock;

// Which build this is.
pub mod version;

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

// Trades.
pub mod probe;
pub mod token;

// Work.
pub mod check;
pub mod directory;
pub mod readiness;
pub mod report;

// Rooms.
pub mod config;
pub mod http;
pub mod monitor;
pub mod password_trials;

// The frame.
pub mod app;

// The door.
pub mod cli;

// Beside the house: the counterpart of `demo` and of the tests. It shares no code with it.
pub mod sim;
