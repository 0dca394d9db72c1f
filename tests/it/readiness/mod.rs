//! Readiness for the end of passwords, end to end: the real program against the simulator.
//!
//! The pure parts (the table of states, the journal, the rules of a trial, CSV files) are tested beside their code.

mod agent;
mod board;
mod evidence;
mod passwords;
mod report;
