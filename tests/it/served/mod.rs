//! The agent as a whole, started in this process against the simulator: what is found out, and how it is served.

mod findings;
mod follow;
mod web;
