//! Tests of looks at the web configuration: how many threads and reads they cost.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;

use tokio::task::JoinSet;

use crate::model;

use super::*;

fn web(file: &Path) -> Web {
    let users = BTreeMap::from([("alice".to_owned(), "hash".to_owned())]);
    Web { file: file.to_owned(), tls: None, headers: Vec::new(), users: model::Users(users) }
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[tokio::test]
async fn clients_wait_for_a_look_at_the_files_without_a_thread_each() {
    let (file, reads) =
        (std::env::temp_dir().join("there-is-no-such-web.yaml"), Arc::<AtomicUsize>::default());
    let (answer, disk) = channel::<()>();
    let (disk, counted) = (Mutex::new(disk), Arc::clone(&reads));
    let protection = Protection::new(Arc::new(move |file: &Path| {
        counted.fetch_add(1, Ordering::SeqCst);
        // The disk answers when the test says so.
        let _ = disk.lock().unwrap().recv();
        Ok(web(file))
    }));
    protection.follow(Some(&web(&file))).unwrap();
    let before = threads();
    let mut clients = JoinSet::new();
    for _ in 0..300 {
        let protection = protection.clone();
        clients.spawn(async move { protection.0.now().await.is_some() });
    }
    while reads.load(Ordering::SeqCst) == 0 {
        task::yield_now().await;
    }
    // Other tests of this process may have begun some of their own.
    assert!(threads() < before + 100, "{} threads came", threads() - before);
    drop(answer);
    while let Some(guarded) = clients.join_next().await {
        assert!(guarded.unwrap(), "no client has come in unguarded");
    }
    assert!(reads.load(Ordering::SeqCst) <= 2, "one read for all who came together");
}
