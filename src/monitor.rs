//! The running loop: which check is due, and what its outcome means for the next time.
//!
//! Owns the heap of due times, the missed ticks and the stretching after repeated refusals. An idle
//! check costs a heap entry; a task lives only while its probe runs. When a tick comes is
//! `schedule`, what a probe does is `check`, where its observation goes is `report`.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::check::{Prober, token_spec};
use crate::model::{Access, Check, Observation, Outcome, Plan, SecretRef};
use crate::report::Report;
use crate::schedule::{Refusals, Schedule};
use crate::secret::{self, Fingerprint};

/// The loop turns at least this often, so that its silence means that it hangs.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// At the stop, probes under way may finish for this long before they are cut off.
const DRAIN: Duration = Duration::from_secs(5);
/// A mail server that asks us to stay away is obeyed for this long at most.
const LONGEST_SUGGESTION: Duration = Duration::from_secs(60 * 60);

/// Probes every check of a plan at its times.
pub struct Monitor {
    prober: Arc<Prober>,
    report: Arc<Report>,
    lines: Vec<Line>,
    due: BinaryHeap<Reverse<(Instant, usize)>>,
    clock: Clock,
}

/// One check and what is known of its schedule.
struct Line {
    check: Arc<Check>,
    schedule: Schedule,
    running: bool,
    refusals: Refusals,
    hold: Option<Hold>,
}

/// A stretched interval, or a time that a server asked for.
#[derive(Clone)]
struct Hold {
    until: Instant,
    /// A changed secret ends it.
    secret: Fingerprint,
    /// A credential that works again ends it.
    recoveries: u64,
}

/// What a task brings back.
struct Done {
    index: usize,
    due: Instant,
    /// `None`: the check was on hold, and still is.
    observed: Option<(Observation, Hold)>,
}

/// Ties the grid, which lies in calendar time, to the clock that timers run by.
struct Clock {
    start: Instant,
    epoch: Duration,
}

impl Clock {
    fn start() -> Self {
        let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), epoch }
    }

    fn time(&self, at: Instant) -> Duration {
        self.epoch + at.saturating_duration_since(self.start)
    }

    fn instant(&self, time: Duration) -> Instant {
        self.start + time.saturating_sub(self.epoch)
    }
}

impl Monitor {
    /// A loop over the plan's checks, the first of them due soon.
    pub fn new(plan: &Plan, prober: Arc<Prober>, report: Arc<Report>) -> Self {
        let clock = Clock::start();
        let lines: Vec<_> = plan
            .checks
            .iter()
            .map(|check| Line {
                check: Arc::clone(check),
                schedule: Schedule::of(&check.name(), check.interval),
                running: false,
                refusals: Refusals::default(),
                hold: None,
            })
            .collect();
        let first = |(index, line): (usize, &Line)| Reverse((clock.start + line.schedule.first(), index));
        let due = lines.iter().enumerate().map(first).collect();
        Self { prober, report, lines, due, clock }
    }

    /// Runs until told to stop, then lets running probes finish for a while. `beat` is called at
    /// least every ten seconds.
    pub async fn run(mut self, stop: CancellationToken, beat: impl Fn()) {
        let mut tasks: JoinSet<Done> = JoinSet::new();
        loop {
            beat();
            let wake = Instant::now() + HEARTBEAT;
            let next = self.due.peek().map_or(wake, |Reverse((at, _))| wake.min(*at));
            tokio::select! {
                () = stop.cancelled() => break,
                Some(done) = tasks.join_next() => match done {
                    Ok(done) => self.finish(done),
                    // `observe` catches panics; one outside it would leave a check running for ever.
                    Err(error) => tracing::error!(%error, "a probe's task died"),
                },
                () = sleep_until(next) => self.start_due(&mut tasks),
            }
        }
        let drained = async {
            while let Some(done) = tasks.join_next().await {
                if let Ok(Done { observed: Some((observation, _)), .. }) = done {
                    self.report.record(observation);
                }
            }
        };
        if timeout(DRAIN, drained).await.is_err() {
            tracing::info!(cut_off = tasks.len(), "probes still running at the stop");
        }
    }

    fn start_due(&mut self, tasks: &mut JoinSet<Done>) {
        let now = Instant::now();
        while let Some(Reverse((due, index))) = self.due.peek().copied() {
            if due > now {
                break;
            }
            self.due.pop();
            let Some(line) = self.lines.get_mut(index) else { continue };
            self.due.push(Reverse((line.next(&self.clock, due, now, &self.report), index)));
            if line.running {
                // Not piled up: the probe under way is older than its own interval.
                self.report.tick_skipped();
                continue;
            }
            line.running = true;
            let probe = probe(
                Arc::clone(&self.prober),
                Arc::clone(&self.report),
                Arc::clone(&line.check),
                line.hold.clone(),
                due,
            );
            tasks.spawn(async move { Done { index, due, observed: probe.await } });
        }
    }

    fn finish(&mut self, Done { index, due, observed }: Done) {
        let Some(line) = self.lines.get_mut(index) else { return };
        line.running = false;
        let Some((observation, hold)) = observed else { return };
        let interval = line.weigh(&observation, due, &hold);
        self.report.interval_in_force(&line.check.name(), interval);
        self.report.record(observation);
    }
}

impl Line {
    /// The tick behind `due`. Ticks that have passed meanwhile, because the whole program stood
    /// still, are counted and left out.
    fn next(&self, clock: &Clock, due: Instant, now: Instant, report: &Report) -> Instant {
        let time = clock.time(due);
        let first = due <= clock.start + self.schedule.first();
        let mut next =
            clock.instant(if first { self.schedule.after_first(time) } else { self.schedule.after(time) });
        while next <= now {
            report.tick_skipped();
            next = clock.instant(self.schedule.after(clock.time(next)));
        }
        next
    }

    /// What an outcome means for the next time; the interval now in force.
    fn weigh(&mut self, observation: &Observation, due: Instant, hold: &Hold) -> Duration {
        let base = self.check.interval;
        let Outcome::Down { failure, .. } = &observation.outcome else {
            self.refusals = Refusals::default();
            self.hold = None;
            return base;
        };
        // Only what a mail server refuses is worth less asking. Its faults, the network's and the
        // identity provider's pass, and their end should be seen at once.
        if failure.phase.row().verdict && !failure.cause.reason.row().transient {
            self.refusals.count(failure.phase, failure.cause.reason);
        } else {
            self.refusals = Refusals::default();
        }
        let stretched = self.refusals.stretch(base);
        let suggested = failure.cause.retry_after.filter(|_| failure.phase.row().verdict);
        let suggested = suggested.unwrap_or_default().min(LONGEST_SUGGESTION);
        let until = (due + stretched).max(Instant::now() + suggested);
        self.hold = (stretched > base || !suggested.is_zero()).then_some(Hold { until, ..hold.clone() });
        stretched.max(suggested)
    }
}

/// One probe, unless the check is on hold.
async fn probe(
    prober: Arc<Prober>,
    report: Arc<Report>,
    check: Arc<Check>,
    hold: Option<Hold>,
    due: Instant,
) -> Option<(Observation, Hold)> {
    let now = Hold {
        until: due,
        secret: secret::fingerprint(secret_of(&check)).await,
        recoveries: token_spec(&check).map_or(0, |spec| prober.tokens().recoveries(spec)),
    };
    let held = hold.is_some_and(|hold| {
        due < hold.until && hold.secret == now.secret && hold.recoveries == now.recoveries
    });
    if held {
        return None;
    }
    Some((prober.observe(&check, due, || report.probe_started()).await, now))
}

fn secret_of(check: &Check) -> &SecretRef {
    match &check.access {
        Access::Token { spec, .. } => spec.credential.grant.secret(),
        Access::Password { password } => password,
    }
}
