//! Churn: nothing hostile, but everything at once and all the time. Servers flap, secrets rotate, mailboxes come and go,
//! scrapers do not pause.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mailbox_exporter::sim::Fault;
use reqwest::Method;

use crate::arena::{Arena, Turn};
use crate::churn::{FLAPPING_INTERVAL, GUEST};
use crate::invariant::Invariant;
use crate::page::{Page, seconds_now};

/// A scraper's time, and how long an answer may take at most to be told how late it is.
const WITHIN: Duration = Duration::from_secs(10);
/// Between two replacements of everything, and between the two files of a pair.
const ROTATION: Duration = Duration::from_secs(1);
const HALF_A_PAIR: Duration = Duration::from_millis(100);
/// How long servers are gone.
const GONE: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(3), Duration::from_secs(6)];
/// Two intervals, and what a probe takes on a busy machine: by then a server that is back is known to be.
const BACK: Duration = FLAPPING_INTERVAL.saturating_mul(2).saturating_add(Duration::from_secs(3));
/// Between two reloads.
const RELOAD: Duration = Duration::from_secs(2);

/// Healthy mailboxes stay healthy, and every secret that is used is one that was there.
pub(super) async fn rotation(arena: &Arena, turn: Turn) {
    let (before, refused_before) = arena.churn.token_requests();
    let mut count = 0;
    while turn.is_on() {
        count += 1;
        arena.churn.rotate_secret(count);
        arena.churn.rotate_certificate(count);
        turn.rest(HALF_A_PAIR).await;
        arena.churn.rotate_key(count);
        turn.rest(ROTATION - HALF_A_PAIR).await;
    }
    let (after, refused) = arena.churn.token_requests();
    arena.journal.note(format!("rotation: {count} replacements, {} token requests", after - before));
    if refused > refused_before {
        let fault = format!("{} token requests were refused", refused - refused_before);
        arena.journal.fault_now(Invariant::Answer, &fault);
    }
}

/// A server that is gone is said to be gone (an observer checks the reason), and one that is back is usable within two
/// intervals.
pub(super) async fn flapping(arena: &Arena, mut turn: Turn) {
    while turn.left() > GONE[2] + BACK {
        let fault = *turn.dice.choice(&[Fault::Refused, Fault::ResetConnect, Fault::ClosedTls]).unwrap();
        arena.churn.flap(fault);
        let gone = GONE[turn.dice.usize(..GONE.len())];
        turn.rest(gone).await;
        arena.churn.flap(Fault::None);
        demand_return(arena, &turn, fault).await;
    }
    turn.rest(turn.left()).await;
}

async fn demand_return(arena: &Arena, turn: &Turn, fault: Fault) {
    let (condition, fairness, back) = (arena.journal.condition(), arena.watch(&arena.open), seconds_now());
    turn.rest(BACK).await;
    // Where there is no page, the observers say so.
    let Ok(answer) = arena.open.door.get("/metrics", WITHIN).await else { return };
    let page = Page::read(&answer.body);
    let is_back = |mailbox: &str, protocol: &str| {
        let check = page.checks.get(&(mailbox.to_owned(), protocol.to_owned()));
        check.is_some_and(|check| {
            check.success == Some(true) && check.last_run.is_some_and(|last| last > back)
        })
    };
    let lost: Vec<_> =
        arena.churn.flapping().filter(|name| !is_back(name, "imap") || !is_back(name, "smtp")).collect();
    if lost.is_empty() {
        return;
    }
    if fairness.was_denied() {
        return arena.journal.unjudged(Invariant::Recovery);
    }
    let sentence =
        format!("{} s after {}: not usable again: {}", BACK.as_secs(), fault.label(), lost.join(", "));
    arena.journal.fault(Invariant::Recovery, &condition, &sentence);
}

/// A mailbox that is new is on the next page, one that is gone is not.
pub(super) async fn coming_and_going(arena: &Arena, turn: Turn) {
    let mut is_here = false;
    while turn.is_on() {
        is_here = !is_here;
        demand_guest(arena, is_here).await;
        turn.rest(RELOAD).await;
    }
    arena.churn.invite(false);
    arena
        .demand_reload("a reload once the guest has gone", |answer| matches!(answer.status, 200 | 422))
        .await;
}

async fn demand_guest(arena: &Arena, is_here: bool) {
    arena.churn.invite(is_here);
    let taken = AtomicBool::new(false);
    arena
        .demand_reload("a reload for a mailbox that comes or goes", |answer| {
            taken.store(answer.status == 200, Ordering::SeqCst);
            // Another attack may have taken the configuration away.
            matches!(answer.status, 200 | 422)
        })
        .await;
    if taken.load(Ordering::SeqCst) {
        let marks = format!("mailbox_info{{mailbox=\"{GUEST}\"");
        let page = arena.open.door.get("/metrics", WITHIN * 2);
        let told = move |body: &str| body.contains(&marks);
        arena
            .demand("/metrics behind a reload", &arena.open, page, WITHIN, |answer| {
                told(&answer.body) == is_here
            })
            .await;
    }
}

/// Every answer is whole and comes in a scraper's time.
pub(super) async fn scrapers(arena: &Arena, turn: Turn) {
    const PATHS: [&str; 4] = ["/metrics", "/api/v1/mailboxes", "/", "/readiness"];
    let ask = async |number: usize| {
        let path = PATHS[number % PATHS.len()];
        let headers: &[_] = if number < PATHS.len() { &[] } else { &[("accept-encoding", "gzip")] };
        while turn.is_on() {
            let answer = arena.open.door.ask(Method::GET, path, headers, WITHIN * 2);
            arena
                .demand("one of many scrapers", &arena.open, answer, WITHIN, |answer| {
                    answer.status == 200 && !answer.body.is_empty()
                })
                .await;
        }
    };
    tokio::join!(ask(0), ask(1), ask(2), ask(3), ask(4), ask(5), ask(6), ask(7));
}
