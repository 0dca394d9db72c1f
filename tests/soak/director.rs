//! The course of a run: warm-up, attacks one by one, several at once, the same ones at once again, quiet, the stop.
//!
//! The second time does the same work as the first, after every attack has been seen: their use of memory can be
//! compared.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use rustix::process::setpriority_process;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::agent::Agent;
use crate::arena::{Arena, Target, Turn};
use crate::attacks::{ATTACKS, Attack};
use crate::door::Door;
use crate::fleet::{Fleet, GUESSED, PASSWORD, Site, VICTIM};
use crate::invariant::Invariant;
use crate::journal::{AFTERMATH, Journal};
use crate::metronome::Metronome;
use crate::observers::Observers;
use crate::page::{Check, Page, seconds_now};
use crate::settings::Settings;
use crate::stage::{Progress, Stage};
use crate::summary;

/// Every healthy check has been probed by then. They begin within a minute; on a busy machine the slow servers take
/// several times as long as the twenty seconds they need.
const WARMUP: Duration = Duration::from_secs(300);
/// The part of a run in which attacks come one by one, so that ten minutes have room for each; twice they come together
/// in the rest.
const ALONE: f64 = 0.55;
/// Attacks at once.
const AT_ONCE: usize = 3;
/// The most that an attack runs longer than it must, alone.
const LONGEST_ALONE: Duration = Duration::from_secs(45);
/// How much longer an attack may take to ask its last question.
const LAST_WORDS: Duration = Duration::from_secs(60);
/// What rests on a secret is tried again within a minute.
const RECOVERY: Duration = Duration::from_secs(75);
/// The contract's bound of a stop, and a second for the machine.
const STOP: Duration = Duration::from_secs(10);
/// How long the log is unread before the stop: a pipe is full by then.
const UNREAD: Duration = Duration::from_secs(15);
/// The nice level of attackers: they stand for other machines, and must not take this one from the agents.
const ELSEWHERE: i32 = 10;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);

/// Runs it all; the journal says what came of it.
pub(crate) fn run(settings: &Settings) -> Arc<Journal> {
    let journal = Arc::new(Journal::new());
    journal.say(&format!(
        "soak of {:?} with seed {} and {} healthy mailboxes",
        settings.duration, settings.seed, settings.mailboxes
    ));
    let fleet = Fleet::start(settings.mailboxes);
    let guard = Some((GUESSED, PASSWORD));
    let start = |name, site: &Site| Agent::start(name, &settings.program, &site.config);
    let (open, guarded) = (start("open", &fleet.open), start("guarded", &fleet.guarded));
    let target = |agent: Agent, user| {
        let door = Door::new(&agent.base, &fleet.authority, user);
        Target { agent, door }
    };
    let arena = Arc::new(Arena {
        open: target(open, None),
        guarded: target(guarded, guard),
        folder: fleet.folder.clone(),
        slow: fleet.slow.clone(),
        churn: fleet.churn.clone(),
        journal: Arc::clone(&journal),
        metronome: Metronome::default(),
    });
    let progress = Progress::default();
    let observers = Observers::start(&arena, &fleet, &progress);
    let attackers = Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_start(|| _ = setpriority_process(None, ELSEWHERE))
        .enable_all()
        .build()
        .unwrap();
    attackers.block_on(async {
        if warm_up(&arena).await {
            attack(&arena, settings, &progress).await;
            progress.enter(Stage::Quiet);
            recover(&arena, settings).await;
        }
    });
    attackers.shutdown_background();
    observers.stop();
    summary::judge(&arena);
    stop(&arena, settings);
    journal
}

/// Waits until every healthy check has succeeded.
async fn warm_up(arena: &Arena) -> bool {
    let begun = Instant::now();
    let is_warm = || ["open", "guarded"].into_iter().all(|agent| arena.journal.is_warm(agent));
    while begun.elapsed() < WARMUP {
        if is_warm() {
            let seconds = begun.elapsed().as_secs_f64();
            arena.journal.say(&format!("every healthy check has succeeded once, after {seconds:.0} s"));
            return true;
        }
        sleep(LOOK).await;
    }
    arena.journal.fault_now(Invariant::Soak, "not every healthy check has succeeded during the warm-up");
    false
}

async fn attack(arena: &Arc<Arena>, settings: &Settings, progress: &Progress) {
    let attacks: Vec<_> = ATTACKS.iter().filter(|attack| settings.includes(attack.name)).collect();
    let all = settings.duration.saturating_sub(quiet(settings));
    let (alone, together) = (all.mul_f64(ALONE), all.mul_f64((1.0 - ALONE) / 2.0));
    progress.enter(Stage::Alone);
    one_by_one(arena, &attacks, alone, Rng::with_seed(settings.seed)).await;
    for stage in [Stage::Together, Stage::Again] {
        progress.enter(stage);
        several_at_once(arena, &attacks, together, Rng::with_seed(settings.seed)).await;
    }
}

/// Each in turn, as far as the time goes.
async fn one_by_one(arena: &Arc<Arena>, attacks: &[&'static Attack], time: Duration, mut dice: Rng) {
    let end = Instant::now() + time;
    // What some need at least, the others have to leave them.
    let least: Duration = attacks.iter().map(|attack| attack.least + AFTERMATH).sum();
    let more = time.saturating_sub(least) / u32::try_from(attacks.len().max(1)).unwrap();
    for &attack in attacks {
        let time = attack.least + more.min(LONGEST_ALONE);
        if Instant::now() + time > end {
            arena.journal.say(&format!("{}: no time for it alone", attack.name));
            continue;
        }
        arena.journal.say(&format!("{}: {}", attack.name, attack.about));
        let (shared, dice) = (Arc::clone(arena), dice.fork());
        tokio::spawn(async move { turn(&shared, attack, time, dice).await }).await.unwrap();
        sleep(AFTERMATH).await;
    }
    sleep(end.saturating_duration_since(Instant::now())).await;
}

async fn several_at_once(arena: &Arc<Arena>, attacks: &[&'static Attack], time: Duration, mut dice: Rng) {
    let end = Instant::now() + time;
    arena.journal.say("several attacks at once");
    let mut running: JoinSet<&'static str> = JoinSet::new();
    let mut names: Vec<&'static str> = Vec::new();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        let idle: Vec<_> =
            attacks.iter().filter(|attack| !names.contains(&attack.name) && attack.least <= left).collect();
        if running.len() < AT_ONCE && !idle.is_empty() {
            let attack = **dice.choice(&idle).unwrap();
            let time = attack.least.mul_f64(1.0 + 2.0 * dice.f64()).min(left);
            let (arena, dice) = (Arc::clone(arena), dice.fork());
            names.push(attack.name);
            running.spawn(async move {
                turn(&arena, attack, time, dice).await;
                attack.name
            });
            continue;
        }
        match running.join_next().await {
            Some(ended) => {
                let ended = ended.unwrap();
                names.retain(|name| *name != ended);
            }
            None => break,
        }
    }
    sleep(end.saturating_duration_since(Instant::now())).await;
}

/// One attack, from its beginning to its end.
async fn turn(arena: &Arc<Arena>, attack: &'static Attack, time: Duration, dice: Rng) {
    arena.journal.begin(attack.name);
    let running = (attack.run)(Arc::clone(arena), Turn { until: Instant::now() + time, dice });
    if timeout(time + LAST_WORDS, running).await.is_err() {
        arena.journal.fault_now(Invariant::Soak, &format!("the attack {} does not end", attack.name));
    }
    arena.journal.end(attack.name);
}

/// How much of a run has no attacks, so that its end shows what they left behind.
fn quiet(settings: &Settings) -> Duration {
    (settings.duration / 10).clamp(AFTERMATH * 2, RECOVERY)
}

/// The attacks are over: the mailbox whose secret was taken away works again, and everything goes on as before.
async fn recover(arena: &Arena, settings: &Settings) {
    arena.journal.say("quiet");
    let begun = Instant::now();
    let now = seconds_now();
    let mut works = false;
    while !works && begun.elapsed() < RECOVERY {
        sleep(LOOK).await;
        if let Ok(answer) = arena.open.door.get("/metrics", STOP).await {
            let page = Page::read(&answer.body);
            let check = page.checks.get(&(VICTIM.to_owned(), "imap".to_owned()));
            // What was found before says nothing: probes may have hung since.
            let probed_since = |check: &Check| check.last_run.is_some_and(|last| last > now);
            works = check.is_some_and(|check| check.success == Some(true) && probed_since(check));
        }
    }
    if !works {
        let fault = format!("the mailbox whose secret is back is not usable within {RECOVERY:?}");
        arena.journal.fault_now(Invariant::Recovery, &fault);
    }
    sleep(quiet(settings).saturating_sub(begun.elapsed())).await;
}

/// SIGTERM for both; the log of one of them is not read if that is among the attacks.
fn stop(arena: &Arena, settings: &Settings) {
    let unread = settings.includes("unread-log");
    if unread {
        arena.journal.say("the log is unread before the stop");
        arena.journal.begin("unread-log");
        arena.open.agent.log.pause(true);
        thread::sleep(UNREAD);
    }
    end(arena, &arena.open);
    if unread {
        arena.open.agent.log.pause(false);
        arena.journal.end("unread-log");
    }
    end(arena, &arena.guarded);
    for target in [&arena.open, &arena.guarded] {
        for panic in target.agent.log.panics() {
            arena.journal.fault_now(Invariant::Alive, &format!("{}: {panic}", target.agent.name));
        }
    }
}

fn end(arena: &Arena, target: &Target) {
    let name = target.agent.name;
    match target.agent.stop(STOP) {
        (Some(status), took) if status.success() => {
            arena.journal.note(format!("{name}: ended {:.1} s after SIGTERM", took.as_secs_f64()));
        }
        (Some(status), _) => {
            arena.journal.fault_now(Invariant::Stop, &format!("{name}: {status} after SIGTERM"));
        }
        (None, took) => {
            let fault = format!("{name}: still there {:.0} s after SIGTERM, killed", took.as_secs_f64());
            arena.journal.fault_now(Invariant::Stop, &fault);
        }
    }
}
