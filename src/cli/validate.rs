//! `validate`: every fault of a configuration at once.

use crate::config;

use super::answer::say;
use super::{Config, Exit};

pub(super) fn run(config: &Config) -> Exit {
    match config::load(&config.config) {
        Ok(loaded) => {
            let plan = &loaded.plan;
            let mut text: String =
                loaded.warnings.iter().map(|notice| format!("warning: {notice}\n")).collect();
            text += &format!(
                "{}: no faults in {}, {}, {}, {}\n",
                config.config.display(),
                counted(loaded.files.len(), "file"),
                counted(plan.credentials.len(), "credential"),
                plural(plan.mailboxes.len(), "mailbox", "mailboxes"),
                counted(plan.checks.len(), "check"),
            );
            say(&text, Exit::Fine)
        }
        Err(errors) => say(
            &format!("{errors}\n{} in {}\n", counted(errors.len(), "fault"), config.config.display()),
            Exit::Bad,
        ),
    }
}

fn counted(count: usize, noun: &str) -> String {
    plural(count, noun, &format!("{noun}s"))
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
