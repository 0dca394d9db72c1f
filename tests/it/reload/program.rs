//! The real program: signals, the command line's part in a reload, and what it says of both.

use std::net::TcpListener;

use mailbox_exporter::sim::Fault;
use serde_json::Value;

use crate::support::folder::Folder;
use crate::support::process::{Process, Program};
use crate::support::world::World;

/// Starts `serve` in this environment.
fn serve(world: &World, arguments: &[&str], variables: &[(&str, &str)]) -> Process {
    let arguments = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
    let program = Program::new(&arguments).config(&world.folder.config());
    variables.iter().fold(program, |program, (name, value)| program.env(name, value)).start()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_reloads_and_every_fault_is_in_the_log() {
    let world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    let yaml = world.fresh("defaults: { interval: 1h }").with(&mailbox, "");
    // Nothing could listen there: what the command line says holds now and at a reload.
    world.file("config.yaml", yaml.text().replace("127.0.0.1:0", "192.0.2.1:1"));
    let mut serve = serve(&world, &["--shard", "auto/1"], &[("HOSTNAME", "mailbox-exporter-0")]);
    serve.says(&["listening", "shard=0/1"]);
    serve.signal("HUP");
    serve.says(&["configuration reloaded", "by SIGHUP", "stay=2", "changed=0", "new=0", "gone=0"]);
    world.file("config.yaml", "limitz: {}\ncredentialz: {}\n");
    serve.says(&["configuration refused"]);
    serve.says(&["ERROR", "1:1: limitz"]);
    serve.says(&["ERROR", "2:1: credentialz"]);
    assert!(serve.terminate().stderr.contains("stopped"));
}

/// Arguments, environment, and the complaint.
type Refused = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_cannot_be_is_refused_at_the_door() {
    let world = World::start().await;
    world.fresh("").all(&world.mailboxes(3).await).write();
    let rows: [Refused; 4] = [
        (&["--shard", "3/3"], &[], "shards count from 0"),
        (&["--shard", "one"], &[], "expected I/N"),
        (&["--shard", "auto"], &[("HOSTNAME", "x-1")], "set MAILBOX_EXPORTER_SHARDS"),
        (
            &["--shard", "auto"],
            &[("HOSTNAME", "x-3"), ("MAILBOX_EXPORTER_SHARDS", "3")],
            "there is no shard 3 of 3",
        ),
    ];
    for (arguments, variables, complaint) in rows {
        let run = serve(&world, arguments, variables).end();
        assert!(run.stderr.contains(complaint), "{complaint}: {}", run.stderr);
        assert_eq!(run.status, Some(2), "{arguments:?}");
    }
}

#[test]
fn faults_of_the_start_are_lines_that_programs_read() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let credentials = "credentials: { a: { type: password, password: { env: A } } }";
    let without_mailboxes =
        format!("http: {{ listen: '{listen}' }}\n{credentials}\nmailboxes: []\nmailbox_files: [none.yaml]\n");
    let rows: [(&str, &[&str], &str, &str); 3] = [
        ("limitz: {}\n", &[], "limitz", "configuration refused"),
        (&without_mailboxes, &[], "cannot listen on", "cannot run"),
        (&without_mailboxes, &["--shard", "auto"], "set MAILBOX_EXPORTER_SHARDS", "command line refused"),
    ];
    for (configuration, arguments, fault, last) in rows {
        let file = folder.write("config.yaml", configuration);
        let log = Program::new(&[&["--log-format", "json", "serve"], arguments].concat())
            .config(&file)
            .run()
            .stderr;
        let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().any(|line| line["fields"]["fault"].to_string().contains(fault)), "{log}");
        let end = lines.last().unwrap();
        assert!(end["level"] == "ERROR" && end["fields"]["message"].to_string().contains(last), "{log}");
    }
}
