//! What a Graph check needs besides the keys of every check: a token, a scope, a folder of its own.

use std::sync::Arc;

use super::fault::Faults;
use super::file::{Mailbox, Settings};
use super::place::Quoted;
use super::provider::Resolved;
use super::section;
use crate::model::{Credential, Protocol};

/// What a token for Microsoft Graph is asked for: as written, or by the address.
pub(super) fn scope(provider: &Resolved, delegated: bool) -> Arc<str> {
    if let Ok(Some(written)) = &provider.graph_scope {
        return Arc::clone(written);
    }
    let host = match provider.endpoint(Protocol::Graph) {
        Ok(Some(endpoint)) => endpoint.host.as_str(),
        // Without an address there is no check.
        Ok(None) | Err(_) => "",
    };
    match Protocol::Graph.permissions().filter(|_| delegated) {
        Some(needed) => format!("https://{host}/{} offline_access", needed.user).into(),
        None => format!("https://{host}/.default").into(),
    }
}

/// Whether a check can be made with this credential, if it is known, and told from the mailbox's other ones; what cannot
/// is reported.
pub(super) fn fits(
    credential: Option<&Credential>,
    written: &Mailbox,
    defaults: &Settings,
    faults: &Faults,
) -> bool {
    let by_password = credential.is_some_and(|credential| credential.auth.token().is_none());
    if let Some(at) = written.credential.as_ref().filter(|_| by_password) {
        let message = format!(
            "credential {} is a password, and Microsoft Graph takes tokens alone: give this mailbox a credential with a token, or checks without graph",
            Quoted(&at.value)
        );
        faults.add(&at.place, message);
    }
    // Both name the folder in their metrics, by mailbox and folder.
    let folder = |protocol| written.settings.sections[protocol].folder(&defaults.sections[protocol]);
    let (graph, imap) = (folder(Protocol::Graph), folder(Protocol::Imap));
    let imap = imap.map_or(section::FOLDER, |at| &at.value);
    let checks = written.settings.checks.or(&defaults.checks);
    let both = checks.value().is_some_and(|checks| checks.iter().any(|at| at.value == Protocol::Imap));
    match graph.filter(|graph| both && graph.value == imap) {
        Some(at) => {
            let message = format!(
                "the checks imap and graph would count folder {} under one name: write the well-known name of graph in another case, or its id",
                Quoted(&at.value)
            );
            faults.add(&at.place, message);
            false
        }
        None => !by_password,
    }
}
