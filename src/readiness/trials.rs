//! The next password to be tried, claimed before it is tried; and what came of it.
//!
//! Not here: the rules (`caution`), and who logs in.

use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Check, Finding, Observation, PasswordLogin, SecretRef, Signal};

use super::caution::{Question, Veto, veto};
use super::proof::{self, Shown};
use super::{Known, Readiness, contents, judge, locked, tenant};

/// A password that may be tried once, now. That it was is written down already.
#[derive(Debug)]
pub struct Trial {
    /// The check by which it is tried.
    pub check: Arc<Check>,
    /// Where the password lies.
    pub password: SecretRef,
    shown: Shown,
}

impl Trial {
    /// Whether it is the deliberate wrong password.
    pub fn is_wrong(&self) -> bool {
        self.shown == Shown::Wrong
    }
}

impl Readiness {
    /// The next password that may be tried. With a state directory it counts as tried from now on, on the
    /// disk, whatever becomes of it. Blocks.
    pub fn claim(&self, now: Timestamp) -> Option<Trial> {
        if self.looking {
            return None;
        }
        let mut store = self.store.as_ref().map(locked);
        let (trial, key) = self.known().next(store.is_some(), now)?;
        if let Some(store) = &mut store {
            let written = if store.is_due() {
                let entries = {
                    let mut known = self.known();
                    drop(known.contents.changes());
                    known.contents.snapshot()
                };
                store.rewrite(&entries)
            } else {
                Ok(())
            };
            if let Err(error) = written.and_then(|()| store.append(&[contents::tried(key.0, &key.1, now)])) {
                tracing::warn!(%error, mailbox = %trial.check.mailbox.name, "no password is tried: it could not be written down first");
                return None;
            }
        }
        self.known().contents.tried.insert(key, now);
        Some(trial)
    }

    /// Takes in what came of a trial. At the sight of a lock no more passwords are tried in the tenant. Blocks.
    pub fn conclude(&self, trial: &Trial, seen: &Observation) {
        let name = trial.check.name();
        let evidence = proof::of_password(seen, trial.shown);
        let signal = proof::signal(trial.shown);
        let finding = evidence.as_ref().map_or("no verdict", |evidence| evidence.finding.label());
        let said = seen.outcome.failure().map(|failure| failure.cause.detail.clone()).unwrap_or_default();
        tracing::info!(mailbox = %name.mailbox, protocol = %name.protocol, %signal, finding, said, "a password was tried");
        let locked_out = evidence.as_ref().is_some_and(|evidence| evidence.finding == Finding::Locked);
        {
            let mut known = self.known();
            if known.checks.contains_key(&name) {
                let memory = known.contents.checks.entry(name).or_default();
                proof::offer(seen).into_iter().chain(evidence).for_each(|evidence| memory.note(evidence));
            }
        }
        if locked_out {
            self.stop(&tenant(&trial.check.mailbox), seen.started_at, &said);
        }
    }

    fn stop(&self, tenant: &str, at: Timestamp, said: &str) {
        tracing::warn!(tenant, said, "an account is locked: no more passwords are tried in this tenant");
        self.known().contents.stopped.entry(tenant.to_owned()).or_insert_with(|| (at, said.to_owned()));
        let Some(store) = &self.store else { return };
        if let Err(error) = locked(store).append(&[contents::stopped(tenant, at, said)]) {
            tracing::error!(%error, tenant, "that no more passwords are tried could not be written down");
        }
    }
}

/// By which a password's last trial is known: the signal, and whose password it is.
type Key = (Signal, String);

impl Known {
    /// The first trial that no rule forbids: submission first, where there is most to learn.
    fn next(&self, remembers: bool, now: Timestamp) -> Option<(Trial, Key)> {
        if self.policy.password_login == PasswordLogin::Never {
            return None;
        }
        let mut checks: Vec<&Arc<Check>> = self.checks.values().collect();
        checks.sort_by_key(|check| (std::cmp::Reverse(check.protocol()), check.name()));
        checks.into_iter().find_map(|check| {
            let declared =
                self.policy.expectations.get(&check.mailbox.name).and_then(|said| said.password.clone());
            let candidates = [(Shown::Real, declared), (Shown::Wrong, Some(SecretRef::WrongPassword))];
            candidates.into_iter().find_map(|(shown, password)| {
                let trial = Trial { check: Arc::clone(check), password: password?, shown };
                let key = (proof::signal(shown), whose(&trial));
                (self.veto(&trial, &key, remembers, now).is_none()).then_some((trial, key))
            })
        })
    }

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
            stopped: self.contents.stopped.contains_key(&tenant(&check.mailbox)),
            last: self.contents.tried.get(key).copied(),
            hold: self.contents.hold,
            fresh: &[],
        };
        // Most are answered without looking at the evidence.
        if let Some(veto) = veto(&question, now) {
            return Some(veto);
        }
        let evidence = self.evidence(check, now);
        let interval = self.interval(check);
        let fresh: Vec<_> = evidence.iter().filter(|seen| judge::is_fresh(seen, interval, now)).collect();
        let question = Question { fresh: &fresh, ..question };
        veto(&question, now)
    }
}

/// A real password is tried once a day per check. The wrong one counts against the account, which several
/// mailboxes of the configuration may share, under whatever names.
fn whose(trial: &Trial) -> String {
    let mailbox = &trial.check.mailbox;
    match trial.shown {
        Shown::Real => trial.check.name().to_string(),
        Shown::Wrong => format!("{}/{}", tenant(mailbox).to_lowercase(), mailbox.username.to_lowercase()),
    }
}
