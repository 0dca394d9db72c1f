//! Where attacks take place: the two agents, the ways to them, the files they read, and the journal.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use reqwest::Method;
use tokio::time::sleep;

use crate::agent::Agent;
use crate::churn::Churn;
use crate::door::{Answer, Door};
use crate::fairness::Fairness;
use crate::invariant::Invariant;
use crate::journal::Journal;
use crate::metronome::Metronome;

/// An agent and the way to it.
pub(crate) struct Target {
    pub(crate) agent: Agent,
    pub(crate) door: Door,
}

/// What attacks share.
pub(crate) struct Arena {
    /// In clear text, for everybody on this machine; probes the whole fleet.
    pub(crate) open: Target,
    /// Behind TLS and passwords.
    pub(crate) guarded: Target,
    /// Holds the configurations, secrets and the state directory.
    pub(crate) folder: PathBuf,
    /// Mailboxes whose healthy servers take seconds.
    pub(crate) slow: Vec<String>,
    pub(crate) churn: Churn,
    pub(crate) journal: Arc<Journal>,
    pub(crate) metronome: Metronome,
}

/// One attack's turn.
pub(crate) struct Turn {
    /// When it has to end.
    pub(crate) until: Instant,
    /// What it leaves to chance.
    pub(crate) dice: Rng,
}

impl Turn {
    pub(crate) fn is_on(&self) -> bool {
        Instant::now() < self.until
    }

    /// What is left of it.
    pub(crate) fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Waits so long, but not beyond the end.
    pub(crate) async fn rest(&self, time: Duration) {
        sleep(time.min(self.left())).await;
    }
}

impl Arena {
    /// An observation of an agent begins.
    pub(crate) fn watch<'a>(&'a self, target: &'a Target) -> Fairness<'a> {
        Fairness::watch(&self.metronome, &target.agent)
    }

    /// Asks as an attack does, and checks that the answer comes in time and is as it must be. Nothing is judged that
    /// the machine itself held up.
    pub(crate) async fn demand(
        &self,
        what: &'static str,
        target: &Target,
        answer: impl Future<Output = Result<Answer, String>>,
        within: Duration,
        accepts: impl Fn(&Answer) -> bool,
    ) {
        let condition = self.journal.condition();
        let fairness = self.watch(target);
        let answer = answer.await;
        let took = fairness.took();
        self.journal.answer(what, took);
        let fault = match &answer {
            Ok(answer) if !accepts(answer) => {
                let start: String = answer.body.chars().take(120).collect();
                format!("{what}: answered {} {:?}", answer.status, start.trim())
            }
            Ok(_) if took <= within => return,
            _ if fairness.was_denied() => return self.journal.unjudged(Invariant::Answer),
            Err(fault) => format!("{what}: {fault}"),
            Ok(_) => format!("{what}: answered after {:.1} s, not within {within:?}", took.as_secs_f64()),
        };
        self.journal.fault(Invariant::Answer, &condition, &fault);
    }

    /// `POST /-/reload` is answered in time, taken or refused.
    pub(crate) async fn demand_reload(&self, what: &'static str, accepts: impl Fn(&Answer) -> bool) {
        /// A reload of the whole fleet by a debug build on a busy machine, and one more that it has to wait for.
        const WITHIN: Duration = Duration::from_secs(10);
        let answer = self.open.door.ask(Method::POST, "/-/reload", &[], WITHIN + Duration::from_secs(5));
        self.demand(what, &self.open, answer, WITHIN, accepts).await;
    }
}
