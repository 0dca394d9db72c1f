//! Tests of reads that tasks share: how many threads and reads they cost, and that none is stale.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::fs;
use std::os::unix::fs::symlink;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Instant;

use tokio::task::JoinSet;

use super::*;

const PATIENT: Duration = Duration::from_secs(20);
const MOST: u64 = 1024;

/// Keeps a path busy until the sender is dropped.
fn hold(workers: &Arc<Workers>, path: &Path) -> Sender<()> {
    let ((free, held), (report, taken)) = (channel::<()>(), channel());
    let (workers, path) = (Arc::clone(workers), path.to_owned());
    thread::spawn(move || {
        let job = move || {
            report.send(()).unwrap();
            let _ = held.recv();
        };
        Workers::run(&workers, &path, PATIENT, job)
    });
    taken.recv().unwrap();
    free
}

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("shared-reads-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).unwrap();
        Self(folder)
    }

    fn file(&self, name: &str, content: &str) -> PathBuf {
        let file = self.0.join(name);
        fs::write(&file, content).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

#[tokio::test]
async fn tasks_that_wait_for_one_file_share_a_read_without_threads() {
    let folder = Folder::new("shared");
    let file = folder.file("secret", "before");
    let shared = SharedReads::new(Arc::default());
    let free = hold(&shared.0.workers, &file);
    let mut readers = JoinSet::new();
    let before = threads();
    for _ in 0..500 {
        let (shared, file) = (shared.clone(), file.clone());
        readers.spawn(async move { shared.read(&file, MOST).await.unwrap() });
    }
    let waiting =
        || locked(&shared.0.next).values().flatten().map(watch::Sender::receiver_count).sum::<usize>();
    // The last one begins within a few rounds; the bound ends the test where tasks wait in another way.
    for _ in 0..10_000 {
        if waiting() < 499 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(waiting(), 499, "one reads, the others wait for the next read");
    // Other tests of this process may have begun some of their own.
    assert!(threads() < before + 100, "{} threads came", threads() - before);
    fs::write(&file, "after").unwrap();
    drop(free);
    let mut reads = Vec::new();
    while let Some(read) = readers.join_next().await {
        let read = read.unwrap();
        assert_eq!(**read, b"after");
        if !reads.iter().any(|known| Arc::ptr_eq(known, &read)) {
            reads.push(read);
        }
    }
    assert!(reads.len() <= 2, "{} reads for 500 tasks", reads.len());
    assert!(locked(&shared.0.next).is_empty(), "nothing is left behind");
}

#[tokio::test]
async fn a_task_never_gets_what_was_read_before_it_asked() {
    let folder = Folder::new("fresh");
    let file = folder.file("secret", "0");
    let shared = SharedReads::new(Arc::default());
    for content in 0..200 {
        let early = tokio::spawn({
            let (shared, file) = (shared.clone(), file.clone());
            async move { shared.read(&file, MOST).await.map(drop) }
        });
        tokio::task::yield_now().await;
        let content = content.to_string();
        // As a volume of Kubernetes does it: the file is never half written.
        symlink(folder.file(&format!("secret-{content}"), &content), folder.0.join("new")).unwrap();
        fs::rename(folder.0.join("new"), &file).unwrap();
        assert_eq!(**shared.read(&file, MOST).await.unwrap(), content.into_bytes());
        early.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_folder_that_hangs_takes_few_threads_and_delays_no_other() {
    let (hangs, works) = (Folder::new("hangs"), Folder::new("works"));
    let shared = SharedReads::new(Arc::default());
    let begun = Instant::now();
    let mut readers = JoinSet::new();
    let held: Vec<_> = (0..100).map(|number| hangs.file(&number.to_string(), "")).collect();
    let locks: Vec<_> = held.iter().take(FROM_A_FOLDER).map(|file| hold(&shared.0.workers, file)).collect();
    for file in held {
        let shared = shared.clone();
        readers.spawn(async move { shared.read(&file, MOST).await.map(drop) });
    }
    tokio::task::yield_now().await;
    let other = works.file("secret", "works");
    assert_eq!(**shared.read(&other, MOST).await.unwrap(), b"works");
    assert!(begun.elapsed() < super::super::PATIENCE, "it has waited for the other folder");
    drop(locks);
    while let Some(read) = readers.join_next().await {
        read.unwrap().unwrap();
    }
    assert!(locked(&shared.0.folders).values().all(|permits| permits.strong_count() == 0));
}

#[test]
fn a_read_that_ends_with_its_runtime_leaves_the_file_readable() {
    let folder = Folder::new("runtime");
    let file = folder.file("secret", "works");
    let shared = SharedReads::new(Arc::default());
    let free = hold(&shared.0.workers, &file);
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cut_off = runtime();
    cut_off.block_on(async {
        let (shared, file) = (shared.clone(), file.clone());
        tokio::spawn(async move { shared.read(&file, MOST).await.map(drop) });
        tokio::task::yield_now().await;
    });
    assert!(!locked(&shared.0.next).is_empty());
    drop((cut_off, free));
    let read = runtime().block_on(shared.read(&file, MOST));
    assert_eq!(**read.unwrap(), b"works");
}
