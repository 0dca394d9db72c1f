//! Which configuration this process was started with, for commands that people are told to run.
//!
//! Owns the form in which texts leave its place open: `--config FILE`. The command line says it once; a process without
//! a configuration, such as `explain`, leaves the texts as they are.

use std::borrow::Cow;
use std::path::Path;
use std::sync::OnceLock;

use crate::safe;

/// How a text names a configuration that it does not know.
const OPEN: &str = "--config FILE";

/// The option as a shell takes it; `None` if no shell would, or no page could show it.
static OPTION: OnceLock<Option<String>> = OnceLock::new();

/// Says which configuration this process uses. Only the first call counts.
pub fn uses(config: &Path) {
    OPTION.get_or_init(|| option(config));
}

fn option(config: &Path) -> Option<String> {
    // People read a page elsewhere than in the folder where the agent was started.
    let path = std::path::absolute(config).ok()?;
    let path = path.to_str()?;
    // A backtick would end the command on the page.
    (!path.contains('`') && !path.contains(safe::acts)).then(|| format!("--config {}", safe::shell(path)))
}

/// A text with the configuration of this process in the commands that leave it open.
pub fn complete(text: &str) -> Cow<'_, str> {
    with(text, OPTION.get().and_then(Option::as_deref))
}

fn with<'t>(text: &'t str, option: Option<&str>) -> Cow<'t, str> {
    match option {
        Some(option) if text.contains(OPEN) => Cow::Owned(text.replace(OPEN, option)),
        _ => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_configuration_that_the_process_was_given() {
        let text = "`mailbox-exporter check --config FILE desk` says what to do.";
        let told = |path: &str| with(text, option(Path::new(path)).as_deref()).into_owned();
        assert_eq!(
            told("/etc/agent/config.yaml"),
            "`mailbox-exporter check --config /etc/agent/config.yaml desk` says what to do."
        );
        assert_eq!(
            told("/etc/my agent/config.yaml"),
            "`mailbox-exporter check --config '/etc/my agent/config.yaml' desk` says what to do."
        );
        assert_eq!(told("/etc/`id`.yaml"), text, "it would end the command on a page");
        assert_eq!(with(text, None), text);
    }

    #[test]
    fn a_relative_place_is_told_in_full() {
        let option = option(Path::new("config.yaml")).unwrap_or_default();
        assert!(option.starts_with("--config /") && option.ends_with("/config.yaml"), "{option}");
    }
}
