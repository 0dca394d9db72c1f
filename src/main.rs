//! Hands the command line over; nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    mailbox_exporter::cli::main()
}
