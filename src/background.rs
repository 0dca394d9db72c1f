//! Background tasks of the agent: each has a name, can be stopped, and is waited for at shutdown.
//!
//! Not here: what the tasks do, and in which order they stop.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A running background task.
pub struct BackgroundTask {
    stop: CancellationToken,
    watched: JoinHandle<()>,
}

impl BackgroundTask {
    /// Starts a task. It must end soon after the token is cancelled. A panic is logged at once, by the task's
    /// name.
    pub fn start<F>(name: &'static str, work: impl FnOnce(CancellationToken) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let stop = CancellationToken::new();
        let task = tokio::spawn(work(stop.clone()));
        let watched = tokio::spawn(async move {
            if task.await.is_err_and(|error| error.is_panic()) {
                tracing::error!("background task `{name}` panicked");
            }
        });
        Self { stop, watched }
    }

    /// Asks the task to end, and waits until it has.
    pub async fn stop(self) {
        self.stop.cancel();
        // The outer task cannot panic.
        drop(self.watched.await);
    }
}

/// Shows that a loop still turns.
#[derive(Debug)]
pub struct Heartbeat {
    started: Instant,
    /// Milliseconds from `started` to the last beat.
    last: AtomicU64,
}

impl Heartbeat {
    /// The first beat is now.
    pub fn start() -> Self {
        Self { started: Instant::now(), last: AtomicU64::new(0) }
    }

    pub fn beat(&self) {
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.fetch_max(now, Ordering::Relaxed);
    }

    /// The time since the last beat.
    pub fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.started.elapsed().saturating_sub(last)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use std::fs::{self, File};
    use std::sync::Arc;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_silence_of_a_loop_ends_with_its_next_beat() {
        let heartbeat = Heartbeat::start();
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(heartbeat.silence(), Duration::from_secs(61));
        heartbeat.beat();
        assert_eq!(heartbeat.silence(), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_task_ends_when_it_is_stopped() {
        let task = BackgroundTask::start("scheduler", |stop| async move { stop.cancelled().await });
        task.stop().await;
    }

    #[tokio::test]
    async fn a_panic_is_logged_with_the_name_of_the_task() {
        let path = std::env::temp_dir().join(format!("background-{}", std::process::id()));
        let writer = Arc::new(File::create(&path).unwrap());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
        let _default = tracing::subscriber::set_default(subscriber);
        let task = BackgroundTask::start("scheduler", |_| async { unreachable!("on purpose") });
        task.stop().await;
        let log = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(log.contains("ERROR") && log.contains("background task `scheduler` panicked"), "{log}");
    }
}
