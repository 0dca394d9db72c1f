//! The program as it is typed: the demo, bad input, and an end in good order.
//!
//! The faults of a configuration have their table in `config`; here is what becomes of them at the door.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use crate::support::folder::Folder;
use crate::support::http::get;
use crate::support::process::{Agent, Program, results, run};
use crate::support::wait::{Reserved, until};
use crate::support::world::World;
use crate::support::yaml::Door;
use mailbox_exporter::sim::Fault;

#[test]
fn one_round_of_the_demo_shows_every_lesson_and_ends_well() {
    let run = run(&["demo", "--once"], None);
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    for fault in Fault::DEMO {
        assert!(run.stdout.contains(fault.mailbox_name()), "{fault:?}: {}", run.stdout);
    }
    for by_graph in ["graph@", "throttled@"] {
        assert!(run.stdout.contains(by_graph), "{by_graph}: {}", run.stdout);
    }
    for reason in [
        "secret_invalid",
        "secret_expired",
        "consent_missing",
        "conditional_access",
        "refresh_token_expired",
        "role_missing",
        "token_rejected",
        "mailbox_not_connected",
        "folder_missing",
        "smtp_auth_disabled_tenant",
        "tls_certificate_expired",
        "connection_refused",
        "timeout",
        "throttled",
    ] {
        assert!(run.stdout.contains(reason), "{reason}: {}", run.stdout);
    }
    for protocol in ["imap", "smtp", "pop3", "round_trip"] {
        let is_row =
            |line: &&str| line.split_whitespace().take(3).eq(["info@contoso.example", protocol, "ok"]);
        assert!(run.stdout.lines().any(|line| is_row(&line)), "{protocol}: {}", run.stdout);
    }
    assert!(run.stderr.is_empty(), "a pipe is left in peace: {}", run.stderr);
}

#[test]
fn the_demo_finds_a_free_port_and_serves_until_its_stop() {
    // Taken by this test, or by another process already.
    let _taken = TcpListener::bind("127.0.0.1:9993");
    let mut demo = Program::new(&["demo"]).start();
    let mut after = |head: &str| {
        let printed = demo.prints(head);
        printed.lines().find_map(|line| Some(line.strip_prefix(head)?.trim().to_owned())).unwrap()
    };
    let (page, config) = (after("Status page"), after("Configuration"));
    let address: SocketAddr = page.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    assert_ne!(address.port(), 9993);
    let shown = |metrics: &str| {
        let lines = [
            "mailbox_probe_success{mailbox=\"info@contoso.example\",protocol=\"imap\"} 1",
            "mailbox_folder_unread_messages{mailbox=\"info@contoso.example\",folder=\"INBOX\"} 17",
            "reason=\"secret_expired\"} 1",
            "reason=\"smtp_auth_disabled_tenant\"} 1",
            "mailbox_readiness_source_rows{source=\"directory/contoso/sign_ins\"} 3",
            "mailbox_credential_expiry_timestamp_seconds{credential=\"payroll\",source=\"directory\"}",
        ];
        lines.iter().all(|line| metrics.contains(line))
    };
    until("the demo shows a success and two failures", || {
        get(address, "/metrics").ok().filter(|(status, body)| *status == 200 && shown(body))
    });
    let (status, body) = get(address, "/").unwrap();
    assert!(status == 200 && body.contains("payroll@contoso.example"), "{body}");
    let shown = std::fs::read_to_string(&config).unwrap();
    for kind in ["certificate", "federated", "refresh_token", "google_service_account"] {
        assert!(shown.contains(&format!("type: {kind}, ")), "{kind}: {shown}");
    }
    let (_, board) = get(address, "/readiness").unwrap();
    assert!(board.contains("printer-hall-2@contoso.example"), "{board}");
    assert!(board.contains("somebody signed in, with a password or a token"), "{board}");
    // Hints name the configuration of this agent.
    for page in ["/reasons/timeout", "/readiness"] {
        let (_, body) = get(address, page).unwrap();
        let option = format!("<span>--config</span> <span>{config}</span>");
        assert!(body.contains(&option) && !body.contains("<span>FILE</span>"), "{page}: {body}");
    }
    assert_eq!(demo.terminate().status, Some(0));
    assert!(!Path::new(&config).exists(), "it takes its files with it");
}

#[test]
fn the_demos_command_ends_the_sign_in_that_has_expired() {
    let mut demo = Program::new(&["demo", "--listen", "127.0.0.1:0"]).start();
    let printed = demo.prints("mailbox-exporter login --config ");
    let line = |head: &str| printed.lines().find_map(|line| line.trim().strip_prefix(head)).unwrap();
    let page = line("Status page").trim();
    let address: SocketAddr = page.trim_start_matches("http://").trim_end_matches('/').parse().unwrap();
    let assistant = |value: u8| {
        format!("mailbox_probe_success{{mailbox=\"assistant@contoso.example\",protocol=\"imap\"}} {value}")
    };
    let shows = |line: &str| get(address, "/metrics").ok().filter(|(_, body)| body.contains(line));
    until("the sign-in has expired", || shows(&assistant(0)));

    let command: Vec<&str> = line("mailbox-exporter ").split_whitespace().collect();
    let signed_in = run(&command, None);
    assert_eq!(signed_in.status, Some(0), "{}", signed_in.said());
    assert!(
        !signed_in.stdout.contains("microsoft.com"),
        "a code that is none of theirs: {}",
        signed_in.stdout
    );
    until("the mailbox works", || shows(&assistant(1)));
    assert_eq!(demo.terminate().status, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_logs_each_step_for_those_who_ask() {
    let mut world = World::start().await;
    let mailbox = world.mailbox(Fault::TokenRejected).await;
    world.yaml.watch("desk", &mailbox, Door::Imap, "");
    let config = world.configuration();
    let told = run(&["check", "--wait", "1s", "--log-level", "debug"], Some(&config));
    assert_eq!(told.status, Some(1), "{}", told.said());
    let lines = |words: &[&str]| {
        told.stderr.lines().filter(|line| words.iter().all(|word| line.contains(word))).count()
    };
    for (words, wanted) in [
        (&["token request", "outcome=\"success\"", "request_id=\""][..], 2),
        (&["probe", "mailbox=\"desk\"", "phase=\"auth\"", "reason=\"token_rejected\""], 2),
        (&["waiting", "failing_checks=1", "next_attempt_in="], 1),
    ] {
        assert_eq!(lines(words), wanted, "{words:?}: {}", told.stderr);
    }
    let quiet = run(&["check"], Some(&config));
    assert_eq!((quiet.status, quiet.stderr.as_str()), (Some(1), ""), "its answer has it all");
}

#[tokio::test]
async fn a_plugins_first_line_says_why_nothing_could_be_checked() {
    let world = World::start().await;
    let faulty = world.file("plugin-faulty.yaml", "mailboxes: 7\n");
    let fine = world.file("plugin-fine.yaml", SMALLEST);
    let rows: [(&[&str], Option<&Path>, &str); 4] = [
        (&["check", "--output", "nagios"], Some(&faulty), "1:12"),
        (&["check", "--output", "nagios", "absent"], Some(&fine), "absent"),
        (&["check", "--output", "nagios", "--protocol", "nntp"], Some(&fine), "nntp"),
        (&["check", "--output", "nagios"], None, "--config"),
    ];
    for (arguments, config, why) in rows {
        let run = run(arguments, config);
        let first = run.stdout.lines().next().unwrap_or_default();
        assert_eq!(run.status, Some(3), "{arguments:?}");
        assert!(first.starts_with("MAILBOX UNKNOWN - "), "{arguments:?}: {}", run.stdout);
        assert!(run.stdout.contains(why), "{arguments:?}: {}", run.stdout);
    }
}

/// A name, a configuration or what stands before the smallest one, arguments before `--config`, the exit status and what must be said.
const BAD_INPUT: [(&str, &str, &[&str], i32, &str); 7] = [
    ("syntax", "mailboxes: [", &["check"], 2, "1:"),
    ("unknown-key", "defalts: { interval: 1m }\n", &["serve"], 2, "did you mean"),
    ("wrong-type", "mailboxes: 7\n", &["validate"], 2, "1:12"),
    ("plugin", "mailboxes: 7\n", &["check", "--output", "nagios"], 3, "1:12"),
    ("who", "", &["check", "absent"], 2, "desk"),
    ("where", "", &["serve", "--listen", "nowhere"], 2, "--listen"),
    ("secret", "", &["check"], 1, ""),
];

const SMALLEST: &str = "credentials:\n  own: { type: password, password: { file: no-such-file } }\n\
    providers:\n  own:\n    imap: { host: 127.0.0.1, port: 1, tls: none }\n\
    mailboxes:\n  - { name: desk, address: a@b.example, provider: own, credential: own, checks: [imap] }\n";

#[tokio::test]
async fn bad_input_is_one_clear_sentence_and_the_right_exit_status() {
    let world = World::start().await;
    for (name, config, arguments, status, sentence) in BAD_INPUT {
        let rest = if config.contains("mailboxes") { "" } else { SMALLEST };
        let path = world.file(&format!("{name}.yaml"), format!("{config}{rest}"));
        let run = run(arguments, Some(&path));
        assert_eq!(run.status, Some(status), "{name}: {}{}", run.stdout, run.stderr);
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(said.contains(sentence), "{name} does not say {sentence:?}: {said}");
        assert!(!said.contains("panic") && !said.contains("RUST_BACKTRACE"), "{name}: {said}");
        if status > 1 {
            assert!(run.stderr.lines().count() <= 2, "{name} is not one sentence: {}", run.stderr);
        } else {
            assert!(
                run.stdout.contains("secret_unreadable") && run.stdout.contains("no-such-file"),
                "{said}"
            );
        }
    }
    let folder = world.file("a-file", "").parent().unwrap().to_owned();
    for unreadable in [folder.join("no-such.yaml"), folder] {
        let run = run(&["check"], Some(&unreadable));
        assert_eq!((run.status, run.stderr.lines().count()), (Some(2), 1), "{}", run.stderr);
        assert!(run.stderr.contains(unreadable.to_str().unwrap()), "{}", run.stderr);
    }
    let taken = Reserved::new();
    let listen = format!("127.0.0.1:{}", taken.port());
    let path = world.file("taken.yaml", SMALLEST);
    let run = run(&["serve", "--listen", &listen, "--log-level", "error"], Some(&path));
    assert_eq!((run.status, run.stderr.lines().count()), (Some(1), 1), "{}", run.stderr);
    assert!(run.stderr.contains(&listen) && run.stderr.contains("--listen"), "{}", run.stderr);
}

#[test]
fn validate_tells_everything_at_once() {
    let folder = Folder::new();
    folder.write("app.pem", "no certificate");
    folder.write("secret", "two words");
    let config = folder.write(
        "config.yaml",
        "state_dir: app.pem/state\ncredentials:\n  \
         cert: { type: certificate, tenant: t, client_id: c, certificate: app.pem }\n  \
         odd: { type: client_secret, tenant: t, client_id: \"<client-id>\", secret: { file: secret } }\n\
         mailboxes:\n  - { address: a@contoso.example, credential: nobody }\n",
    );
    let told = run(&["validate", "--state"], Some(&config));
    assert_eq!(told.status, Some(2), "{}", told.said());
    let lines: Vec<&str> = told.stdout.lines().collect();
    let place = |words: &str| {
        let found = lines.iter().position(|line| line.contains(words));
        found.unwrap_or_else(|| panic!("{words}: {}", told.stdout))
    };
    let faults = ["there is no credential", "credentials.cert: ", "state_dir: "].map(place);
    let warnings = ["a placeholder (<…>)", "the secret in "].map(place);
    assert!(faults.iter().max() < warnings.iter().min(), "faults come first: {}", told.stdout);
    assert!(warnings.iter().all(|at| lines[*at].starts_with("warning: ")), "{}", told.stdout);
    assert!(lines.last().unwrap().starts_with("3 faults in "), "{}", told.stdout);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_does_not_wait_for_a_silent_server() {
    let mut world = World::start().await;
    let app = world.app();
    let silent = world.mailbox_of(&app, Fault::SilentGreeting).await;
    world.yaml.watch("silent", &silent, Door::Imap, "interval: 10s");
    let agent = Agent::serve(&world.configuration(), &[]);
    let address = agent.address;
    until("a probe is under way", || {
        get(address, "/metrics").ok().filter(|(_, body)| body.contains("mailbox_exporter_probes_in_flight 1"))
    });
    let run = agent.terminate();
    assert_eq!(run.status, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("stopped"), "{}", run.stderr);
}

/// Open files of the program: enough to begin with, and for some of twenty connections.
const FEW_FILES: usize = 17;

#[test]
fn a_want_of_file_descriptors_is_a_fault_of_ours_and_said_so() {
    // Connections stand, and the server never speaks.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let mailbox = |place| {
        format!(
            "  - {{ name: m{place}, address: a@b.example, provider: own, credential: own, timeout: 2s, checks: [imap] }}\n"
        )
    };
    let mailboxes: String = (0..20).map(mailbox).collect();
    let folder = Folder::new();
    let config = folder.write("config.yaml", format!("credentials:\n  own: {{ type: password, password: {{ env: STARVED }} }}\nproviders:\n  own:\n    imap: {{ host: 127.0.0.1, port: {port}, tls: none }}\nmailboxes:\n{mailboxes}"));
    let starved = Program::after(&format!("ulimit -n {FEW_FILES}"), &["check", "--output", "json"]);
    let run = starved.config(&config).env("STARVED", "x").run();
    assert_eq!(run.status, Some(1), "{}", run.stderr);
    let results = results(&run);
    let verdicts: Vec<_> = results
        .iter()
        .map(|result| format!("{} {}", result["phase"].as_str().unwrap(), result["reason"].as_str().unwrap()))
        .collect();
    for wanted in ["connect internal", "greeting timeout"] {
        assert!(verdicts.iter().any(|verdict| verdict == wanted), "{wanted}: {verdicts:?}");
    }
    assert!(
        results.iter().any(|result| result["detail"].as_str().unwrap().contains("Too many open files")),
        "{verdicts:?}"
    );
}
