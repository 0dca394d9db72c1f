//! The monitor loop: starts probes when they are due or requested, and switches to a new plan.
//!
//! Owns the heap of due times, the skipped ticks and the running probes. An idle check costs a heap
//! entry; a task exists only while its probe runs. Tick times come from `schedule`, `check` does the probing, and
//! observations go to `recorder`.

mod entry;
mod handle;
mod recorder;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::entry::{Clock, Entry, Hold, Start};
use self::handle::Request;
use self::recorder::Recorder;
use crate::background::Heartbeat;
use crate::check::{ProbeRequest, Prober};
use crate::model::{Check, CheckName, Difference, Observation, OnDemand, Plan};
use crate::readiness::Readiness;
use crate::report::Report;
use crate::secret;

pub use self::handle::MonitorHandle;

/// The loop wakes at least this often, so that a missing heartbeat means that it hangs.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// At shutdown, running probes get this long to finish before they are cancelled.
const DRAIN: Duration = Duration::from_secs(5);
/// Probes after a change of a file are spread: many mailboxes may use one secret.
const RETRY_GAP: Duration = Duration::from_millis(5);
/// All of them are due within this time.
const RETRY_WITHIN: Duration = Duration::from_secs(50);
/// A request for an observation younger than this is answered without a probe, so that callers cannot
/// cause a flood of logins.
const FRESH: Duration = Duration::from_secs(60);

/// Probes every check of a plan on its schedule.
pub struct Monitor {
    prober: Arc<Prober>,
    recorder: Recorder,
    /// Keyed by an id that is never reused: the result of a probe whose entry was removed matches no
    /// entry.
    entries: HashMap<u64, Entry>,
    ids: HashMap<CheckName, u64>,
    last_id: u64,
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    /// Probes ahead of the schedule, because a file has changed.
    retries: BinaryHeap<Reverse<(Instant, u64)>>,
    clock: Clock,
    requests: (MonitorHandle, mpsc::Receiver<Request>),
}

/// The result of a probe task.
struct Done {
    id: u64,
    due: Instant,
    /// `None`: the check is still on hold and was not probed.
    observed: Option<(Observation, Hold)>,
}

impl Monitor {
    /// A monitor whose observations go to the report and to readiness.
    pub fn new(plan: &Plan, prober: Arc<Prober>, report: Arc<Report>, readiness: Arc<Readiness>) -> Self {
        let mut monitor = Self {
            prober,
            recorder: Recorder { report, readiness },
            entries: HashMap::new(),
            ids: HashMap::new(),
            last_id: 0,
            due: BinaryHeap::new(),
            retries: BinaryHeap::new(),
            clock: Clock::start(),
            requests: MonitorHandle::channel(),
        };
        let now = Instant::now();
        for check in &plan.checks {
            monitor.add(check, now);
        }
        monitor
    }

    /// A handle that sends requests to this loop.
    pub fn handle(&self) -> MonitorHandle {
        self.requests.0.clone()
    }

    /// Runs until `stop` is cancelled, then gives running probes a moment to finish. Beats at
    /// least every ten seconds.
    pub async fn run(mut self, heartbeat: Arc<Heartbeat>, stop: CancellationToken) {
        let mut tasks: JoinSet<Done> = JoinSet::new();
        loop {
            heartbeat.beat();
            self.recorder.tell_of_last_minute();
            let wake = Instant::now() + HEARTBEAT;
            let first = [self.due.peek(), self.retries.peek()]
                .into_iter()
                .flatten()
                .map(|Reverse((at, _))| *at)
                .min();
            let next = first.map_or(wake, |at| wake.min(at));
            tokio::select! {
                () = stop.cancelled() => break,
                Some(done) = tasks.join_next() => match done {
                    Ok(done) => self.finish(done),
                    // `observe` catches panics. After a panic outside of it the check would stay marked
                    // as running.
                    Err(error) => tracing::error!(%error, "probe task panicked"),
                },
                Some(request) = self.requests.1.recv() => match request {
                    Request::Probe { name, answer } => self.probe(&name, answer, &mut tasks),
                    Request::Retry(files) => self.retry(&files),
                    Request::Apply { difference, done } => {
                        self.apply(&difference);
                        // The send fails if the caller left.
                        let _ = done.send(());
                    }
                },
                () = sleep_until(next) => {
                    self.start_due(&mut tasks);
                    self.start_retries(&mut tasks);
                }
            }
        }
        // Later requests fail at once instead of waiting for an answer.
        self.requests.1.close();
        let drained = async {
            while let Some(done) = tasks.join_next().await {
                if let Ok(done) = done {
                    self.finish(done);
                }
            }
        };
        if timeout(DRAIN, drained).await.is_err() {
            tracing::info!(cut_off = tasks.len(), "shutdown cancelled the probes that were still running");
        }
    }

    fn add(&mut self, check: &Arc<Check>, now: Instant) {
        self.last_id += 1;
        let entry = Entry::new(check, now);
        self.due.push(Reverse((entry.first, self.last_id)));
        self.entries.insert(self.last_id, entry);
        self.ids.insert(check.name(), self.last_id);
    }

    fn remove(&mut self, name: &CheckName) {
        if let Some(id) = self.ids.remove(name) {
            self.entries.remove(&id);
        }
    }

    /// Switches to a new plan, which the report already has. A running probe of a changed or removed
    /// check still finishes; the report decides whether to keep its observation.
    fn apply(&mut self, difference: &Difference) {
        let now = Instant::now();
        for check in &difference.stays {
            let name = check.name();
            let entry = self.ids.get(&name).and_then(|id| self.entries.get_mut(id));
            let Some(entry) = entry else { continue };
            entry.update(check);
            self.recorder.interval_in_force(&name, entry.interval);
        }
        for name in &difference.goes {
            self.remove(name);
        }
        for check in difference.changes.iter().chain(&difference.comes) {
            self.remove(&check.name());
            self.add(check, now);
            self.recorder.interval_in_force(&check.name(), check.interval);
        }
        self.due.retain(|Reverse((_, id))| self.entries.contains_key(id));
    }

    fn start_due(&mut self, tasks: &mut JoinSet<Done>) {
        let now = Instant::now();
        while let Some(Reverse((due, id))) = self.due.peek().copied() {
            if due > now {
                break;
            }
            self.due.pop();
            let Some(entry) = self.entries.get(&id) else { continue };
            self.due.push(Reverse((entry.next(&self.clock, due, now, &self.recorder), id)));
            match entry.running {
                None => self.start(id, due, Start::Tick, tasks),
                // Probes of one check never overlap: this tick is skipped.
                Some(Start::Tick) => self.recorder.tick_skipped(),
                // The requested probe is recorded like a scheduled one, so this tick has its observation.
                Some(Start::Request) => {}
            }
        }
    }

    /// Plans one more probe of every check that reads one of these files, spread over a moment.
    fn retry(&mut self, files: &BTreeSet<PathBuf>) {
        self.prober.tokens().renew(files);
        let reads = |check: &Check| check.files().iter().any(|file| files.contains(*file));
        let affected: Vec<_> = self.entries.iter_mut().filter(|(_, entry)| reads(&entry.check)).collect();
        let gap = RETRY_GAP.min(RETRY_WITHIN / u32::try_from(affected.len().max(1)).unwrap_or(u32::MAX));
        let mut due = Instant::now();
        for (id, entry) in affected {
            entry.end_stretch();
            entry.retry = true;
            self.recorder.interval_in_force(&entry.check.name(), entry.interval);
            self.retries.push(Reverse((due, *id)));
            due += gap;
        }
    }

    fn start_retries(&mut self, tasks: &mut JoinSet<Done>) {
        let now = Instant::now();
        while let Some(Reverse((due, id))) =
            self.retries.peek().copied().filter(|Reverse((due, _))| *due <= now)
        {
            self.retries.pop();
            // A running probe may have begun before the change: `finish` plans another one.
            if self.entries.get(&id).is_some_and(|entry| entry.retry && entry.running.is_none()) {
                self.start(id, due, Start::Request, tasks);
            }
        }
    }

    fn start(&mut self, id: u64, due: Instant, start: Start, tasks: &mut JoinSet<Done>) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        (entry.running, entry.retry) = (Some(start), false);
        let request = ProbeRequest::of_check(&entry.check, due);
        let probe = probe(Arc::clone(&self.prober), request, entry.hold.clone());
        tasks.spawn(async move { Done { id, due, observed: probe.await } });
    }

    /// Serves a request for a probe ahead of schedule.
    fn probe(&mut self, name: &CheckName, answer: oneshot::Sender<OnDemand>, tasks: &mut JoinSet<Done>) {
        // The sends below fail if the caller left.
        let id = self.ids.get(name).copied();
        let entry = id.and_then(|id| Some((id, self.entries.get_mut(&id)?)));
        match entry {
            None => _ = answer.send(OnDemand::Unknown),
            Some((_, entry)) if entry.running.is_some() => entry.waiters.push(answer),
            Some((_, entry)) if entry.was_observed_within(FRESH) => _ = answer.send(OnDemand::Recent),
            Some((id, entry)) => {
                entry.waiters.push(answer);
                self.start(id, Instant::now(), Start::Request, tasks);
            }
        }
    }

    fn finish(&mut self, Done { id, due, observed }: Done) {
        let Some(entry) = self.entries.get_mut(&id) else {
            if let Some((observation, _)) = observed {
                self.record_outdated(observation);
            }
            return;
        };
        entry.running = None;
        let waiters = std::mem::take(&mut entry.waiters);
        let answer = if observed.is_some() { OnDemand::Probed } else { OnDemand::Held };
        if let Some((observation, hold)) = observed {
            entry.observed_at = Some(Instant::now());
            entry.reschedule(&observation, due, &hold);
            self.recorder.record(observation, entry.interval);
        }
        if entry.retry {
            // The file changed while the probe ran.
            self.retries.push(Reverse((Instant::now(), id)));
        }
        for waiter in waiters {
            // The send fails if the caller left.
            let _ = waiter.send(answer);
        }
    }

    /// Records an observation of a check that has been changed or removed since its probe began.
    fn record_outdated(&self, observation: Observation) {
        let changed = self.ids.get(&observation.check.name()).and_then(|id| self.entries.get(id));
        let interval = changed.map_or(observation.check.interval, |entry| entry.interval);
        self.recorder.record(observation, interval);
    }
}

/// Probes once, unless the check is on hold.
async fn probe(
    prober: Arc<Prober>,
    request: ProbeRequest,
    hold: Option<Hold>,
) -> Option<(Observation, Hold)> {
    let (check, due) = (request.check(), request.due());
    let secret = secret::fingerprint(&check.steady_places()).await;
    let recoveries = check.token_spec().map_or(0, |spec| prober.tokens().recoveries(spec));
    if prober.rests(check) {
        return None;
    }
    let now = Hold::now(due, secret, recoveries);
    let held = hold.is_some_and(|hold| {
        due < hold.until && hold.secret == now.secret && hold.recoveries == now.recoveries
    });
    if held {
        return None;
    }
    Some((prober.probe(&request).await, now))
}
