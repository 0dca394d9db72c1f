//! The result of a reload in words, for the client that requested it: what is in force now, and what takes a restart.

use std::fmt::{self, Write as _};
use std::path::Path;

use crate::model::{Difference, DirectoryCounts, WebChange};

/// A value as it was written, or that there is none.
pub(super) fn or_none(value: Option<impl fmt::Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

pub(in crate::app) fn summary(difference: &Difference) -> String {
    let Difference { stays, changes, comes, goes, listen, state_dir, web, address, directories, limits } =
        difference;
    let [stay, changed, new, gone] = [stays.len(), changes.len(), comes.len(), goes.len()];
    let mut text = format!("Taken. Checks: {stay} as before, {changed} changed, {new} new, {gone} gone.");
    if let Some(DirectoryCounts { stay, changed, new, gone }) = directories {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            " Directories: {stay} as before, {changed} changed, {new} new, {gone} gone; what is changed or new is read within seconds."
        );
    }
    if limits.is_some() {
        text += " limits have changed and are in force.";
    }
    match web {
        WebChange::None => {}
        WebChange::Taken => {
            text += " http.web_config has changed: the endpoint now uses the new file, or no protection if it was removed.";
        }
        WebChange::Refused => {
            text += " http.web_config has changed and could not be used: the previous protection stays; the log says why.";
        }
    }
    let folder = |folder: &Option<_>| or_none(folder.as_deref().map(Path::display));
    let restarts = [
        ("http.listen", listen.as_ref().map(|(running, wanted)| [running.to_string(), wanted.to_string()])),
        ("http.external_url", address.as_ref().map(|urls| urls.each_ref().map(|url| or_none(url.as_ref())))),
        ("state_dir", state_dir.as_ref().map(|folders| folders.each_ref().map(folder))),
    ];
    for (key, values) in restarts {
        if let Some([running, wanted]) = values {
            let _ = write!(
                text,
                " {key} has changed: {wanted} takes a restart; until then {running} stays in use."
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{ExternalUrl, Plan, samples};

    #[test]
    fn the_answer_tells_what_is_in_force_and_what_takes_a_restart() {
        let contoso = samples::credential("contoso");
        let before = samples::plan(&[samples::mailbox("desk", &contoso)]);
        let told = |change: &dyn Fn(&mut Plan)| {
            let mut after = before.clone();
            change(&mut after);
            summary(&Difference::between(&before, &after))
        };
        let nothing = told(&|_| ());
        assert_eq!(nothing, "Taken. Checks: 2 as before, 0 changed, 0 new, 0 gone.");
        let directory = told(&|plan| plan.directories = vec![Arc::new(samples::directory(&contoso))]);
        assert!(directory.contains("Directories: 0 as before, 0 changed, 1 new, 0 gone"), "{directory}");
        let url = ExternalUrl {
            scheme: "https".to_owned(),
            host: "mail.contoso.example".to_owned(),
            port: None,
            path: String::new(),
        };
        let address = told(&|plan| plan.address.external = Some(url.clone()));
        let restart = "http.external_url has changed: https://mail.contoso.example/ takes a restart; until then none stays in use";
        assert!(address.contains(restart), "{address}");
        let limits = told(&|plan| plan.limits.concurrency += 1);
        assert!(limits.contains("limits have changed and are in force"), "{limits}");
    }

    #[test]
    fn a_directory_that_is_read_differently_is_told_apart() {
        let contoso = samples::credential("contoso");
        let of = |names: &[&str], interval: u64| {
            let mut plan = samples::plan(&[]);
            plan.directories = names
                .iter()
                .map(|name| {
                    let interval = std::time::Duration::from_secs(interval);
                    Arc::new(crate::model::Directory {
                        name: (*name).into(),
                        interval,
                        ..samples::directory(&contoso)
                    })
                })
                .collect();
            plan
        };
        let counts = |old: &Plan, new: &Plan| Difference::between(old, new).directories;
        assert_eq!(counts(&of(&["a", "b"], 600), &of(&["a", "b"], 600)), None);
        let counted = |stay, changed, new, gone| Some(DirectoryCounts { stay, changed, new, gone });
        assert_eq!(counts(&of(&["a", "b"], 600), &of(&["b", "c"], 600)), counted(1, 0, 1, 1));
        assert_eq!(counts(&of(&["a"], 600), &of(&["a"], 700)), counted(0, 1, 0, 0));
    }
}
