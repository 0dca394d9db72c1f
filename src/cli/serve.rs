//! `serve`: the agent, from its configuration to the stop signal.

use std::io;
use std::path::Path;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::app::{App, Origin, Reloader};
use crate::config::{self, Reading};
use crate::model::{Listen, Shard};
use crate::shard;

use super::answer::complain;
use super::shard::Choice;
use super::{Config, Exit, cannot_run};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// Listen here instead of at `http.listen`; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Probe one of N equal parts of the mailboxes: 0/3, 1/3 or 2/3. `auto` takes the part from the number
    /// at the end of HOSTNAME, as the pods of a StatefulSet have it, and N from MAILBOX_EXPORTER_SHARDS;
    /// `auto/N` says N as well. One agent a part: a mailbox has the same part wherever it is asked.
    #[arg(long, value_name = "I/N")]
    shard: Option<Choice>,
}

pub(super) async fn run(options: Options) -> Exit {
    let Options { config, listen, shard } = options;
    let read = match by_command_line(&config, listen, shard) {
        Ok(read) => read,
        Err(complaint) => {
            complain(&format!("{complaint}\n"));
            return Exit::Bad;
        }
    };
    let Reading { sources, outcome } = read();
    let loaded = match outcome {
        Ok(loaded) => loaded,
        Err(errors) => {
            complain(&format!("{errors}\n"));
            return Exit::Bad;
        }
    };
    for notice in &loaded.warnings {
        warn!(%notice, "configuration");
    }
    // Before anything starts: a signal that comes early is not lost.
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return cannot_run(&format!("signals cannot be received: {error}")),
    };
    let plan = &loaded.plan;
    let app = match App::start_from(plan, Origin { sources, read: Box::new(read) }).await {
        Ok(app) => app,
        Err(error) => return cannot_run(&error.to_string()),
    };
    let tls = plan.web.as_ref().is_some_and(|web| web.tls.is_some());
    let address = format!("{}://{}", if tls { "https" } else { "http" }, app.address());
    let version = env!("CARGO_PKG_VERSION");
    info!(address, checks = plan.checks.len(), shard = %plan.shard, version, "listening");
    let signal = signals.stop(app.reloader()).await;
    info!(signal, "stopping");
    app.stop().await;
    info!("stopped");
    Exit::Fine
}

fn by_command_line(
    config: &Config,
    listen: Option<String>,
    shard: Option<Choice>,
) -> Result<impl Fn() -> Reading + Send + Sync + use<>, String> {
    let listen = listen.map(|listen| listen_at(&listen)).transpose()?;
    let shard = shard.map_or(Ok(Shard::WHOLE), Choice::resolve)?;
    Ok(reading(&config.config, listen, shard))
}

/// Reads a configuration as a command line wants it, now and at every reload.
pub(super) fn reading(
    file: &Path,
    listen: Option<Listen>,
    shard: Shard,
) -> impl Fn() -> Reading + Send + Sync + use<> {
    let file = file.to_path_buf();
    move || {
        let mut reading = config::read(&file);
        if let Ok(loaded) = &mut reading.outcome {
            if let Some(listen) = &listen {
                loaded.plan.listen.clone_from(listen);
            }
            shard::keep(&mut loaded.plan, shard);
        }
        reading
    }
}

/// `--listen` instead of what the configuration says.
pub(super) fn listen_at(listen: &str) -> Result<Listen, String> {
    config::parse_listen(listen).map_err(|complaint| format!("--listen: {complaint}"))
}

/// The signals of a service.
pub(super) struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits until the program shall stop, and has the configuration read again when a signal says so;
    /// which signal was the last.
    pub(super) async fn stop(&mut self, reloader: &Reloader) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.hang_up.recv() => {
                    let reloader = reloader.clone();
                    // Beside: the stop does not wait for a file. What comes of it is in the log.
                    tokio::spawn(async move { reloader.reload("by SIGHUP").await });
                }
            }
        }
    }

    /// Waits for a signal to end, which it names.
    pub(super) async fn end(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
