//! Hands the command line over, and chooses the allocator; nothing else.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Gives free pages back to the system wherever they lie. glibc's allocator only gives back the end of its heap, where
/// some observation of a probe always lies. How it is tuned stands in `.cargo/config.toml`.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    mailbox_exporter::cli::main()
}
