//! Which checks of a plan are meant by the names and protocols of a command line.

use std::collections::BTreeSet;

use crate::model::{Plan, Protocol};
use crate::report::text;

/// Leaves only the checks of these mailboxes, by name or address, in these protocols; none given means all.
///
/// # Errors
/// A line for every name that is unknown, with the nearest ones; or that no check is left.
pub(super) fn narrow(plan: &mut Plan, names: &[String], protocols: &[Protocol]) -> Result<(), String> {
    let known =
        |name: &str| plan.mailboxes.iter().any(|mailbox| *mailbox.name == *name || mailbox.address == name);
    let unknown_names: Vec<_> = names.iter().filter(|name| !known(name)).collect();
    if !unknown_names.is_empty() {
        let names: BTreeSet<&str> =
            plan.mailboxes.iter().flat_map(|mailbox| [&*mailbox.name, &*mailbox.address]).collect();
        let names = Vec::from_iter(names);
        let lines: Vec<_> = unknown_names.iter().map(|name| unknown("mailbox", name, &names)).collect();
        return Err(lines.join("\n"));
    }
    plan.checks.retain(|check| {
        let mailbox = &check.mailbox;
        let named =
            names.is_empty() || names.iter().any(|name| *mailbox.name == **name || mailbox.address == *name);
        named && (protocols.is_empty() || protocols.contains(&check.protocol()))
    });
    if plan.checks.is_empty() {
        return Err(
            "nothing to check: no mailbox of the configuration is checked in the protocols asked for"
                .to_owned(),
        );
    }
    Ok(())
}

/// That a name is not in the configuration, with the nearest ones that are.
pub(super) fn unknown(what: &str, name: &str, names: &[&str]) -> String {
    let near = text::nearest(name, names.iter().copied());
    match (near.as_slice(), names.len()) {
        ([], 0..=text::OFFERED) => {
            format!("no {what} is named {name:?}; the configuration has {}", names.join(" and "))
        }
        ([], count) => format!("no {what} is named {name:?}, and none of the {count} known names is like it"),
        _ => format!("no {what} is named {name:?}; did you mean {}?", near.join(" or ")),
    }
}
