//! The soak: 500 mailboxes are probed by the real program while attackers do their worst, and independent observers
//! check all the while that the promises hold.
//!
//! It has a `main` of its own because it runs for minutes or hours, prints as it goes and ends with a table. Plain
//! `cargo test` leaves it out; `tests/run` runs it for ten minutes.
//!
//! ```text
//! cargo test --test soak                           ten minutes
//! SOAK=1h cargo test --test soak                   an hour
//! SOAK=90s SOAK_MAILBOXES=50 SOAK_ATTACKS=idle,fifo-secret cargo test --test soak
//! ```

// A soak that cannot be set up has failed. Its output is its product.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod agent;
mod arena;
mod attacks;
mod churn;
mod director;
mod door;
mod fairness;
mod fleet;
mod invariant;
mod journal;
mod metronome;
mod observers;
mod page;
mod series;
mod servers;
mod settings;
mod stage;
mod summary;

#[allow(dead_code, reason = "the soak runs two agents of its own kind")]
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;

use settings::Settings;

fn main() -> ExitCode {
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(complaint) => {
            println!("{complaint}");
            return ExitCode::from(2);
        }
    };
    let journal = director::run(&settings);
    println!("{}", summary::of(&settings, &journal));
    if journal.faults() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
