//! The setup of an app that reads a directory by Microsoft Graph.
//!
//! Sources: Microsoft Learn, "Get application", "List signIns" and "Microsoft Graph permissions reference".

use std::collections::BTreeSet;

use crate::diagnosis::remedy::{NATIVE_CLIENT, consent_url, host_of};
use crate::model::{Cloud, Directory, Feed, Proof};

use super::Again;
use super::exchange;
use super::step::{Step, of_cloud};

/// The application id of Microsoft Graph, the same in every tenant.
const GRAPH: &str = "00000003-0000-0000-c000-000000000000";

pub(super) fn title(directory: &Directory) -> String {
    let (credential, kind) = (&directory.spec.credential, directory.spec.proof.label());
    format!("directory {}, read with credential {credential} ({kind})", directory.name)
}

pub(super) fn steps(directory: &Directory, again: &Again) -> Vec<Step> {
    let names: BTreeSet<&str> = directory.feeds.iter().map(|feed| feed.row().permission).collect();
    let is_managed = matches!(*directory.spec.proof, Proof::ManagedIdentity { .. });
    let cloud = Cloud::of_graph(host_of(&directory.base_url));
    let mut steps = Vec::from_iter(of_cloud(cloud));
    steps.push(match directory.spec.proof.client_id() {
        app if is_managed => exchange::assign(
            cloud,
            app.unwrap_or("MANAGED_IDENTITY_CLIENT_ID"),
            &names,
            (GRAPH, "Microsoft Graph"),
        ),
        app => permissions(directory, app.unwrap_or("CLIENT_ID"), &names),
    });
    if directory.feeds.contains(&Feed::SignIns) {
        steps.push(
            Step::new(
                "Check that the tenant has the sign-in log",
                "Entra admin center > Billing > Licenses shows Microsoft Entra ID P1 or P2, or a plan that contains it",
            )
            .note("Without that licence Microsoft Graph gives no sign-in log: write sign_ins: false."),
        );
    }
    let sources = directory.feeds.iter().map(|feed| directory.source(*feed)).collect::<Vec<_>>();
    steps.push(
        Step::new(
            "See whether it works",
            format!("the end of its output names no fault of {}", sources.join(" and of ")),
        )
        .note("A new permission takes minutes to act; a token in hand lacks it until it is renewed.")
        .at_agent(again.command("readiness", "")),
    );
    steps
}

fn permissions(directory: &Directory, app: &str, names: &BTreeSet<&str>) -> Step {
    let names: Vec<_> = names.iter().copied().collect();
    let step = Step::new(
        format!("Grant the app {}", names.join(" and ")),
        format!("Entra admin center > Enterprise applications > app {app} > Permissions lists {}", names.join(", ")),
    )
    .note(format!(
        "Entra admin center > App registrations > {app} > API permissions > Add > Microsoft Graph > Application permissions. Delegated permissions do not count. It reads; it can change nothing."
    ));
    match consent_url(&directory.spec, None, NATIVE_CLIENT) {
        Some(url) => step
            .note("Then Grant admin consent there, or open this as an administrator:")
            .note(format!("  {url}")),
        None => step.note("Then Grant admin consent there."),
    }
}
