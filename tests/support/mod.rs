//! What every test stands on: simulated servers with their configuration, the program as a process, HTTP, waiting.
//!
//! A test begins with `World::start()`, brings mailboxes to it, writes them into `world.yaml` (or into a
//! `world.fresh(…)` for each version of a file), and hands `world.configuration()` to `run` or `Agent::serve`.
//! A configuration without mailboxes needs a `Folder` alone.
//!
//! Not here: what is expected of the product.

pub(crate) mod app;
pub(crate) mod folder;
pub(crate) mod http;
pub(crate) mod pki;
pub(crate) mod process;
pub(crate) mod scrape;
pub(crate) mod wait;
pub(crate) mod world;
pub(crate) mod yaml;
