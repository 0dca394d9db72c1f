//! The command line: arguments in, an exit status out.
//!
//! Owns the names and options of the commands, and the meaning of the exit statuses. Each command has a file of its
//! own. Only the answer goes to standard output; everything else goes to standard error.

mod again;
mod answer;
mod check;
mod columns;
mod completions;
mod consent_url;
mod deadlines;
mod demo;
mod explain;
mod log_line;
mod logging;
mod login;
mod manual;
mod nagios;
mod readiness;
mod reference;
mod select;
mod serve;
mod setup;
mod shard;
mod table;
mod validate;
mod wait;

use std::ffi::OsString;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::app::{address_space, descriptors};
use crate::config::{self, Loaded};
use crate::invocation;
use crate::safe;
use crate::token;
use crate::version;

use self::again::Again;
use self::answer::{complain, say};
use self::logging::{Log, Logging};

/// The program's exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// All is well.
    Fine = 0,
    /// Something is failing, or the program cannot run.
    Failing = 1,
    /// The configuration or the command line is wrong. In plugins' terms: "critical".
    Bad = 2,
    /// In plugins' terms: "unknown", because nothing could be checked.
    Unknown = 3,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Can this mailbox be used right now; if not, in which phase did it fail, why, and who must do what?
///
/// Logs in to mailboxes by IMAP, SMTP, POP3 and Microsoft Graph with OAuth2, as mail programs do, and exports to
/// Prometheus whether that works, how long each phase took, and the reason of every failure.
#[derive(Debug, Parser)]
#[command(name = "mailbox-exporter", version = version::long(), about, max_term_width = 110, arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: Logging,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Probe every mailbox on its schedule and answer Prometheus, until told to stop.
    ///
    /// Reads its configuration again on SIGHUP, on `POST /-/reload`, and when one of its files changes.
    Serve(serve::Options),
    /// Probe every mailbox once, now, and print the results.
    ///
    /// Exit status: 0 all fine, 1 something failing, 2 bad configuration. With `--output nagios`:
    /// 0 fine, 1 a certificate or a secret ends within 30 days, 2 a check fails, 3 bad configuration. An end is known here
    /// if the configuration declares it or the certificate bears it; directories (`directory`) are not read.
    Check(check::Options),
    /// List all faults of a configuration, with line, column and what was expected.
    ///
    /// Reads files alone: no server, identity provider or directory is asked.
    /// Exit status: 0 no faults, 2 faults.
    Validate(validate::Options),
    /// Explain what an error means, who must act, and what to do.
    ///
    /// Works without a configuration. Exit status: 0 recognised, or no failure; 1 not recognised (`unexpected`); 2 bad command line.
    Explain(explain::Options),
    /// Show which mailboxes are ready for the end of passwords.
    ///
    /// Probes every mailbox once, now, reads the directories (`directory`) once, for at most five minutes, and prints for each
    /// mailbox and protocol the state, the evidence and what to do next. It also uses what the agent has saved in `state_dir`: a mailbox is `ready` only after OAuth has worked
    /// for seven days.
    /// Exit status: 0 all ready or done, 1 not yet, 2 bad configuration.
    Readiness(readiness::Options),
    /// Print the URLs where an administrator consents to the permissions that a credential's checks need.
    ConsentUrl(consent_url::Options),
    /// Sign in for a credential of `type: refresh_token`, in a browser on any machine.
    ///
    /// Prints a page and a code, waits until a person has entered it, and writes the refresh token into the
    /// credential's file, readable by its owner alone.
    /// Exit status: 0 signed in, 1 not, 2 bad configuration or another kind of credential.
    Login(login::Options),
    /// Print the steps that an administrator takes once, as commands to paste.
    ///
    /// For Exchange Online these are PowerShell commands with this configuration's app, object id and mailboxes; for
    /// other providers they are settings. The command itself changes nothing.
    Setup(setup::Options),
    /// Print the dates at which providers end passwords, with their sources.
    ///
    /// With a configuration, also how many of its checks each date concerns.
    Deadlines(deadlines::Options),
    /// Show the whole product on this machine, without any account.
    ///
    /// Starts an identity provider and mail servers on loopback, with mailboxes that each show a different fault or
    /// none, and the agent, which probes them every 15 seconds, and less often what refuses its login.
    Demo(demo::Options),
    /// Print the completion script for a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the metrics, the reasons and the routes of this version, as the documents list them.
    #[command(hide = true)]
    Reference(reference::Options),
    /// Write the manual pages into a folder, one per command.
    #[command(hide = true)]
    Manual(manual::Options),
}

/// The environment variable that names the configuration where no option does.
const CONFIG_VARIABLE: &str = "MAILBOX_EXPORTER_CONFIG";

/// The option that names the configuration.
#[derive(Debug, Args)]
struct Config {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = CONFIG_VARIABLE, value_parser = clap::value_parser!(PathBuf))]
    config: PathBuf,
}

impl Config {
    /// The configuration file, of which commands in hints now speak.
    fn file(&self) -> &Path {
        invocation::uses(&self.config);
        &self.config
    }

    /// How people run another command with this configuration.
    fn again(&self) -> Again {
        Again::with(&self.config, std::env::var_os(CONFIG_VARIABLE).as_deref())
    }

    /// Loads the configuration. Prints its faults to standard error.
    fn load(&self) -> Result<Loaded, Exit> {
        config::load(self.file()).map_err(|errors| {
            complain(&format!("{errors}\n"));
            Exit::Bad
        })
    }
}

/// Runs the program with this process's arguments and environment.
pub fn main() -> ExitCode {
    address_space::use_one_arena_if_limited();
    let given: Vec<OsString> = std::env::args_os().collect();
    let arguments = match Arguments::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(error) => {
            // clap reports help and version as errors too. A complaint repeats the argument that it is about: if the
            // text contains control characters, they come from there, so it is printed without any.
            let text = error.render().to_string();
            if text.contains(|letter| safe::acts(letter) && letter != '\n') {
                complain(&text);
            } else {
                // If standard error is closed as well, there is no place left to report it.
                let _ = error.print();
            }
            return match error.use_stderr() {
                false => Exit::Fine.into(),
                _ if nagios::asked_for(&given) => {
                    say(&nagios::unknown(&error.to_string()), Exit::Unknown).into()
                }
                _ => Exit::Bad.into(),
            };
        }
    };
    let log = match arguments.logging.start(&arguments.command) {
        Ok(log) => log,
        Err(complaint) => {
            complain(&format!("{complaint}\n"));
            return Exit::Bad.into();
        }
    };
    let exit = run(arguments.command, &log);
    log.flush();
    exit.into()
}

fn run(command: Command, log: &Log) -> Exit {
    match command {
        Command::Serve(options) => on_runtime(log, serve::run(options, log)),
        Command::Check(options) => on_runtime(log, check::run(options)),
        Command::Validate(options) => on_runtime(log, validate::run(options)),
        Command::Readiness(options) => on_runtime(log, readiness::run(options)),
        Command::Explain(options) => explain::run(&options),
        Command::ConsentUrl(options) => consent_url::run(&options),
        Command::Login(options) => on_runtime(log, login::run(options)),
        Command::Setup(options) => on_runtime(log, setup::run(options)),
        Command::Deadlines(options) => deadlines::run(&options),
        Command::Demo(options) => on_runtime(log, demo::run(options)),
        Command::Completions { shell } => say(&completions::script(shell, Arguments::command()), Exit::Fine),
        Command::Reference(options) => reference::run(&options),
        Command::Manual(options) => manual::run(&options, Arguments::command()),
    }
}

fn on_runtime(log: &Log, command: impl Future<Output = Exit>) -> Exit {
    if let Some(limit) = descriptors::raise().filter(|limit| *limit < descriptors::FEWEST) {
        let fewest = descriptors::FEWEST;
        return log.cannot_run(&format!(
            "{limit} file descriptors are too few, at least {fewest} are needed: raise the hard limit (ulimit -Hn, LimitNOFILE)"
        ));
    }
    if let Some(limit) = address_space::too_small() {
        let least = address_space::LEAST;
        return log.cannot_run(&format!(
            "{limit} MiB of address space are too few, at least {least} are needed: raise the limit (ulimit -v, LimitAS)"
        ));
    }
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    // The runtime panics if it cannot start its threads, so we try that first.
    let tried = try_threads(threads);
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    match tried.and_then(|()| runtime()) {
        Ok(runtime) => {
            let exit = runtime.block_on(command);
            // A refresh token that has just been replaced must reach its file.
            runtime.block_on(token::settled());
            // All tasks have been told to stop. The exit does not wait for a name lookup that hangs.
            runtime.shutdown_background();
            exit
        }
        Err(error) => log.cannot_run(&format!(
            "no threads to run on: {error}; raise the limits of processes, memory and files (ulimit -u, -v, -n)"
        )),
    }
}

/// Checks that this many threads can run at once, and one more for files.
fn try_threads(count: usize) -> io::Result<()> {
    let held = Arc::new(Mutex::new(()));
    let guard = held.lock().unwrap_or_else(PoisonError::into_inner);
    let wait = || {
        let held = Arc::clone(&held);
        thread::Builder::new().spawn(move || drop(held.lock()))
    };
    let started: Vec<_> = (0..=count).map(|_| wait()).collect();
    drop(guard);
    started.into_iter().try_for_each(|started| {
        // It does nothing that could panic.
        drop(started?.join());
        Ok(())
    })
}

/// Reports that the program cannot do its work at all.
fn cannot_run(why: &str) -> Exit {
    complain(&format!("mailbox-exporter: {why}\n"));
    Exit::Failing
}

/// Whether colours may be used on a stream: <https://no-color.org>.
fn colours(stream: &impl io::IsTerminal) -> bool {
    let off = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    !off && !dumb && stream.is_terminal()
}
