//! Claims the next password trial before it runs, and records its result.
//!
//! Not here: the rules (`caution`), and the login itself.

use std::sync::Arc;

use jiff::Timestamp;

use crate::clock;
use crate::model::{Check, Observation, PasswordLogin, SecretRef, Signal};

use super::caution::{Question, Veto, veto};
use super::proof::{self, Shown};
use super::{Known, Readiness, contents, judge, tenant};

/// The caller that wants to try passwords.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// The agent, which spaces out its trials.
    Agent,
    /// A one-off command, which a user can repeat at will: it never tries the deliberately wrong password,
    /// nor any password whose trial it could not save.
    Command,
}

/// Permission to try one password once, now. The trial is already saved.
#[derive(Debug)]
pub struct Trial {
    /// The check to log in with.
    pub check: Arc<Check>,
    /// The place of the password.
    pub password: SecretRef,
    shown: Shown,
}

impl Trial {
    /// Whether this is the deliberately wrong password.
    pub fn is_wrong(&self) -> bool {
        self.shown == Shown::Wrong
    }
}

impl Readiness {
    /// The next password that may be tried. With a state directory the trial is saved first, so it counts
    /// even if it is never completed. Blocks the thread.
    pub fn claim(&self, asker: Asker, now: Timestamp) -> Option<Trial> {
        if self.looking || asker == Asker::Command && self.keeper.is_none() {
            return None;
        }
        let mut store = self.keeper.as_ref().map(|keeper| (keeper, keeper.store()));
        let (trial, key) = self.known().next(asker, store.is_some(), now)?;
        if let Some((keeper, store)) = &mut store {
            let written = if store.is_due() { store.rewrite(self.everything()) } else { Ok(()) };
            let written = written.and_then(|()| store.append(&[contents::tried(key.0, &key.1, now)]));
            keeper.note(&written);
            // A trial that could not be saved does not run.
            written.ok()?;
        }
        self.known().contents.tried.insert(key, now);
        Some(trial)
    }

    /// Records the result of a trial. If an account is locked, trials in the tenant stop. Blocks the thread.
    pub fn conclude(&self, trial: &Trial, seen: &Observation) {
        let name = trial.check.name();
        let evidence = proof::of_password(seen, trial.shown);
        let signal = proof::signal(trial.shown);
        let finding = evidence.as_ref().map_or("no verdict", |evidence| evidence.finding.label());
        let said = seen.outcome.failure().map(|failure| failure.cause.detail.clone()).unwrap_or_default();
        tracing::info!(mailbox = %name.mailbox, protocol = %name.protocol, %signal, finding, said, "a password was tried");
        {
            let mut known = self.known();
            if known.checks.contains_key(&name) {
                let memory = known.contents.checks.entry(name).or_default();
                let now = clock::now();
                proof::offer(seen).into_iter().chain(evidence).for_each(|seen| memory.note(seen, now));
            }
            if proof::stops(seen, true) {
                known.stop(&trial.check, seen.started_at, &said);
            }
        }
        self.flush();
    }
}

/// The key of a password's last trial: the signal and the account.
type Key = (Signal, String);

impl Known {
    /// The first trial that no rule forbids. The check that got an answer longest ago goes first; among equals
    /// submission does, because it teaches the most. `remembers`: the trial can be saved beforehand.
    fn next(&self, asker: Asker, remembers: bool, now: Timestamp) -> Option<(Trial, Key)> {
        if self.policy.password_login == PasswordLogin::Never {
            return None;
        }
        let mut checks: Vec<&Arc<Check>> = self.checks.values().collect();
        // An account has one trial a day, so its protocols take turns.
        checks.sort_by_key(|check| {
            (self.last_answer(check), std::cmp::Reverse(check.protocol()), check.name())
        });
        checks.into_iter().find_map(|check| {
            let declared =
                self.policy.expectations.get(&check.mailbox.name).and_then(|said| said.password.clone());
            let candidates = [
                (Shown::Real, declared),
                (Shown::Wrong, (asker == Asker::Agent).then_some(SecretRef::WrongPassword)),
            ];
            candidates.into_iter().find_map(|(shown, password)| {
                let trial = Trial { check: Arc::clone(check), password: password?, shown };
                let key = (proof::signal(shown), account(&trial));
                (self.veto(&trial, &key, remembers, now).is_none()).then_some((trial, key))
            })
        })
    }

    /// When this check last got an answer to a password.
    fn last_answer(&self, check: &Check) -> Option<Timestamp> {
        let memory = self.contents.checks.get(&check.name())?;
        let answers = memory.evidence.values();
        let answers = answers.filter(|seen| matches!(seen.signal, Signal::PasswordLogin | Signal::Refusal));
        answers.map(|seen| seen.at).max()
    }

    /// Stops trials in the tenant of a check.
    pub(super) fn stop(&mut self, check: &Check, at: Timestamp, said: &str) {
        let tenant = tenant(&check.mailbox);
        if self.contents.stop(&tenant, at, said) {
            tracing::warn!(tenant, said, "no more passwords are tried in this tenant");
        }
    }

    /// The rule that forbids this trial, if one does.
    fn veto(&self, trial: &Trial, key: &Key, remembers: bool, now: Timestamp) -> Option<Veto> {
        let check = &*trial.check;
        if !self.policy.expects(&check.mailbox.name, check.protocol()) {
            return Some(Veto::NotAllowed);
        }
        let question = Question {
            shown: trial.shown,
            policy: &self.policy,
            check,
            remembers,
            stopped: self.contents.is_stopped(&tenant(&check.mailbox)),
            last: self.contents.tried.get(key).copied(),
            hold: self.contents.hold,
            born: self.contents.born,
            fresh: &[],
        };
        // Most vetoes do not need the evidence.
        if let Some(veto) = veto(&question, now) {
            return Some(veto);
        }
        let evidence = self.evidence(check, self.contents.checks.get(&check.name()), now);
        let interval = self.interval(check);
        let fresh: Vec<_> = evidence.iter().filter(|seen| judge::is_fresh(seen, interval, now)).collect();
        let question = Question { fresh: &fresh, ..question };
        veto(&question, now)
    }
}

/// The account that a password belongs to. Several mailboxes of the configuration may share it, under
/// different names and tenants.
fn account(trial: &Trial) -> String {
    trial.check.mailbox.username.to_lowercase()
}
