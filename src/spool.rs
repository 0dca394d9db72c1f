//! The way out of the log: a bounded queue, and one thread that writes it to standard error.
//!
//! A pipe that is not read blocks its writer. Only that thread may block, because probes, scrapes and the shutdown all
//! log. A full queue drops lines; it counts them, and writes their number into the log once the log is read again.
//! `tracing-appender` has such a queue too, but its shutdown blocks in this case.
//! Not here: what a line says.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes of lines that wait. Ten seconds of a fleet in which everything fails at once.
const MOST: usize = 4 * 1024 * 1024;

/// Lines lost by this process: it has one log.
static LOST: AtomicU64 = AtomicU64::new(0);

/// How many log lines this process has lost.
pub fn lost() -> u64 {
    LOST.load(Ordering::Relaxed)
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// A line is being written.
    writing: bool,
    /// Lost since the loss was last said.
    lost: u64,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something has come into the queue.
    filled: Condvar,
    /// Everything has been written.
    empty: Condvar,
}

/// The queue of one log; clones share it.
#[derive(Clone)]
pub struct Spool(Arc<Shared>);

impl Spool {
    /// Starts the thread that writes to `out`; `tell` logs how many lines were lost. If no thread can be started,
    /// nothing is written.
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn start(out: impl Write + Send + 'static, tell: fn(u64)) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let writer = Arc::clone(&shared);
        thread::Builder::new().name("log".to_owned()).spawn(move || writer.run(out, tell))?;
        Ok(Self(shared))
    }

    /// Waits until every line so far has been written, at most this long. False if it was too long.
    pub fn flush(&self, most: Duration) -> bool {
        let unwritten = |queue: &mut Queue| queue.writing || !queue.lines.is_empty();
        let waited = self.0.empty.wait_timeout_while(self.0.lock(), most, unwritten);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// A writer of one line, which is queued when it is complete.
    pub fn line(&self) -> Line<'_> {
        Line { spool: self, bytes: Vec::new() }
    }
}

/// One line in the making.
pub struct Line<'s> {
    spool: &'s Spool,
    bytes: Vec<u8>,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.spool.0.push(std::mem::take(&mut self.bytes));
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, line: Vec<u8>) {
        if line.is_empty() {
            return;
        }
        let mut queue = self.lock();
        if queue.bytes + line.len() > MOST {
            lose(&mut queue);
            return;
        }
        queue.bytes += line.len();
        queue.lines.push_back(line);
        drop(queue);
        self.filled.notify_one();
    }

    fn run(&self, mut out: impl Write, tell: fn(u64)) {
        loop {
            let line = self.next();
            let written = out.write_all(&line).and_then(|()| out.flush());
            let mut queue = self.lock();
            queue.writing = false;
            if written.is_err() {
                lose(&mut queue);
            }
            // Said when the backlog is gone: in the middle of it the sentence would be lost as well.
            let recovered = written.is_ok() && queue.lines.is_empty();
            let missing = if recovered { std::mem::take(&mut queue.lost) } else { 0 };
            drop(queue);
            if missing > 0 {
                tell(missing);
            }
            if self.lock().lines.is_empty() {
                self.empty.notify_all();
            }
        }
    }

    /// The next line, once there is one.
    fn next(&self) -> Vec<u8> {
        let mut queue = self.lock();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                queue.bytes -= line.len();
                queue.writing = true;
                return line;
            }
            queue = self.filled.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

fn lose(queue: &mut Queue) {
    queue.lost += 1;
    LOST.fetch_add(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use std::io::{BufRead, BufReader, pipe};
    use std::sync::OnceLock;
    use std::sync::mpsc::{Sender, channel};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn write(spool: &Spool, text: &str) {
        spool.line().write_all(text.as_bytes()).unwrap();
    }

    #[test]
    fn an_unread_output_delays_no_line_and_learns_what_it_missed() {
        static TOLD: OnceLock<Sender<u64>> = OnceLock::new();
        let (tell, told) = channel();
        TOLD.set(tell).unwrap();
        let (reader, writer) = pipe().unwrap();
        let spool = Spool::start(writer, |lost| _ = TOLD.get().unwrap().send(lost)).unwrap();
        let line = format!("{}\n", "x".repeat(1023));
        let count = 2 * MOST / line.len();
        for _ in 0..count {
            write(&spool, &line);
        }
        assert!(!spool.flush(Duration::from_millis(10)), "the pipe is not read: waiting is bounded");

        let reading = thread::spawn(|| {
            let lines = BufReader::new(reader).lines().map(Result::unwrap);
            lines.take_while(|line| line != "after").inspect(|line| assert_eq!(line.len(), 1023)).count()
        });
        let missing = told.recv_timeout(PATIENCE).unwrap();
        write(&spool, "after\n");
        assert_eq!(
            reading.join().unwrap() as u64 + missing,
            count as u64,
            "every line is written or counted"
        );
        assert!(missing > 0 && lost() >= missing);
        assert!(spool.flush(PATIENCE));
        assert!(told.try_recv().is_err(), "said once");
    }

    #[test]
    fn an_output_that_fails_costs_its_lines_and_nothing_else() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let spool = Spool::start(writer, |_| ()).unwrap();
        write(&spool, "one\n");
        write(&spool, "two\n");
        assert!(spool.flush(PATIENCE));
        // Not `lost`, which counts for the whole process: other tests lose lines as well.
        assert_eq!(spool.0.lock().lost, 2);
    }
}
