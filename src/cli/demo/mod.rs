//! `demo`: the whole product on one machine, without any account.
//!
//! Starts the simulator, writes a configuration for it as a user would, and then starts the agent as `serve` does. No
//! other module knows that this is a demo.

mod configuration;
mod directory;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use uuid::Uuid;

use crate::app::{self, App, AppError, Origin};
use crate::config;
use crate::invocation;
use crate::model::{Listen, Plan, Shard};
use crate::safe;
use crate::sim::{Fault, GraphFault, Route, Sim, SimGraphMailbox, SimMailbox, SimUnread, TokenFault};

use super::answer::{Progress, complain, say};
use super::serve::{Overrides, Signals, listen_at, reading};
use super::{Exit, cannot_run, check};

/// Short enough to watch the probes happen.
const INTERVAL: &str = "15s";
/// Short enough to show a silent server within seconds, long enough for a busy machine.
const TIMEOUT: &str = "5s";
/// Where the demo listens unless the port is taken.
const LISTEN: &str = "127.0.0.1:9993";
/// The unread mail of a mailbox whose reader stopped three days ago.
const FORGOTTEN: SimUnread = SimUnread {
    messages: 17,
    oldest: Duration::from_secs(3 * 24 * 3600),
    newest: Duration::from_secs(20 * 60),
};
/// More would not be a demo any more.
const MOST_MAILBOXES: u32 = 10_000;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The address to listen on. By default 127.0.0.1:9993, or a free port if that one is taken.
    #[arg(long, value_name = "ADDR", conflicts_with = "once")]
    listen: Option<String>,
    /// The number of mailboxes. If there are more than faults to show, the others are healthy.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_MAILBOXES)))]
    mailboxes: Option<u32>,
    /// Probe every mailbox once, print the table, and exit with status 0.
    #[arg(long)]
    once: bool,
}

pub(super) async fn run(options: Options) -> Exit {
    match show(options).await {
        Ok(exit) => exit,
        Err(why) => cannot_run(&why),
    }
}

async fn show(options: Options) -> Result<Exit, String> {
    let mut signals = Signals::new().map_err(|error| format!("signals cannot be received: {error}"))?;
    let sim = Sim::start().await.map_err(|error| cannot_start(&error))?;
    let mailboxes = populate(&sim, options.mailboxes).await.map_err(|error| cannot_start(&error))?;
    let at_graph = at_graph(&sim, options.mailboxes);
    let reader = directory::reader(&sim);
    let graph_app: Vec<_> = at_graph.iter().take(1).map(SimGraphMailbox::app).collect();
    directory::populate(&sim, &mailboxes, &graph_app);
    let folder = Folder::new().map_err(|error| format!("no temporary directory: {error}"))?;
    let file = configuration::write(&folder.0, &sim, &mailboxes, &at_graph, &reader)
        .map_err(|error| format!("{}: {error}", folder.0.display()))?;
    invocation::uses(&file);
    let config::Reading { sources, outcome, .. } = config::read(&file);
    let mut plan = outcome.map_err(|errors| errors.to_string())?.plan;

    if options.once {
        let progress = Progress::of(plan.checks.len());
        let observations = tokio::select! {
            observations = app::round(&plan, |_| progress.step()) => observations,
            _ = signals.end() => return Ok(Exit::Failing),
        };
        progress.end();
        return Ok(say(&check::table(&observations, false), Exit::Fine));
    }
    let free = options.listen.is_none();
    plan.listen = match listen_at(options.listen.as_deref().unwrap_or(LISTEN)) {
        Ok(listen) => listen,
        Err(complaint) => {
            complain(&format!("{complaint}\n"));
            return Ok(Exit::Bad);
        }
    };
    // As with `serve`, a change of the configuration file takes effect.
    let origin = |listen: &Listen| {
        let listen = Some(listen.clone());
        let overrides =
            Overrides { listen, web_config: None, external: None, prefix: None, shard: Shard::WHOLE };
        Origin { sources: sources.clone(), read: Box::new(reading(&file, overrides)) }
    };
    let app = start(&mut plan, free, origin).await.map_err(|error| error.to_string())?;
    let exit = say(&introduction(&app, &folder.0, &mailboxes, &at_graph), Exit::Fine);
    if exit == Exit::Fine {
        signals.stop(app.reloader()).await;
    }
    app.stop().await;
    Ok(exit)
}

fn cannot_start(error: &io::Error) -> String {
    format!("the simulated servers cannot start: {error}")
}

/// Starts the agent. If the default port is taken (`free`), it listens on a free one instead.
async fn start(plan: &mut Plan, free: bool, origin: impl Fn(&Listen) -> Origin) -> Result<App, AppError> {
    match App::start_from(plan, origin(&plan.listen)).await {
        Err(AppError::Listen { .. }) if free => {
            plan.listen = Listen { port: 0, ..plan.listen.clone() };
            App::start_from(plan, origin(&plan.listen)).await
        }
        started => started,
    }
}

/// One mailbox for each fault worth showing; any further ones are healthy.
async fn populate(sim: &Sim, count: Option<u32>) -> io::Result<Vec<SimMailbox>> {
    let count = count.map_or(Fault::DEMO.len(), |count| usize::try_from(count).unwrap_or(usize::MAX));
    let mut mailboxes = Vec::new();
    for fault in Fault::DEMO.iter().take(count) {
        mailboxes.push(sim.mailbox(*fault).await?);
    }
    // The first mailbox has no fault, but no reader either.
    if let Some(forgotten) = mailboxes.first() {
        forgotten.set_unread(FORGOTTEN);
        forgotten.send_to(forgotten, Route::Delivered);
    }
    if count > mailboxes.len() {
        mailboxes.extend(sim.mailboxes_on_one_port(&sim.app(), count - mailboxes.len()).await?);
    }
    Ok(mailboxes)
}

/// Mailboxes that are opened by Microsoft Graph: one healthy, one throttled. `--mailboxes` counts mailboxes of mail servers
/// alone.
fn at_graph(sim: &Sim, count: Option<u32>) -> Vec<SimGraphMailbox> {
    if count.is_some() {
        return Vec::new();
    }
    let app = sim.app();
    [GraphFault::None, GraphFault::Throttled].map(|fault| sim.graph_mailbox(&app, fault)).into()
}

/// The text that the demo starts with: the addresses, and what each mailbox shows.
fn introduction(app: &App, folder: &Path, mailboxes: &[SimMailbox], at_graph: &[SimGraphMailbox]) -> String {
    let mut text = format!(
        "Status page    http://{address}/\n\
         Readiness      http://{address}/readiness\n\
         Metrics        http://{address}/metrics\n\
         Configuration  {file}\n\n\
         Every mailbox is probed every {INTERVAL} by IMAP and SMTP, the first time within these {INTERVAL}, and less often while its login is refused; \
         one also by POP3, and by a message that it sends to itself once an hour, the first within a minute. \
         The directory of the tenant, which knows when the secrets end and who else signs in, is read at the start: see Readiness and /credentials. \
         Ctrl-C ends the demo.\n\n",
        address = app.address(),
        file = folder.join(configuration::FILE).display(),
    );
    let with_faults = &mailboxes[..mailboxes.len().min(Fault::DEMO.len())];
    let widest = with_faults.iter().map(|mailbox| mailbox.address().len()).max().unwrap_or(0);
    for (place, mailbox) in with_faults.iter().enumerate() {
        let unread = if place == 0 { " Nothing reads it: old messages are unread." } else { "" };
        text += &format!("{:<widest$}  {}{unread}\n", mailbox.address(), mailbox.fault().about());
    }
    for mailbox in at_graph {
        text += &format!("{:<widest$}  By Microsoft Graph. {}\n", mailbox.address(), mailbox.fault().about());
    }
    if mailboxes.len() > with_faults.len() {
        text += &format!("and {} healthy ones on one server\n", mailboxes.len() - with_faults.len());
    }
    text += &sign_in_again(folder, mailboxes);
    text
}

/// What ends the sign-in that has expired: the command of the page, with this demo's configuration.
fn sign_in_again(folder: &Path, mailboxes: &[SimMailbox]) -> String {
    let expired = Fault::Token(TokenFault::RefreshTokenIdle);
    let Some(mailbox) = mailboxes.iter().find(|mailbox| mailbox.fault() == expired) else {
        return String::new();
    };
    let file = folder.join(configuration::FILE);
    format!(
        "\nThis command ends the expired sign-in; the simulated person needs no browser:\n  \
         mailbox-exporter login --config {} {}\n",
        safe::shell(&file.to_string_lossy()),
        mailbox.fault().mailbox_name()
    )
}

/// A temporary directory that only this user can read. It is deleted at the end of the demo.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("mailbox-exporter-demo-{}", Uuid::new_v4()));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            complain(&format!("{} could not be deleted: {error}\n", self.0.display()));
        }
    }
}
