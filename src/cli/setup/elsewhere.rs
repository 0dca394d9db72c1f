//! The setup at providers other than Exchange Online: mostly clicks, and settings on your own server.
//!
//! Sources: Microsoft Support (Outlook.com), Google Workspace Admin Help (domain-wide delegation), Google Account Help
//! (app passwords), Dovecot's documentation of `oauth2`, versions 2.3 and 2.4.

use std::collections::BTreeSet;

use crate::diagnosis::remedy::host_of;
use crate::model::{Access, Auth, Check, Family, Proof, Protocol, Security, Service, TokenAccess};
use crate::secret::ServiceAccount;

use super::Case;
use super::step::Step;

/// The scope that opens IMAP, POP and SMTP at Google.
const GOOGLE_SCOPE: &str = "https://mail.google.com/";

/// The client id of a service account, by which the Admin console knows it; `None` if its key file cannot be read.
pub(super) async fn google_client(proof: &Proof) -> Option<String> {
    let Proof::GoogleServiceAccount { key } = proof else { return None };
    ServiceAccount::read(key).await.ok()?.client_id
}

pub(super) fn steps(case: &Case<'_>) -> Vec<Step> {
    if case.credential.auth.token().is_some_and(|proof| matches!(**proof, Proof::GoogleServiceAccount { .. }))
    {
        return google(case).into_iter().chain([verify_step(case)]).collect();
    }
    let by_password = case.credential.auth.kind() == Auth::Password(());
    let mut steps = match (case.family, by_password) {
        (Family::Gmail, true) => vec![app_password(case)],
        (Family::Gmail, false) => google(case),
        (Family::OutlookCom, _) => vec![outlook(case)],
        (Family::Generic | Family::ExchangeOnline, true) => vec![password(case)],
        (Family::Generic | Family::ExchangeOnline, false) if is_azure(case) => azure_communication_services(),
        (Family::Generic | Family::ExchangeOnline, false) => own_server(case),
    };
    steps.push(verify_step(case));
    steps
}

/// The last step: a probe, with what it does at the services that have a preset.
pub(super) fn verify_step(case: &Case<'_>) -> Step {
    let step = Step::new("See whether it works", "the command ends with exit status 0")
        .at_agent(case.again.command("check", "--wait 60m"));
    services(case).into_iter().fold(step, |step, service| {
        let Service { name, source, confidence, .. } = service;
        let servers = servers(case, service);
        step.note(format!("{name}: {servers}. Source, with {confidence} confidence: {source}."))
    })
}

/// Where the checks at a service connect, and how they log in.
fn servers(case: &Case<'_>, service: &Service) -> String {
    let at = |check: &&&Check| check.mailbox.provider.service == Some(service);
    let mut servers: Vec<String> = Vec::new();
    for check in case.checks.iter().filter(at) {
        let tls = match check.endpoint.security {
            Security::Implicit => "TLS at once",
            Security::StartTls if check.protocol() == Protocol::Pop3 => "TLS by STLS",
            Security::StartTls => "TLS by STARTTLS",
            Security::None => "no TLS",
        };
        let login = match &check.access {
            Access::Password(_) if check.protocol() == Protocol::Pop3 => "PLAIN or USER and PASS".to_owned(),
            Access::Password(_) => "PLAIN or LOGIN".to_owned(),
            Access::Token(TokenAccess { mechanism: Some(named), .. }) => named.label().to_ascii_uppercase(),
            Access::Token(_) => "XOAUTH2 or OAUTHBEARER".to_owned(),
        };
        let (protocol, endpoint) = (check.protocol().title(), &check.endpoint);
        let server = format!("{protocol} at {endpoint} with {tls}, login by {login}");
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    servers.join("; ")
}

fn is_azure(case: &Case<'_>) -> bool {
    services(case).iter().any(|service| service.name == "azure_communication_services")
}

/// The addresses of the mailboxes that a step is for.
fn address_list(case: &Case<'_>) -> String {
    case.addresses(|_| true).join(", ")
}

fn app_password(case: &Case<'_>) -> Step {
    Step::new("Make an app password", "https://myaccount.google.com/apppasswords lists it")
        .note(format!("For each of {}: the holder signs in with 2-step verification on.", address_list(case)))
        .note("Open https://myaccount.google.com/apppasswords, make one named mailbox-exporter, and put it where the credential expects its password.")
}

fn google(case: &Case<'_>) -> Vec<Step> {
    let client = case.google_client.as_deref().unwrap_or("the field client_id of the key file");
    let scopes: BTreeSet<&str> =
        case.checks.iter().filter_map(|check| Some(&*check.token_spec()?.scope)).collect();
    let scopes = if scopes.is_empty() { vec![GOOGLE_SCOPE] } else { scopes.into_iter().collect() };
    vec![
        Step::new("Make a service account with a key", "Google Cloud console > IAM > Service accounts > the account > Keys lists it")
            .note("Google Cloud console > IAM > Service accounts > Create; then Keys > Add key > JSON. The file is the credential's key: `type: google_service_account`.")
            .note("APIs & Services > Library > Gmail API > Enable."),
        Step::new("Delegate the domain to it", "Google Admin console > Security > API controls > Domain-wide delegation lists client id and scope")
            .note("Google Admin console > Security > Access and data control > API controls > Domain-wide delegation > Add new.")
            .note(format!("Client id: {client}. Scope, exactly: {}", scopes.join(",")))
            .note("It takes minutes, at most a day, to act."),
        Step::new("Allow IMAP", "Google Admin console > Apps > Google Workspace > Gmail > End User Access shows IMAP on")
            .note("Google Admin console > Apps > Google Workspace > Gmail > End User Access > POP and IMAP access > Enable IMAP."),
    ]
}

fn outlook(case: &Case<'_>) -> Step {
    Step::new(
        "Let the holder sign in with OAuth",
        "Outlook.com > Settings > Mail > Forwarding and IMAP shows IMAP on",
    )
    .note(
        "Personal Microsoft accounts take neither passwords nor an app's own token: a person has to sign in.",
    )
    .note("Register an app in Entra for personal accounts, with Allow public client flows = Yes.")
    .note(format!(
        "For each of {}: Outlook.com > Settings > Mail > Forwarding and IMAP > let devices use IMAP.",
        address_list(case)
    ))
}

pub(super) fn password(case: &Case<'_>) -> Step {
    let validate = case.again.command("validate", "");
    let step = Step::new("Put the password in its place", format!("`{validate}` has no warning about it"))
        .note(format!(
            "For {}: the server's own password or app password, where the credential expects it.",
            address_list(case)
        ));
    services(case)
        .into_iter()
        .fold(step, |step, service| step.note(format!("{}: {}", service.name, service.password)))
}

/// The services of the checks, each once.
fn services(case: &Case<'_>) -> Vec<&'static Service> {
    let mut known = Vec::new();
    for service in case.checks.iter().filter_map(|check| check.mailbox.provider.service) {
        if !known.contains(&service) {
            known.push(service);
        }
    }
    known
}

/// The steps for an app at Azure Communication Services. Source: Microsoft Learn, "Create credentials for Simple Mail
/// Transfer Protocol (SMTP) authentication".
fn azure_communication_services() -> Vec<Step> {
    vec![
        Step::new("Let the app send", "Azure portal > the Communication Services resource > Access control > Role assignments lists the app")
            .note("Azure portal > the Communication Services resource > Access control (IAM) > Add role assignment > Communication and Email Service Owner, to the app's service principal.")
            .note("Connect a verified email domain to the resource: Email > Domains."),
        Step::new("Make an SMTP username", "Azure portal > the Communication Services resource > SMTP Usernames lists it")
            .note("SMTP Usernames > Add SMTP Username: choose the app. The name is the mailbox's username, its address the sender of the connected domain."),
    ]
}

/// The steps for your own server: it has to trust the identity provider's tokens.
fn own_server(case: &Case<'_>) -> Vec<Step> {
    let url = case.checks.iter().find_map(|check| Some(&*check.token_spec()?.url));
    let issuer = url.map_or("the identity provider", host_of);
    let check = case.again.command("check", "");
    let server = case.checks.first().map_or_else(String::new, |check| check.endpoint.to_string());
    vec![
        Step::new("Let the client ask for tokens", format!("`{check}` gets past phase `token`")).note(format!(
            "At {issuer}: a confidential client with the grant `client_credentials`, whose tokens name the mailbox's user (a claim such as `email`)."
        )),
        Step::new(
            format!("Let {server} accept them"),
            "`doveadm auth test -x oauth2 USER TOKEN`, or the server's log with `auth_debug = yes`",
        )
        .note("Dovecot 2.3, in conf.d/auth-oauth2.conf.ext; and xoauth2 oauthbearer in auth_mechanisms (Postfix asks Dovecot by `smtpd_sasl_type = dovecot`):")
        .command("passdb {\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = /etc/dovecot/dovecot-oauth2.conf.ext\n}")
        .command(format!("# dovecot-oauth2.conf.ext\nintrospection_url = https://CLIENT:SECRET@{issuer}/INTROSPECTION_PATH\nintrospection_mode = post\nusername_attribute = email"))
    ]
}
