//! `reference`: the metrics, the reasons and the routes of this version.
//!
//! The documents print these tables, and the tests of rules and dashboards read them. It is hidden from `--help`, since
//! operators find the same in the documents.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::http::ROUTES;
use crate::model::Reason;
use crate::report::FAMILIES;

use super::Exit;
use super::answer::say;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// The format: for documents or for programs.
    #[arg(long, value_name = "FORMAT", default_value = "markdown")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Markdown,
    Json,
}

pub(super) fn run(options: &Options) -> Exit {
    let text = match options.output {
        Output::Markdown => markdown(),
        Output::Json => format!("{:#}\n", programs()),
    };
    say(&text, Exit::Fine)
}

fn markdown() -> String {
    let metrics = FAMILIES.iter().map(|family| {
        let labels: Vec<_> = family.labels.iter().map(|label| code(label)).collect();
        [code(family.name), family.kind.label().to_owned(), labels.join(", "), family.help.to_owned()]
    });
    let reasons = Reason::ALL.iter().map(|reason| {
        let row = reason.row();
        let owners: Vec<_> = row.owners.iter().map(|owner| owner.row().title).collect();
        let passes = if row.transient { "yes" } else { "" };
        // A title may have a comma of its own.
        [code(row.label), row.meaning.to_owned(), owners.join("; "), passes.to_owned()]
    });
    let routes = ROUTES
        .iter()
        .map(|route| [code(&format!("{} {}", route.method, route.path)), route.answers.to_owned()]);
    [
        table("Metrics", ["metric", "type", "labels", "meaning"], metrics),
        table("Reasons", ["reason", "meaning", "who acts", "passes"], reasons),
        table("Routes", ["route", "answers"], routes),
    ]
    .join("\n")
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// A section with one table.
fn table<const COLUMNS: usize>(
    title: &str,
    heads: [&str; COLUMNS],
    rows: impl Iterator<Item = [String; COLUMNS]>,
) -> String {
    // A vertical bar would end the cell.
    let line = |cells: [String; COLUMNS]| {
        format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
    };
    let head = line(heads.map(str::to_owned)) + &line(heads.map(|_| "---".to_owned()));
    format!("## {title}\n\n{head}{}", rows.map(line).collect::<String>())
}

/// The same for programs. Owners come in the order in which they are asked to act.
fn programs() -> Value {
    let metrics = FAMILIES.iter().map(|family| {
        json!({
            "name": family.name, "type": family.kind.label(), "labels": family.labels, "meaning": family.help,
        })
    });
    let reasons = Reason::ALL.iter().map(|reason| {
        let row = reason.row();
        let owners =
            row.owners.iter().map(|owner| json!({ "name": owner.row().label, "title": owner.row().title }));
        json!({
            "name": row.label, "meaning": row.meaning, "owners": owners.collect::<Vec<_>>(),
            "transient": row.transient,
        })
    });
    let routes = ROUTES
        .iter()
        .map(|route| json!({ "method": route.method, "path": route.path, "answers": route.answers }));
    json!({
        "metrics": metrics.collect::<Vec<_>>(),
        "reasons": reasons.collect::<Vec<_>>(),
        "routes": routes.collect::<Vec<_>>(),
    })
}
