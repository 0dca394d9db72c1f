//! What the agent costs: `cargo bench` prints every part, `cargo bench -- NAME…` those named.
//!
//! The servers are another process, so that their work is not counted. Processor time is compared in turns with that
//! of the bare dialogue (`bare`). Run in any other way than by `cargo bench`, it only shows that it would measure.

// A measurement that cannot be made has failed, and its result is what is printed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]
// Counts of probes and bytes are far below 2^52.
#![allow(clippy::cast_precision_loss)]

mod bare;
mod counterpart;
mod delays;
mod dialogue;
mod fleet;
mod memory;
mod meter;
mod pages;
mod schedule;
#[allow(dead_code, reason = "a measurement needs the configuration and the program alone")]
#[path = "../support/mod.rs"]
mod support;
mod tokens;

use std::path::Path;
use std::time::Duration;

type Part = (&'static str, fn(Scale));

/// The parts by name, in the order in which all of them run.
const PARTS: [Part; 8] = [
    ("dialogue", |scale| alone(dialogue::run(scale))),
    ("tokens", |scale| alone(tokens::run(scale))),
    ("delays", delays::run),
    ("memory", |scale| alone(memory::run(scale))),
    ("pages", pages::run),
    ("schedule", schedule::run),
    ("fleet", fleet::dense),
    ("sparse", fleet::sparse),
];

/// How much is measured.
#[derive(Debug, Clone, Copy)]
struct Scale {
    /// Whether it is measured at all, or only tried.
    earnest: bool,
    /// Mailboxes instead of those of each part: BENCH_MAILBOXES.
    mailboxes: Option<usize>,
}

impl Scale {
    fn mailboxes(self, measured: usize, tried: usize) -> usize {
        self.mailboxes.unwrap_or(if self.earnest { measured } else { tried })
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [argument, folder, wanted @ ..] = arguments.as_slice()
        && argument == counterpart::ARGUMENT
    {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let wanted = std::array::from_fn(|place| wanted[place].as_str());
        runtime.block_on(counterpart::serve(Path::new(folder), wanted));
        return;
    }
    let mailboxes = std::env::var("BENCH_MAILBOXES").ok().map(|count| count.parse().unwrap());
    let scale = Scale { earnest: arguments.iter().any(|argument| argument == "--bench"), mailboxes };
    let named: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = named.iter().find(|name| PARTS.iter().all(|(part, _)| *part != name.as_str())) {
        panic!("no part is named {unknown}; the parts are {:?}", PARTS.map(|(part, _)| part));
    }
    for (name, run) in PARTS {
        if named.is_empty() || named.iter().any(|wanted| wanted.as_str() == name) {
            println!("\n== {name}");
            run(scale);
        }
    }
}

/// Runs a part on one thread, whose processor time is the part's.
fn alone(part: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(part);
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / 1024.0 / 1024.0
}

fn per(bytes: u64, count: usize, what: &str) -> String {
    format!("{:.1} MiB, {:.1} KiB a {what}", mib(bytes), bytes as f64 / 1024.0 / count as f64)
}
