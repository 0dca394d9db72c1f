//! The documents against the program: tables equal the tables, examples load, commands exist, links lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mailbox_exporter::config;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mailbox-exporter");
const FIRST_PAGE: &str = "README.md";
const OPERATION: &str = "deploy/README.md";
const PROMETHEUS: &str = "deploy/prometheus/README.md";
/// Where the tables that the program prints are listed.
const LISTED: [(&str, &str); 3] = [("Metrics", PROMETHEUS), ("Reasons", PROMETHEUS), ("Routes", OPERATION)];
/// Folders without documents of ours.
const NOT_READ: [&str; 2] = ["target", ".git"];

fn read(document: impl AsRef<Path>) -> String {
    fs::read_to_string(document).unwrap()
}

/// What a command of the program prints.
fn printed(arguments: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The text of one section of a document, without its heading.
fn section<'a>(text: &'a str, heading: &str) -> Option<&'a str> {
    let rest = match text.strip_prefix(&format!("## {heading}\n")) {
        Some(rest) => rest,
        None => text.split_once(&format!("\n## {heading}\n"))?.1,
    };
    Some(rest.split("\n## ").next().unwrap_or_default().trim())
}

#[test]
fn the_documents_list_what_the_program_prints() {
    let reference = printed(&["reference"]);
    for (table, document) in LISTED {
        let text = read(document);
        let mark = table.to_lowercase();
        let (begin, end) = (format!("<!-- {mark}: begin -->"), format!("<!-- {mark}: end -->"));
        let listed = text.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end));
        let listed = listed.unwrap_or_else(|| panic!("{document} has no marks `{mark}`")).0.trim();
        let wanted =
            section(&reference, table).unwrap_or_else(|| panic!("no section {table} in:\n{reference}"));
        assert_eq!(listed, wanted, "{document}: between the marks `{mark}` must stand:\n{wanted}");
    }
}

#[test]
fn the_reference_for_programs_has_every_row() {
    let reference: serde_json::Value =
        serde_json::from_str(&printed(&["reference", "--output", "json"])).unwrap();
    let text = printed(&["reference"]);
    for (table, _) in LISTED {
        let lines = section(&text, table).unwrap().lines().count();
        let rows = reference[table.to_lowercase()].as_array().unwrap();
        assert!(!rows.is_empty());
        // Two lines are the table's head.
        assert_eq!(rows.len() + 2, lines, "{table}");
    }
    let timeout =
        reference["reasons"].as_array().unwrap().iter().find(|row| row["name"] == "timeout").unwrap();
    assert_eq!(timeout["owners"][0]["name"], "net");
    assert_eq!(timeout["transient"], true);
}

#[test]
fn every_command_has_a_manual_page() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("manual");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    printed(&["manual", folder.to_str().unwrap()]);
    let help = printed(&["--help"]);
    let listed = help.split_once("Commands:\n").unwrap().1.split("\n\n").next().unwrap();
    let commands: Vec<_> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')))
        .filter_map(|line| line.split(' ').next().filter(|name| *name != "help"))
        .collect();
    assert!(commands.contains(&"serve") && commands.len() > 8, "{commands:?}");
    for command in &commands {
        let page = read(folder.join(format!("mailbox-exporter-{command}.1")));
        assert!(page.contains(".SH DESCRIPTION"), "{command}: {page}");
    }
    assert!(read(folder.join("mailbox-exporter.1")).contains(".SH FILES"));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), commands.len() + 1);
}

#[test]
fn every_configuration_on_the_first_page_loads() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("readme");
    fs::create_dir_all(&folder).unwrap();
    let page = read(FIRST_PAGE);
    let blocks = page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let configurations: Vec<_> = blocks.filter(|block| block.contains("mailboxes:")).collect();
    assert!(!configurations.is_empty(), "{FIRST_PAGE} shows no configuration");
    for (place, text) in configurations.into_iter().enumerate() {
        let file = folder.join(format!("{place}.yaml"));
        fs::write(&file, text).unwrap();
        config::load(&file).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    }
}

/// The commands of `--help`, without `help` itself.
fn commands() -> Vec<String> {
    let help = printed(&["--help"]);
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap().to_owned();
    // A line that goes on with the one above is indented further.
    let begins = |line: &&str| line.strip_prefix("  ").is_some_and(|rest| !rest.starts_with(' '));
    let names =
        list.lines().filter(begins).filter_map(|line| line.split_whitespace().next()).map(str::to_owned);
    names.filter(|name| name != "help").collect()
}

#[test]
fn the_documents_and_help_know_the_same_commands() {
    let text = read(OPERATION);
    let listed: Vec<_> = section(&text, "Commands")
        .unwrap_or_else(|| panic!("{OPERATION} has no section `Commands`"))
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split(['`', ' ']).next().map(str::to_owned))
        .collect();
    assert_eq!(listed, commands());
}

#[test]
fn the_example_has_no_faults() {
    let said = printed(&["validate", "--config", "config.yaml.example"]);
    assert!(said.contains("no faults"), "{said}");
}

/// Every document of the repository.
fn documents(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if !NOT_READ.iter().any(|name| path.ends_with(name)) {
                found.extend(documents(&path));
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
    found
}

/// The lines of a document outside code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// Where the links of a document lead, other sites excepted.
fn links(text: &str) -> Vec<&str> {
    let targets =
        prose(text).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).collect()
}

/// The anchors of a document: those of its headings, as forges make them, and those it names itself.
fn anchors(text: &str) -> Vec<String> {
    let kept = |letter: &char| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_');
    let slug = |heading: &str| {
        heading.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
    };
    let headings =
        prose(text).filter(|line| line.starts_with('#')).map(|line| slug(line.trim_start_matches('#')));
    let named = text.split("<a id=\"").skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned);
    headings.chain(named).collect()
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let mut faults = Vec::new();
    let mut followed = 0;
    for document in documents(Path::new(".")) {
        let text = read(&document);
        for link in links(&text) {
            followed += 1;
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => document.clone(),
                _ => document.parent().unwrap().join(path),
            };
            let there =
                target.exists() && (anchor.is_empty() || anchors(&read(&target)).iter().any(|a| a == anchor));
            if !there {
                faults.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(
        faults.is_empty() && followed > 20,
        "{followed} links, of these lead nowhere:\n{}",
        faults.join("\n")
    );
}
