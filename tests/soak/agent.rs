//! The program under attack: the real binary as a child process, its log, and what the system says of it.
//!
//! Not here: requests to its HTTP endpoint (`door.rs`).

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::process::listening;

/// Until `serve` says where it listens.
const START: Duration = Duration::from_secs(60);
/// The longest line of the log that is read in one piece.
const LINE: u64 = 64 * 1024;
/// How often a paused reader looks whether it may go on.
const PAUSE: Duration = Duration::from_millis(20);
/// The most panics that are remembered.
const PANICS: usize = 16;
/// The agent starts with the soft limit of descriptors that services have, below the hard one; it must not outlive
/// the soak, however that ends.
const LAUNCH: &str = "ulimit -Sn 1024; exec setpriv --pdeathsig KILL -- \"$0\" \"$@\"";

/// What the log has said so far, and whether it is read.
#[derive(Default)]
pub(crate) struct Log {
    paused: AtomicBool,
    panics: Mutex<Vec<String>>,
}

impl Log {
    /// Leaves standard error unread, or reads it again.
    pub(crate) fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::SeqCst);
    }

    /// The lines that tell of a panic.
    pub(crate) fn panics(&self) -> Vec<String> {
        self.panics.lock().unwrap().clone()
    }
}

/// A running agent. Dropped, it is killed.
pub(crate) struct Agent {
    /// Its name in the tables.
    pub(crate) name: &'static str,
    /// `http://…` or `https://…`, with its port.
    pub(crate) base: String,
    pub(crate) log: Arc<Log>,
    pid: Pid,
    child: Mutex<Child>,
}

/// What the system says of a process.
pub(crate) struct Resources {
    pub(crate) memory_kib: u64,
    pub(crate) descriptors: u64,
    pub(crate) threads: u64,
    /// Processor time since the start.
    pub(crate) processor: Duration,
}

impl Agent {
    /// Runs `serve` and waits until it listens.
    pub(crate) fn start(name: &'static str, program: &Path, config: &Path) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", LAUNCH]).arg(program).args(["serve", "--config"]).arg(config);
        for variable in ["RUST_LOG", "MAILBOX_EXPORTER_CONFIG", "HTTPS_PROXY", "https_proxy"] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let pid = Pid::from_child(&child);
        let (tell, listens) = channel();
        let log = Arc::new(Log::default());
        let (stderr, reader) = (child.stderr.take().unwrap(), Arc::clone(&log));
        thread::spawn(move || read(stderr, &reader, &tell));
        let base =
            listens.recv_timeout(START).unwrap_or_else(|_| panic!("{name}: the agent does not listen"));
        Self { name, base, log, pid, child: Mutex::new(child) }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // It fails where the process has ended; the observers say so.
        let _ = kill_process(self.pid, signal);
    }

    /// Its status, once it has ended.
    pub(crate) fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap().try_wait().unwrap()
    }

    /// Where the system tells of it.
    pub(crate) fn folder(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.pid.as_raw_nonzero()))
    }

    /// What it uses now; nothing where it has ended.
    pub(crate) fn resources(&self) -> Option<Resources> {
        let folder = self.folder();
        let status = fs::read_to_string(folder.join("status")).ok()?;
        let number = |key: &str| {
            let rest = status.lines().find_map(|line| line.strip_prefix(key))?;
            rest.split_whitespace().next()?.parse().ok()
        };
        let descriptors = fs::read_dir(folder.join("fd")).ok()?.count();
        Some(Resources {
            memory_kib: number("VmRSS:")?,
            descriptors: u64::try_from(descriptors).unwrap(),
            threads: number("Threads:")?,
            processor: processor(&fs::read_to_string(folder.join("stat")).ok()?)?,
        })
    }

    /// SIGTERM, and how it ended within the time; nothing where it had to be killed.
    pub(crate) fn stop(&self, within: Duration) -> (Option<ExitStatus>, Duration) {
        self.signal(Signal::TERM);
        let begun = Instant::now();
        while begun.elapsed() < within {
            if let Some(status) = self.ended() {
                return (Some(status), begun.elapsed());
            }
            thread::sleep(PAUSE);
        }
        let mut child = self.child.lock().unwrap();
        let _ = child.kill();
        let _ = child.wait();
        (None, begun.elapsed())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // Both fail where it has ended already.
        let child = self.child.get_mut().unwrap();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Processor time in user and system mode, by `/proc/PID/stat`, whose ticks are hundredths of a second.
fn processor(stat: &str) -> Option<Duration> {
    let (_, rest) = stat.rsplit_once(')')?;
    let ticks = rest.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    Some(Duration::from_millis(ticks.sum::<Result<u64, _>>().ok()? * 10))
}

/// Reads the log to its end, except while it is paused.
fn read(stderr: ChildStderr, log: &Log, listens: &Sender<String>) {
    let mut stderr = BufReader::new(stderr);
    let mut line = Vec::new();
    loop {
        while log.paused.load(Ordering::SeqCst) {
            thread::sleep(PAUSE);
        }
        line.clear();
        if !(&mut stderr).take(LINE).read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            return;
        }
        let text = String::from_utf8_lossy(&line);
        if let Some(base) = listening(&text) {
            // It fails where the agent has listened before: the start does not wait any more.
            let _ = listens.send(base);
        }
        if text.contains("panic") {
            let mut panics = log.panics.lock().unwrap();
            if panics.len() < PANICS {
                panics.push(text.trim_end().to_owned());
            }
        }
    }
}
