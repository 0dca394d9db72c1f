//! Files as people make them, and files that are none: the program on configurations, secrets and exports that were
//! pasted, mistyped, or replaced by something that never ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mailbox_exporter::sim::{Fault, Sim};
use serde_json::Value;
use uuid::Uuid;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mailbox-exporter");
/// A program that waits for a file longer than this waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of a test's own.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("mailbox-files-{}", Uuid::new_v4()));
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.0.join(name), content).unwrap();
    }

    fn fifo(&self, name: &str) {
        let _ = fs::remove_file(self.0.join(name));
        assert!(Command::new("mkfifo").arg(self.0.join(name)).status().unwrap().success());
    }

    /// Runs a command on `config.yaml`; the exit status and everything said.
    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .arg("--config")
            .arg(self.0.join("config.yaml"))
            .env("PASTED", "\"hunter2~hunter2\"")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipes: Vec<Box<dyn Read + Send>> =
            vec![Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        let readers: Vec<_> = pipes
            .drain(..)
            .map(|mut pipe| {
                thread::spawn(move || {
                    let mut text = String::new();
                    pipe.read_to_string(&mut text).unwrap();
                    text
                })
            })
            .collect();
        let end = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > end => {
                    child.kill().unwrap();
                    panic!("{arguments:?} hangs");
                }
                None => thread::sleep(Duration::from_millis(20)),
            }
        };
        (status.code(), readers.into_iter().map(|reader| reader.join().unwrap()).collect())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const CREDENTIALS: &str =
    "credentials:\n  c:\n    type: client_secret\n    tenant: t\n    client_id: app\n    secret: SECRET\n";
const MAILBOXES: &str = "mailboxes: [{ address: a@contoso.example, credential: c }]\n";

fn configuration(secret: &str, more: &str) -> String {
    format!("{}{more}{MAILBOXES}", CREDENTIALS.replace("SECRET", secret))
}

#[test]
fn a_fifo_in_the_place_of_any_file_is_named_and_nothing_waits_for_it() {
    let of_file = "{ file: secret }";
    let rows: [(&str, String, i32); 6] = [
        ("config.yaml", String::new(), 2),
        ("boxes.yaml", configuration(of_file, "mailbox_files: [boxes.yaml]\n"), 2),
        ("web.yaml", configuration(of_file, "http: { web_config: web.yaml }\n"), 2),
        ("calendar.yaml", configuration(of_file, "readiness: { calendar: calendar.yaml }\n"), 2),
        // What is imported leaves the rest of the configuration in force.
        ("usage.csv", configuration(of_file, "readiness: { usage: usage.csv }\n"), 0),
        ("secret", configuration(of_file, ""), 0),
    ];
    for (name, text, status) in rows {
        let folder = Folder::new();
        folder.write("config.yaml", text);
        folder.fifo(name);
        let (exit, said) = folder.run(&["validate"]);
        assert_eq!(exit, Some(status), "{name}: {said}");
        assert!(said.contains("this is a FIFO: only regular files are read"), "{name}: {said}");
    }
}

#[test]
fn validate_tells_what_is_odd_about_a_secret_with_its_place_and_never_the_secret() {
    for (content, sentence) in [
        ("\"hunter2~hunter2\"\n", "begins and ends with a quotation mark"),
        ("hunter2 hunter2", "has a blank inside"),
        ("11111111-2222-3333-4444-555555555555\r\n", "the secret's ID was copied in place of its Value"),
        ("\u{201e}hunter2\u{201c}", "typographic quotation mark"),
        ("", "is empty"),
    ] {
        let folder = Folder::new();
        folder.write("config.yaml", configuration("{ file: secret }", ""));
        folder.write("secret", content);
        let (exit, said) = folder.run(&["validate"]);
        assert_eq!(exit, Some(0), "{said}");
        let place = "config.yaml:3:5: credentials.c: the secret";
        assert!(said.contains(place) && said.contains(sentence), "{content:?}: {said}");
        assert!(!said.contains("hunter2") && !said.contains("11111111"), "{said}");
    }
    let folder = Folder::new();
    folder.write("config.yaml", configuration("{ env: PASTED }", ""));
    let (_, said) = folder.run(&["validate"]);
    assert!(
        said.contains("the secret in environment variable PASTED begins and ends with a quotation mark"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_secret_that_is_not_here_and_one_between_mark_and_line_ends_are_no_finding() {
    let folder = Folder::new();
    folder.write("config.yaml", configuration("{ file: secret }", ""));
    assert!(!folder.run(&["validate"]).1.contains("warning"));
    folder.write("secret", "\u{feff}abc8Q~x.1234567890abcdefghijklmnopqrstuv\r\n\r\n");
    assert!(!folder.run(&["validate"]).1.contains("warning"));
}

#[test]
fn imports_are_taken_from_a_list_and_from_patterns() {
    let folder = Folder::new();
    let more = "readiness:\n  usage: [one.csv, \"more/*.csv\", \"none/*.csv\"]\n";
    folder.write("config.yaml", configuration("{ file: secret }", more));
    fs::create_dir(folder.0.join("more")).unwrap();
    folder.write("one.csv", "a@contoso.example,smtp,unused\n");
    folder.write("more/two.csv", "somebody@fabrikam.example,smtp,used\n");
    let (exit, said) = folder.run(&["validate"]);
    assert_eq!(exit, Some(0), "{said}");
    assert!(said.contains("no faults in 3 files"), "{said}");
    assert!(said.contains("1 row names no configured mailbox (somebody@fabrikam.example)"), "{said}");
    assert!(said.contains("readiness.usage[2]: no file matches this pattern"), "{said}");
}

#[test]
fn a_web_configuration_verifies_clients_against_the_system_only_where_they_may_come_without() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    for (policy, status, sentence) in [
        ("VerifyClientCertIfGiven", 0, "verified against the authorities of the system"),
        ("RequireAndVerifyClientCert", 2, "this needs client_ca_file"),
    ] {
        let folder = Folder::new();
        folder.write("config.yaml", configuration("{ file: secret }", "http: { web_config: web.yaml }\n"));
        folder.write("server.crt", format!("\u{feff}{}", cert.pem()));
        folder.write("server.key", signing_key.serialize_pem());
        let tls = format!("{{ cert_file: server.crt, key_file: server.key, client_auth_type: {policy} }}");
        folder.write("web.yaml", format!("tls_server_config: {tls}\n"));
        let (exit, said) = folder.run(&["validate"]);
        assert_eq!(exit, Some(status), "{policy}: {said}");
        assert!(said.contains(sentence), "{policy}: {said}");
    }
}

/// A configuration of one simulated mailbox, whose secret's file and authority's file are written by the test.
fn simulated(sim: &Sim, mailbox: &mailbox_exporter::sim::SimMailbox, folder: &Path) {
    let (app, host) = (mailbox.app(), mailbox.host());
    let text = format!(
        "credentials:\n  c: {{ type: client_secret, tenant: {}, client_id: {}, secret: {{ file: secret }} }}\n\
         providers:\n  p: {{ imap: {{ host: {host}, port: {} }}, token_url: {:?}, scope: {}, ca_file: ca.pem }}\n\
         mailboxes:\n  - {{ address: {}, provider: p, credential: c, checks: [imap] }}\n",
        app.tenant,
        app.client_id,
        mailbox.imap_port(),
        sim.token_url(),
        sim.scope(),
        mailbox.address()
    );
    fs::write(folder.join("config.yaml"), text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_secret_has_its_shape_told_first_and_a_mark_before_an_authority_hides_nothing() {
    let sim = Sim::start().await.unwrap();
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    let folder = Folder::new();
    simulated(&sim, &mailbox, &folder.0);
    folder.write("ca.pem", format!("\u{feff}{}", sim.ca_pem()));
    let secret = mailbox.app().secret.clone();
    for (content, oddity) in [
        (format!("\"{secret}\"\n"), Some("begins and ends with a quotation mark")),
        ("11111111-2222-3333-4444-555555555555".to_owned(), Some("has the shape of an id")),
        (format!("\u{feff}{secret}\r\n\n"), None),
    ] {
        folder.write("secret", content);
        let (exit, said) = folder.run(&["check", "--output", "json"]);
        let first = serde_json::Deserializer::from_str(&said).into_iter::<Value>().next();
        let answer = first.unwrap().unwrap_or_else(|error| panic!("{error}: {said}"));
        let result = &answer["results"][0];
        match oddity {
            None => assert_eq!((exit, &result["success"]), (Some(0), &Value::Bool(true)), "{said}"),
            Some(oddity) => {
                assert_eq!(result["reason"], "secret_invalid", "{said}");
                let hint = result["hint"].as_str().unwrap();
                assert!(hint.lines().next().unwrap().contains(oddity), "{hint}");
                assert!(!said.contains(&secret), "{said}");
            }
        }
    }
}
