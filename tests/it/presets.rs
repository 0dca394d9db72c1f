//! The presets of services: where they lead, what `setup` and the remedies say of passwords, and their dates.
//!
//! The table is written down a second time on purpose: hosts come from the services' own documents.

use mailbox_exporter::sim::{Fault, Offers};
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::process::{Program, run};
use crate::support::world::World;
use crate::support::yaml::Door;

/// TLS from the first byte, on the usual ports.
const IMAP: &str = ":993 with TLS at once, login by PLAIN or LOGIN";
const SMTP: &str = ":465 with TLS at once, login by PLAIN or LOGIN";
const SUBMISSION: &str = ":587 with TLS by STARTTLS, login by PLAIN or LOGIN";
const POP3: &str = ":995 with TLS at once, login by PLAIN or USER and PASS";

/// A preset: its servers by protocol, words about its password, how reliable that is, and the protocols with a date.
struct Row {
    name: &'static str,
    servers: &'static [(&'static str, &'static str, &'static str)],
    password: &'static str,
    confidence: &'static str,
    dates: &'static [&'static str],
}

#[rustfmt::skip] // one server, one word
const ROWS: [Row; 14] = [
    Row { name: "azure_communication_services", servers: &[("smtp", "smtp.azurecomm.net", SUBMISSION)], password: "SMTP username", confidence: "medium", dates: &[] },
    Row { name: "high_volume_email", servers: &[("smtp", "smtp-hve.office365.com", SUBMISSION)], password: "until September 2028", confidence: "high", dates: &["smtp"] },
    Row { name: "yahoo", servers: &[("imap", "imap.mail.yahoo.com", IMAP), ("smtp", "smtp.mail.yahoo.com", SMTP), ("pop3", "pop.mail.yahoo.com", POP3)], password: "app passwords alone", confidence: "high", dates: &["imap", "pop3", "smtp"] },
    Row { name: "aol", servers: &[("imap", "imap.aol.com", IMAP), ("smtp", "smtp.aol.com", SMTP), ("pop3", "pop.aol.com", POP3)], password: "app passwords alone", confidence: "high", dates: &["imap", "pop3", "smtp"] },
    Row { name: "fastmail", servers: &[("imap", "imap.fastmail.com", IMAP), ("smtp", "smtp.fastmail.com", SMTP), ("pop3", "pop.fastmail.com", POP3)], password: "app passwords alone", confidence: "high", dates: &[] },
    Row { name: "icloud", servers: &[("imap", "imap.mail.me.com", IMAP), ("smtp", "smtp.mail.me.com", SUBMISSION)], password: "app-specific passwords alone", confidence: "high", dates: &["imap", "smtp"] },
    Row { name: "zoho", servers: &[("imap", "imap.zoho.com", IMAP), ("smtp", "smtp.zoho.com", SMTP), ("pop3", "pop.zoho.com", POP3)], password: "app-specific passwords alone", confidence: "high", dates: &[] },
    Row { name: "proton_bridge", servers: &[("imap", "127.0.0.1", ":1143 with TLS by STARTTLS, login by PLAIN or LOGIN"), ("smtp", "127.0.0.1", ":1025 with TLS by STARTTLS, login by PLAIN or LOGIN")], password: "that Bridge shows", confidence: "medium", dates: &[] },
    Row { name: "yandex", servers: &[("imap", "imap.yandex.com", IMAP), ("smtp", "smtp.yandex.com", SMTP), ("pop3", "pop.yandex.com", POP3)], password: "app passwords alone", confidence: "high", dates: &[] },
    Row { name: "gmx", servers: &[("imap", "imap.gmx.net", IMAP), ("smtp", "mail.gmx.net", SUBMISSION), ("pop3", "pop.gmx.net", POP3)], password: "application-specific password", confidence: "high", dates: &[] },
    Row { name: "web_de", servers: &[("imap", "imap.web.de", IMAP), ("smtp", "smtp.web.de", SUBMISSION), ("pop3", "pop3.web.de", POP3)], password: "application-specific password", confidence: "high", dates: &[] },
    Row { name: "ionos", servers: &[("imap", "imap.ionos.com", IMAP), ("smtp", "smtp.ionos.com", SMTP), ("pop3", "pop.ionos.com", POP3)], password: "password of the mailbox itself", confidence: "high", dates: &[] },
    Row { name: "ovh", servers: &[("imap", "ssl0.ovh.net", IMAP), ("smtp", "ssl0.ovh.net", SMTP), ("pop3", "ssl0.ovh.net", POP3)], password: "password of the mailbox itself", confidence: "medium", dates: &[] },
    Row { name: "infomaniak", servers: &[("imap", "mail.infomaniak.com", IMAP), ("smtp", "mail.infomaniak.com", SMTP), ("pop3", "mail.infomaniak.com", POP3)], password: "password of a device", confidence: "medium", dates: &[] },
];

/// A mailbox at every preset by every protocol, each with a password of its own.
fn configuration(folder: &Folder) -> std::path::PathBuf {
    folder.write("password", "correct horse");
    let (mut credentials, mut mailboxes) = (String::new(), String::new());
    for Row { name, servers, .. } in &ROWS {
        let protocols: Vec<&str> = servers.iter().map(|(protocol, ..)| *protocol).collect();
        credentials += &format!("  {name}: {{ type: password, password: {{ file: password }} }}\n");
        mailboxes += &format!(
            "  - {{ name: {name}, address: a@contoso.example, provider: {name}, credential: {name}, checks: [{}] }}\n",
            protocols.join(", ")
        );
    }
    folder.write("config.yaml", format!("credentials:\n{credentials}mailboxes:\n{mailboxes}"))
}

#[test]
fn setup_tells_where_each_service_is_and_what_its_password_is() {
    let folder = Folder::new();
    let configuration = configuration(&folder);
    for Row { name, servers, password, confidence, .. } in &ROWS {
        let run = run(&["setup", name], Some(&configuration));
        assert_eq!(run.status, Some(0), "{name}: {}", run.said());
        for (protocol, host, rest) in *servers {
            let server = format!("{} at {host}{rest}", protocol.to_uppercase());
            assert!(run.stdout.contains(&server), "{name}: {server} in {}", run.stdout);
        }
        assert!(run.stdout.contains(password), "{name}: {password} in {}", run.stdout);
        let source = run.stdout.split(&format!("Source, with {confidence} confidence: ")).nth(1);
        assert!(source.is_some_and(|source| source.len() > 10), "{name}: {}", run.stdout);
    }
}

#[test]
fn setup_gives_an_app_to_each_high_volume_account() {
    let folder = Folder::new();
    // A secret that is not there: no token is asked for.
    let configuration = folder.write(
        "config.yaml",
        "credentials:\n  app: { type: client_secret, tenant: t, client_id: c, secret: { file: none } }\nmailboxes:\n  \
         - { address: a@contoso.example, provider: high_volume_email, credential: app }\n  \
         - { address: b@contoso.example, provider: high_volume_email, credential: app }\n",
    );
    let run = run(&["setup", "app"], Some(&configuration));
    for account in ["'a@contoso.example'", "'b@contoso.example'"] {
        let command = format!("Add-HVEAppAccess -Identity {account} -AppIds ENTERPRISE_APP_OBJECT_ID");
        assert!(run.stdout.contains(&command), "{}", run.said());
    }
}

#[test]
fn commands_of_setup_name_the_configuration_that_was_given() {
    let folder = Folder::new();
    let configuration = configuration(&folder);
    let place = configuration.to_str().unwrap();
    let text = run(&["setup", "yahoo"], Some(&configuration)).stdout;
    for command in [format!("validate --config {place}`"), format!("check --config {place} --wait 60m\n")] {
        assert!(text.contains(&format!("mailbox-exporter {command}")), "{text}");
    }
    let script = run(&["setup", "yahoo", "--output", "powershell"], Some(&configuration)).stdout;
    assert!(script.contains(&format!("\n# mailbox-exporter check --config {place}")), "{script}");
    let by_environment = Program::new(&["setup", "yahoo"]).env("MAILBOX_EXPORTER_CONFIG", place).run().stdout;
    assert!(by_environment.contains("mailbox-exporter check --wait 60m\n"), "{by_environment}");
}

#[test]
fn the_calendar_has_the_dates_of_the_services() {
    let folder = Folder::new();
    let configuration = configuration(&folder);
    let run = run(&["deadlines", "--output", "json"], Some(&configuration));
    let answer: Value =
        serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {}", run.said()));
    let rows = answer["deadlines"].as_array().unwrap();
    for Row { name, dates, .. } in &ROWS {
        let mut found: Vec<&str> = rows
            .iter()
            .filter(|row| row["provider"] == *name && row["checks"].as_u64() > Some(0))
            .map(|row| row["protocol"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        assert_eq!(found, *dates, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_password_has_the_remedy_of_its_service() {
    let mut world = World::start().await;
    let app = world.app();
    // High Volume Email is known by its host, which no simulated server has.
    let rows = || ROWS.iter().filter(|row| row.name != "high_volume_email");
    for fault in [Fault::CredentialsRejected, Fault::BasicAuthDisabled] {
        let mailbox = world.mailbox_of(&app, fault).await;
        mailbox.set_offers(Offers { passwords: true, ..Offers::default() });
        world.file("password", mailbox.password());
        for Row { name: preset, .. } in rows() {
            let name = format!("{preset}-{}", fault.label());
            let keys = world.yaml.leads_to(&mailbox, &[Door::Smtp], preset);
            world.yaml.provider_of(&name, &keys);
            world.yaml.credential_of(&name, "type: password, password: { file: password }");
            let address = mailbox.address();
            world.yaml.mailbox_of(
                &format!(
                    "name: {name}, address: {address}, provider: {name}, credential: {name}, checks: [smtp]"
                ),
                "",
            );
        }
    }
    let seen = world.round().await;
    for Row { name, password, .. } in rows() {
        for fault in [Fault::CredentialsRejected, Fault::BasicAuthDisabled] {
            let hint = seen[&format!("{name}-{}", fault.label())].outcome.hint();
            assert!(hint.is_some_and(|hint| hint.contains(password)), "{name}, {fault:?}: {hint:?}");
        }
    }
}
