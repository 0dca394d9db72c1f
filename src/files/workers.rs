//! Threads for jobs on a file system that may not respond. The caller waits for a job within a bound.
//!
//! A thread that waits for a lost NFS server cannot be stopped. To bound their number, a path has one job at a time, a
//! folder with several overdue jobs gets no new ones, and the total is limited.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::Fault;

/// Concurrent jobs, including those that hang.
const MOST: usize = 256;
/// A folder with this many overdue jobs gets no new ones.
const MOST_IN_A_FOLDER: usize = 4;
/// Time limit of a job in a folder that already has an overdue one.
const SHORT: Duration = Duration::from_secs(1);
/// A thread without a job ends after this time.
const IDLE: Duration = Duration::from_secs(10);

/// The workers of this process. A file system that hangs does so for the whole process.
pub(super) static WORKERS: LazyLock<Arc<Workers>> = LazyLock::new(Arc::default);

type Job = Box<dyn FnOnce() + Send>;

/// The jobs and their threads.
#[derive(Default)]
pub(super) struct Workers {
    state: Mutex<State>,
    /// A job has ended, or a new one waits for a thread.
    changed: Condvar,
    /// A job has ended.
    changed_for_tasks: Notify,
}

#[derive(Default)]
struct State {
    /// By path: when each job is overdue.
    running: HashMap<PathBuf, Instant>,
    waiting: VecDeque<Job>,
    /// Threads without a job.
    idle: usize,
}

impl State {
    fn overdue_in(&self, folder: Option<&Path>, now: Instant) -> usize {
        self.running.iter().filter(|(path, due)| path.parent() == folder && **due <= now).count()
    }

    /// Claims the path if no job runs there.
    fn claim(&mut self, path: &Path, begun: Instant, bound: Duration) -> Result<Claim, Fault> {
        let now = Instant::now();
        let overdue = self.overdue_in(path.parent(), now);
        let bound = if overdue > 0 { bound.min(SHORT) } else { bound };
        let left = bound.saturating_sub(begun.elapsed());
        match self.running.get(path) {
            Some(due) if *due <= now => Err(Fault::Blocked),
            _ if overdue >= MOST_IN_A_FOLDER => Err(Fault::Blocked),
            _ if left.is_zero() => Err(Fault::Hangs(bound)),
            None if self.running.len() < MOST => {
                self.running.insert(path.to_owned(), begun + bound);
                Ok(Claim::Now(bound))
            }
            due => {
                let left = due.map_or(left, |due| left.min(due.saturating_duration_since(now)));
                Ok(Claim::Later(left.max(Duration::from_millis(1))))
            }
        }
    }
}

/// Whether a job may start.
enum Claim {
    /// Yes, with this time limit.
    Now(Duration),
    /// Ask again when a job has ended, or after this time.
    Later(Duration),
}

/// Marks a path as busy until dropped, also after a panic.
struct Busy {
    workers: Arc<Workers>,
    path: PathBuf,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.workers.state().running.remove(&self.path);
        self.workers.changed.notify_all();
        self.workers.changed_for_tasks.notify_waiters();
    }
}

fn panicked() -> Fault {
    Fault::Io(std::io::Error::other("the read ended in a panic"))
}

impl Workers {
    /// As `within` of the parent module.
    pub(super) fn run<T: Send + 'static>(
        workers: &Arc<Self>,
        path: &Path,
        bound: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let begun = Instant::now();
        let bound = workers.claim(path, begun, bound)?;
        let (sender, receiver) = sync_channel(1);
        // The send fails if the caller left.
        Self::start(workers, path, job, move |done| _ = sender.send(done))?;
        receiver.recv_timeout(bound.saturating_sub(begun.elapsed())).map_err(|error| match error {
            RecvTimeoutError::Timeout => Fault::Hangs(bound),
            RecvTimeoutError::Disconnected => panicked(),
        })
    }

    /// [`Self::run`] for a task, which holds no thread while it waits.
    pub(super) async fn run_for_task<T: Send + 'static>(
        workers: &Arc<Self>,
        path: &Path,
        bound: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let begun = Instant::now();
        let bound = workers.claim_for_task(path, begun, bound).await?;
        let (sender, receiver) = oneshot::channel();
        Self::start(workers, path, job, move |done| _ = sender.send(done))?;
        match timeout(bound.saturating_sub(begun.elapsed()), receiver).await {
            Ok(done) => done.map_err(|_| panicked()),
            Err(_) => Err(Fault::Hangs(bound)),
        }
    }

    /// How many jobs are overdue.
    pub(super) fn hanging(&self) -> usize {
        let now = Instant::now();
        self.state().running.values().filter(|due| **due <= now).count()
    }

    /// Waits until no job runs at the path, claims it, and returns the time limit of the job.
    fn claim(&self, path: &Path, begun: Instant, bound: Duration) -> Result<Duration, Fault> {
        let mut state = self.state();
        loop {
            match state.claim(path, begun, bound)? {
                Claim::Now(bound) => return Ok(bound),
                Claim::Later(left) => {
                    let waited = self.changed.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    async fn claim_for_task(&self, path: &Path, begun: Instant, bound: Duration) -> Result<Duration, Fault> {
        loop {
            // Registered before asking, so that no change in between is missed.
            let changed = self.changed_for_tasks.notified();
            let claim = self.state().claim(path, begun, bound)?;
            match claim {
                Claim::Now(bound) => return Ok(bound),
                // After a change and after a timeout alike, ask again.
                Claim::Later(left) => _ = timeout(left, changed).await,
            }
        }
    }

    /// Hands a job to a thread. The path must have been claimed.
    fn start<T: Send + 'static>(
        workers: &Arc<Self>,
        path: &Path,
        job: impl FnOnce() -> T + Send + 'static,
        report: impl FnOnce(T) + Send + 'static,
    ) -> Result<(), Fault> {
        let busy = Busy { workers: Arc::clone(workers), path: path.to_owned() };
        Self::hand_over(
            workers,
            Box::new(move || {
                let done = job();
                drop(busy);
                report(done);
            }),
        )
    }

    fn hand_over(workers: &Arc<Self>, job: Job) -> Result<(), Fault> {
        let mut state = workers.state();
        state.waiting.push_back(job);
        if state.waiting.len() <= state.idle {
            drop(state);
            workers.changed.notify_all();
            return Ok(());
        }
        let worker = Arc::clone(workers);
        let spawned = thread::Builder::new().name("files".to_owned()).spawn(move || worker.work());
        match spawned {
            Ok(_) => Ok(()),
            Err(error) => {
                let job = state.waiting.pop_back();
                drop(state);
                drop(job);
                Err(Fault::Io(error))
            }
        }
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.waiting.pop_front() {
                drop(state);
                job();
                state = self.state();
                continue;
            }
            state.idle += 1;
            let (woken, waited) =
                self.changed.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.waiting.is_empty() {
                return;
            }
        }
    }

    /// The guarded values stay valid if the holder of the lock panics: every change is one insertion or removal.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should say so at once
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    const BOUND: Duration = Duration::from_millis(50);

    /// A file system that answers when the test says so.
    fn disk() -> (Sender<()>, impl FnOnce() + Send + 'static) {
        let (answer, wait): (Sender<()>, Receiver<()>) = channel();
        (answer, move || {
            let _ = wait.recv();
        })
    }

    #[test]
    fn a_place_that_hangs_is_not_touched_again_until_it_answers() {
        let workers = Arc::default();
        let path = Path::new("/nfs/secret");
        let (answer, hangs) = disk();
        assert!(matches!(Workers::run(&workers, path, BOUND, hangs), Err(Fault::Hangs(_))));
        assert_eq!(workers.hanging(), 1);
        for _ in 0..1000 {
            let touched = Workers::run(&workers, path, BOUND, || unreachable!("touched again"));
            assert!(matches!(touched, Err(Fault::Blocked)));
        }
        assert_eq!(workers.state().running.len(), 1, "nothing has piled up");
        assert_eq!(Workers::run(&workers, Path::new("/etc/other"), PATIENT, || 7).unwrap(), 7);
        answer.send(()).unwrap();
        let end = Instant::now() + PATIENT;
        while workers.hanging() > 0 && Instant::now() < end {
            thread::yield_now();
        }
        assert_eq!(Workers::run(&workers, path, PATIENT, || 8).unwrap(), 8);
    }

    const PATIENT: Duration = Duration::from_secs(20);

    #[test]
    fn a_folder_that_hangs_is_left_alone_after_a_few_files() {
        let workers = Arc::default();
        let mut answers = Vec::new();
        let mut begun = 0;
        for file in 0..100 {
            let (answer, hangs) = disk();
            answers.push(answer);
            let path = Path::new("/nfs").join(file.to_string());
            match Workers::run(&workers, &path, BOUND, hangs) {
                Err(Fault::Hangs(_)) => begun += 1,
                Err(Fault::Blocked) => {}
                other => unreachable!("{other:?}"),
            }
        }
        assert_eq!(begun, MOST_IN_A_FOLDER);
        assert_eq!(Workers::run(&workers, Path::new("/etc/1"), PATIENT, || 1).unwrap(), 1);
    }

    #[test]
    fn readers_of_one_place_claims_and_all_are_served() {
        let workers: Arc<Workers> = Arc::default();
        let readers: Vec<_> = (0..64)
            .map(|number| {
                let workers = Arc::clone(&workers);
                thread::spawn(move || {
                    Workers::run(&workers, Path::new("/run/secret"), PATIENT, move || number).unwrap()
                })
            })
            .collect();
        let served: Vec<i32> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert_eq!(served, (0..64).collect::<Vec<_>>());
    }

    #[test]
    fn a_panic_frees_the_place() {
        let workers = Arc::default();
        let path = Path::new("/etc/secret");
        let ended = Workers::run(&workers, path, PATIENT, || unreachable!("on purpose"));
        assert!(matches!(ended, Err::<(), _>(Fault::Io(_))));
        assert_eq!(Workers::run(&workers, path, PATIENT, || 1).unwrap(), 1);
    }
}
