#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use super::*;

#[test]
fn zz_dump() {
    let Ok(list) = std::env::var("DUMP") else { return };
    let mut out = String::new();
    for path in list.split(':').filter(|p| !p.is_empty()) {
        out += &format!("=== {path}\n");
        match load(Path::new(path)) {
            Ok(loaded) => {
                out += &format!(
                    "OK {} checks; warnings {}\n",
                    loaded.plan.checks.len(),
                    loaded.warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
                )
            }
            Err(errors) => out += &format!("{errors}\n"),
        }
    }
    std::fs::write(std::env::var("DUMP_TO").unwrap(), out).unwrap();
}
