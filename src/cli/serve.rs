//! `serve`: the agent, from its configuration to the stop signal.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use crate::app::App;
use crate::config;
use crate::model::Plan;

use super::answer::complain;
use super::{Config, Exit, cannot_run};

pub(super) async fn run(config: Config, listen: Option<String>) -> Exit {
    let loaded = match config.load() {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    for notice in &loaded.warnings {
        warn!(%notice, "configuration");
    }
    let mut plan = loaded.plan;
    if let Err(complaint) = listen_at(&mut plan, listen) {
        complain(&format!("{complaint}\n"));
        return Exit::Bad;
    }
    // Before anything starts: a signal that comes early is not lost.
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => return cannot_run(&format!("signals cannot be received: {error}")),
    };
    let app = match App::start(&plan).await {
        Ok(app) => app,
        Err(error) => return cannot_run(&error.to_string()),
    };
    let tls = plan.web.as_ref().is_some_and(|web| web.tls.is_some());
    let address = format!("{}://{}", if tls { "https" } else { "http" }, app.address());
    info!(address, checks = plan.checks.len(), version = env!("CARGO_PKG_VERSION"), "listening");
    let signal = signals.stop().await;
    info!(signal, "stopping");
    app.stop().await;
    info!("stopped");
    Exit::Fine
}

/// `--listen` instead of what the configuration says.
pub(super) fn listen_at(plan: &mut Plan, listen: Option<String>) -> Result<(), String> {
    if let Some(listen) = listen {
        plan.listen = config::parse_listen(&listen).map_err(|complaint| format!("--listen: {complaint}"))?;
    }
    Ok(())
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

    /// Waits until the program shall stop; which signal said so.
    pub(super) async fn stop(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                // Services are told so to read their configuration anew. To die of it would be worse than to say no.
                _ = self.hang_up.recv() => {
                    warn!("SIGHUP: this version reads its configuration at the start only; restart it");
                }
            }
        }
    }
}
