//! The log: where it goes, how it looks, how much of it there is.
//!
//! Owns the one rule that no option can lift: lines of libraries below `info` are never written.
//! Mail and HTTP libraries log commands and headers there, and those carry tokens.

use std::io;
use std::panic;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tracing::level_filters::LevelFilter;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterExt, filter_fn};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{fmt, registry};

use super::answer::complain;
use super::{Command, Exit, cannot_run, colours, log_line};
use crate::config::ConfigErrors;
use crate::spool::Spool;

/// How long the last lines may take at the end of the program.
const LAST_LINES: Duration = Duration::from_secs(1);

/// The crate's own targets begin so.
const OURS: &str = "mailbox_exporter";

/// How the log is written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub(super) struct Logging {
    /// Lines of text, or of JSON: one for each outcome that differs from the check's last one, one a minute for
    /// all probes. With `--log-level debug` there is one for every probe, and in `check`, which otherwise logs none, also
    /// one for every token request with its id, and for every pause of `--wait`. What was said to a server: `check
    /// --transcript`.
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: Format,
    /// How much is logged, to standard error. Not given: what RUST_LOG says, else `info`, and for
    /// `demo` `error`, since its page shows the same.
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<Grain>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Grain {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Grain {
    const fn filter(self) -> LevelFilter {
        match self {
            Self::Off => LevelFilter::OFF,
            Self::Error => LevelFilter::ERROR,
            Self::Warn => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
            Self::Trace => LevelFilter::TRACE,
        }
    }
}

impl Logging {
    /// Starts the log of this process.
    ///
    /// # Errors
    /// A sentence if RUST_LOG cannot be read.
    pub(super) fn start(&self, command: &Command) -> Result<Log, String> {
        let filter = self.filter(command, std::env::var("RUST_LOG").ok().as_deref())?.and(filter_fn(allowed));
        let out = Out::start();
        let layer = fmt::layer().with_writer(out.clone()).with_ansi(colours(&io::stderr()));
        let layer = match self.log_format {
            Format::Text => layer.fmt_fields(log_line::fields()).boxed(),
            Format::Json => layer.json().map_event_format(log_line::Escaped).boxed(),
        };
        registry()
            .with(layer.with_filter(filter))
            .try_init()
            .map_err(|error| format!("the log cannot be started: {error}"))?;
        // The default hook prints the message, and a message may quote what was being worked on.
        panic::set_hook(Box::new(|info| {
            let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
            tracing::error!(place, "a panic: this is a defect of mailbox-exporter, please report the place");
        }));
        Ok(Log { out, json: matches!(self.log_format, Format::Json) })
    }

    fn filter(&self, command: &Command, asked: Option<&str>) -> Result<EnvFilter, String> {
        let quiet = matches!(command, Command::Demo(_));
        let default = if quiet { Grain::Error } else { Grain::Info };
        match (self.log_level, asked) {
            (None, Some(asked)) if !asked.trim().is_empty() => {
                EnvFilter::try_new(asked).map_err(|error| format!("RUST_LOG is not understood: {error}"))
            }
            (level, _) => {
                let level = level.unwrap_or(default).filter();
                Ok(EnvFilter::default().add_directive(level.into()))
            }
        }
    }
}

/// The log of this process.
pub(super) struct Log {
    out: Out,
    json: bool,
}

impl Log {
    /// Reports the faults of a configuration, one line each, for an agent that cannot start. They are plain text for
    /// people, and lines of the log if programs read it. The last lines are what Kubernetes shows.
    pub(super) fn refused(&self, faults: &ConfigErrors) -> Exit {
        if self.takes_faults() {
            for fault in faults {
                tracing::error!(%fault, "fault in the configuration");
            }
            tracing::error!(faults = faults.len(), "configuration refused: the agent has not started");
        } else {
            complain(&format!("{faults}\n"));
        }
        Exit::Bad
    }

    /// Reports a fault of the command line.
    pub(super) fn misused(&self, fault: &str) -> Exit {
        if self.takes_faults() {
            tracing::error!(fault, "command line refused: the agent has not started");
        } else {
            complain(&format!("{fault}\n"));
        }
        Exit::Bad
    }

    /// Reports why the program cannot do its work.
    pub(super) fn cannot_run(&self, fault: &str) -> Exit {
        if self.takes_faults() {
            tracing::error!(fault, "mailbox-exporter cannot run");
            return Exit::Failing;
        }
        cannot_run(fault)
    }

    fn takes_faults(&self) -> bool {
        self.json && tracing::enabled!(Level::ERROR)
    }

    /// Waits until every line has been written, within a bound, because standard error may have no reader.
    pub(super) fn flush(&self) {
        if let Out::Queued(spool) = &self.out {
            spool.flush(LAST_LINES);
        }
    }
}

/// Where log lines go.
#[derive(Clone)]
enum Out {
    /// Queues the line: the caller never waits for the reader of standard error.
    Queued(Spool),
    /// Written at once: the thread for the queue could not be started.
    Direct,
}

impl Out {
    fn start() -> Self {
        let tell = |lost| {
            tracing::warn!(lost, "log lines were lost: standard error could not be written to in time");
        };
        Spool::start(io::stderr(), tell).map_or(Self::Direct, Self::Queued)
    }
}

impl<'w> MakeWriter<'w> for Out {
    type Writer = Box<dyn io::Write + 'w>;

    fn make_writer(&'w self) -> Self::Writer {
        match self {
            Self::Queued(spool) => Box::new(spool.line()),
            Self::Direct => Box::new(io::stderr()),
        }
    }
}

/// Whether a line may be written at all.
fn allowed(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    let ours = target.strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    ours || *metadata.level() <= Level::INFO
}
