//! The memory of round trips between their runs: the messages that are still under way.
//!
//! Kept in memory. After a restart the marks of the messages themselves tell what was left behind.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::system::uname;
use tokio::time::Instant;

use crate::model::{Check, CheckName, Goal, RoundTrip};
use crate::probe::Mark;

/// Messages that are remembered of one round trip, the oldest forgotten first.
const MOST: usize = 24;

/// A message that was sent and has not been seen.
#[derive(Debug, Clone)]
pub(super) struct Missing {
    pub(super) mark: Mark,
    /// The server accepted it. If its answer was lost, there may or may not be a message.
    pub(super) accepted: bool,
}

#[derive(Default)]
struct Past {
    sent_at: Option<Instant>,
    missing: VecDeque<Missing>,
}

/// The memory of all round trips.
pub(super) struct Trips {
    /// The name of this machine.
    pub(super) host: Arc<str>,
    past: Mutex<HashMap<CheckName, Past>>,
}

impl Default for Trips {
    fn default() -> Self {
        let host = uname().nodename().to_string_lossy().into_owned();
        Self { host: host.into(), past: Mutex::default() }
    }
}

impl Trips {
    /// Whether the last message was sent less than [`RoundTrip::SHORTEST_GAP`] ago.
    pub(super) fn rests(&self, check: &Check) -> bool {
        if !matches!(check.goal, Goal::RoundTrip(_)) {
            return false;
        }
        let sent_at = self.past().get(&check.name()).and_then(|past| past.sent_at);
        sent_at.is_some_and(|at| at.elapsed() < RoundTrip::SHORTEST_GAP)
    }

    pub(super) fn missing(&self, name: &CheckName) -> Vec<Missing> {
        self.past().get(name).map(|past| past.missing.iter().cloned().collect()).unwrap_or_default()
    }

    /// A message is about to be sent: from here on it may exist.
    pub(super) fn sends(&self, name: &CheckName, mark: &Mark) {
        let mut past = self.past();
        let past = past.entry(name.clone()).or_default();
        past.sent_at = Some(Instant::now());
        if past.missing.len() == MOST {
            past.missing.pop_front();
        }
        past.missing.push_back(Missing { mark: mark.clone(), accepted: false });
    }

    /// The server has taken the message over.
    pub(super) fn accepted(&self, name: &CheckName, mark: &Mark) {
        let mut past = self.past();
        let missing = past.get_mut(name).into_iter().flat_map(|past| past.missing.iter_mut());
        missing.filter(|missing| missing.mark.id == mark.id).for_each(|missing| missing.accepted = true);
    }

    /// The fate of the message is known.
    pub(super) fn settled(&self, name: &CheckName, id: &str) {
        if let Some(past) = self.past().get_mut(name) {
            past.missing.retain(|missing| missing.mark.id != id);
        }
    }

    pub(super) fn retain(&self, keeps: impl Fn(&CheckName) -> bool) {
        self.past().retain(|name, _| keeps(name));
    }

    fn past(&self) -> MutexGuard<'_, HashMap<CheckName, Past>> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
