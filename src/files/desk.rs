//! Jobs on a file system that may not answer: each on a thread of its own, waited for within a bound.
//!
//! A thread that waits for a lost NFS server cannot be stopped. So that such threads do not pile up, a place is busy
//! with one job at a time, a folder in which some jobs are overdue gets no more, and all of them are bounded.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

use super::Fault;

/// Jobs at once; those that hang included.
const MOST: usize = 256;
/// Overdue jobs in one folder, at which no further one is begun there.
const MOST_IN_A_FOLDER: usize = 4;
/// How long a job is waited for in a folder in which one is overdue already.
const SHORT: Duration = Duration::from_secs(1);
/// How long a thread without a job waits for the next one.
const IDLE: Duration = Duration::from_secs(10);

/// The one of this process: a file system hangs for all of it.
pub(super) static DESK: LazyLock<Arc<Desk>> = LazyLock::new(Arc::default);

type Job = Box<dyn FnOnce() + Send>;

/// The jobs and their threads.
#[derive(Default)]
pub(super) struct Desk {
    state: Mutex<State>,
    /// A job has ended, or a new one waits for a thread.
    changed: Condvar,
    /// A job has ended.
    changed_for_tasks: Notify,
}

#[derive(Default)]
struct State {
    /// By their place: when each has to be done.
    running: HashMap<PathBuf, Instant>,
    waiting: VecDeque<Job>,
    /// Threads without a job.
    idle: usize,
}

impl State {
    fn overdue_in(&self, folder: Option<&Path>, now: Instant) -> usize {
        self.running.iter().filter(|(place, due)| place.parent() == folder && **due <= now).count()
    }

    /// Takes the place, if nothing runs there.
    fn turn(&mut self, place: &Path, begun: Instant, bound: Duration) -> Result<Turn, Fault> {
        let now = Instant::now();
        let overdue = self.overdue_in(place.parent(), now);
        let bound = if overdue > 0 { bound.min(SHORT) } else { bound };
        let left = bound.saturating_sub(begun.elapsed());
        match self.running.get(place) {
            Some(due) if *due <= now => Err(Fault::Blocked),
            _ if overdue >= MOST_IN_A_FOLDER => Err(Fault::Blocked),
            _ if left.is_zero() => Err(Fault::Hangs(bound)),
            None if self.running.len() < MOST => {
                self.running.insert(place.to_owned(), begun + bound);
                Ok(Turn::Now(bound))
            }
            due => {
                let left = due.map_or(left, |due| left.min(due.saturating_duration_since(now)));
                Ok(Turn::Later(left.max(Duration::from_millis(1))))
            }
        }
    }
}

/// Whether a job may begin.
enum Turn {
    /// It may, and may take so long.
    Now(Duration),
    /// To be looked at again when a job has ended, or after this time.
    Later(Duration),
}

/// The place is free again, also after a panic.
struct Busy {
    desk: Arc<Desk>,
    place: PathBuf,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.desk.state().running.remove(&self.place);
        self.desk.changed.notify_all();
        self.desk.changed_for_tasks.notify_waiters();
    }
}

fn panicked() -> Fault {
    Fault::Io(std::io::Error::other("the read ended in a panic"))
}

impl Desk {
    /// As `within` of the parent module.
    pub(super) fn run<T: Send + 'static>(
        desk: &Arc<Self>,
        place: &Path,
        bound: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let begun = Instant::now();
        let bound = desk.take_turn(place, begun, bound)?;
        let (sender, receiver) = sync_channel(1);
        // The caller may have gone.
        Self::start(desk, place, job, move |done| _ = sender.send(done))?;
        receiver.recv_timeout(bound.saturating_sub(begun.elapsed())).map_err(|error| match error {
            RecvTimeoutError::Timeout => Fault::Hangs(bound),
            RecvTimeoutError::Disconnected => panicked(),
        })
    }

    /// [`Self::run`] for a task, which holds no thread while it waits.
    pub(super) async fn run_for_task<T: Send + 'static>(
        desk: &Arc<Self>,
        place: &Path,
        bound: Duration,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Fault> {
        let begun = Instant::now();
        let bound = desk.wait_for_turn(place, begun, bound).await?;
        let (sender, receiver) = oneshot::channel();
        // As above.
        Self::start(desk, place, job, move |done| _ = sender.send(done))?;
        match timeout(bound.saturating_sub(begun.elapsed()), receiver).await {
            Ok(done) => done.map_err(|_| panicked()),
            Err(_) => Err(Fault::Hangs(bound)),
        }
    }

    /// How many jobs have not ended in time.
    pub(super) fn hanging(&self) -> usize {
        let now = Instant::now();
        self.state().running.values().filter(|due| **due <= now).count()
    }

    /// Waits until nothing runs at the place, and takes it; how long the job may take.
    fn take_turn(&self, place: &Path, begun: Instant, bound: Duration) -> Result<Duration, Fault> {
        let mut state = self.state();
        loop {
            match state.turn(place, begun, bound)? {
                Turn::Now(bound) => return Ok(bound),
                Turn::Later(left) => {
                    let waited = self.changed.wait_timeout(state, left);
                    state = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
            }
        }
    }

    async fn wait_for_turn(&self, place: &Path, begun: Instant, bound: Duration) -> Result<Duration, Fault> {
        loop {
            // From here on, before it is looked: no change in between is missed.
            let changed = self.changed_for_tasks.notified();
            let turn = self.state().turn(place, begun, bound)?;
            match turn {
                Turn::Now(bound) => return Ok(bound),
                // Either way it is looked again.
                Turn::Later(left) => _ = timeout(left, changed).await,
            }
        }
    }

    /// Hands a job to a thread, at a place that has been taken for it.
    fn start<T: Send + 'static>(
        desk: &Arc<Self>,
        place: &Path,
        job: impl FnOnce() -> T + Send + 'static,
        tell: impl FnOnce(T) + Send + 'static,
    ) -> Result<(), Fault> {
        let busy = Busy { desk: Arc::clone(desk), place: place.to_owned() };
        Self::hand_over(
            desk,
            Box::new(move || {
                let done = job();
                drop(busy);
                tell(done);
            }),
        )
    }

    fn hand_over(desk: &Arc<Self>, job: Job) -> Result<(), Fault> {
        let mut state = desk.state();
        state.waiting.push_back(job);
        if state.waiting.len() <= state.idle {
            drop(state);
            desk.changed.notify_all();
            return Ok(());
        }
        let worker = Arc::clone(desk);
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

    /// Every change under this lock is one insertion or removal: also after a panic it is a good one.
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
        let desk = Arc::default();
        let place = Path::new("/nfs/secret");
        let (answer, hangs) = disk();
        assert!(matches!(Desk::run(&desk, place, BOUND, hangs), Err(Fault::Hangs(_))));
        assert_eq!(desk.hanging(), 1);
        for _ in 0..1000 {
            let touched = Desk::run(&desk, place, BOUND, || unreachable!("touched again"));
            assert!(matches!(touched, Err(Fault::Blocked)));
        }
        assert_eq!(desk.state().running.len(), 1, "nothing has piled up");
        assert_eq!(Desk::run(&desk, Path::new("/etc/other"), PATIENT, || 7).unwrap(), 7);
        answer.send(()).unwrap();
        let end = Instant::now() + PATIENT;
        while desk.hanging() > 0 && Instant::now() < end {
            thread::yield_now();
        }
        assert_eq!(Desk::run(&desk, place, PATIENT, || 8).unwrap(), 8);
    }

    const PATIENT: Duration = Duration::from_secs(20);

    #[test]
    fn a_folder_that_hangs_is_left_alone_after_a_few_files() {
        let desk = Arc::default();
        let mut answers = Vec::new();
        let mut begun = 0;
        for file in 0..100 {
            let (answer, hangs) = disk();
            answers.push(answer);
            let place = Path::new("/nfs").join(file.to_string());
            match Desk::run(&desk, &place, BOUND, hangs) {
                Err(Fault::Hangs(_)) => begun += 1,
                Err(Fault::Blocked) => {}
                other => unreachable!("{other:?}"),
            }
        }
        assert_eq!(begun, MOST_IN_A_FOLDER);
        assert_eq!(Desk::run(&desk, Path::new("/etc/1"), PATIENT, || 1).unwrap(), 1);
    }

    #[test]
    fn readers_of_one_place_take_turns_and_all_are_served() {
        let desk: Arc<Desk> = Arc::default();
        let readers: Vec<_> = (0..64)
            .map(|number| {
                let desk = Arc::clone(&desk);
                thread::spawn(move || {
                    Desk::run(&desk, Path::new("/run/secret"), PATIENT, move || number).unwrap()
                })
            })
            .collect();
        let served: Vec<i32> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert_eq!(served, (0..64).collect::<Vec<_>>());
    }

    #[test]
    fn a_panic_frees_the_place() {
        let desk = Arc::default();
        let place = Path::new("/etc/secret");
        let ended = Desk::run(&desk, place, PATIENT, || unreachable!("on purpose"));
        assert!(matches!(ended, Err::<(), _>(Fault::Io(_))));
        assert_eq!(Desk::run(&desk, place, PATIENT, || 1).unwrap(), 1);
    }
}
