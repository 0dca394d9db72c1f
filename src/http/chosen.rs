//! Which credentials, and which standings of the readiness board, a view shows, in the view's order.
//!
//! Not here: mailboxes (`rows`).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::model::{Oauth, Standing as BoardStanding};
use crate::report::{CheckRecord, CredentialRecord};

use super::filter::Subject;
use super::rows;
use super::view::{Sort, View};

/// The credentials by which a matching check logs in. The filter `name` means the credential's own name here, and
/// also finds credentials that no check uses.
pub(super) fn credentials<'r>(
    all: &'r [CredentialRecord],
    checks: &[Arc<CheckRecord>],
    view: &View,
) -> Vec<&'r CredentialRecord> {
    let named = view.filter.get("name").map(str::to_lowercase);
    let rest = view.filter.without("name");
    let matching: BTreeSet<&str> = checks
        .iter()
        .filter(|record| rest.admits(&rows::subject(record)))
        .map(|record| &*record.check.mailbox.credential.name)
        .collect();
    // A filter by the credential alone also finds one that no check uses.
    let exactly = rest.get("credential").filter(|_| rest.parameters().count() == 1);
    let admits = |record: &&CredentialRecord| {
        let name = &*record.credential.name;
        named.as_ref().is_none_or(|part| name.to_lowercase().contains(part))
            && (rest.is_empty() || exactly == Some(name) || matching.contains(name))
    };
    let mut chosen: Vec<_> = all.iter().filter(admits).collect();
    match view.sort {
        Some((Sort::Ends, _)) => {
            // Those without an end come last.
            chosen.sort_by_key(|record| {
                let end = record.ends().first().map(|end| end.at);
                (end.is_none(), end)
            });
        }
        Some((Sort::Outcome, _)) => chosen.sort_by_key(|record| record.failing().is_none()),
        _ => {}
    }
    if view.sort.is_some_and(|(_, descending)| descending) {
        chosen.reverse();
    }
    chosen
}

/// The standings that match, sorted by `usual` if the view names no order.
pub(super) fn standings<'b>(all: &'b [BoardStanding], view: &View, usual: Sort) -> Vec<&'b BoardStanding> {
    let subject = |standing: &'b BoardStanding| Subject {
        mailbox: &standing.mailbox,
        protocol: standing.name.protocol,
        server: None,
        outcome: match standing.oauth {
            Oauth::NotOk => rows::Standing::Failing.outcome(),
            Oauth::Unknown => rows::Standing::Waiting.outcome(),
            Oauth::Ok => rows::Standing::Fine.outcome(),
        },
        phase: None,
        reason: standing.reason,
    };
    let mut chosen: Vec<_> = all.iter().filter(|standing| view.filter.admits(&subject(standing))).collect();
    let (sort, descending) = view.sort.unwrap_or((usual, false));
    match sort {
        Sort::State => chosen.sort_by_key(|standing| standing.state),
        Sort::Provider => chosen.sort_by_key(|standing| &standing.mailbox.provider.name),
        Sort::Credential => chosen.sort_by_key(|standing| &standing.mailbox.credential.name),
        // The standings are sorted by name already.
        _ => {}
    }
    if descending {
        chosen.reverse();
    }
    chosen
}
