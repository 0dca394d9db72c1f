//! Tells the program which sources it is built from; `--version` and `mailbox_exporter_build_info` show it.
//!
//! `SOURCE_REVISION` and `SOURCE_DATE_EPOCH` count if they are set. Without them a release build asks git. A development
//! build does not: it would compile everything again after every commit.

#![allow(clippy::print_stdout)] // cargo reads what a build script prints

use std::env;
use std::path::Path;
use std::process::Command;

/// What the program is made of: a change of these compiles it again in any case.
const SOURCES: [&str; 4] = ["build.rs", "Cargo.lock", "Cargo.toml", "src"];
/// Git writes one of these at every commit and every checkout.
const MOVES: [&str; 2] = ["HEAD", "logs/HEAD"];
/// Longer than any hash, tag or build number; it becomes the value of a label.
const LONGEST: usize = 80;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for name in ["SOURCE_REVISION", "SOURCE_DATE_EPOCH"] {
        println!("cargo::rerun-if-env-changed={name}");
    }
    let released = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = if released { commit() } else { None };
    let (hash, time) = commit.unzip();
    let revision = given("SOURCE_REVISION").or(hash).unwrap_or_else(|| "unknown".to_owned());
    let seconds = given("SOURCE_DATE_EPOCH").or(time).unwrap_or_default();
    if revision.len() > LONGEST
        || !revision.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_.+/".contains(&c))
    {
        println!("cargo::error=SOURCE_REVISION: expected at most {LONGEST} letters, digits and -_.+/");
    }
    if !seconds.is_empty() && seconds.parse::<u32>().is_err() {
        println!("cargo::error=SOURCE_DATE_EPOCH: expected seconds since 1970, such as 1796083200");
    }
    println!("cargo::rustc-env=MAILBOX_EXPORTER_REVISION={revision}");
    println!("cargo::rustc-env=MAILBOX_EXPORTER_SOURCE_SECONDS={seconds}");
}

/// A variable of the environment that is set and not empty.
fn given(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The commit's hash, with `-dirty` if a source differs from it, and its time. None outside a clone of this repository.
fn commit() -> Option<(String, String)> {
    if !Path::new(".git").exists() {
        return None;
    }
    let Some(found) = git(&["log", "-1", "--format=%H %ct"]) else {
        println!("cargo::warning=git does not tell the commit: the program will say that it is unknown");
        return None;
    };
    for file in MOVES.iter().filter_map(|file| git(&["rev-parse", "--git-path", file])) {
        // Cargo takes a file that is not there for one that has changed.
        if Path::new(&file).exists() {
            println!("cargo::rerun-if-changed={file}");
        }
    }
    for source in SOURCES {
        println!("cargo::rerun-if-changed={source}");
    }
    let (hash, time) = found.split_once(' ')?;
    let changed = git(&[&["status", "--porcelain", "--"], &SOURCES[..]].concat());
    let dirty = changed.is_none_or(|files| !files.is_empty());
    Some((format!("{hash}{}", if dirty { "-dirty" } else { "" }), time.to_owned()))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("--no-optional-locks")
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
