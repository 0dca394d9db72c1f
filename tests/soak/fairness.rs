//! Whether the machine gave the agent and the observers their share while something was observed.
//!
//! The promises are about the agent. On a machine that is busy with other things an answer is late although the agent
//! did nothing wrong: such an observation is counted, but not judged. Too many of them, and the run says nothing.

use std::collections::VecDeque;
use std::fs;
use std::time::{Duration, Instant};

use crate::agent::Agent;
use crate::metronome::Metronome;

/// The observers' own delay in all, above which a short observation is not judged; a long one, above a quarter of it.
const STALL: Duration = Duration::from_millis(250);

/// How far back a probe that ends now may have begun.
const LONG: Duration = Duration::from_secs(60);

/// One observation, from its beginning.
pub(crate) struct Fairness<'a> {
    metronome: &'a Metronome,
    agent: &'a Agent,
    begun: Instant,
    before: Share,
}

/// What all threads of a process have had of the processors.
#[derive(Default)]
struct Share {
    ran: Duration,
    /// Ready to run, and waiting for a processor.
    waited: Duration,
}

impl<'a> Fairness<'a> {
    /// The observation begins.
    pub(crate) fn watch(metronome: &'a Metronome, agent: &'a Agent) -> Self {
        Self { metronome, agent, begun: Instant::now(), before: Share::of(agent) }
    }

    /// How long it has lasted.
    pub(crate) fn took(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Whether the observers were late, or the agent spent half of the time or more waiting for a processor while it
    /// got less than one. An agent that waits for a lock, a file or a pipe does not wait for a processor; one that
    /// burns processors by itself gets them.
    pub(crate) fn was_denied(&self) -> bool {
        let (took, now) = (self.took(), Share::of(self.agent));
        let ran = now.ran.saturating_sub(self.before.ran);
        let waited = now.waited.saturating_sub(self.before.waited);
        self.metronome.stall_since(self.begun) > STALL.max(took / 4) || (ran < took && waited >= took / 2)
    }
}

/// The last minute: whether a probe that failed or came late had its share.
pub(crate) struct Lately<'a> {
    /// Observations that have not ended, the oldest first.
    begun: VecDeque<Fairness<'a>>,
}

impl<'a> Lately<'a> {
    pub(crate) const fn new() -> Self {
        Self { begun: VecDeque::new() }
    }

    /// From now on, too. To be called every few seconds.
    pub(crate) fn watch(&mut self, fairness: Fairness<'a>) {
        self.begun.push_back(fairness);
        while self.begun.get(1).is_some_and(|second| second.took() >= LONG) {
            self.begun.pop_front();
        }
    }

    /// Over the whole minute, or its last quarter.
    pub(crate) fn was_denied(&self) -> bool {
        let short = self.begun.iter().rev().find(|fairness| fairness.took() >= LONG / 4);
        short.into_iter().chain(self.begun.front()).any(Fairness::was_denied)
    }
}

impl Share {
    /// By `/proc/PID/task/TID/schedstat`; nothing where the kernel does not keep it.
    fn of(agent: &Agent) -> Self {
        let mut share = Self::default();
        let Ok(tasks) = fs::read_dir(agent.folder().join("task")) else { return share };
        for task in tasks.flatten() {
            let Ok(text) = fs::read_to_string(task.path().join("schedstat")) else { continue };
            let mut nanoseconds = text.split_whitespace().map_while(|number| number.parse().ok());
            share.ran += Duration::from_nanos(nanoseconds.next().unwrap_or_default());
            share.waited += Duration::from_nanos(nanoseconds.next().unwrap_or_default());
        }
        share
    }
}
