//! `readiness`: one round, then how far every mailbox is from doing without passwords, for people and for tickets.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use crate::app;
use crate::app::directories;
use crate::check::Prober;
use crate::clock;
use crate::model::{Board, Conflict, Plan, Score, Standing, State};
use crate::password_trials;
use crate::readiness::{Readiness, StoreError};
use crate::report::readiness_json;
use crate::report::sheet::{self, READINESS as COLUMNS, standing_cells as cells};
use crate::report::text::{ago, counted};
use crate::safe;

use super::answer::{Progress, complain, say};
use super::columns::aligned;
use super::table::Style;
use super::{Config, Exit, cannot_run, colours};

#[derive(Debug, Args)]
pub(super) struct Options {
    #[command(flatten)]
    config: Config,
    /// The format: a table for people, JSON for programs, CSV for spreadsheets, or Markdown for a ticket.
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
    Csv,
    Markdown,
}

pub(super) async fn run(options: Options) -> Exit {
    let loaded = match options.config.load() {
        Ok(loaded) => loaded,
        Err(exit) => return exit,
    };
    for notice in &loaded.warnings {
        complain(&format!("warning: {notice}\n"));
    }
    let board = match round(&loaded.plan).await {
        Ok(board) => board,
        Err(error) => return cannot_run(&error.to_string()),
    };
    let settled = board.standings.iter().all(|standing| standing.state.row().settled);
    let exit = if settled { Exit::Fine } else { Exit::Failing };
    let now = clock::now();
    match options.output {
        Output::Table => say(&table(&board, now), exit),
        Output::Json => say(&safe::json(format!("{:#}\n", readiness_json::board(&board))), exit),
        Output::Csv => match csv(&board) {
            Ok(text) => say(&text, exit),
            Err(error) => cannot_run(&format!("no CSV: {error}")),
        },
        Output::Markdown => say(&markdown(&board, now), exit),
    }
}

/// How long the directories may take: a first reading of a long log waits for its pages.
const READING: Duration = Duration::from_secs(5 * 60);

/// Probes every check once, reads the directories, tries the passwords that may be tried, and judges.
async fn round(plan: &Plan) -> Result<Board, StoreError> {
    let readiness = match Readiness::open(plan) {
        // An agent writes to this directory: its memory is read, and nothing is added to it.
        Err(StoreError::Busy(_)) => Readiness::look(plan)?,
        opened => opened?,
    };
    let readiness = Arc::new(readiness);
    let progress = Progress::of(plan.checks.len());
    app::round(plan, |seen| {
        readiness.record(seen, seen.check.interval);
        progress.step();
    })
    .await;
    progress.end();
    for directories::Once { directory, feed, outcome } in directories::once(plan, READING).await {
        readiness.note_directory(&directory.source(feed), outcome.map(|read| read.reading));
    }
    // Only after the round: no mailbox may be probed twice at once.
    password_trials::once(&readiness, &Prober::new(&plan.limits, Arc::new(|_| ()))).await;
    readiness.save().await;
    Ok(readiness.board(clock::now()))
}

/// `contoso 72.5 (smtp: 3 ready, 1 at_risk)`.
fn score(score: &Score) -> String {
    let mut by_protocol: Vec<(String, Vec<String>)> = Vec::new();
    for (protocol, state, count) in score.counts.iter().filter(|(_, _, count)| *count > 0) {
        let count = format!("{count} {state}");
        match by_protocol.iter_mut().find(|(known, _)| known == protocol.label()) {
            Some((_, counts)) => counts.push(count),
            None => by_protocol.push((protocol.to_string(), vec![count])),
        }
    }
    let counts: Vec<_> = by_protocol
        .into_iter()
        .map(|(protocol, counts)| format!("{protocol}: {}", counts.join(", ")))
        .collect();
    let value =
        score.score.map_or_else(|| "nothing expected".to_owned(), |value| format!("{value:.1} of 100"));
    let capped = if score.capped {
        ", held at 49 at most: a mailbox at risk has a deadline within 30 days"
    } else {
        ""
    };
    let tenant = if score.tenant.is_empty() { "no tenant" } else { &score.tenant };
    format!("{tenant}: {value} ({}){capped}", counts.join("; "))
}

/// In the order in which they matter, the worst first.
fn ordered(board: &Board) -> Vec<&Standing> {
    let mut standings: Vec<&Standing> = board.standings.iter().collect();
    standings.sort_by_key(|standing| standing.state);
    standings
}

fn table(board: &Board, now: Timestamp) -> String {
    let standings = ordered(board);
    let mut lines = vec![COLUMNS.map(str::to_owned).to_vec()];
    lines.extend(standings.iter().map(|standing| {
        let cells = cells(standing, &|at| ago(now, at));
        cells.iter().map(|cell| safe::line(cell).into_owned()).collect()
    }));
    let style = Style { colours: colours(&io::stdout()), transcript: false };
    let mut text = aligned(&lines, COLUMNS.len(), style, |_, cell| cell.to_owned());
    text += "\n";
    for standing in
        standings.iter().filter(|standing| !standing.state.row().settled || standing.state == State::Ready)
    {
        text += &format!(
            "{} {}: {}\n",
            safe::line(&standing.name.mailbox),
            standing.name.protocol,
            safe::line(&standing.advice)
        );
    }
    text.push('\n');
    for tenant in &board.scores {
        text += &format!("{}\n", safe::line(&score(tenant)));
    }
    for remark in remarks(board) {
        text += &format!("{}\n", safe::line(&remark));
    }
    text
}

/// Facts about the whole, one a line.
fn remarks(board: &Board) -> Vec<String> {
    let memory = format!("Memory: {}.", board.memory);
    let imports = board.imports.iter().map(|report| match &report.fault {
        Some(fault) => format!("{}: {fault}: nothing is taken from it.", report.file),
        None => format!(
            "{}: {} taken, {} not understood{}; {}.",
            report.file,
            counted(report.taken, "line", "lines"),
            report.refused_count,
            report.of_others(),
            report.of_unknown()
        ),
    });
    let silent = board.sources.iter().filter_map(|source| match (source.last_success, &source.fault) {
        (_, Some(fault)) => Some(format!("{}: {fault}.", source.name)),
        (None, None) => Some(format!("{}: has given nothing yet.", source.name)),
        (Some(_), None) => None,
    });
    let conflicts = board.standings.iter().filter_map(|standing| {
        let Conflict { setting, seen } = standing.conflict.as_ref()?;
        Some(format!(
            "Conflict: {} {}: {} says that {} ({}), and since then {}. Export the settings again.",
            standing.name.mailbox,
            standing.name.protocol,
            setting.signal.row().title,
            setting.finding.row().meaning,
            setting.note,
            seen.finding.row().meaning
        ))
    });
    let stopped = board
        .stopped
        .iter()
        .map(|(tenant, at, said)| format!("No password is tried in tenant {tenant} since {at}: {said}"));
    std::iter::once(memory).chain(imports).chain(silent).chain(conflicts).chain(stopped).collect()
}

fn csv(board: &Board) -> io::Result<String> {
    let mut bytes = Vec::new();
    sheet::readiness(ordered(board).into_iter(), &mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn markdown(board: &Board, now: Timestamp) -> String {
    let row = |cells: &[String]| {
        let cells: Vec<_> = cells.iter().map(|cell| safe::markdown(cell)).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut head: Vec<String> = COLUMNS.map(str::to_owned).to_vec();
    head.push("what to do".to_owned());
    let mut text = row(&head);
    text += &row(&vec!["---".to_owned(); head.len()]);
    for standing in ordered(board) {
        let mut cells = cells(standing, &|at| ago(now, at)).to_vec();
        cells.push(standing.advice.clone());
        text += &row(&cells);
    }
    for tenant in &board.scores {
        text += &format!("\n- {}", safe::markdown(&score(tenant)));
    }
    text.push_str("\n\n");
    for remark in remarks(board) {
        text += &format!("{}\n", safe::markdown(&remark));
    }
    text
}
