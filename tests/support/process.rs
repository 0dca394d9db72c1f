//! The real program: run to its end or served, with everything it prints.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::http::get;
use super::wait::until;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mailbox-exporter");

/// What the interface grants for a clean stop.
const STOP: Duration = Duration::from_secs(10);
/// The caller's variables that would change what is tested.
const REMOVED: [&str; 6] =
    ["RUST_LOG", "MAILBOX_EXPORTER_CONFIG", "MAILBOX_EXPORTER_SHARDS", "HOSTNAME", "NO_PROXY", "no_proxy"];
/// Connections to loopback never go through a proxy: this one would fail them.
const PROXIES: [&str; 4] = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"];

/// A command of the program, before it runs.
pub(crate) struct Program {
    command: Command,
    input: Vec<u8>,
    log: Option<Stdio>,
    title: String,
}

impl Program {
    pub(crate) fn new(arguments: &[&str]) -> Self {
        Self::by(Command::new(PROGRAM), arguments)
    }

    /// Started by a shell that runs `before` first, such as `ulimit -n 64`.
    pub(crate) fn after(before: &str, arguments: &[&str]) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{before}; exec \"$0\" \"$@\""), PROGRAM]);
        Self::by(shell, arguments)
    }

    fn by(mut command: Command, arguments: &[&str]) -> Self {
        command.args(arguments);
        for variable in REMOVED {
            command.env_remove(variable);
        }
        for variable in PROXIES {
            command.env(variable, "http://127.0.0.1:9");
        }
        Self { command, input: Vec::new(), log: None, title: format!("{arguments:?}") }
    }

    pub(crate) fn config(mut self, file: &Path) -> Self {
        self.command.arg("--config").arg(file);
        self
    }

    pub(crate) fn env(mut self, variable: &str, value: &str) -> Self {
        self.command.env(variable, value);
        self
    }

    /// Standard input; empty unless told.
    pub(crate) fn input(mut self, bytes: &[u8]) -> Self {
        self.input = bytes.to_vec();
        self
    }

    /// Where standard error goes. Without this it is kept.
    pub(crate) fn log_to(mut self, log: impl Into<Stdio>) -> Self {
        self.log = Some(log.into());
        self
    }

    pub(crate) fn start(mut self) -> Process {
        let log = self.log.take();
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = self.command.stderr(log.unwrap_or_else(Stdio::piped)).spawn().unwrap();
        let (stdout, stderr) = (Kept::default(), Kept::default());
        let mut readers = vec![keep(child.stdout.take().unwrap(), &stdout)];
        readers.extend(child.stderr.take().map(|pipe| keep(pipe, &stderr)));
        // It fails where the program reads no more of it.
        let _ = child.stdin.take().unwrap().write_all(&self.input);
        Process { child, stdout, stderr, readers, heard: 0, title: self.title }
    }

    pub(crate) fn run(self) -> Run {
        self.start().end()
    }
}

/// Runs a command of the program to its end.
pub(crate) fn run(arguments: &[&str], config: Option<&Path>) -> Run {
    let program = Program::new(arguments);
    match config {
        Some(config) => program.config(config).run(),
        None => program.run(),
    }
}

/// A run that has ended.
pub(crate) struct Run {
    /// `None` for a death by signal.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Both streams.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "standard output is not JSON ({error}): {:?}\nstandard error: {}",
                self.stdout, self.stderr
            )
        })
    }
}

/// The results of `check --output json`.
pub(crate) fn results(run: &Run) -> Vec<Value> {
    let answer = run.json();
    answer["results"].as_array().unwrap_or_else(|| panic!("no results: {answer}")).clone()
}

type Kept = Arc<Mutex<String>>;

/// What runs, and what it has printed so far. Dropped, it is killed by SIGKILL.
pub(crate) struct Process {
    child: Child,
    stdout: Kept,
    stderr: Kept,
    readers: Vec<JoinHandle<()>>,
    /// How much of the log `says` has passed over.
    heard: usize,
    title: String,
}

impl Process {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Standard output, once it holds these words. It fails if the program ends without them.
    pub(crate) fn prints(&mut self, words: &str) -> String {
        until(&format!("{words} in the output of {}", self.title), || {
            let ended = self.child.try_wait().unwrap();
            let stdout = self.stdout.lock().unwrap().clone();
            if stdout.contains(words) {
                return Some(stdout);
            }
            assert!(ended.is_none(), "{} ended: {stdout}{}", self.title, self.stderr.lock().unwrap());
            None
        })
    }

    /// Waits for the next line of the log that holds all of these words.
    pub(crate) fn says(&mut self, words: &[&str]) -> String {
        let what = format!("{words:?} in the log of {}", self.title);
        let (log, heard) = (Arc::clone(&self.stderr), &mut self.heard);
        until(&what, || {
            let log = log.lock().unwrap();
            while let Some((line, _)) = log[*heard..].split_once('\n') {
                *heard += line.len() + 1;
                if words.iter().all(|word| line.contains(word)) {
                    return Some(line.to_owned());
                }
            }
            None
        })
    }

    /// Sends a signal, such as `HUP`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Run {
        let what = format!("the end of {}", self.title);
        let status = until(&what, || self.child.try_wait().unwrap());
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        let [stdout, stderr] = [&self.stdout, &self.stderr].map(|text| text.lock().unwrap().clone());
        Run { status: status.code(), stdout, stderr }
    }

    /// Asks for a clean stop, which must come in the time that the interface grants.
    pub(crate) fn terminate(self) -> Run {
        self.signal("TERM");
        let began = Instant::now();
        let run = self.end();
        assert!(began.elapsed() < STOP, "the stop took {:?}: {}", began.elapsed(), run.stderr);
        run
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail where it has ended already, and then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn keep(pipe: impl Read + Send + 'static, text: &Kept) -> JoinHandle<()> {
    let text = Arc::clone(text);
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            text.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

/// A running agent. Dropped, it is killed by SIGKILL.
pub(crate) struct Agent {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Agent {
    /// Runs `serve` on a free port, with these arguments besides, and waits until it listens.
    pub(crate) fn serve(config: &Path, arguments: &[&str]) -> Self {
        Self::serve_by(PROGRAM.as_ref(), config, arguments)
    }

    /// The same by another build of the program.
    pub(crate) fn serve_by(program: &Path, config: &Path, arguments: &[&str]) -> Self {
        Self::begin(Program::by(Command::new(program), &Self::arguments(arguments)).config(config))
    }

    /// The same with these variables in its environment.
    pub(crate) fn serve_with(config: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let program = Program::new(&Self::arguments(arguments)).config(config);
        Self::begin(variables.iter().fold(program, |program, (name, value)| program.env(name, value)))
    }

    fn arguments<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["serve", "--listen", "127.0.0.1:0", "--log-format", "json"], more].concat()
    }

    fn begin(program: Program) -> Self {
        let mut process = program.start();
        let stderr = Arc::clone(&process.stderr);
        let address = until("the agent says where it listens", || {
            let log = stderr.lock().unwrap();
            if let Some(status) = process.child.try_wait().unwrap() {
                panic!("serve ended with {status}: {log}");
            }
            log.lines().find_map(listening).and_then(|base| base.strip_prefix("http://")?.parse().ok())
        });
        Self { process, address }
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Waits for the next line of the log that holds all of these words.
    pub(crate) fn says(&mut self, words: &[&str]) -> String {
        self.process.says(words)
    }

    /// The body of a page that must be there.
    pub(crate) fn page(&self, path: &str) -> String {
        let (status, body) = get(self.address, path).unwrap();
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A page, once it says so.
    pub(crate) fn shows(&self, path: &str, words: &str) -> String {
        until(&format!("{words} on {path}"), || Some(self.page(path)).filter(|page| page.contains(words)))
    }

    /// Asks for a clean stop, and waits for it.
    pub(crate) fn terminate(self) -> Run {
        self.process.terminate()
    }
}

/// The address, scheme included, in the line of the log that says `listening`, as text or JSON.
pub(crate) fn listening(line: &str) -> Option<String> {
    let line = line.contains("listening").then_some(line)?;
    let scheme = if line.contains("https://") { "https" } else { "http" };
    let (_, rest) = line.split_once("://")?;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':')).unwrap_or(rest.len());
    Some(format!("{scheme}://{}", &rest[..end]))
}
