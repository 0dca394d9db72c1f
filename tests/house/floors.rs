//! The order of the house: which module may import which, how long a file or a name may be, what a file opens with.
//!
//! `src/lib.rs` is read as the floor plan: modules in one paragraph are on one floor.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file, tests included.
const LONGEST: usize = 400;
/// Letters in the name of a function: a longer sentence is two tests.
const LONGEST_NAME: usize = 60;
/// Files that are nothing but tables of data may be longer.
const TABLES: [&str; 1] = ["src/diagnosis/sentences.rs"];
/// Which may use the simulator, besides tests.
const MAY_SIMULATE: [&str; 1] = ["src/cli/demo/"];

/// Every source file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The floor of each module: 0 is the lowest, the first in `src/lib.rs`.
fn plan() -> BTreeMap<String, usize> {
    let text = fs::read_to_string("src/lib.rs").unwrap();
    let mut floors = BTreeMap::new();
    for (floor, paragraph) in
        text.split("\n\n").filter(|paragraph| paragraph.contains("pub mod ")).enumerate()
    {
        for line in paragraph.lines() {
            if let Some(name) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
                floors.insert(name.to_owned(), floor);
            }
        }
    }
    floors
}

/// The module a file belongs to: `src/net/tap.rs` and `src/net.rs` to `net`.
fn module(file: &Path) -> String {
    let name = file.components().nth(1).unwrap().as_os_str().to_str().unwrap();
    name.trim_end_matches(".rs").to_owned()
}

/// The modules of the house that a text names by `crate::`.
fn imports(text: &str) -> Vec<String> {
    let names = text.split("crate::").skip(1);
    names
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect::<String>())
        .filter(|name| !name.is_empty())
        .collect()
}

#[test]
fn imports_go_down_the_floors() {
    let plan = plan();
    assert!(plan.len() >= 14 && plan["model"] == 0, "src/lib.rs is no floor plan any more: {plan:?}");
    let mut faults = Vec::new();
    for file in files(Path::new("src")) {
        let own = module(&file);
        if own == "lib" || own == "main" {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        if text.contains("use crate::{") {
            faults.push(format!("{}: one parent module per `use`", file.display()));
        }
        let may_simulate = MAY_SIMULATE.iter().any(|folder| file.starts_with(folder));
        for used in imports(&text).into_iter().filter(|used| *used != own) {
            let allowed = match used.as_str() {
                "sim" => may_simulate,
                _ if own == "sim" => false,
                _ => plan.get(&used).is_some_and(|floor| *floor < plan[&own]),
            };
            if !allowed {
                faults.push(format!("{}: {own} may not import {used}", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// Every source file of the project with its text.
fn sources() -> Vec<(PathBuf, String)> {
    let folders = ["src", "tests", "benches"].map(Path::new);
    let found = folders.into_iter().filter(|folder| folder.exists()).flat_map(files);
    found.map(|file| (file.clone(), fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn files_say_what_they_own_and_are_short() {
    let mut faults = Vec::new();
    for (file, text) in sources() {
        let lines = text.lines().count();
        let table = TABLES.iter().any(|table| file.starts_with(table));
        if lines > LONGEST && !table {
            faults.push(format!("{}: {lines} lines", file.display()));
        }
        if !text.starts_with("//! ") {
            faults.push(format!("{}: does not open with what it owns", file.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn names_of_functions_are_short() {
    let mut faults = Vec::new();
    for (file, text) in sources() {
        for line in text.lines().map(str::trim_start) {
            let declared = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
            let name = declared.and_then(|rest| rest.split(['(', '<']).next()).unwrap_or_default();
            if name.len() > LONGEST_NAME {
                faults.push(format!("{}: {name} has {} letters", file.display(), name.len()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
