//! The program under test: the real binary, run to its end or served, with everything it prints.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::wait::until;

/// A whole round over the table, with its two probes that wait for a silent server.
const RUN_PATIENCE: Duration = Duration::from_secs(60);
/// Until `serve` listens.
const LISTEN_PATIENCE: Duration = Duration::from_secs(20);
/// What the interface grants for a clean stop.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// A run that has ended.
pub(crate) struct Run {
    /// `None` for a death by signal.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// What runs, and what it has printed so far. Dropped, it is killed.
struct Process {
    child: Child,
    stdout: Arc<Mutex<String>>,
    stderr: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    fn start(arguments: &[&str], config: Option<&Path>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailbox-exporter"));
        command.args(arguments);
        if let Some(config) = config {
            command.arg("--config").arg(config);
        }
        // Nothing of the caller's may change what is tested; and loopback is never proxied, whatever the environment says.
        for variable in ["RUST_LOG", "MAILBOX_EXPORTER_CONFIG", "NO_PROXY", "no_proxy"] {
            command.env_remove(variable);
        }
        for variable in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"] {
            command.env(variable, "http://127.0.0.1:9");
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (stdout, stderr) = (Arc::default(), Arc::default());
        let readers = vec![
            keep(child.stdout.take().unwrap(), Arc::clone(&stdout)),
            keep(child.stderr.take().unwrap(), Arc::clone(&stderr)),
        ];
        Self { child, stdout, stderr, readers }
    }

    fn wait(&mut self, patience: Duration, what: &str) -> ExitStatus {
        let status = until(patience, what, || self.child.try_wait().unwrap());
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status
    }

    fn ended(mut self, patience: Duration, what: &str) -> Run {
        let status = self.wait(patience, what).code();
        let [stdout, stderr] = [&self.stdout, &self.stderr].map(|text| text.lock().unwrap().clone());
        Run { status, stdout, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail where it has ended already, and then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(pipe: impl Read + Send + 'static, text: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            text.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// Runs a command of the program to its end.
pub(crate) fn run(arguments: &[&str], config: Option<&Path>) -> Run {
    Process::start(arguments, config).ended(RUN_PATIENCE, &format!("the end of {arguments:?}"))
}

/// The results of `check --output json`.
pub(crate) fn results(run: &Run) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|error| {
        panic!("standard output is no JSON ({error}): {:?}\nstandard error: {}", run.stdout, run.stderr)
    });
    answer["results"].as_array().unwrap_or_else(|| panic!("no results: {answer}")).clone()
}

/// A running agent.
pub(crate) struct Agent {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Agent {
    /// Runs `serve` on a free port, with these arguments besides.
    pub(crate) fn serve(config: &Path, arguments: &[&str]) -> Self {
        let arguments = [&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"], arguments].concat();
        let mut process = Process::start(&arguments, Some(config));
        let stderr = Arc::clone(&process.stderr);
        let address = until(LISTEN_PATIENCE, "the agent says where it listens", || {
            let log = stderr.lock().unwrap();
            if let Some(status) = process.child.try_wait().unwrap() {
                panic!("serve ended with {status}: {log}");
            }
            listening(&log)
        });
        Self { process, address }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.process.child.id()
    }

    /// Asks for a clean stop, and waits for it.
    pub(crate) fn terminate(self) -> Run {
        let pid = self.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.process.ended(STOP_PATIENCE, "the end of the agent after SIGTERM")
    }
}

/// The address in the line of the log that says `listening`, text or JSON.
fn listening(log: &str) -> Option<SocketAddr> {
    let line = log.lines().find(|line| line.contains("listening") && line.contains("http://"))?;
    let (_, rest) = line.split_once("http://")?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
    rest[..end].parse().ok()
}
