//! Readiness as a whole: the table of states, and memory.

#![allow(clippy::unwrap_used)] // a test that cannot go on should say so at once

mod judging;
mod keeping;
mod remembering;
mod restraint;
