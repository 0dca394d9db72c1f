//! The documents against the program: tables equal the tables, examples load, commands exist.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use mailbox_exporter::config;
use mailbox_exporter::model::Reason;
use mailbox_exporter::report::FAMILIES;

const README: &str = include_str!("../../README.md");
const PROGRAM: &str = env!("CARGO_BIN_EXE_mailbox-exporter");

/// What stands between two marks of the README.
fn section(name: &str) -> &'static str {
    let (_, rest) = README.split_once(&format!("<!-- {name}: begin -->\n")).unwrap();
    rest.split_once(&format!("<!-- {name}: end -->")).unwrap().0
}

fn must_equal(name: &str, table: &str) {
    assert_eq!(
        section(name),
        table,
        "the section between the marks `{name}` of the README must be:\n{table}"
    );
}

#[test]
fn the_readme_lists_every_reason_as_the_program_knows_it() {
    let mut table = "| reason | meaning | who acts | passes |\n| --- | --- | --- | --- |\n".to_owned();
    for reason in Reason::ALL {
        let row = reason.row();
        let owners: Vec<_> = row.owners.iter().map(|owner| owner.row().title).collect();
        let passes = if row.transient { "yes" } else { "" };
        writeln!(table, "| `{}` | {} | {} | {passes} |", row.label, row.meaning, owners.join(", ")).unwrap();
    }
    must_equal("reasons", &table);
}

#[test]
fn the_readme_lists_every_metric_as_the_program_exports_it() {
    let mut table = "| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for family in FAMILIES {
        let labels: Vec<_> = family.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, help) = (family.name, family.kind.label(), family.help);
        writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
    }
    must_equal("metrics", &table);
}

#[test]
fn every_yaml_in_the_readme_that_is_a_configuration_loads() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    fs::create_dir_all(&folder).unwrap();
    let blocks = README.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let configurations: Vec<_> = blocks.filter(|block| block.contains("mailboxes:")).collect();
    assert!(!configurations.is_empty(), "the README shows no configuration");
    for (place, text) in configurations.into_iter().enumerate() {
        let file = folder.join(format!("{place}.yaml"));
        fs::write(&file, text).unwrap();
        config::load(&file).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    }
}

/// The commands of `--help`, without `help` itself.
fn commands() -> Vec<String> {
    let output = Command::new(PROGRAM).arg("--help").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
    // A line that goes on with the one above is indented further.
    let begins = |line: &&str| line.strip_prefix("  ").is_some_and(|rest| !rest.starts_with(' '));
    let names =
        list.lines().filter(begins).filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
    names.filter(|name| name != "help").collect()
}

#[test]
fn the_readme_and_help_know_the_same_commands() {
    let table = README.split("## Commands").nth(1).unwrap().split("\n## ").next().unwrap();
    let told: Vec<_> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', ' ']).next().map(str::to_owned))
        .collect();
    assert_eq!(told, commands());
}

#[test]
fn the_example_has_no_faults() {
    let output =
        Command::new(PROGRAM).args(["validate", "--config", "config.yaml.example"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("no faults"), "{said}");
}
