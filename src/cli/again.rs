//! Commands of this program as people are told to run them: with the configuration that this run was given.

use std::ffi::OsStr;
use std::path::Path;

use crate::safe;

/// How to run another command with the same configuration.
#[derive(Debug)]
pub(super) struct Again {
    /// With a blank in front; empty where the environment names the configuration.
    option: String,
}

impl Again {
    /// `environment` is what the variable of the configuration says.
    pub(super) fn with(config: &Path, environment: Option<&OsStr>) -> Self {
        let option = match environment {
            Some(named) if named == config.as_os_str() => String::new(),
            _ => format!(" --config {}", safe::shell(&config.to_string_lossy())),
        };
        Self { option }
    }

    /// A command with its other arguments, for a shell.
    pub(super) fn command(&self, command: &str, arguments: &str) -> String {
        let blank = if arguments.is_empty() { "" } else { " " };
        format!("mailbox-exporter {command}{}{blank}{arguments}", self.option)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_configuration_that_was_given() {
        let told = |config: &str, environment: Option<&str>| {
            Again::with(Path::new(config), environment.map(OsStr::new)).command("check", "--wait 60m")
        };
        assert_eq!(told("a.yaml", None), "mailbox-exporter check --config a.yaml --wait 60m");
        assert_eq!(told("a.yaml", Some("b.yaml")), "mailbox-exporter check --config a.yaml --wait 60m");
        assert_eq!(told("a.yaml", Some("a.yaml")), "mailbox-exporter check --wait 60m");
        assert_eq!(told("my file", None), "mailbox-exporter check --config 'my file' --wait 60m");
    }
}
