//! Files as people make them, and files that are none: the program on configurations, secrets and exports that were
//! pasted, mistyped, or replaced by something that never ends.

use std::fs;

use mailbox_exporter::sim::Fault;
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::process::{Program, Run, results, run};
use crate::support::world::World;
use crate::support::yaml::Door;

/// Runs `validate` on the configuration of a folder.
fn validate(folder: &Folder) -> Run {
    Program::new(&["validate"]).config(&folder.config()).env("PASTED", "\"hunter2~hunter2\"").run()
}

const CREDENTIALS: &str =
    "credentials:\n  c:\n    type: client_secret\n    tenant: t\n    client_id: app\n    secret: SECRET\n";
const MAILBOXES: &str = "mailboxes: [{ address: a@contoso.example, credential: c }]\n";

fn configuration(secret: &str, more: &str) -> String {
    format!("{}{more}{MAILBOXES}", CREDENTIALS.replace("SECRET", secret))
}

#[test]
fn a_fifo_in_the_place_of_any_file_is_named_at_once() {
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
        let run = validate(&folder);
        let (exit, said) = (run.status, run.said());
        assert_eq!(exit, Some(status), "{name}: {said}");
        assert!(said.contains("this is a FIFO: only regular files are read"), "{name}: {said}");
    }
}

#[test]
fn validate_names_an_odd_secrets_place_and_never_the_secret() {
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
        let run = validate(&folder);
        let (exit, said) = (run.status, run.said());
        assert_eq!(exit, Some(0), "{said}");
        let place = "config.yaml:3:5: credentials.c: the secret";
        assert!(said.contains(place) && said.contains(sentence), "{content:?}: {said}");
        assert!(!said.contains("hunter2") && !said.contains("11111111"), "{said}");
    }
    let folder = Folder::new();
    folder.write("config.yaml", configuration("{ env: PASTED }", ""));
    let said = validate(&folder).said();
    assert!(
        said.contains("the secret in environment variable PASTED begins and ends with a quotation mark"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");
}

#[test]
fn a_missing_secret_and_one_with_a_mark_are_no_finding() {
    let folder = Folder::new();
    folder.write("config.yaml", configuration("{ file: secret }", ""));
    assert!(!validate(&folder).said().contains("warning"));
    folder.write("secret", "\u{feff}abc8Q~x.1234567890abcdefghijklmnopqrstuv\r\n\r\n");
    assert!(!validate(&folder).said().contains("warning"));
}

#[test]
fn imports_are_taken_from_a_list_and_from_patterns() {
    let folder = Folder::new();
    let more = "readiness:\n  usage: [one.csv, \"more/*.csv\", \"none/*.csv\"]\n";
    folder.write("config.yaml", configuration("{ file: secret }", more));
    fs::create_dir(folder.join("more")).unwrap();
    folder.write("one.csv", "a@contoso.example,smtp,unused\n");
    folder.write("more/two.csv", "another@fabrikam.example,smtp,used\n");
    let run = validate(&folder);
    let (exit, said) = (run.status, run.said());
    assert_eq!(exit, Some(0), "{said}");
    assert!(said.contains("no faults in 3 files"), "{said}");
    assert!(said.contains("1 row names no configured mailbox (another@fabrikam.example)"), "{said}");
    assert!(said.contains("readiness.usage[2]: no file matches this pattern"), "{said}");
}

#[test]
fn the_systems_authorities_verify_only_optional_certificates() {
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
        let run = validate(&folder);
        let (exit, said) = (run.status, run.said());
        assert_eq!(exit, Some(status), "{policy}: {said}");
        assert!(said.contains(sentence), "{policy}: {said}");
    }
}

#[tokio::test]
async fn a_refused_secret_has_its_shape_told_first() {
    let mut world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    world.yaml.watch("m", &mailbox, Door::Imap, "");
    let config = world.configuration();
    world.file("ca.pem", format!("\u{feff}{}", world.ca_pem()));
    let secret = mailbox.app().secret.clone();
    for (content, oddity) in [
        (format!("\"{secret}\"\n"), Some("begins and ends with a quotation mark")),
        ("11111111-2222-3333-4444-555555555555".to_owned(), Some("has the shape of an id")),
        (format!("\u{feff}{secret}\r\n\n"), None),
    ] {
        world.file("c0.secret", content);
        let run = run(&["check", "--output", "json"], Some(&config));
        let (result, said) = (&results(&run)[0], run.said());
        match oddity {
            None => assert_eq!((run.status, &result["success"]), (Some(0), &Value::Bool(true)), "{said}"),
            Some(oddity) => {
                assert_eq!(result["reason"], "secret_invalid", "{said}");
                let hint = result["hint"].as_str().unwrap();
                assert!(hint.lines().next().unwrap().contains(oddity), "{hint}");
                assert!(!said.contains(&secret), "{said}");
            }
        }
    }
}

#[test]
fn validate_writes_to_the_state_on_request_and_leaves_nothing() {
    let folder = Folder::new();
    // What the configuration says of the state, the exit status, and what is said.
    for (state, status, sentence) in [
        ("state_dir: state\n", 0, "no faults"),
        ("state_dir: usage.csv/state\n", 2, "it must exist or be creatable"),
        ("", 2, "--state: the configuration has no state_dir"),
    ] {
        folder.write("config.yaml", configuration("{ file: secret }", state));
        folder.write("usage.csv", "");
        let tried = run(&["validate", "--state"], Some(&folder.config()));
        assert_eq!(tried.status, Some(status), "{state}: {}", tried.said());
        assert!(tried.said().contains(sentence), "{state}: {}", tried.said());
        assert_eq!(run(&["validate"], Some(&folder.config())).status, Some(0), "{state}");
    }
    let files: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files.len(), 2, "{files:?}");
}
