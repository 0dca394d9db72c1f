//! What a process has used: processor time and memory, as Linux counts them.

use std::fs;
use std::time::Duration;

/// Clock ticks of `/proc/PID/stat` per second: the same on every architecture that Linux has now.
const TICKS: u32 = 100;

/// Processor time of all threads of this process that are alive, to the nanosecond.
pub(crate) fn cpu() -> Duration {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    let nanos = |thread: fs::DirEntry| -> Option<u64> {
        // The first number is the time on a processor: Documentation/scheduler/sched-stats.rst of Linux.
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok()
    };
    Duration::from_nanos(threads.filter_map(|thread| nanos(thread.ok()?)).sum())
}

/// Memory of this process that lies in the machine's, in bytes.
pub(crate) fn memory() -> u64 {
    Process(std::process::id()).memory()
}

/// Another process.
#[derive(Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Processor time since its start, threads that have ended included, to 10 ms.
    pub(crate) fn cpu(self) -> Duration {
        let text = self.read("stat");
        // The name, in brackets, may contain anything; user and system time are the 12th and 13th value behind it.
        let (_, behind) = text.rsplit_once(") ").unwrap();
        let ticks: u32 = behind.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u32>().unwrap()).sum();
        Duration::from_secs(1) * ticks / TICKS
    }

    /// Memory that lies in the machine's, in bytes.
    pub(crate) fn memory(self) -> u64 {
        self.status("VmRSS") * 1024
    }

    /// The most memory since [`Process::forget_peak`], in bytes.
    pub(crate) fn peak(self) -> u64 {
        self.status("VmHWM") * 1024
    }

    /// From now on the peak is counted anew.
    pub(crate) fn forget_peak(self) {
        fs::write(format!("/proc/{}/clear_refs", self.0), "5").unwrap();
    }

    pub(crate) fn threads(self) -> u64 {
        self.status("Threads")
    }

    fn status(self, name: &str) -> u64 {
        let status = self.read("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    fn read(self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.0)).unwrap()
    }
}
