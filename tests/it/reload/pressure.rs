//! Reloads that come by the hundred, and files that hang.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mailbox_exporter::app::{App, Origin, ReloadError};
use mailbox_exporter::config::{self, Reading};
use tokio::time::timeout;

use crate::support::app::metrics;
use crate::support::folder::Folder;
use crate::support::http::ask;
use crate::support::scrape::value;
use crate::support::wait::{PATIENCE, eventually};

const SUCCESSFUL: &str = "mailbox_exporter_config_last_reload_successful";

/// An agent without mailboxes whose configuration is read by a file system that can hang.
struct Hanging {
    app: App,
    reads: Arc<AtomicUsize>,
    hangs: Arc<AtomicBool>,
    /// Lets a reading that hangs go on.
    release: Sender<()>,
    _folder: Folder,
}

impl Hanging {
    async fn new() -> Self {
        let folder = Folder::new();
        let file = folder.write(
            "config.yaml",
            "http: { listen: \"127.0.0.1:0\" }\nmailboxes: []\nmailbox_files: [\"none-yet/*.yaml\"]\n",
        );
        let (release, released) = channel();
        let (reads, hangs, released) =
            (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default(), Mutex::new(released));
        let (count, hang) = (Arc::clone(&reads), Arc::clone(&hangs));
        let read = move || {
            count.fetch_add(1, Ordering::Relaxed);
            if hang.load(Ordering::Relaxed) {
                let _ = released.lock().unwrap().recv();
            }
            config::read(&file)
        };
        let Reading { sources, outcome, .. } = read();
        let plan = outcome.unwrap().plan;
        let app = App::start_from(&plan, Origin { sources, read: Box::new(read) }).await.unwrap();
        reads.store(0, Ordering::Relaxed);
        Self { app, reads, hangs, release, _folder: folder }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_reloads_at_once_cost_two_and_all_are_answered() {
    let agent = Hanging::new().await;
    agent.hangs.store(true, Ordering::Relaxed);
    let reload = || {
        let reloader = agent.app.reloader().clone();
        tokio::spawn(async move { reloader.reload("for a test").await })
    };
    let first = reload();
    eventually("the first reads", async || agent.reads.load(Ordering::Relaxed) == 1).await;
    let others: Vec<_> = (0..300).map(|_| reload()).collect();
    // Some callers do not wait for what comes of it.
    others.iter().take(150).for_each(tokio::task::JoinHandle::abort);
    agent.hangs.store(false, Ordering::Relaxed);
    agent.release.send(()).unwrap();
    assert!(timeout(PATIENCE, first).await.unwrap().unwrap().is_ok());
    for caller in others.into_iter().skip(150) {
        assert!(timeout(PATIENCE, caller).await.unwrap().unwrap().is_ok());
    }
    let reads = agent.reads.load(Ordering::Relaxed);
    assert!(reads <= 3, "{reads} reloads for 301 callers");
    agent.app.stop().await;
}

#[tokio::test]
async fn a_reload_whose_files_hang_fails_and_hangs_nothing_else() {
    let agent = Hanging::new().await;
    agent.hangs.store(true, Ordering::Relaxed);
    let reloader = agent.app.reloader().clone();
    let reload = tokio::spawn(async move { reloader.reload("for a test").await });
    eventually("it reads", async || agent.reads.load(Ordering::Relaxed) == 1).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(31)).await;
    assert!(matches!(reload.await.unwrap(), Err(ReloadError::Hangs)));
    tokio::time::resume();

    let (status, said) = ask(agent.app.address(), "POST /-/reload").await;
    assert_eq!(status, 422);
    assert!(said.contains("does not respond") && said.contains("stays in force"), "{said}");
    assert_eq!(agent.reads.load(Ordering::Relaxed), 1, "no second thread hangs");
    assert_eq!(value(&metrics(&agent.app).await, SUCCESSFUL), Some(0.0));

    agent.hangs.store(false, Ordering::Relaxed);
    agent.release.send(()).unwrap();
    eventually("files can be read again", async || ask(agent.app.address(), "POST /-/reload").await.0 == 200)
        .await;
    assert_eq!(value(&metrics(&agent.app).await, SUCCESSFUL), Some(1.0));
    timeout(PATIENCE, agent.app.stop()).await.unwrap();
}
