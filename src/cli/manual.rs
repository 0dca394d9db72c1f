//! `manual`: the manual pages, from the same definition as `--help`.
//!
//! One page per command. `deploy/package` puts them into the packages; the command is hidden from `--help`, since
//! operators have the pages installed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::version;

use super::{Exit, cannot_run};

const PROGRAM: &str = "mailbox-exporter";

/// The files of an installed package, for the page of the program itself.
const FILES: [(&str, &str); 3] = [
    (
        "/etc/mailbox-exporter/config.yaml",
        "The configuration of the service. After a change, `mailbox-exporter validate` finds its faults; the service reads it again by itself.",
    ),
    (
        "/usr/share/doc/mailbox-exporter/config.yaml.example",
        "Every key of a configuration, its default, and why one would change it.",
    ),
    (
        "/var/lib/mailbox-exporter",
        "What the service remembers, if the configuration says `state_dir: /var/lib/mailbox-exporter`.",
    ),
];

#[derive(Debug, Args)]
pub(super) struct Options {
    /// An existing folder to write the pages into.
    folder: PathBuf,
}

pub(super) fn run(options: &Options, command: Command) -> Exit {
    match write(command, &options.folder) {
        Ok(()) => Exit::Fine,
        Err((file, error)) => cannot_run(&format!("{}: {error}", file.display())),
    }
}

fn write(command: Command, folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    // `help` repeats what the pages say.
    let mut command = command.disable_help_subcommand(true).subcommand_value_name("COMMAND");
    // Names each command after its parent: mailbox-exporter-serve.
    command.build();
    let parts = command.get_subcommands().filter(|part| !part.is_hide_set()).cloned();
    for part in parts.collect::<Vec<_>>().into_iter().chain([command]) {
        let is_program = part.get_name() == PROGRAM;
        let man = Man::new(part)
            // An empty date would move the source into its place.
            .date(version::day().unwrap_or_else(|| "undated".to_owned()))
            .source(format!("{PROGRAM} {}", version::VERSION))
            .manual("Mailbox Exporter");
        let file = folder.join(man.get_filename());
        page(&man, is_program).and_then(|text| fs::write(&file, text)).map_err(|error| (file, error))?;
    }
    Ok(())
}

fn page(man: &Man, is_program: bool) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    man.render(&mut text)?;
    if is_program {
        let mut files = Roff::new();
        files.control("SH", ["FILES"]);
        for (path, meaning) in FILES {
            files.control("TP", []).text([bold(path)]).text([roman(meaning)]);
        }
        files.to_writer(&mut text)?;
    }
    Ok(text)
}
