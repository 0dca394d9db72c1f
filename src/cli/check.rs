//! `check`: one round now, for people, for programs and for plugins.

use std::io;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::json;

use crate::app;
use crate::clock;
use crate::config;
use crate::model::{Observation, Plan, Protocol};
use crate::report::json::observation;
use crate::safe;

use super::answer::{Progress, complain, say};
use super::table::{self, Style};
use super::{Config, Exit, colours, nagios, select, wait};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// Only these mailboxes, by name or address.
    #[arg(value_name = "MAILBOX")]
    mailboxes: Vec<String>,
    /// Only these protocols, such as `imap,smtp`.
    #[arg(long, value_name = "PROTOCOLS", value_delimiter = ',', value_parser = protocol)]
    protocol: Vec<Protocol>,
    /// The format: a table for people, JSON for programs, or the output of a Nagios plugin.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    output: Output,
    /// Add what was said between the probe and the server, without secrets. Not in `nagios`.
    #[arg(long)]
    transcript: bool,
    /// Probe what fails again, at growing intervals, until all is fine or this time is up, such as `60m`:
    /// permissions take minutes to hours to act.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    wait: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
    Nagios,
}

fn protocol(text: &str) -> Result<Protocol, String> {
    Protocol::from_label(text).ok_or_else(|| {
        let known: Vec<_> = Protocol::ALL.iter().map(|protocol| protocol.label()).collect();
        format!("expected one of {}", known.join(", "))
    })
}

pub(super) async fn run(options: Options) -> Exit {
    let plan = match plan(&options) {
        Ok(plan) => plan,
        Err(why) => {
            complain(&format!("{why}\n"));
            return match options.output {
                // Monitoring shows only the first line of a plugin's output.
                Output::Nagios => say(&nagios::unknown(&why), Exit::Unknown),
                Output::Table | Output::Json => Exit::Bad,
            };
        }
    };
    let progress = Progress::of(plan.checks.len());
    let mut observations = app::round(&plan, |_| progress.step()).await;
    progress.end();
    if let Some(limit) = options.wait {
        wait::until_fine(&plan, &mut observations, limit).await;
    }
    let exit = if observations.iter().all(|seen| seen.outcome.is_up()) { Exit::Fine } else { Exit::Failing };
    match options.output {
        Output::Table => say(&table(&observations, options.transcript), exit),
        Output::Json => say(&json(&observations, options.transcript), exit),
        Output::Nagios => {
            let ends = nagios::ends(&plan).await;
            let (text, exit) = nagios::judge(&observations, &ends, clock::now());
            say(&text, exit)
        }
    }
}

/// The part of the plan to check, or why nothing can be checked: the file has faults, or a name matches no mailbox.
fn plan(options: &Options) -> Result<Plan, String> {
    let loaded = config::load(options.config.file()).map_err(|errors| errors.to_string())?;
    for notice in &loaded.warnings {
        complain(&format!("warning: {notice}\n"));
    }
    let mut plan = loaded.plan;
    select::narrow(&mut plan, &options.mailboxes, &options.protocol)?;
    Ok(plan)
}

/// The table, in colours if standard output shows them.
pub(super) fn table(observations: &[Observation], transcript: bool) -> String {
    table::render(observations, Style { colours: colours(&io::stdout()), transcript })
}

fn json(observations: &[Observation], transcript: bool) -> String {
    let results: Vec<_> = observations.iter().map(|seen| observation(seen, transcript)).collect();
    safe::json(format!("{:#}\n", json!({ "results": results })))
}
