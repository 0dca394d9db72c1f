//! The setup of Graph checks: a permission of Microsoft Graph, and for which mailboxes it counts.
//!
//! Sources: Microsoft Learn, "Get mailFolder", "Limit application permissions to specific Exchange Online mailboxes" and
//! "Role Based Access Control for Applications in Exchange Online".

use std::collections::BTreeSet;

use crate::diagnosis::remedy::{NATIVE_CLIENT, consent_url};
use crate::model::{Check, Protocol};
use crate::safe::powershell;

use super::Case;
use super::exchange;
use super::name;
use super::step::Step;

/// The application id of Microsoft Graph, the same in every tenant.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

pub(super) fn is_of_graph(check: &Check) -> bool {
    check.protocol() == Protocol::Graph
}

/// The steps for an app that needs no person, or for one that a person signs in to.
pub(super) fn steps(app: &str, case: &Case<'_>, managed: bool) -> Vec<Step> {
    if !case.checks.iter().any(|check| is_of_graph(check)) {
        return Vec::new();
    }
    let permission = if managed { app_role(app, case) } else { granted(app, case) };
    let delegated = case.credential.is_delegated();
    let limit = (!delegated).then(|| limited(app, case));
    [Some(permission), limit].into_iter().flatten().collect()
}

fn granted(app: &str, case: &Case<'_>) -> Step {
    let delegated = case.credential.is_delegated();
    let needed = Protocol::Graph.permissions();
    let name = needed.map_or("", |needed| if delegated { needed.user } else { needed.app });
    let (kind, wider) = if delegated {
        (
            "Delegated permissions",
            "Mail.Read.Shared opens mailboxes of others to which the person has access.",
        )
    } else {
        ("Application permissions", "Mail.Read and Mail.ReadWrite include it.")
    };
    let urls: BTreeSet<String> = case
        .checks
        .iter()
        .filter(|check| is_of_graph(check))
        .filter_map(|check| consent_url(check.token_spec()?, check.protocol(), NATIVE_CLIENT))
        .collect();
    let step = Step::new(
        format!("Grant the app {name} of Microsoft Graph"),
        format!("Entra admin center > Enterprise applications > app {app} > Permissions lists {name}"),
    )
    .note(format!(
        "Entra admin center > App registrations > {app} > API permissions > Add > Microsoft Graph > {kind} > {name}. {wider}"
    ))
    .note("Then Grant admin consent there, or open each of these as an administrator:");
    urls.into_iter().fold(step, |step, url| step.note(format!("  {url}")))
}

/// A managed identity has no app registration: its role is assigned to its service principal.
fn app_role(app: &str, case: &Case<'_>) -> Step {
    let name = Protocol::Graph.permissions().map_or("", |needed| needed.app);
    exchange::assign(case.cloud, app, &BTreeSet::from([name]), (GRAPH, "Microsoft Graph"))
}

/// The permission counts for every mailbox of the tenant unless a policy limits it.
fn limited(app: &str, case: &Case<'_>) -> Step {
    let addresses = case.addresses(is_of_graph);
    let one = addresses.first().map_or_else(String::new, |address| powershell(address));
    let members: Vec<_> = addresses.iter().map(|address| powershell(address)).collect();
    let (app, group) = (powershell(app), name::of("graph", &case.credential.name));
    Step::new(
        "Limit the permission to these mailboxes",
        format!("`Test-ApplicationAccessPolicy -AppId {app} -Identity {one}` shows Granted"),
    )
    .note("Without a policy the permission counts for every mailbox of the tenant. Needs Connect-ExchangeOnline.")
    .command(format!(
        "New-DistributionGroup -Name '{group}' -Type Security -Members {}",
        members.join(", ")
    ))
    .command(format!(
        "New-ApplicationAccessPolicy -AppId {app} -PolicyScopeGroupId '{group}' -AccessRight RestrictAccess -Description 'mailbox-exporter'"
    ))
}
