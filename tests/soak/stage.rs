//! How far a run is.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A part of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Not every check has been probed yet.
    Warmup,
    /// Attacks run one by one.
    Alone,
    /// Several run at once.
    Together,
    /// The same ones run at once again: what grows now, grows.
    Again,
    /// They have ended.
    Quiet,
}

impl Stage {
    const ALL: [Self; 5] = [Self::Warmup, Self::Alone, Self::Together, Self::Again, Self::Quiet];
}

/// What observers and the director tell each other.
#[derive(Clone, Default)]
pub(crate) struct Progress {
    stage: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Progress {
    pub(crate) fn enter(&self, stage: Stage) {
        self.stage.store(stage as usize, Ordering::SeqCst);
    }

    pub(crate) fn stage(&self) -> Stage {
        Stage::ALL[self.stage.load(Ordering::SeqCst)]
    }

    /// Observers have to end.
    pub(crate) fn end(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}
