//! What holds of the repository as a whole: its documents tell the truth, its floors carry.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod documents;
mod floors;
