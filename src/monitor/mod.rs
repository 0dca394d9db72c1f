//! The running loop: which check is due, who asks out of turn, and when another plan takes over.
//!
//! Owns the heap of due times, the missed ticks and the probes under way. An idle check costs a heap
//! entry; a task lives only while its probe runs. When a tick comes is `schedule`, what a probe does
//! is `check`, where its observation goes is `report`.

mod line;
mod orders;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use self::line::{Clock, Hold, Line};
use self::orders::Order;
use crate::check::{Prober, token_spec};
use crate::model::{Access, Check, CheckName, Difference, Observation, OnDemand, Plan, SecretRef};
use crate::report::Report;
use crate::secret;

pub use orders::Orders;

/// The loop turns at least this often, so that its silence means that it hangs.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// At the stop, probes under way may finish for this long before they are cut off.
const DRAIN: Duration = Duration::from_secs(5);
/// An observation younger than this answers whoever asks out of turn: nobody can hammer logins.
const FRESH: Duration = Duration::from_secs(60);

/// Probes every check of a plan at its times.
pub struct Monitor {
    prober: Arc<Prober>,
    report: Arc<Report>,
    /// By a number that is used once: what is still under way for a line that has gone finds nobody.
    lines: HashMap<u64, Line>,
    numbers: HashMap<CheckName, u64>,
    last_number: u64,
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    clock: Clock,
    orders: (Orders, mpsc::Receiver<Order>),
}

/// What a task brings back.
struct Done {
    number: u64,
    due: Instant,
    /// `None`: the check was on hold, and still is.
    observed: Option<(Observation, Hold)>,
}

impl Monitor {
    /// A loop over the plan's checks, the first of them due soon.
    pub fn new(plan: &Plan, prober: Arc<Prober>, report: Arc<Report>) -> Self {
        let mut monitor = Self {
            prober,
            report,
            lines: HashMap::new(),
            numbers: HashMap::new(),
            last_number: 0,
            due: BinaryHeap::new(),
            clock: Clock::start(),
            orders: Orders::channel(),
        };
        let now = Instant::now();
        for check in &plan.checks {
            monitor.add(check, now);
        }
        monitor
    }

    /// By which others ask something of the loop.
    pub fn orders(&self) -> Orders {
        self.orders.0.clone()
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
                Some(order) = self.orders.1.recv() => match order {
                    Order::Probe { name, answer } => self.probe(&name, answer, &mut tasks),
                    Order::Apply { difference, done } => {
                        self.apply(&difference);
                        // Whoever wanted to know may have gone.
                        let _ = done.send(());
                    }
                },
                () = sleep_until(next) => self.start_due(&mut tasks),
            }
        }
        // Whoever asks from here on is told that there is nobody.
        self.orders.1.close();
        let drained = async {
            while let Some(done) = tasks.join_next().await {
                if let Ok(done) = done {
                    self.finish(done);
                }
            }
        };
        if timeout(DRAIN, drained).await.is_err() {
            tracing::info!(cut_off = tasks.len(), "probes still running at the stop");
        }
    }

    fn add(&mut self, check: &Arc<Check>, now: Instant) {
        self.last_number += 1;
        let line = Line::new(check, now);
        self.due.push(Reverse((line.first, self.last_number)));
        self.lines.insert(self.last_number, line);
        self.numbers.insert(check.name(), self.last_number);
    }

    fn remove(&mut self, name: &CheckName) {
        if let Some(number) = self.numbers.remove(name) {
            self.lines.remove(&number);
        }
    }

    /// Another plan takes over. The report has it already. A probe under way for a check that has changed
    /// or gone comes to its end; the report knows whether its observation is still wanted.
    fn apply(&mut self, difference: &Difference) {
        let now = Instant::now();
        for check in &difference.stays {
            let name = check.name();
            let line = self.numbers.get(&name).and_then(|number| self.lines.get_mut(number));
            let Some(line) = line else { continue };
            let interval = line.renew(check);
            self.report.interval_in_force(&name, interval);
        }
        for name in &difference.goes {
            self.remove(name);
        }
        for check in difference.changes.iter().chain(&difference.comes) {
            self.remove(&check.name());
            self.add(check, now);
            self.report.interval_in_force(&check.name(), check.interval);
        }
        self.due.retain(|Reverse((_, number))| self.lines.contains_key(number));
    }

    fn start_due(&mut self, tasks: &mut JoinSet<Done>) {
        let now = Instant::now();
        while let Some(Reverse((due, number))) = self.due.peek().copied() {
            if due > now {
                break;
            }
            self.due.pop();
            let Some(line) = self.lines.get(&number) else { continue };
            self.due.push(Reverse((line.next(&self.clock, due, now, &self.report), number)));
            if line.running {
                // Not piled up: the probe under way is older than its own interval.
                self.report.tick_skipped();
                continue;
            }
            self.start(number, due, tasks);
        }
    }

    fn start(&mut self, number: u64, due: Instant, tasks: &mut JoinSet<Done>) {
        let Some(line) = self.lines.get_mut(&number) else { return };
        line.running = true;
        let (prober, report) = (Arc::clone(&self.prober), Arc::clone(&self.report));
        let probe = probe(prober, report, Arc::clone(&line.check), line.hold.clone(), due);
        tasks.spawn(async move { Done { number, due, observed: probe.await } });
    }

    /// Somebody asks out of turn.
    fn probe(&mut self, name: &CheckName, answer: oneshot::Sender<OnDemand>, tasks: &mut JoinSet<Done>) {
        // Who does not wait for an answer any more is not told one.
        let number = self.numbers.get(name).copied();
        let line = number.and_then(|number| Some((number, self.lines.get_mut(&number)?)));
        match line {
            None => _ = answer.send(OnDemand::Unknown),
            Some((_, line)) if line.running => line.askers.push(answer),
            Some((_, line)) if line.was_observed_within(FRESH) => _ = answer.send(OnDemand::Recent),
            Some((number, line)) => {
                line.askers.push(answer);
                self.start(number, Instant::now(), tasks);
            }
        }
    }

    fn finish(&mut self, Done { number, due, observed }: Done) {
        let Some(line) = self.lines.get_mut(&number) else {
            if let Some((observation, _)) = observed {
                self.report.record(observation);
            }
            return;
        };
        line.running = false;
        let askers = std::mem::take(&mut line.askers);
        let answer = if observed.is_some() { OnDemand::Probed } else { OnDemand::Held };
        if let Some((observation, hold)) = observed {
            line.observed_at = Some(Instant::now());
            let interval = line.weigh(&observation, due, &hold);
            self.report.interval_in_force(&line.check.name(), interval);
            self.report.record(observation);
        }
        for asker in askers {
            // As above.
            let _ = asker.send(answer);
        }
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
    let secret = secret::fingerprint(secret_of(&check)).await;
    let recoveries = token_spec(&check).map_or(0, |spec| prober.tokens().recoveries(spec));
    let now = Hold::now(due, secret, recoveries);
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
