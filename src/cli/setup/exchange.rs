//! The setup of an app in Exchange Online.
//!
//! Sources: Microsoft Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth" and "Role Based Access Control for
//! Applications in Exchange Online"; the references of the cmdlets (MicrosoftDocs/office-docs-powershell).

use std::collections::BTreeSet;

use crate::diagnosis::remedy::{NATIVE_CLIENT, consent_url};
use crate::model::{Access, Auth, Check, Cloud, Goal, Proof, Protocol, TokenAccess};
use crate::safe::powershell;

use super::Case;
use super::elsewhere::{password, verify_step};
use super::graph;
use super::name;
use super::step::Step;

/// More mailboxes than these are written as one loop.
const SINGLE: usize = 3;
/// What Exchange shows the app as.
const NAME: &str = "mailbox-exporter";
/// The application id of Exchange Online, the same in every tenant.
const EXCHANGE: &str = "00000002-0000-0ff1-ce00-000000000000";
/// What PowerShell has to be allowed in Entra, so that roles can be assigned.
pub(super) const APP_ROLE_SCOPES: &str = "Application.Read.All, AppRoleAssignment.ReadWrite.All";
/// The authentication policy that refuses passwords.
const POLICY: &str = "OAuth only";

pub(super) fn steps(case: &Case<'_>) -> Vec<Step> {
    let is_high_volume = case.checks.iter().all(|check| is_high_volume(check));
    let managed = is_managed(case);
    let app = match (case.credential.client_id(), &case.credential.auth) {
        (Some(app), _) => app,
        (None, Auth::Token(_)) if managed => "MANAGED_IDENTITY_CLIENT_ID",
        // The environment says it, and not here.
        (None, Auth::Token(_)) => "CLIENT_ID",
        (None, Auth::Password(_)) if is_high_volume => return vec![password(case), verify_step(case)],
        (None, Auth::Password(_)) => return vec![replace_password(case)],
    };
    if is_high_volume {
        return high_volume(app, case);
    }
    let of_graph = graph::steps(app, case, managed);
    let case = &case.of_mail();
    let mut steps = vec![connect(case.cloud)];
    if !case.checks.is_empty() {
        steps.extend(of_mail(app, case, managed));
    }
    steps.extend(of_graph);
    steps.push(Step::new("Wait until it works", "the command ends with exit status 0").note(
        "Permissions take minutes to hours to act. Run this where the configuration and the secret are:",
    ).at_agent(case.again.command("check", "--wait 60m")));
    steps
}

/// What the mail protocols need.
fn of_mail(app: &str, case: &Case<'_>, managed: bool) -> Vec<Step> {
    let by_rbac = |check: &Check| case.rbac && check.protocol() == Protocol::Smtp;
    let mut steps = vec![register(app, case)];
    if managed {
        steps.extend(app_roles(app, case, by_rbac));
    } else {
        steps.extend(permissions(app, case, by_rbac));
    }
    steps.extend(rights(case, by_rbac));
    if case.rbac {
        steps.extend(assignment(case));
    }
    steps.extend(switches(case));
    steps.push(policy(case));
    steps
}

fn is_managed(case: &Case<'_>) -> bool {
    case.credential.auth.token().is_some_and(|proof| matches!(**proof, Proof::ManagedIdentity { .. }))
}

/// A managed identity has no app registration: its roles are assigned to its service principal.
fn app_roles(app: &str, case: &Case<'_>, by_rbac: impl Fn(&Check) -> bool) -> Option<Step> {
    let names: BTreeSet<&str> = case
        .checks
        .iter()
        .filter(|check| !by_rbac(check))
        .filter_map(|check| check.access.token()?.permission)
        .collect();
    (!names.is_empty()).then(|| assign(case.cloud, app, &names, (EXCHANGE, "Office 365 Exchange Online")))
}

/// Assigns roles of a resource, by its application id and name, to a managed identity.
pub(super) fn assign(
    cloud: Cloud,
    app: &str,
    names: &BTreeSet<&str>,
    (resource, title): (&str, &str),
) -> Step {
    let step = Step::new(
        format!("Assign the managed identity {} of {title}", names.iter().copied().collect::<Vec<_>>().join(" and ")),
        format!("`Get-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $identity.Id` shows {title}"),
    )
    .note("A managed identity has no app registration and no consent page; a Privileged Role Administrator assigns its app roles.")
    .command("Install-Module Microsoft.Graph.Applications -Scope CurrentUser")
    .command(cloud.connect_graph(APP_ROLE_SCOPES))
    .command(format!("$resource = Get-MgServicePrincipal -Filter \"appId eq '{resource}'\""))
    .command(format!("$identity = Get-MgServicePrincipal -Filter \"appId eq {}\"", powershell(app)));
    names.iter().fold(step, |step, name| {
        step.command(format!(
            "New-MgServicePrincipalAppRoleAssignment -ServicePrincipalId $identity.Id -PrincipalId $identity.Id -ResourceId $resource.Id -AppRoleId ($resource.AppRoles | Where-Object Value -eq '{name}').Id"
        ))
    })
}

fn replace_password(case: &Case<'_>) -> Step {
    let setup = case.again.command("setup", "NEW_CREDENTIAL");
    Step::new("Replace the password by an app of its own", format!("`{setup}` prints the steps for it"))
    .note("Exchange Online takes no passwords by IMAP and POP, and from the end of 2026 none by SMTP unless an administrator turns them on again.")
    .note("Register an app in Entra, add a credential of `type: client_secret` with its tenant and client id, and give it to these mailboxes.")
}

fn is_high_volume(check: &Check) -> bool {
    check.mailbox.provider.service.is_some_and(|service| service.name == "high_volume_email")
}

/// High Volume Email, which knows neither mailbox permissions nor switches. Sources: Microsoft Learn, "Manage high volume
/// emails for Microsoft 365" and "OAuth for High Volume Email"; the references of Add-HVEAppAccess and Remove-HVEAppAccess.
fn high_volume(app: &str, case: &Case<'_>) -> Vec<Step> {
    let accounts = case.addresses(|_| true);
    let one = accounts.first().map_or_else(String::new, |address| powershell(address));
    let command =
        |identity: &str| format!("Add-HVEAppAccess -Identity {identity} -AppIds {}", object_id(case));
    let mut steps = vec![connect(case.cloud)];
    steps.extend(permissions(app, case, |_| false));
    steps.push(
        Step::new(
            "Let the app send by High Volume Email",
            format!("`(Get-HVEAccountSettings -Identity {one}).AllowedApps` shows the app"),
        )
        .note("`Get-MailUser -HVEAccount` lists the High Volume Email accounts of the organisation.")
        .note("The object id of the enterprise application: a client id fails. An account takes ten apps at most. It takes about five minutes to act.")
        .command(for_each(&accounts, command)),
    );
    steps.push(verify_step(case));
    steps
}

fn connect(cloud: Cloud) -> Step {
    Step::new(
        "Connect to Exchange Online",
        "`Get-OrganizationConfig | Format-List Name` shows your organisation",
    )
    .command("Install-Module ExchangeOnlineManagement -Scope CurrentUser")
    .command(cloud.connect_exchange())
}

/// Exchange has to know the app's service principal.
fn register(app: &str, case: &Case<'_>) -> Step {
    let verify =
        format!("`Get-ServicePrincipal | Where-Object AppId -eq {}` shows this object id", powershell(app));
    let step = Step::new("Make the app known to Exchange", verify)
        .note("The object id is that of the enterprise application, not that of the app registration.");
    let step = match &case.object_id {
        Some(_) => step,
        None => step.note(format!(
            "Put it in the place of ENTERPRISE_APP_OBJECT_ID here and below: az ad sp show --id {} --query id --output tsv",
            powershell(app)
        )),
    };
    step.command(format!(
        "New-ServicePrincipal -AppId {} -ObjectId {} -DisplayName '{NAME}'",
        powershell(app),
        object_id(case)
    ))
}

fn object_id(case: &Case<'_>) -> String {
    case.object_id.as_deref().map_or_else(|| "ENTERPRISE_APP_OBJECT_ID".to_owned(), powershell)
}

/// What Entra has to grant: one permission per protocol, and an administrator's consent.
fn permissions(app: &str, case: &Case<'_>, by_rbac: impl Fn(&Check) -> bool) -> Option<Step> {
    let mut names = BTreeSet::new();
    let mut urls = BTreeSet::new();
    for check in case.checks.iter().filter(|check| !by_rbac(check)) {
        if let Access::Token(TokenAccess { spec, permission, .. }) = &check.access {
            names.extend(*permission);
            urls.extend(consent_url(spec, check.protocol(), NATIVE_CLIENT));
        }
    }
    if names.is_empty() {
        return None;
    }
    let names: Vec<_> = names.into_iter().collect();
    let step = Step::new(
        format!("Grant the app {}", names.join(" and ")),
        format!("Entra admin center > Enterprise applications > app {app} > Permissions lists {}", names.join(", ")),
    )
    .note(format!(
        "Entra admin center > App registrations > {app} > API permissions > Add > APIs my organization uses > Office 365 Exchange Online > Application permissions. The permissions of Microsoft Graph with the same names do not count."
    ))
    .note("Then Grant admin consent there, or open each of these as an administrator:");
    Some(urls.into_iter().fold(step, |step, url| step.note(format!("  {url}"))))
}

/// Rights on each mailbox.
fn rights(case: &Case<'_>, by_rbac: impl Fn(&Check) -> bool) -> Vec<Step> {
    let user = object_id(case);
    let opened = case.addresses(|check| !by_rbac(check));
    let sends = |check: &Check| matches!(check.goal, Goal::Submission { .. }) && !by_rbac(check);
    let sending = case.addresses(sends);
    let mut steps = Vec::new();
    if let Some(one) = opened.first() {
        let verify =
            format!("`Get-MailboxPermission -Identity {} -User {user}` shows FullAccess", powershell(one));
        let step = Step::new("Let the app open the mailboxes", verify);
        let command = |identity: &str| {
            format!("Add-MailboxPermission -Identity {identity} -User {user} -AccessRights FullAccess")
        };
        steps.push(step.command(for_each(&opened, command)));
    }
    if let Some(one) = sending.first() {
        let verify =
            format!("`Get-RecipientPermission -Identity {} -Trustee {user}` shows SendAs", powershell(one));
        let command = |identity: &str| {
            format!(
                "Add-RecipientPermission -Identity {identity} -Trustee {user} -AccessRights SendAs -Confirm:$false"
            )
        };
        steps.push(
            Step::new("Let the app send as the mailboxes", verify).command(for_each(&sending, command)),
        );
    }
    steps
}

/// RBAC for Applications, which knows SMTP but neither IMAP nor POP.
fn assignment(case: &Case<'_>) -> Option<Step> {
    let sending = case.addresses(|check| check.protocol() == Protocol::Smtp);
    let one = sending.first()?;
    let members: Vec<_> = sending.iter().map(|address| powershell(address)).collect();
    let verify = format!(
        "`Test-ServicePrincipalAuthorization -Identity {} -Resource {}` shows InScope True",
        object_id(case),
        powershell(one)
    );
    let name = name::of("smtp", &case.credential.name);
    let step = Step::new("Let the app send by RBAC for Applications", verify)
        .note("The app must not have SMTP.SendAsApp in Entra: that permission brings the tenant-wide check back.")
        .command(format!("New-DistributionGroup -Name '{name}' -Type Security -Members {}", members.join(", ")))
        .command(format!(
            "New-ManagementScope -Name '{name}' -RecipientRestrictionFilter \"MemberOfGroup -eq '$((Get-DistributionGroup '{name}').DistinguishedName)'\""
        ))
        .command(format!(
            "New-ManagementRoleAssignment -Name '{name}' -App {} -Role 'Application SMTP.SendAsApp' -CustomResourceScope '{name}'",
            object_id(case)
        ));
    Some(step)
}

/// The switches of the protocols on each mailbox.
pub(super) fn switches(case: &Case<'_>) -> Vec<Step> {
    let switch = |protocol: Protocol| {
        let addresses = case.addresses(|check| check.protocol() == protocol);
        let one = addresses.first()?;
        let (setting, value) = protocol.mail()?.cas_switch;
        let value = if value { "$true" } else { "$false" };
        let verify =
            format!("`Get-CASMailbox -Identity {} | Format-List {setting}` shows {value}", powershell(one));
        let command = |identity: &str| format!("Set-CASMailbox -Identity {identity} -{setting} {value}");
        let step = Step::new(format!("Switch {protocol} on for the mailboxes"), verify);
        let step = match protocol {
            Protocol::Smtp => {
                step.note("Where authenticated SMTP is off, it refuses OAuth as well as passwords. A policy, below, refuses only passwords.")
            }
            Protocol::Imap | Protocol::Pop3 | Protocol::RoundTrip | Protocol::Graph => step,
        };
        Some(step.command(for_each(&addresses, command)))
    };
    Protocol::ALL.iter().filter_map(|protocol| switch(*protocol)).collect()
}

/// Refuses passwords and keeps OAuth.
fn policy(case: &Case<'_>) -> Step {
    let addresses = case.addresses(|_| true);
    let one = addresses.first().map_or_else(String::new, |address| powershell(address));
    let verify = format!("`Get-User -Identity {one} | Format-List AuthenticationPolicy` shows '{POLICY}'");
    let command = |identity: &str| format!("Set-User -Identity {identity} -AuthenticationPolicy '{POLICY}'");
    Step::new("Later: refuse passwords for the mailboxes", verify)
        .later()
        .note("Do this when `mailbox-exporter readiness` shows `ready`, and watch the next probes.")
        .command(format!("New-AuthenticationPolicy -Name '{POLICY}' -AllowBasicAuthSmtp:$false"))
        .command(for_each(&addresses, command))
}

/// The command for each address: line by line, or as one loop if there are many.
pub(super) fn for_each(addresses: &[&str], command: impl Fn(&str) -> String) -> String {
    if addresses.len() <= SINGLE {
        let lines: Vec<_> = addresses.iter().map(|address| command(&powershell(address))).collect();
        return lines.join("\n");
    }
    let list: Vec<_> = addresses.iter().map(|address| format!("  {}", powershell(address))).collect();
    format!("@(\n{}\n) | ForEach-Object {{ {} }}", list.join("\n"), command("$_"))
}
