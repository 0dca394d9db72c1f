//! The real program: signals, the command line's part in a reload, and what it says of both.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use mailbox_exporter::sim::{Fault, Sim};

use crate::world::{Folder, PATIENCE, Yaml};

/// `serve`, and the lines of its log as they come. Dropped, it is killed.
pub(crate) struct Serve {
    child: Child,
    log: Receiver<String>,
}

impl Serve {
    pub(crate) fn start(folder: &Folder, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailbox-exporter"));
        command
            .arg("serve")
            .arg("--config")
            .arg(folder.config())
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments);
        for variable in ["RUST_LOG", "MAILBOX_EXPORTER_SHARDS", "HOSTNAME"] {
            command.env_remove(variable);
        }
        command.envs(variables.iter().copied());
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (tell, log) = channel();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
        Self { child, log }
    }

    /// The next line of the log that holds all of these words.
    pub(crate) fn says(&self, words: &[&str]) -> String {
        let mut seen = String::new();
        while let Ok(line) = self.log.recv_timeout(PATIENCE) {
            if words.iter().all(|word| line.contains(word)) {
                return line;
            }
            seen += &line;
            seen.push('\n');
        }
        panic!("{words:?} is not said in:\n{seen}");
    }

    /// The address of the endpoint, once it listens.
    pub(crate) fn listens(&self) -> SocketAddr {
        let line = self.says(&["listening"]);
        let address = line.split_once("http://").unwrap().1.split('"').next().unwrap();
        address.parse().unwrap()
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hang_up_reloads_with_what_the_command_line_says_and_every_fault_is_in_the_log() {
    let (sim, folder) = (Sim::start().await.unwrap(), Folder::new());
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    let yaml = Yaml::new(&sim, &folder, "defaults: { interval: 1h }").with(&mailbox, "");
    // Nothing could listen there: what the command line says holds now and at a reload.
    folder.write("config.yaml", &yaml.text().replace("127.0.0.1:0", "192.0.2.1:1"));
    let serve = Serve::start(&folder, &["--shard", "auto/1"], &[("HOSTNAME", "mailbox-exporter-0")]);
    serve.says(&["listening", "shard=0/1"]);
    serve.signal("-HUP");
    serve.says(&["configuration taken", "by SIGHUP", "stay=2", "changed=0", "new=0", "gone=0"]);
    folder.write("config.yaml", "limitz: {}\ncredentialz: {}\n");
    serve.says(&["configuration refused"]);
    serve.says(&["ERROR", "1:1: limitz"]);
    serve.says(&["ERROR", "2:1: credentialz"]);
    serve.signal("-TERM");
    serve.says(&["stopped"]);
}

/// Arguments, environment, and the complaint.
type Refused = (&'static [&'static str], &'static [(&'static str, &'static str)], &'static str);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shard_that_cannot_be_is_refused_at_the_door() {
    let (sim, folder) = (Sim::start().await.unwrap(), Folder::new());
    Yaml::new(&sim, &folder, "").all(&sim.mailboxes_on_one_port(&sim.app(), 3).await.unwrap()).write();
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
        let mut serve = Serve::start(&folder, arguments, variables);
        serve.says(&[complaint]);
        assert_eq!(serve.child.wait().unwrap().code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn faults_of_the_start_are_lines_of_a_log_that_programs_read() {
    let folder = Folder::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let credentials = "credentials: { a: { type: password, password: { env: A } } }";
    let without_mailboxes =
        format!("http: {{ listen: '{listen}' }}\n{credentials}\nmailboxes: []\nmailbox_files: [none.yaml]\n");
    let rows: [(&str, &[&str], &str, &str); 3] = [
        ("limitz: {}\n", &[], "limitz", "configuration refused"),
        (&without_mailboxes, &[], "cannot listen on", "cannot run"),
        (&without_mailboxes, &["--shard", "3/3"], "shards count from 0", "command line refused"),
    ];
    for (configuration, arguments, fault, last) in rows {
        folder.write("config.yaml", configuration);
        let output = Command::new(env!("CARGO_BIN_EXE_mailbox-exporter"))
            .args(["--log-format", "json", "serve", "--config"])
            .arg(folder.config())
            .args(arguments)
            .output()
            .unwrap();
        let log = String::from_utf8(output.stderr).unwrap();
        let lines: Vec<serde_json::Value> =
            log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(lines.iter().any(|line| line["fields"]["fault"].to_string().contains(fault)), "{log}");
        let end = lines.last().unwrap();
        assert!(end["level"] == "ERROR" && end["fields"]["message"].to_string().contains(last), "{log}");
    }
}
