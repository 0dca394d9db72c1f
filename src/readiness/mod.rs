//! Readiness for the switch-off of passwords: judged per mailbox and protocol from dated evidence.
//!
//! Owns which evidence counts, for how long, and when a password may be tried. Evidence arrives through
//! [`Readiness::record`] and from the plan's imports; the result is the board. Not here: probing (`check`), metrics and
//! pages (`report`, `http`), running trials (`password_trials`).

mod advice;
mod calendar;
mod caution;
mod conflict;
mod contents;
mod directories;
mod imported;
mod journal;
mod judge;
mod keeper;
mod known;
mod memory;
mod overview;
mod proof;
mod saving;
mod score;
mod sorted;
mod store;
mod tally;
#[cfg(test)]
mod tests;
mod trials;
mod unprobed;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::model::{
    Access, Board, Check, CheckName, FeedReading, Finding, Observation, PasswordLogin, Plan, Policy,
    Protocol, Signal, Standing,
};

use self::contents::Contents;
use self::directories::Directories;
use self::imported::Imported;
use self::journal::Damage;
use self::keeper::Keeper;
use self::known::{Known, tenant};
use self::store::{Opened, Planned, Store};

pub use calendar::{applies, calendar, moment};
pub use store::StoreError;
pub use trials::{Asker, Trial};

/// After a loss of state, no password is tried for as long as an earlier trial would forbid it.
const HOLD: SignedDuration = SignedDuration::from_hours(24);

/// What is known about passwords. Shared by `Arc`. Only the store's own lock is held during a write to disk.
pub struct Readiness {
    known: Mutex<Known>,
    /// `None`: the state does not survive a restart.
    keeper: Option<Keeper>,
    /// Where the state is saved, in words for the board.
    memory: String,
    /// Another process owns the state directory, so no password may be tried here.
    looking: bool,
}

impl Readiness {
    /// Locks the plan's state directory, if it has one, and loads the saved state.
    ///
    /// # Errors
    /// [`StoreError`] if the state directory cannot be used.
    pub fn open(plan: &Plan) -> Result<Self, StoreError> {
        Self::open_at(plan, clock::now())
    }

    /// Like [`Readiness::open`], at a given time.
    ///
    /// # Errors
    /// See [`Readiness::open`].
    pub fn open_at(plan: &Plan, now: Timestamp) -> Result<Self, StoreError> {
        let Some(folder) = &plan.policy.state_dir else {
            let memory = "nothing survives a restart: no state_dir is configured".to_owned();
            return Ok(Self::with(plan, Contents::default(), None, memory));
        };
        let Opened { store, mut contents, damage, full } = Store::open(folder, planned(plan))?;
        let mut memory = format!("kept in {}", folder.display());
        if damage != Damage::default() {
            tracing::warn!(?damage, folder = %folder.display(), "the saved state of readiness was damaged");
        }
        if damage.is_loss() {
            memory += "; some of it could not be read, and no password is tried for 24 h";
            contents.hold = contents.hold.max(now.checked_add(HOLD).ok());
        }
        contents.born = Some(contents.born.map_or(now, |born| born.min(now)));
        contents.checks.values_mut().for_each(|memory| memory.correct(now));
        let keeper = Keeper::new(folder.clone(), store, full);
        Ok(Self::with(plan, contents, Some(keeper), memory))
    }

    /// Loads the saved state without locking the state directory, because an agent may be writing to it.
    /// Saves nothing, and allows no password trials.
    ///
    /// # Errors
    /// [`StoreError`] if the saved state cannot be read.
    pub fn look(plan: &Plan) -> Result<Self, StoreError> {
        let folder = plan.policy.state_dir.as_deref().unwrap_or(std::path::Path::new(""));
        let mut contents = store::look(folder, planned(plan))?;
        let now = clock::now();
        contents.checks.values_mut().for_each(|memory| memory.correct(now));
        let memory = format!("read from {}, which an agent is writing; nothing is added", folder.display());
        let looking = Self { looking: true, ..Self::with(plan, contents, None, memory) };
        Ok(looking)
    }

    fn with(plan: &Plan, contents: Contents, keeper: Option<Keeper>, memory: String) -> Self {
        let known = Known {
            policy: Policy::default(),
            checks: BTreeMap::new(),
            unprobed: Vec::new(),
            calendar: Vec::new(),
            imported: Imported::default(),
            directories: Directories::default(),
            contents,
            probed: HashMap::new(),
        };
        let readiness = Self { known: Mutex::new(known), keeper, memory, looking: false };
        readiness.apply(plan);
        readiness
    }

    /// Switches to a new plan. Unchanged checks keep their evidence. The state directory stays the same. Blocks
    /// the thread.
    pub fn apply(&self, plan: &Plan) {
        {
            let mut known = self.known();
            known.apply(plan);
            if plan.policy.password_login == PasswordLogin::Never {
                // Password trials are off now. If they are allowed again later, the operator has looked into
                // the locked accounts.
                known.contents.stopped.clear();
            }
        }
        self.rewrite();
    }

    /// Records an observation; `interval` is the one in force.
    pub fn record(&self, seen: &Observation, interval: Duration) {
        let name = seen.check.name();
        let mut known = self.known();
        if !known.checks.contains_key(&name) {
            return;
        }
        let memory = known.contents.checks.get(&name);
        if memory.is_some_and(|memory| memory.identity != identity(&seen.check)) {
            // The probe began before the configuration changed.
            return;
        }
        let reason = seen.outcome.failure().map(|failure| failure.cause.reason);
        known.probed.insert(name.clone(), (interval, reason));
        if known.policy.password_login != PasswordLogin::Never
            && let Some(failure) = seen.outcome.failure()
            && proof::stops(seen, matches!(seen.check.access, Access::Password(_)))
        {
            known.stop(&seen.check, seen.started_at, &failure.cause.detail);
        }
        let now = clock::now();
        let memory = known.contents.checks.entry(name).or_default();
        for evidence in proof::of_probe(seen) {
            if evidence.signal == Signal::OauthLogin {
                memory.count(evidence.at, evidence.finding == Finding::OauthWorks, now);
            }
            memory.note(evidence, now);
        }
        if self.keeper.is_none() {
            // Without a keeper it is never saved.
            memory.unsaved = None;
        }
    }

    /// Records how a reading of a directory went: the source, and what was read or why not. What was read last
    /// counts until a later reading is complete.
    pub fn note_directory(&self, source: &str, outcome: Result<FeedReading, String>) {
        let mut known = self.known();
        let Known { directories, checks, contents, .. } = &mut *known;
        directories.note(source, outcome, checks.values());
        directories.remember(checks, &mut contents.checks, clock::now());
        if self.keeper.is_none() {
            contents.changes();
        }
    }

    /// Judges all checks as of `now`.
    pub fn board(&self, now: Timestamp) -> Board {
        let known = self.known();
        let mut standings: Vec<Standing> =
            known.checks.values().map(|check| known.probed_standing(check, now)).collect();
        standings
            .extend(known.unprobed.iter().map(|(mailbox, protocol)| unprobed::standing(mailbox, *protocol)));
        standings.sort_by(|a, b| a.name.cmp(&b.name));
        let stopped = known.contents.stopped.iter();
        Board {
            scores: score::of_board(&standings, now),
            standings,
            calendar: known.calendar.clone(),
            imports: known.imported.reports().cloned().chain(known.directories.reports()).collect(),
            sources: known.sources(),
            memory: self.memory(),
            keeping: self.keeper.as_ref().map(Keeper::keeping),
            stopped: stopped.map(|(tenant, (at, note))| (tenant.clone(), *at, note.clone())).collect(),
        }
    }

    /// Judges the checks of one mailbox as of `now`.
    pub fn standings_of(&self, mailbox: &str, now: Timestamp) -> Vec<Standing> {
        let (known, mailbox) = (self.known(), Arc::<str>::from(mailbox));
        let name = |protocol: &Protocol| CheckName { mailbox: Arc::clone(&mailbox), protocol: *protocol };
        let checks = Protocol::ALL.iter().filter_map(|protocol| known.checks.get(&name(protocol)));
        checks.map(|check| known.probed_standing(check, now)).collect()
    }

    fn memory(&self) -> String {
        match self.keeper.as_ref().and_then(Keeper::fault) {
            Some(fault) => {
                format!(
                    "{}, which cannot be written now: what is seen is lost at a restart ({fault})",
                    self.memory
                )
            }
            None => self.memory.clone(),
        }
    }

    /// Saves the changes since the last save. Blocks the thread.
    pub fn flush(&self) {
        let Some(keeper) = &self.keeper else { return };
        let due = {
            let mut store = keeper.store();
            if !store.is_due() {
                // Even without changes, to detect that the journal was removed.
                let changes = self.known().contents.changes();
                keeper.note(&store.append(&changes));
            }
            store.is_due()
        };
        if due {
            self.rewrite();
        }
    }

    fn rewrite(&self) {
        let Some(keeper) = &self.keeper else { return };
        let mut store = keeper.store();
        let entries = self.everything();
        keeper.note(&store.rewrite(entries));
    }

    /// Entries for the complete state.
    fn everything(&self) -> Vec<contents::Entry> {
        let mut known = self.known();
        drop(known.contents.changes());
        known.contents.snapshot()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        locked(&self.known)
    }
}

fn planned(plan: &Plan) -> Planned {
    let names: HashSet<CheckName> = plan.mail_checks().map(|check| check.name()).collect();
    Arc::new(move |name| names.contains(name))
}

/// Identifies what evidence belongs to: mailbox, server and credential.
fn identity(check: &Check) -> String {
    let mailbox = &check.mailbox;
    let credential = &mailbox.credential;
    let parts = [
        &*mailbox.address,
        &*mailbox.username,
        &check.endpoint.to_string(),
        credential.label(),
        credential.tenant().unwrap_or_default(),
        credential.client_id().unwrap_or_default(),
    ];
    let digest = Sha256::digest(parts.join("\0"));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The guarded values stay valid if the holder of the lock panics: every change is one insertion.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
