//! The setup of an app that a person signs in to: delegated permissions, and one sign-in.
//!
//! Sources: Microsoft Learn, "Authenticate an IMAP, POP or SMTP connection using OAuth" and "Public client and
//! confidential client applications"; Google, "OAuth 2.0 for TV and limited-input device applications" (its scopes) and
//! "OAuth 2.0 for desktop applications".

use std::collections::BTreeSet;

use crate::diagnosis::remedy::{NATIVE_CLIENT, consent_url, host_of};
use crate::model::{Family, Proof, TokenAccess};
use crate::safe::{self, powershell};

use super::Case;
use super::exchange;
use super::graph;
use super::step::Step;

pub(super) fn steps(case: &Case<'_>) -> Vec<Step> {
    let mail = &case.of_mail();
    let mut steps = Vec::new();
    match case.family {
        Family::ExchangeOnline | Family::OutlookCom => {
            steps.extend(public_client(case));
            if !mail.checks.is_empty() {
                steps.push(permissions(mail));
            }
            steps.extend(graph::steps(client_id_or_placeholder(case), case, false));
        }
        Family::Gmail => steps.push(google(case)),
        Family::Generic => steps.push(own_provider(case)),
    }
    if case.family == Family::ExchangeOnline {
        steps.extend(exchange::switches(mail));
        steps.push(shared_mailboxes(case));
    }
    // Google's device-code sign-in gives no mail scope.
    if case.family != Family::Gmail {
        steps.push(
            Step::new("Sign in once", "the command ends with exit status 0")
                .note("Run this as the user that the agent runs as. It prints a page and a code, to be used in any browser.")
                .at_agent(case.again.command("login", &safe::shell(&case.credential.name))),
        );
    }
    steps.push(
        Step::new("See whether it works", "the command ends with exit status 0")
            .at_agent(case.again.command("check", "--wait 60m")),
    );
    steps
}

fn client_id_or_placeholder<'a>(case: &'a Case<'_>) -> &'a str {
    case.credential.client_id().unwrap_or("APP_ID")
}

/// Without a secret the app is a public client, which Entra must be told to allow. `None` if it has a secret.
fn public_client(case: &Case<'_>) -> Option<Step> {
    let proof = case.credential.auth.token()?;
    if matches!(&**proof, Proof::RefreshToken { secret: Some(_), .. }) {
        return None;
    }
    let app = client_id_or_placeholder(case);
    Some(
        Step::new("Let people sign in to the app by a code", format!("App registrations > {app} > Authentication shows Allow public client flows = Yes"))
            .note("Entra admin center > App registrations > the app > Authentication > Advanced settings > Allow public client flows = Yes.")
            .note("For Outlook.com the app must be for personal Microsoft accounts as well (Supported account types)."),
    )
}

fn permissions(case: &Case<'_>) -> Step {
    let app = client_id_or_placeholder(case);
    let accesses = || case.checks.iter().filter_map(|check| Some((check.access.token()?, check.protocol())));
    let names: BTreeSet<&str> =
        accesses().filter_map(|(_, protocol)| Some(protocol.permissions()?.user)).collect();
    let names = Vec::from_iter(names);
    let step = Step::new(
        format!("Give the app the delegated permissions {}", names.join(" and ")),
        format!("App registrations > {app} > API permissions lists {} as Delegated", names.join(", ")),
    )
    .note(format!(
        "Entra admin center > App registrations > {app} > API permissions > Add > APIs my organization uses > Office 365 Exchange Online > Delegated permissions. Application permissions do not count."
    ));
    if case.family != Family::ExchangeOnline {
        return step.note("The person consents while signing in.");
    }
    let urls: BTreeSet<String> = accesses()
        .filter_map(|(TokenAccess { spec, .. }, protocol)| consent_url(spec, protocol, NATIVE_CLIENT))
        .collect();
    let step = step
        .note("The person consents while signing in, if the tenant lets users consent; otherwise an administrator opens each of these:");
    urls.into_iter().fold(step, |step, url| step.note(format!("  {url}")))
}

/// Gives the person access to mailboxes that are not their own.
fn shared_mailboxes(case: &Case<'_>) -> Step {
    let addresses = case.addresses(|_| true);
    let one = addresses.first().map_or_else(String::new, |address| powershell(address));
    let command = |identity: &str| {
        format!("Add-MailboxPermission -Identity {identity} -User USER -AccessRights FullAccess")
    };
    Step::new(
        "Let the person open the mailboxes",
        format!("`Get-MailboxPermission -Identity {one} -User USER` shows FullAccess"),
    )
    .later()
    .note("Only for mailboxes that are not the person's own. USER is the one who signs in.")
    .command(exchange::for_each(&addresses, command))
}

fn google(case: &Case<'_>) -> Step {
    let place = case.credential.places_in_words().unwrap_or_default();
    let validate = case.again.command("validate", "");
    Step::new("Obtain a refresh token for a desktop application", format!("`{validate}` has no warning about its file"))
        .note("Google Cloud console > APIs & Services > Credentials > Create > OAuth client ID > Desktop app; publish the consent screen, or the token ends after seven days.")
        .note("Google's sign-in by a code gives no mail scope, so the command login does not help here. Use the flow for desktop applications, with access_type=offline.")
        .note(format!("Scope, exactly: https://mail.google.com/. Put the refresh token into {place}."))
}

fn own_provider(case: &Case<'_>) -> Step {
    let url = case.checks.iter().find_map(|check| Some(&*check.token_spec()?.url));
    let issuer = url.map_or("the identity provider", host_of);
    let login = case.again.command("login", &safe::shell(&case.credential.name));
    Step::new("Let people sign in to the client by a code", format!("`{login}` prints a page and a code"))
        .note(format!(
            "At {issuer}: client {} with the grants device_code and refresh_token (Keycloak: OAuth 2.0 Device Authorization Grant on), whose tokens name the mailbox's user.",
            client_id_or_placeholder(case)
        ))
        .note("The scope of the provider needs offline_access where the identity provider wants it. Where its address does not follow from token_url, write device_url into the credential.")
}
