//! What this process has used: processor time to the nanosecond, memory to the page.

use std::fs;
use std::time::Duration;

/// Processor time of all threads of this process that are alive.
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
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
