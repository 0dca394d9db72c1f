//! One step of the setup, and how steps are printed.

use crate::model::Cloud;
use crate::safe;

/// One step of the setup, and how to verify it.
pub(super) struct Step {
    pub(super) title: String,
    /// Things that a person has to know or to click.
    pub(super) notes: Vec<String>,
    /// Commands to paste.
    pub(super) commands: Vec<String>,
    /// A command, or a place to look at.
    pub(super) verify: String,
    /// Whether the commands are not to be run now, or not where a script runs. If so, they are comments in a script.
    later: bool,
}

impl Step {
    pub(super) fn new(title: impl Into<String>, verify: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            notes: Vec::new(),
            commands: Vec::new(),
            verify: verify.into(),
            later: false,
        }
    }

    pub(super) fn later(self) -> Self {
        Self { later: true, ..self }
    }

    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    pub(super) fn command(mut self, command: impl Into<String>) -> Self {
        self.commands.push(command.into());
        self
    }

    /// A command of this program. It runs in a shell where the configuration and the secret are.
    pub(super) fn at_agent(self, command: impl Into<String>) -> Self {
        self.command(command).later()
    }
}

/// The step before all others, in a cloud whose accounts and addresses are not those of the worldwide one.
pub(super) fn of_cloud(cloud: Cloud) -> Option<Step> {
    let (azure, row) = (cloud.azure_login()?, cloud.row());
    let verify = format!("`az cloud show --query name --output tsv` shows {}", row.azure);
    let step = Step::new(format!("Use the tools in the cloud {cloud}"), verify)
        .note(format!(
            "The Entra admin center of the steps below is {} > Microsoft Entra ID there.",
            row.portal
        ))
        .note(format!("Azure CLI, before its first command: {azure}"));
    Some(step)
}

/// Numbered steps for people.
pub(super) fn text(title: &str, steps: &[Step]) -> String {
    let mut text = format!("{}\n", safe::line(title));
    for (place, step) in steps.iter().enumerate() {
        text += &format!("\n{}. {}\n", place + 1, safe::line(&step.title));
        for note in &step.notes {
            text += &format!("   {}\n", safe::line(note));
        }
        for line in step.commands.iter().flat_map(|command| command.lines()) {
            text += &format!("       {}\n", safe::line(line));
        }
        text += &format!("   Verify: {}\n", safe::line(&step.verify));
    }
    text
}

/// A script: everything but the commands for now is a comment.
pub(super) fn script(title: &str, steps: &[Step]) -> String {
    let mut text = format!("# {}\n", safe::line(title));
    for (place, step) in steps.iter().enumerate() {
        text += &format!("\n# {}. {}\n", place + 1, safe::line(&step.title));
        for note in &step.notes {
            text += &format!("# {}\n", safe::line(note));
        }
        for line in step.commands.iter().flat_map(|command| command.lines()) {
            let mark = if step.later { "# " } else { "" };
            text += &format!("{mark}{}\n", safe::line(line));
        }
        text += &format!("# Verify: {}\n", safe::line(&step.verify));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_has_only_commands_outside_of_comments() {
        let step = Step::new("Do it", "look").note("because").command("Get-It -Now\nGet-More");
        let another_day = Step::new("Then", "look").command("Set-It").later();
        let elsewhere = Step::new("See", "look").at_agent("mailbox-exporter check");
        let script = script("title", &[step, another_day, elsewhere]);
        let bare: Vec<_> = script.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
        assert_eq!(bare, ["Get-It -Now", "Get-More"]);
    }
}
