//! The stopwatch: times and limits a probe, and records in which phase it failed.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::model::{Cause, Failure, Phase, Reason, Timings};

/// Times one probe. Every moment from its start to its last phase belongs to exactly one phase; work between
/// two phases counts towards the later one.
#[derive(Debug)]
pub struct Stopwatch {
    deadline: Instant,
    /// The time up to here is booked.
    mark: Instant,
    phase: Phase,
    /// The phase that all time is booked on, whichever phase runs; `None` books it on the running phase.
    booked: Option<Phase>,
    timings: Timings,
    /// The time spent in [`Stopwatch::wait`].
    waited: Duration,
}

impl Stopwatch {
    /// Starts now, with a time limit for the whole probe.
    pub fn start(timeout: Duration) -> Self {
        let now = Instant::now();
        Self {
            deadline: now + timeout,
            mark: now,
            phase: Phase::Token,
            booked: None,
            timings: Timings::default(),
            waited: Duration::ZERO,
        }
    }

    /// Runs one phase, limited by the phase's own bound and by the remaining time of the probe.
    ///
    /// # Errors
    /// The cause that `work` returned, or [`Reason::Timeout`], with the phase that ran, even if its time is booked on
    /// another one.
    pub async fn phase<T>(
        &mut self,
        phase: Phase,
        work: impl Future<Output = Result<T, Cause>>,
    ) -> Result<T, Failure> {
        self.phase = phase;
        let entered = Instant::now();
        let until = self.deadline.min(entered + phase.row().bound);
        let outcome = timeout_at(until, work).await.unwrap_or_else(|_| {
            let bound = until.saturating_duration_since(entered).as_secs_f64();
            Err(Cause::new(Reason::Timeout, format!("no answer within {bound:.1} s")))
        });
        self.lap();
        outcome.map_err(|cause| Failure { phase, cause })
    }

    /// From now on all time is booked on this phase. A phase that runs keeps its own limit, and its failure its name.
    pub fn book_on(&mut self, phase: Phase) {
        self.lap();
        self.booked = Some(phase);
    }

    /// Pauses for the server's sake: the time counts for the phase. Ends at the limit of the whole probe at the latest.
    pub async fn pause(&mut self, time: Duration) {
        sleep_until(self.deadline.min(Instant::now() + time)).await;
        self.lap();
    }

    /// How much of the limit of the whole probe is left.
    pub fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Waits for something other than the server, such as a permit: the time belongs to no phase, and does not
    /// count against the time limit.
    pub async fn wait<T>(&mut self, other: impl Future<Output = T>) -> T {
        self.lap();
        let before = self.mark;
        let output = other.await;
        self.mark = Instant::now();
        let waited = self.mark - before;
        self.deadline += waited;
        self.waited += waited;
        output
    }

    /// The phase that time is booked on now.
    pub fn current(&self) -> Phase {
        self.booked.unwrap_or(self.phase)
    }

    /// The timings, and how long the probe spent in [`Stopwatch::wait`].
    pub fn stop(self) -> (Timings, Duration) {
        (self.timings.packed(), self.waited)
    }

    /// Books the time since the last mark on the current phase.
    fn lap(&mut self) {
        let now = Instant::now();
        // Time before the first phase goes to `Phase::Token`, which every stopwatch starts with.
        self.timings.add(self.current(), now - self.mark);
        self.mark = now;
    }
}

#[cfg(test)]
// A test that cannot continue must fail at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    async fn lasting(seconds: u64) -> Result<(), Cause> {
        sleep(Duration::from_secs(seconds)).await;
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn every_second_belongs_to_one_phase_and_waiting_to_none() {
        let begun = Instant::now();
        let mut watch = Stopwatch::start(Duration::from_secs(90));
        watch.phase(Phase::Token, lasting(1)).await.unwrap();
        watch.wait(sleep(Duration::from_secs(50))).await;
        watch.phase(Phase::Connect, lasting(2)).await.unwrap();
        watch.phase(Phase::Capability, lasting(3)).await.unwrap();
        watch.phase(Phase::Tls, lasting(4)).await.unwrap();
        watch.phase(Phase::Capability, lasting(5)).await.unwrap();
        let (timings, waited) = watch.stop();
        let seconds: Vec<_> = timings.iter().map(|(phase, took)| (phase, took.as_secs())).collect();
        assert_eq!(
            seconds,
            [(Phase::Token, 1), (Phase::Connect, 2), (Phase::Capability, 8), (Phase::Tls, 4)]
        );
        assert_eq!(waited, Duration::from_secs(50));
        assert_eq!(timings.total() + waited, begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn time_is_booked_on_one_phase_within_the_limits_of_each() {
        let mut watch = Stopwatch::start(Duration::from_secs(90));
        watch.phase(Phase::Send, lasting(1)).await.unwrap();
        watch.book_on(Phase::Deliver);
        watch.phase(Phase::Token, lasting(2)).await.unwrap();
        watch.pause(Duration::from_secs(3)).await;
        let failure = watch.phase(Phase::Resolve, lasting(1000)).await.unwrap_err();
        assert_eq!(failure.phase, Phase::Resolve);
        assert_eq!(watch.left(), Duration::from_secs(79));
        watch.pause(Duration::from_secs(1000)).await;
        let seconds: Vec<_> = watch.stop().0.iter().map(|(phase, took)| (phase, took.as_secs())).collect();
        assert_eq!(seconds, [(Phase::Send, 1), (Phase::Deliver, 89)]);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_ends_with_the_bound_of_its_phase() {
        let mut watch = Stopwatch::start(Duration::from_secs(90));
        let failure = watch.phase(Phase::Connect, lasting(1000)).await.unwrap_err();
        assert_eq!((failure.phase, failure.cause.reason), (Phase::Connect, Reason::Timeout));
        assert_eq!(watch.stop().0.total(), Phase::Connect.row().bound);
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_probe_is_bounded_too() {
        let mut watch = Stopwatch::start(Duration::from_secs(12));
        watch.phase(Phase::Token, lasting(10)).await.unwrap();
        let failure = watch.phase(Phase::Auth, lasting(1000)).await.unwrap_err();
        assert_eq!((failure.phase, failure.cause.reason), (Phase::Auth, Reason::Timeout));
        assert_eq!(watch.stop().0.total(), Duration::from_secs(12));
    }
}
