//! Hands the command line over; nothing else.

use std::process::ExitCode;

/// Reading the configuration of a large fleet and writing its pages take a multiple of what stays. glibc keeps most of
/// that in the arenas of its threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    mailbox_exporter::cli::main()
}
