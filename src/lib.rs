//! Can this mailbox be used right now; if not, in which phase did it fail, why, and who must do what?
//!
//! The map of the house, from the words up to the doors; a module imports only from those above it here.

pub mod model;
pub mod sim;
