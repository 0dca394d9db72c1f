//! Rotation: whatever happens to the process, the file holds a refresh token that works, and no probe fails for it.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use mailbox_exporter::sim::{Fault, Offers, Rotation, SimApp, SimMailbox, TokenOutcome};

use crate::support::process::{Agent, Program};
use crate::support::scrape::Scrape;
use crate::support::wait::until;
use crate::support::world::World;
use crate::support::yaml::Door;

/// How many refresh tokens are replaced while the program is killed.
const ROTATIONS: u64 = 1000;
/// And how many times it is killed at least.
const KILLS: usize = 40;

/// Mailboxes of one person, and a new token for each probe; the file of the refresh token. One mailbox alone is probed
/// without TLS, as fast as it can be; many share a server, which offers no login without it.
async fn world(count: usize, pace: &str, rotation: Rotation) -> (World, Vec<SimMailbox>, PathBuf) {
    let mut world = World::start().await;
    let (mailboxes, door) = match count {
        1 => (vec![world.mailbox(Fault::None).await], Door::ImapPlain),
        more => (world.mailboxes(more).await, Door::Imap),
    };
    let app = mailboxes[0].app().clone();
    app.set_rotation(rotation);
    for mailbox in &mailboxes {
        mailbox.set_offers(Offers { without_tls: true, ..Offers::default() });
    }
    let file = world.yaml.person("person", &app, "");
    fs::write(&file, app.signed_in()).unwrap();
    world.yaml.head = format!("limits: {{ token_max_age: 1ms }}\ndefaults: {{ {pace} }}");
    world.yaml.watch_as_person(&mailboxes, &[door], "person", "");
    (world, mailboxes, file)
}

fn token(file: &Path) -> String {
    fs::read_to_string(file).unwrap().trim_end().to_owned()
}

/// No request was refused.
fn must_be_fine(app: &SimApp) {
    let refused = app.requests().into_iter().find(|request| request.outcome != TokenOutcome::Issued);
    assert!(refused.is_none(), "{refused:?}");
}

/// Reads a file all the time, and calls `look` with what is in it.
struct Reader {
    stop: Arc<AtomicBool>,
    thread: thread::JoinHandle<u64>,
}

impl Reader {
    fn start(file: &Path, look: impl Fn(&str) + Send + 'static) -> Self {
        let (file, stop) = (file.to_owned(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            let mut reads = 0;
            while !stopped.load(Ordering::Relaxed) {
                look(&fs::read_to_string(&file).unwrap());
                reads += 1;
                thread::sleep(Duration::from_micros(200));
            }
            reads
        });
        Self { stop, thread }
    }

    fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kill_9_at_any_moment_leaves_a_token_that_works() {
    let (world, mailboxes, file) = world(1, "interval: 10ms", Rotation::UntilSuccessorUsed).await;
    let app = mailboxes[0].app().clone();
    let config = world.configuration();
    let known = app.clone();
    // A reader, such as a backup, never sees a half of it either.
    let reader = Reader::start(&file, move |text| assert!(known.has_issued(text.trim_end()), "{text:?}"));
    let mut kills = 0;
    while kills < KILLS || app.refresh_tokens_issued() < ROTATIONS {
        let begun = app.refresh_tokens_issued();
        let agent = Program::new(&["serve", "--listen", "127.0.0.1:0", "--log-level", "error"])
            .config(&config)
            .start();
        // Not before it rotates, then anywhere within some rotations.
        until("the first rotation", || (app.refresh_tokens_issued() > begun).then_some(()));
        thread::sleep(Duration::from_micros(fastrand::u64(0..60_000)));
        // Dropped, it is killed by SIGKILL.
        drop(agent);
        kills += 1;
        assert!(app.takes(&token(&file)), "after kill {kills}, {} rotations", app.refresh_tokens_issued());
    }
    assert!(reader.stop() > ROTATIONS);
    must_be_fine(&app);
    let leftovers: Vec<_> = fs::read_dir(file.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(leftovers.len() <= 1, "{leftovers:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_file_take_turns() {
    // A token that was shown twice would revoke them all.
    let (world, mailboxes, file) = world(1, "interval: 10ms", Rotation::Once).await;
    let app = mailboxes[0].app().clone();
    let config = world.configuration();
    let agents = [Agent::serve(&config, &[]), Agent::serve(&config, &[])];
    until("rotations by both", || (app.refresh_tokens_issued() > 300).then_some(()));
    for agent in agents {
        let page = Scrape::of(agent.address);
        let issued = page.metric("mailbox_token_requests_total").label("outcome", "success").value();
        assert!(issued.is_some_and(|issued| issued > 10.0), "{issued:?}");
        let failed = page.metric("mailbox_token_requests_total").label("outcome", "failure").value();
        assert_eq!(failed.unwrap_or_default(), 0.0);
        // A successor that is on its way reaches the file.
        agent.terminate();
    }
    must_be_fine(&app);
    assert!(app.takes(&token(&file)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_no_probe_fails_for_a_rotation() {
    const MAILBOXES: usize = 60;
    let (world, mailboxes, file) = world(MAILBOXES, "interval: 10s, timeout: 9s", Rotation::Once).await;
    let app = mailboxes[0].app().clone();
    let agent = Agent::serve(&world.configuration(), &[]);
    let probed = until("every mailbox is probed often", || {
        let page = Scrape::of(agent.address);
        let enough = {
            let fleet = page.metric("mailbox_probes_total").label("outcome", "success");
            fleet.count() == MAILBOXES && fleet.least().is_some_and(|least| least >= 3.0)
        };
        enough.then_some(page)
    });
    assert_eq!(probed.metric("mailbox_probe_failure_info").count(), 0);
    let failures = probed.metric("mailbox_probes_total").label("outcome", "failure");
    assert_eq!(failures.count(), MAILBOXES);
    assert!(failures.most().is_some_and(|most| most < 0.5));
    // One request at a time, whatever the number of probes that want a new token.
    assert!(app.refresh_tokens_issued() > 40, "{}", app.refresh_tokens_issued());
    agent.terminate();
    must_be_fine(&app);
    assert!(app.takes(&token(&file)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_cannot_be_written_back_serves_from_memory() {
    let (world, mailboxes, file) = world(1, "interval: 20ms", Rotation::Once).await;
    let app = mailboxes[0].app().clone();
    // What a read-only volume does to everyone, a folder in the place of the draft does to the superuser too.
    let obstacle = file.with_file_name(".person.token.new");
    match fs::create_dir(&obstacle) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => panic!("{error}"),
        _ => {}
    }
    let before = token(&file);
    let mut agent = Agent::serve(&world.configuration(), &[]);
    agent.says(&["cannot be written back"]);
    until("rotations in memory", || (app.refresh_tokens_issued() > 10).then_some(()));
    assert_eq!(token(&file), before);
    // Somebody signs in again: the file counts, and is written back as soon as it can be.
    fs::remove_dir(&obstacle).unwrap();
    let new = app.signed_in();
    fs::rename(world.file("new", &new), &file).unwrap();
    until("the new one is used and replaced", || (token(&file) != new).then_some(()));
    let run = agent.terminate();
    must_be_fine(&app);
    assert_eq!(run.stderr.matches("cannot be written back").count(), 1, "it is said once");
    assert!(app.takes(&token(&file)));
}
