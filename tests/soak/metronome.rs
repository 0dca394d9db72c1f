//! The soak's own punctuality: a thread that wants to wake up every few milliseconds and notes when it could not.
//!
//! Where the machine left the observers waiting, a slow answer says nothing about the agent.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::series::Series;
use crate::stage::Progress;

/// How often the thread wakes up.
const BEAT: Duration = Duration::from_millis(10);
/// Shorter delays are the machine's ordinary course.
const NOTED: Duration = Duration::from_millis(50);
/// The most delays that are remembered, the oldest forgotten first.
const REMEMBERED: usize = 4096;

#[derive(Default)]
struct Kept {
    late: VecDeque<(Instant, Duration)>,
    delays_ms: Series,
}

/// What the thread has noted.
#[derive(Clone, Default)]
pub(crate) struct Metronome(Arc<Mutex<Kept>>);

impl Metronome {
    /// Beats until the run is over.
    pub(crate) fn start(&self, progress: &Progress) -> JoinHandle<()> {
        let (kept, progress) = (Arc::clone(&self.0), progress.clone());
        thread::spawn(move || {
            while !progress.is_over() {
                let begun = Instant::now();
                thread::sleep(BEAT);
                let delay = begun.elapsed().saturating_sub(BEAT);
                let mut kept = kept.lock().unwrap();
                kept.delays_ms.add(u64::try_from(delay.as_millis()).unwrap());
                if delay >= NOTED {
                    kept.late.push_back((Instant::now(), delay));
                    if kept.late.len() > REMEMBERED {
                        kept.late.pop_front();
                    }
                }
            }
        })
    }

    /// How long in all the thread was late since `begun`.
    pub(crate) fn stall_since(&self, begun: Instant) -> Duration {
        let kept = self.0.lock().unwrap();
        kept.late.iter().filter(|(at, _)| *at > begun).map(|(_, delay)| *delay).sum()
    }

    /// Every delay so far.
    pub(crate) fn delays_ms(&self) -> Series {
        self.0.lock().unwrap().delays_ms.clone()
    }
}
