//! `serve`: the agent, from its configuration to the stop signal.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::app::{App, Origin, Reloader};
use crate::config::{self, Loaded, Reading};
use crate::model::{ExternalUrl, Listen, Shard};
use crate::shard;
use crate::version;

use super::logging::Log;
use super::shard::Choice;
use super::{Config, Exit};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// Listen here instead of at `http.listen`; port 0 takes a free one.
    #[arg(long, visible_alias = "web.listen-address", value_name = "ADDR")]
    listen: Option<String>,
    /// The file with TLS, users and headers of the endpoint, instead of `http.web_config`.
    #[arg(long = "web.config.file", value_name = "FILE")]
    web_config: Option<PathBuf>,
    /// Where people reach the pages behind a proxy, instead of `http.external_url`: its host is then one of the
    /// names by which pages are served.
    #[arg(long = "web.external-url", value_name = "URL")]
    external_url: Option<String>,
    /// Serve everything below this path as well as at the root. Not given: the path of the external URL.
    #[arg(long = "web.route-prefix", value_name = "PATH")]
    route_prefix: Option<String>,
    /// Probe one of N equal parts of the mailboxes: 0/3, 1/3 or 2/3. `auto` takes the part from the number
    /// at the end of HOSTNAME, as the pods of a StatefulSet have it, and N from MAILBOX_EXPORTER_SHARDS;
    /// `auto/N` says N as well. Each part has one agent, and all agents agree on the part of a mailbox.
    #[arg(long, value_name = "I/N")]
    shard: Option<Choice>,
}

/// The options of the command line that override the configuration.
#[derive(Debug, Clone)]
pub(super) struct Overrides {
    pub(super) listen: Option<Listen>,
    pub(super) web_config: Option<PathBuf>,
    pub(super) external: Option<ExternalUrl>,
    pub(super) prefix: Option<String>,
    pub(super) shard: Shard,
}

pub(super) async fn run(options: Options, log: &Log) -> Exit {
    // Before anything else: until a signal is listened to, it ends the program.
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return log.cannot_run(&format!("signals cannot be received: {error}")),
    };
    let file = options.config.file().to_owned();
    let overrides = match options.overrides() {
        Ok(overrides) => overrides,
        Err(fault) => return log.misused(&fault),
    };
    // A file or a state directory may hang: a signal ends the program all the same.
    let app = tokio::select! {
        biased;
        app = start(&file, overrides, log) => app,
        signal = signals.end() => {
            info!(signal, "stopped before the start was complete");
            return Exit::Fine;
        }
    };
    let app = match app {
        Ok(app) => app,
        Err(exit) => return exit,
    };
    let signal = signals.stop(app.reloader()).await;
    info!(signal, "stopping");
    app.stop().await;
    info!("stopped");
    Exit::Fine
}

async fn start(file: &Path, overrides: Overrides, log: &Log) -> Result<App, Exit> {
    let read = Arc::new(reading(file, overrides));
    let reader = Arc::clone(&read);
    let Ok(Reading { sources, outcome, .. }) = spawn_blocking(move || reader()).await else {
        return Err(
            log.cannot_run("the configuration could not be read; the log has the place of the defect")
        );
    };
    let loaded = outcome.map_err(|faults| log.refused(&faults))?;
    for notice in &loaded.warnings {
        warn!(%notice, "notice about the configuration");
    }
    let plan = &loaded.plan;
    let origin = Origin { sources, read: Box::new(move || read()) };
    let app = App::start_from(plan, origin).await.map_err(|error| log.cannot_run(&error.to_string()))?;
    let tls = plan.web.as_ref().is_some_and(|web| web.tls.is_some());
    let address = format!("{}://{}", if tls { "https" } else { "http" }, app.address());
    let (version, revision) = (version::VERSION, version::REVISION);
    info!(address, checks = plan.checks.len(), shard = %plan.shard, version, revision, "listening");
    Ok(app)
}

impl Options {
    fn overrides(self) -> Result<Overrides, String> {
        let named = |flag: &'static str| move |complaint: String| format!("{flag}: {complaint}");
        let external = self.external_url.as_deref().map(config::parse_external_url).transpose();
        let prefix = self.route_prefix.as_deref().map(config::parse_route_prefix).transpose();
        Ok(Overrides {
            listen: self.listen.as_deref().map(listen_at).transpose()?,
            web_config: self.web_config,
            external: external.map_err(named("--web.external-url"))?,
            prefix: prefix.map_err(named("--web.route-prefix"))?,
            shard: self.shard.map_or(Ok(Shard::WHOLE), Choice::resolve)?,
        })
    }
}

/// Reads a configuration as a command line wants it, now and at every reload.
pub(super) fn reading(file: &Path, overrides: Overrides) -> impl Fn() -> Reading + Send + Sync + use<> {
    let file = file.to_path_buf();
    move || {
        let mut reading = config::read_with_web(&file, overrides.web_config.as_deref());
        if let Ok(Loaded { plan, .. }) = &mut reading.outcome {
            let Overrides { listen, web_config: _, external, prefix, shard } = overrides.clone();
            plan.listen = listen.unwrap_or_else(|| plan.listen.clone());
            plan.address.external = external.or_else(|| plan.address.external.take());
            plan.address.prefix = prefix;
            shard::keep(plan, shard);
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
                    // In a task of its own, since the stop must not wait for a file. The log has the outcome.
                    tokio::spawn(async move { reloader.reload("by SIGHUP").await });
                }
            }
        }
    }

    /// Waits for a signal to end. Returns its name.
    pub(super) async fn end(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
