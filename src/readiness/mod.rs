//! Ready for the switch-off of passwords: per mailbox and protocol, from dated evidence, over time.
//!
//! Owns what is believed about passwords and for how long, and the rules by which one may be tried. Evidence
//! comes in by [`Readiness::record`] and from files; the board goes out. Not here: probing (`check`), metrics and
//! pages (`report`, `http`), when a password is tried (`trial`).

mod advice;
mod calendar;
mod caution;
mod contents;
mod import;
mod journal;
mod judge;
mod keeper;
mod memory;
mod proof;
mod score;
mod store;
mod tally;
#[cfg(test)]
mod tests;
mod trials;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::clock;
use crate::model::{
    Access, Basic, Board, Check, CheckName, Deadline, Evidence, Finding, Mailbox, Oauth, Observation,
    PasswordLogin, Plan, Policy, Protocol, Reason, Record, Signal, Standing, State, Use,
};

use self::contents::Contents;
use self::import::Imported;
use self::journal::Damage;
use self::judge::Case;
use self::keeper::Keeper;
use self::memory::Memory;
use self::store::{Opened, Planned, Store};

pub use calendar::moment;
pub use import::inspect;
pub use store::StoreError;
pub use trials::{Asker, Trial};

/// After memory was lost, no password is tried for as long as one may have been tried before.
const HOLD: SignedDuration = SignedDuration::from_hours(24);

/// What is known about passwords. Shared by `Arc`; no lock is held while a file is written but the file's own.
pub struct Readiness {
    known: Mutex<Known>,
    /// `None`: nothing survives a restart.
    keeper: Option<Keeper>,
    /// What is said of the memory on the board.
    memory: String,
    /// Another process keeps the memory: nothing may be tried that it does not know of.
    looking: bool,
}

/// What the plan wants and what has been seen.
struct Known {
    policy: Policy,
    checks: BTreeMap<CheckName, Arc<Check>>,
    /// Protocols that are looked at without being probed: those that nobody expects.
    unprobed: Vec<(Arc<Mailbox>, Protocol)>,
    calendar: Vec<Deadline>,
    imported: Imported,
    contents: Contents,
    /// Of the last probe: the interval in force, and why OAuth failed.
    probed: HashMap<CheckName, (Duration, Option<Reason>)>,
}

impl Readiness {
    /// Takes the state directory of the plan, where it has one, and reads what is remembered there.
    ///
    /// # Errors
    /// [`StoreError`] where the state directory cannot be used.
    pub fn open(plan: &Plan) -> Result<Self, StoreError> {
        Self::open_at(plan, clock::now())
    }

    /// [`Readiness::open`] at a given moment.
    ///
    /// # Errors
    /// As there.
    pub fn open_at(plan: &Plan, now: Timestamp) -> Result<Self, StoreError> {
        let Some(folder) = &plan.policy.state_dir else {
            let memory = "nothing survives a restart: no state_dir is configured".to_owned();
            return Ok(Self::with(plan, Contents::default(), None, memory));
        };
        let Opened { store, mut contents, damage, full } = Store::open(folder, planned(plan))?;
        let mut memory = format!("kept in {}", folder.display());
        if damage != Damage::default() {
            tracing::warn!(?damage, folder = %folder.display(), "the memory of readiness was damaged");
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

    /// Reads what is remembered without taking the state directory: an agent may be writing it. Nothing is
    /// remembered, and no password is tried.
    ///
    /// # Errors
    /// [`StoreError`] where the memory cannot be read.
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
            contents,
            probed: HashMap::new(),
        };
        let readiness = Self { known: Mutex::new(known), keeper, memory, looking: false };
        readiness.apply(plan);
        readiness
    }

    /// Takes a plan and reads its files anew. Checks that did not change keep their evidence. The state
    /// directory stays the one of the start. Blocks.
    pub fn apply(&self, plan: &Plan) {
        let mut seen = self.known().contents.imports.clone();
        // Without the lock: the files may be long and their disk slow, and probes are being recorded.
        let imported = import::import(plan, |hash, modified| {
            let first = seen.entry(hash.to_owned()).or_insert(modified);
            *first = modified.min(*first);
            *first
        });
        {
            let mut known = self.known();
            known.contents.imports = seen;
            known.apply(plan, imported);
            if plan.policy.password_login == PasswordLogin::Never {
                // Nobody wants a password tried: whoever asks for it again has looked into the locks.
                known.contents.stopped.clear();
            }
        }
        self.rewrite();
    }

    /// Takes in what a probe saw; `interval` is the one now in force.
    pub fn record(&self, seen: &Observation, interval: Duration) {
        let name = seen.check.name();
        let mut known = self.known();
        if !known.checks.contains_key(&name) {
            return;
        }
        let memory = known.contents.checks.get(&name);
        if memory.is_some_and(|memory| memory.identity != identity(&seen.check)) {
            // Begun before the configuration changed.
            return;
        }
        let reason = seen.outcome.failure().map(|failure| failure.cause.reason);
        known.probed.insert(name.clone(), (interval, reason));
        if known.policy.password_login != PasswordLogin::Never
            && let Some(failure) = seen.outcome.failure()
            && proof::stops(seen, matches!(seen.check.access, Access::Password { .. }))
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
    }

    /// Everything that is known, judged as of now.
    pub fn board(&self, now: Timestamp) -> Board {
        let known = self.known();
        let mut standings: Vec<Standing> =
            known.checks.values().map(|check| known.probed_standing(check, now)).collect();
        standings.extend(
            known.unprobed.iter().map(|(mailbox, protocol)| known.unprobed_standing(mailbox, *protocol)),
        );
        standings.sort_by(|a, b| a.name.cmp(&b.name));
        let stopped = known.contents.stopped.iter();
        Board {
            scores: score::scores(&standings, now),
            standings,
            calendar: known.calendar.clone(),
            imports: known.imported.reports.clone(),
            memory: self.memory(),
            keeping: self.keeper.as_ref().map(Keeper::keeping),
            stopped: stopped.map(|(tenant, (at, note))| (tenant.clone(), *at, note.clone())).collect(),
        }
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

    /// Writes down what has changed since it was last written. Blocks.
    pub fn flush(&self) {
        let Some(keeper) = &self.keeper else { return };
        let due = {
            let mut store = keeper.store();
            if !store.is_due() {
                // Also without a change: whether the journal still is in its place shows only so.
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

    /// All that is to be written.
    fn everything(&self) -> Vec<contents::Entry> {
        let mut known = self.known();
        drop(known.contents.changes());
        known.contents.snapshot()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        locked(&self.known)
    }
}

impl Known {
    fn apply(&mut self, plan: &Plan, mut imported: Imported) {
        imported.keep(&self.imported);
        self.imported = imported;
        self.policy = plan.policy.clone();
        self.calendar = plan.policy.calendar.clone().unwrap_or_else(calendar::shipped);
        self.checks = plan.checks.iter().map(|check| (check.name(), Arc::clone(check))).collect();
        self.unprobed = unprobed(plan);
        for (name, check) in &self.checks {
            let identity = identity(check);
            let memory = self.contents.checks.entry(name.clone()).or_default();
            if memory.identity != identity {
                *memory = Memory::of(identity);
            }
        }
        let checks = &self.checks;
        self.probed.retain(|name, _| checks.contains_key(name));
        self.contents.forget(clock::now(), |name| checks.contains_key(name));
    }

    /// All evidence of one check: remembered, imported, and of the calendar.
    fn evidence(&self, check: &Check, now: Timestamp) -> Vec<Evidence> {
        let name = check.name();
        let remembered =
            self.contents.checks.get(&name).into_iter().flat_map(|memory| memory.evidence.values());
        let imported = self.imported.of(&name);
        let dates = calendar::evidence(calendar::of(&self.calendar, check, name.protocol), now);
        remembered.chain(imported).cloned().chain(dates).collect()
    }

    fn interval(&self, check: &Check) -> Duration {
        self.probed.get(&check.name()).map_or(check.interval, |(interval, _)| *interval)
    }

    fn probed_standing(&self, check: &Check, now: Timestamp) -> Standing {
        let name = check.name();
        let (mailbox, protocol) = (&check.mailbox, name.protocol);
        let record =
            self.contents.checks.get(&name).map(|memory| memory.tally.record(now)).unwrap_or_default();
        let evidence = self.evidence(check, now);
        let case = Case {
            expected: self.policy.expects(&mailbox.name, protocol),
            by_token: matches!(check.access, Access::Token { .. }),
            interval: self.interval(check),
            steady: record.steady,
            offer_refutes: proof::offer_refutes_calendar(check),
            evidence: &evidence,
        };
        let judged = judge::judge(&case, now);
        let mut standing = Standing {
            mailbox: Arc::clone(mailbox),
            tenant: tenant(mailbox),
            basic: judged.basic,
            oauth: judged.oauth,
            usage: judged.usage,
            state: judged.state,
            reason: self.probed.get(&name).and_then(|(_, reason)| *reason),
            evidence: judged.exhibits,
            record,
            deadline: calendar::next(calendar::of(&self.calendar, check, protocol), now),
            advice: String::new(),
            name,
        };
        standing.advice = advice::advice(&standing);
        standing
    }

    fn unprobed_standing(&self, mailbox: &Arc<Mailbox>, protocol: Protocol) -> Standing {
        let mut standing = Standing {
            name: CheckName { mailbox: Arc::clone(&mailbox.name), protocol },
            mailbox: Arc::clone(mailbox),
            tenant: tenant(mailbox),
            basic: Basic::Unknown,
            oauth: Oauth::Unknown,
            usage: Use::Unknown,
            state: State::NotExpected,
            reason: None,
            evidence: Vec::new(),
            record: Record::default(),
            deadline: None,
            advice: String::new(),
        };
        standing.advice = advice::advice(&standing);
        standing
    }
}

/// The tenant, as `mailbox_check_info` has it.
fn tenant(mailbox: &Mailbox) -> String {
    mailbox.credential.grant.tenant().unwrap_or_default().to_owned()
}

fn unprobed(plan: &Plan) -> Vec<(Arc<Mailbox>, Protocol)> {
    let probed = |mailbox: &Mailbox, protocol| {
        plan.checks.iter().any(|check| check.mailbox.name == mailbox.name && check.protocol() == protocol)
    };
    let mailboxes = plan.mailboxes.iter().filter_map(|mailbox| {
        let said = plan.policy.expectations.get(&mailbox.name)?;
        Some(said.not_expected.iter().map(move |protocol| (Arc::clone(mailbox), *protocol)))
    });
    mailboxes.flatten().filter(|(mailbox, protocol)| !probed(mailbox, *protocol)).collect()
}

fn planned(plan: &Plan) -> Planned {
    let names: HashSet<CheckName> = plan.checks.iter().map(|check| check.name()).collect();
    Arc::new(move |name| names.contains(name))
}

/// What makes a check the one of which something was learnt: whose mailbox, at which server, by which credential.
fn identity(check: &Check) -> String {
    let mailbox = &check.mailbox;
    let grant = &mailbox.credential.grant;
    let parts = [
        &*mailbox.address,
        &*mailbox.username,
        &check.endpoint.to_string(),
        grant.label(),
        grant.tenant().unwrap_or_default(),
        grant.client_id().unwrap_or_default(),
    ];
    let digest = Sha256::digest(parts.join("\0"));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A lock whose holder panicked is still a good lock: every change under it is one insertion.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
