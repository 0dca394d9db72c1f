//! `completions`: scripts that complete commands and options in a shell.

use clap::Command;
use clap_complete::Shell;

const PROGRAM: &str = "mailbox-exporter";

/// The script for a shell.
pub(super) fn script(shell: Shell, mut command: Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, PROGRAM, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        // clap_complete 4.6 spells a name with a hyphen in two ways, so that no command's own options are found
        // (clap-rs/clap#6421). With one way everywhere they are; when it is mended, this renames what agrees already.
        Shell::Bash => script.replace("mailbox__exporter", "mailbox__subcmd__exporter"),
        _ => script,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should say so at once
mod tests {
    use std::process;

    use clap::CommandFactory;

    use super::super::Arguments;
    use super::*;

    /// What bash offers for the last word of a line.
    fn offered(words: &[&str]) -> Vec<String> {
        let ask = r#"
            function=$(complete -p mailbox-exporter) function=${function#*-F } function=${function%% *}
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
            "$function" "$1" "${@: -1}" "${@: -2:1}"
            printf '%s\n' "${COMPREPLY[@]}"
        "#;
        let script = script(Shell::Bash, Arguments::command()) + ask;
        let output =
            process::Command::new("bash").args(["-c", &script, "bash"]).args(words).output().unwrap();
        assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn bash_completes_commands_and_their_options() {
        assert_eq!(offered(&[PROGRAM, "val"]), ["validate"]);
        assert_eq!(offered(&[PROGRAM, "check", "--wa"]), ["--wait"]);
        assert_eq!(offered(&[PROGRAM, "check", "--output", "nag"]), ["nagios"]);
        assert_eq!(offered(&[PROGRAM, "consent-url", "--redirect"]), ["--redirect-uri"]);
    }
}
