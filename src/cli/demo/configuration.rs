//! The configuration of the demo, written as a user would write it: YAML, a file per secret, a CA file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::SignedDuration;

use crate::clock;
use crate::sim::{
    Fault, SignIn, SignInEnd, Sim, SimApp, SimCertificate, SimGraphMailbox, SimIssuer, SimMailbox,
    SimServiceAccount, TokenFault,
};

use super::{INTERVAL, TIMEOUT};

/// The teams that the mailboxes belong to, in turn: a label to group by. One mailbox in four has no team.
const TEAMS: [Option<&str>; 4] = [Some("billing"), Some("people"), Some("logistics"), None];
/// When the secret of the first credential ends: near enough to be pointed out.
pub(super) const SECRET_ENDS_IN: SignedDuration = SignedDuration::from_hours(20 * 24);

/// The year at whose beginning the certificate ends.
const CERTIFICATE_ENDS: i32 = 2040;

/// The service account of the cluster, and how long its token lives: the demo does not renew it.
const SERVICE_ACCOUNT: &str = "system:serviceaccount:mail:mailbox-exporter";
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// What opens mailboxes at Google.
const GOOGLE_SCOPE: &str = "https://mail.google.com/";

/// How often `login` asks in vain, once a second, before the simulated person has signed in.
const SIGNS_IN_AFTER: u32 = 2;

/// The credential and the provider of the mailboxes that are opened by Microsoft Graph.
const GRAPH: &str = "graph";

/// The credential that the directory is read with.
const DIRECTORY: &str = "contoso-graph";

/// The file's name.
pub(super) const FILE: &str = "config.yaml";

/// Who still uses passwords, as an administrator would write it down.
const USAGE: &str = "usage.csv";

/// The second mailbox is said to be used by password, and the last one not to be.
fn usage(mailboxes: &[SimMailbox]) -> String {
    let said = [(mailboxes.get(1), "used"), (mailboxes.get(2..).and_then(<[_]>::last), "unused")];
    let lines =
        said.iter().filter_map(|(mailbox, used)| Some(format!("{},smtp,{used},\n", (*mailbox)?.address())));
    format!("mailbox,protocol,used,until\n{}", lines.collect::<String>())
}

/// Things that several mailboxes may share: each is described once, under a name of its first user.
struct Named<'a, K> {
    known: Vec<(K, &'a str)>,
}

impl<'a, K: PartialEq> Named<'a, K> {
    /// The name of a thing, and whether it is new.
    fn of(&mut self, thing: K, name: &'a str) -> (&'a str, bool) {
        // The newest first: neighbours share, and thousands of mailboxes must not cost a million looks.
        if let Some((_, name)) = self.known.iter().rev().find(|(known, _)| *known == thing) {
            return (name, false);
        }
        self.known.push((thing, name));
        (name, true)
    }
}

/// Writes the configuration and the files it names into a folder; the place of the configuration.
pub(super) fn write(
    folder: &Path,
    sim: &Sim,
    mailboxes: &[SimMailbox],
    at_graph: &[SimGraphMailbox],
    reader: &SimApp,
) -> io::Result<PathBuf> {
    fs::write(folder.join("ca.pem"), sim.ca_pem())?;
    let (mut credentials, mut providers, mut list) = (String::new(), String::new(), String::new());
    let (mut apps, mut servers) = (Named { known: Vec::new() }, Named { known: Vec::new() });
    for (mailbox, team) in mailboxes.iter().zip(TEAMS.iter().cycle()) {
        let (app, address) = (mailbox.app(), mailbox.address());
        let name = address.split_once('@').map_or(address, |(name, _)| name);
        let (credential, new) = apps.of(&app.client_id, name);
        if new {
            let described = match mailbox.fault() {
                _ if credentials.is_empty() => {
                    by_secret(folder, credential, app, &format!(", expires: {}", secret_end()))?
                }
                // Its token is fine, which shows that the certificate is.
                Fault::TokenRejected => by_certificate(folder, credential, sim, app)?,
                // The same of the cluster's token.
                Fault::NotConnected => by_federation(folder, credential, app)?,
                // The domain's administrator has delegated nothing to it.
                Fault::Token(TokenFault::ConsentMissing) => by_google(folder, credential, sim, app)?,
                Fault::Token(TokenFault::RefreshTokenIdle) => by_refresh_token(folder, credential, app)?,
                _ => by_secret(folder, credential, app, "")?,
            };
            credentials += &described;
        }
        let (imap, smtp, pop3) = (mailbox.imap_port(), mailbox.smtp_port(), mailbox.pop3_port());
        let (provider, new) = servers.of((imap, smtp), name);
        if new {
            let host = mailbox.host();
            let (extends, token_url, scope) = match mailbox.fault() {
                Fault::Token(TokenFault::ConsentMissing) => ("gmail", sim.google_url(), Some(GOOGLE_SCOPE)),
                // The preset asks for a person's permissions by protocol, and for the next refresh token.
                Fault::Token(TokenFault::RefreshTokenIdle) => ("exchange_online", sim.token_url(), None),
                _ => ("exchange_online", sim.token_url(), Some(sim.scope())),
            };
            let scope = scope.map_or_else(String::new, |scope| format!("    scope: {scope}\n"));
            providers += &format!(
                "  {provider}:\n    extends: {extends}\n    \
                 imap: {{ host: {host}, port: {imap}, tls: implicit }}\n    \
                 smtp: {{ host: {host}, port: {smtp}, tls: starttls }}\n    \
                 pop3: {{ host: {host}, port: {pop3}, tls: implicit }}\n    \
                 token_url: {token_url:?}\n{scope}    ca_file: ca.pem\n",
            );
        }
        let labels = team.map_or_else(String::new, |team| format!(", labels: {{ team: {team} }}"));
        let extra = if list.is_empty() {
            // The first one, which is healthy, is probed by POP3 as well, sends messages to itself, and declares its
            // password, so that it shows whether it is still taken. Nothing reads its mail.
            fs::write(folder.join(format!("{name}.password")), mailbox.password())?;
            format!(
                ", password: {{ file: {name}.password }}, checks: [imap, smtp, pop3, round_trip], imap: {{ unread: true, read_within: 4h }}"
            )
        } else {
            String::new()
        };
        // A folder that every mailbox has would be a strange one to miss.
        let folder =
            if mailbox.fault() == Fault::FolderMissing { ", imap: { folder: Claims/2026 }" } else { "" };
        list += &format!(
            "  - {{ address: {address}, provider: {provider}, credential: {credential}{labels}{extra}{folder} }}\n"
        );
    }
    if let Some(first) = at_graph.first() {
        credentials += &by_secret(folder, GRAPH, first.app(), "")?;
        providers += &format!(
            "  {GRAPH}:\n    extends: exchange_online\n    graph: {{ base_url: {:?}, scope: {} }}\n    \
             token_url: {:?}\n    ca_file: ca.pem\n",
            first.base_url(),
            sim.graph_scope(),
            sim.token_url()
        );
    }
    for mailbox in at_graph {
        let address = mailbox.address();
        list += &format!(
            "  - {{ address: {address}, provider: {GRAPH}, credential: {GRAPH}, checks: [graph] }}\n"
        );
    }
    credentials += &by_secret(folder, DIRECTORY, reader, "")?;
    fs::write(folder.join(USAGE), usage(mailboxes))?;
    let file = folder.join(FILE);
    let text = format!(
        "defaults: {{ interval: {INTERVAL}, timeout: {TIMEOUT} }}\n\
         state_dir: state\n\
         readiness: {{ password_login: declared, usage: {USAGE} }}\n\
         directory: {{ contoso: {{ credential: {DIRECTORY}, base_url: {:?} }} }}\n\
         credentials:\n{credentials}providers:\n{providers}mailboxes:\n{list}",
        sim.graph_url()
    );
    fs::write(&file, text)?;
    Ok(file)
}

fn by_secret(folder: &Path, name: &str, app: &SimApp, extra: &str) -> io::Result<String> {
    fs::write(folder.join(format!("{name}.secret")), &app.secret)?;
    Ok(format!(
        "  {name}: {{ type: client_secret, tenant: {}, client_id: {}, secret: {{ file: {name}.secret }}{extra} }}\n",
        app.tenant, app.client_id
    ))
}

fn by_refresh_token(folder: &Path, name: &str, app: &SimApp) -> io::Result<String> {
    fs::write(folder.join(format!("{name}.token")), app.signed_in())?;
    // `login` shows what a person would read, and the simulated person signs in a moment later.
    app.set_sign_in(SignIn::after(SIGNS_IN_AFTER, SignInEnd::Approved));
    Ok(format!(
        "  {name}: {{ type: refresh_token, tenant: {}, client_id: {}, refresh_token: {{ file: {name}.token }} }}\n",
        app.tenant, app.client_id
    ))
}

fn by_certificate(folder: &Path, name: &str, sim: &Sim, app: &SimApp) -> io::Result<String> {
    let certificate = SimCertificate::until(CERTIFICATE_ENDS)?;
    app.register(&[&certificate]);
    sim.directory().add_certificate(app, &certificate, &format!("{CERTIFICATE_ENDS}-01-01T00:00:00Z"));
    fs::write(folder.join(format!("{name}.pem")), certificate.certificate + &certificate.private_key)?;
    Ok(format!(
        "  {name}: {{ type: certificate, tenant: {}, client_id: {}, certificate: {name}.pem }}\n",
        app.tenant, app.client_id
    ))
}

fn by_federation(folder: &Path, name: &str, app: &SimApp) -> io::Result<String> {
    let issuer = SimIssuer::new()?;
    app.trust(&issuer, SERVICE_ACCOUNT);
    fs::write(
        folder.join(format!("{name}.token")),
        issuer.token(SERVICE_ACCOUNT, SignedDuration::ZERO, TOKEN_LIFE)?,
    )?;
    Ok(format!(
        "  {name}: {{ type: federated, tenant: {}, client_id: {}, token_file: {name}.token }}\n",
        app.tenant, app.client_id
    ))
}

fn by_google(folder: &Path, name: &str, sim: &Sim, app: &SimApp) -> io::Result<String> {
    let account = SimServiceAccount::new()?;
    // Google refuses in its own words.
    app.set_fault(None);
    app.delegate(&account, &[]);
    fs::write(folder.join(format!("{name}.json")), account.file(&sim.google_url()))?;
    Ok(format!("  {name}: {{ type: google_service_account, key: {{ file: {name}.json }} }}\n"))
}

/// The day, as the configuration writes days.
fn secret_end() -> String {
    let now = clock::now();
    now.checked_add(SECRET_ENDS_IN).unwrap_or(now).strftime("%Y-%m-%d").to_string()
}
