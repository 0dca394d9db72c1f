//! Who watches the agents while they are attacked: threads of their own, which share nothing with the attackers but
//! the journal.

mod health;
mod resources;
mod scrape;
mod verdicts;

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::Builder;

use crate::arena::{Arena, Target};
use crate::fleet::Fleet;
use crate::stage::Progress;

/// The running observers.
pub(crate) struct Observers {
    progress: Progress,
    threads: Vec<JoinHandle<()>>,
}

impl Observers {
    /// Starts them all.
    pub(crate) fn start(arena: &Arc<Arena>, fleet: &Fleet, progress: &Progress) -> Self {
        let mut threads = vec![arena.metronome.start(progress)];
        let sites = [(open as fn(&Arena) -> &Target, &fleet.open), (guarded, &fleet.guarded)];
        for (target, site) in sites {
            let (shared, kept) = (Arc::clone(arena), progress.clone());
            threads.push(thread::spawn(move || health::watch(&shared, target(&shared), &kept)));
            let (shared, kept) = (Arc::clone(arena), progress.clone());
            let roles = site.roles.clone();
            threads.push(thread::spawn(move || scrape::watch(&shared, target(&shared), roles, &kept)));
        }
        let (shared, kept) = (Arc::clone(arena), progress.clone());
        threads.push(thread::spawn(move || resources::watch(&shared, &kept)));
        Self { progress: progress.clone(), threads }
    }

    /// Ends them and waits for their last judgements.
    pub(crate) fn stop(self) {
        self.progress.end();
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

fn open(arena: &Arena) -> &Target {
    &arena.open
}

fn guarded(arena: &Arena) -> &Target {
    &arena.guarded
}

/// Does something again and again, that long apart, on a runtime of this thread's own.
fn repeat(progress: &Progress, every: Duration, mut look: impl AsyncFnMut()) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    while !progress.is_over() {
        let begun = Instant::now();
        runtime.block_on(look());
        thread::sleep(every.saturating_sub(begun.elapsed()));
    }
}
