//! Guesses at passwords by hundreds, and beside them users who know theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::{Client, Method};
use tokio::task::JoinSet;

use crate::arena::{Arena, Turn};
use crate::door::Door;
use crate::fleet::{FRESH_USERS, GUESSED, PASSWORD};

/// Guesses at once.
const GUESSES: usize = 240;
/// A user whose password has been checked before is answered within this.
const KNOWN_WITHIN: Duration = Duration::from_secs(3);
/// A user who comes for the first time is answered within this: a scraper's time.
const NEW_WITHIN: Duration = Duration::from_secs(10);
/// Between two users who know their passwords.
const PAUSE: Duration = Duration::from_secs(2);
/// The pause of a guesser whose connection failed.
const RETRY: Duration = Duration::from_millis(200);

/// Names that have not logged in yet: each does so once in a run.
static NEXT_USER: AtomicUsize = AtomicUsize::new(0);

pub(super) async fn guesses(arena: &Arena, turn: Turn) {
    let client = arena.guarded.door.keeping_client();
    let url: Arc<str> = format!("{}/api/v1/credentials", arena.guarded.door.base).into();
    let mut guessers = JoinSet::new();
    for number in 0..GUESSES {
        guessers.spawn(guess(client.clone(), Arc::clone(&url), number));
    }
    while turn.is_on() {
        turn.rest(PAUSE).await;
        let known = arena.guarded.door.get("/api/v1/credentials", KNOWN_WITHIN * 2);
        arena
            .demand("a known user's password", &arena.guarded, known, KNOWN_WITHIN, |answer| {
                answer.status == 200
            })
            .await;
        let number = NEXT_USER.fetch_add(1, Ordering::Relaxed);
        if number < FRESH_USERS {
            let name = format!("fresh{number}");
            let new = first_login(&arena.guarded.door, &name);
            arena
                .demand("a new user's password", &arena.guarded, new, NEW_WITHIN, |answer| {
                    answer.status == 200
                })
                .await;
        }
    }
    guessers.shutdown().await;
}

/// One guess after the other, at a known name and at unknown ones. The task ends with the attack.
async fn guess(client: Client, url: Arc<str>, number: usize) {
    let name = if number.is_multiple_of(2) { GUESSED.to_owned() } else { format!("absent{number}") };
    for turn in 0_u64.. {
        let password = format!("guess-{number}-{turn}");
        let request = client.get(&*url).basic_auth(&name, Some(password)).timeout(NEW_WITHIN);
        if request.send().await.is_err() {
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn first_login(door: &Door, name: &str) -> Result<crate::door::Answer, String> {
    let credentials =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{name}:{PASSWORD}"));
    let door = door.without_user();
    let headers = [("authorization", &*format!("Basic {credentials}"))];
    door.ask(Method::GET, "/api/v1/credentials", &headers, NEW_WITHIN * 2).await
}
