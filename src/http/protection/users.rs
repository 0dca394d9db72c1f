//! User names and passwords (RFC 7617), compared with bcrypt hashes.
//!
//! A hash takes a tenth of a second by design: verdicts are remembered, and one hash is computed at a time (in the order
//! of `hash_queue`), so that guessing costs the probes at most one core. The time does not show whether a user exists.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::HeaderValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};
use tokio::task;
use uuid::Uuid;

use crate::model;

use super::hash_queue::HashQueue;

/// Wrong passwords remembered: enough for a scraper that is set up with an old one.
const REFUSALS: usize = 64;

/// A hash of name and password.
type Question = [u8; 32];

/// The users of the endpoint, with the last verdicts.
pub(super) struct Users {
    /// Random for each process, so that a question cannot be computed beforehand.
    salt: Uuid,
    verdicts: Mutex<Verdicts>,
    queue: HashQueue,
}

/// The last verdicts.
#[derive(Default)]
struct Verdicts {
    /// By user: the question that was answered with yes. It is kept no matter what others guess, because a forgotten user
    /// would have to wait among those who guess at the same name.
    admitted: HashMap<String, Question>,
    refused: HashSet<Question>,
}

impl Verdicts {
    fn of(&self, name: &str, question: &Question) -> Option<bool> {
        if self.admitted.get(name) == Some(question) {
            return Some(true);
        }
        self.refused.contains(question).then_some(false)
    }

    fn admit(&mut self, name: String, question: Question, users: &model::Users) {
        self.admitted.retain(|name, _| users.0.contains_key(name));
        self.admitted.insert(name, question);
    }

    fn refuse(&mut self, question: Question) {
        if self.refused.len() >= REFUSALS {
            self.refused.clear();
        }
        self.refused.insert(question);
    }
}

impl Default for Users {
    fn default() -> Self {
        Self { salt: Uuid::new_v4(), verdicts: Mutex::default(), queue: HashQueue::default() }
    }
}

impl Users {
    /// Whether an `Authorization` header names one of the users with its password.
    pub(super) async fn admit(&self, users: &model::Users, header: Option<&HeaderValue>) -> bool {
        let Some((name, password)) = header.and_then(credentials) else { return false };
        let known = users.0.get(&name);
        let hash = known.or_else(|| costliest(users)).cloned().unwrap_or_default();
        let question = self.question(&[&name, &hash, &password]);
        if let Some(verdict) = self.verdicts().of(&name, &question) {
            return verdict;
        }
        let permit = self.queue.take(known.map(|_| name.clone())).await;
        // Another request may have answered the same question meanwhile.
        if let Some(verdict) = self.verdicts().of(&name, &question) {
            return verdict;
        }
        // The closure holds the permit: if the client leaves now, the hash is still computed.
        let verify = move || {
            let _permit = permit;
            bcrypt::verify(password, &hash)
        };
        let verdict = matches!(task::spawn_blocking(verify).await, Ok(Ok(true))) && known.is_some();
        if verdict {
            self.verdicts().admit(name, question, users);
        } else {
            self.verdicts().refuse(question);
        }
        verdict
    }

    fn verdicts(&self) -> MutexGuard<'_, Verdicts> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn question(&self, parts: &[&str]) -> Question {
        let mut hash = Sha256::new_with_prefix(self.salt);
        for part in parts {
            hash.update(part.len().to_le_bytes());
            hash.update(part);
        }
        hash.finalize().into()
    }
}

/// The hash that an unknown user's password is compared with. It takes the longest, so the time does not show
/// whether a user exists.
fn costliest(users: &model::Users) -> Option<&String> {
    // `$2y$10$…`: the cost is two digits at a fixed place.
    users.0.values().max_by_key(|hash| hash.get(4..6).map(str::to_owned))
}

/// `Basic base64(name:password)`.
fn credentials(header: &HeaderValue) -> Option<(String, String)> {
    let (scheme, encoded) = header.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use std::sync::Arc;

    use super::*;
    use proptest::prelude::*;

    fn basic(text: &str) -> HeaderValue {
        HeaderValue::try_from(format!("Basic {}", STANDARD.encode(text))).unwrap()
    }

    fn known() -> model::Users {
        let hash = |password: &str| bcrypt::hash(password, 4).unwrap();
        model::Users([("alice", hash("right")), ("bob", hash(""))].map(|(n, h)| (n.to_owned(), h)).into())
    }

    #[tokio::test]
    async fn only_a_known_user_with_the_right_password_is_admitted() {
        let (users, known) = (Users::default(), known());
        let cases = [
            (Some(basic("alice:right")), true),
            (Some(basic("bob:")), true),
            (
                Some(HeaderValue::try_from(format!("basic  {}", STANDARD.encode("alice:right"))).unwrap()),
                true,
            ),
            (Some(basic("alice:wrong")), false),
            (Some(basic("alice:")), false),
            (Some(basic("Alice:right")), false),
            (Some(basic("carol:right")), false),
            (Some(basic("alice")), false),
            (Some(HeaderValue::from_static("Bearer abc")), false),
            (Some(HeaderValue::from_static("Basic %%%")), false),
            (Some(HeaderValue::from_static("Basic")), false),
            (None, false),
        ];
        for _ in 0..2 {
            for (header, admitted) in &cases {
                assert_eq!(users.admit(&known, header.as_ref()).await, *admitted, "{header:?}");
            }
        }
    }

    /// How many verdicts are remembered: yes, no.
    fn counts(users: &Users) -> (usize, usize) {
        let verdicts = users.verdicts();
        (verdicts.admitted.len(), verdicts.refused.len())
    }

    #[tokio::test]
    async fn a_verdict_is_remembered_while_its_hash_stands() {
        let (users, mut known) = (Users::default(), known());
        for _ in 0..2 {
            assert!(users.admit(&known, Some(&basic("alice:right"))).await);
            assert_eq!(counts(&users), (1, 0));
        }
        known.0.insert("alice".to_owned(), bcrypt::hash("other", 4).unwrap());
        assert!(!users.admit(&known, Some(&basic("alice:right"))).await, "the password was changed");
        known.0.remove("alice");
        assert!(!users.admit(&known, Some(&basic("alice:right"))).await, "the user is gone");
        assert!(users.admit(&known, Some(&basic("bob:"))).await);
        assert_eq!(counts(&users), (1, 2), "the verdict of the user who is gone is dropped");
    }

    #[tokio::test]
    async fn no_number_of_guesses_and_users_makes_a_verdict_forgotten() {
        let (users, hash) = (Users::default(), bcrypt::hash("right", 4).unwrap());
        let names = (0..2 * REFUSALS).map(|number| (format!("user{number}"), hash.clone()));
        let known = model::Users(names.collect());
        for name in known.0.keys() {
            assert!(users.admit(&known, Some(&basic(&format!("{name}:right")))).await);
            assert!(!users.admit(&known, Some(&basic(&format!("{name}:guess")))).await);
        }
        let (admitted, refused) = counts(&users);
        assert_eq!(admitted, known.0.len());
        assert!(refused <= REFUSALS, "{refused}");
    }

    #[tokio::test]
    async fn an_unknown_user_costs_the_costliest_hash_and_is_refused() {
        let hash = |password: &str, cost| bcrypt::hash(password, cost).unwrap();
        let known = [("alice", hash("a", 5)), ("bob", hash("b", 4))].map(|(n, h)| (n.to_owned(), h));
        let known = model::Users(known.into());
        assert_eq!(costliest(&known), known.0.get("alice"));
        assert!(!Users::default().admit(&known, Some(&basic("carol:a"))).await);
    }

    #[tokio::test]
    async fn the_right_password_of_a_user_does_not_wait_behind_guesses() {
        let cost = 9;
        let hash = |password: &str| bcrypt::hash(password, cost).unwrap();
        let known = [("alice", hash("right")), ("bob", hash("also"))].map(|(n, h)| (n.to_owned(), h));
        let (users, known) = (Arc::new(Users::default()), Arc::new(model::Users(known.into())));
        let guesses: Vec<_> = (0..200)
            .map(|guess| {
                let (users, known) = (Arc::clone(&users), Arc::clone(&known));
                let name = if guess % 2 == 0 { "alice" } else { "unknown" };
                let guess = basic(&format!("{name}:{guess}"));
                tokio::spawn(async move { users.admit(&known, Some(&guess)).await })
            })
            .collect();
        task::yield_now().await;
        assert!(users.admit(&known, Some(&basic("bob:also"))).await, "another user");
        assert!(users.admit(&known, Some(&basic("alice:right"))).await, "the user who is guessed at");
        let decided = guesses.iter().filter(|guess| guess.is_finished()).count();
        assert!(decided < 20, "guesses of both lanes still wait; {decided} do not");
        for guess in guesses {
            assert!(!guess.await.unwrap());
        }
    }

    proptest! {
        #[test]
        fn a_header_means_one_user_and_one_password_or_nothing(
            name in "[^:]{0,12}", password in "\\PC{0,12}", header in "(Basic|basic|Bearer)? {0,3}[A-Za-z0-9+/=]{0,30}|[ -~]{0,40}",
        ) {
            let _ = HeaderValue::try_from(header).map(|header| credentials(&header));
            let written = format!("{name}:{password}");
            prop_assert_eq!(credentials(&basic(&written)), Some((name, password)));
        }
    }
}
