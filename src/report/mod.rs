//! Where an observation is written down: one log line, the metrics, the history.
//!
//! Owns what is remembered and how Prometheus reads it. Not here: judging an answer (`diagnosis`),
//! deciding when to probe (`schedule`), pages (`http`).

mod configuration;
mod credentials;
mod exposition;
mod families;
mod history;
pub mod json;
mod log;
mod metrics;
mod openmetrics;
mod per_check;
mod per_credential;
mod per_readiness;
pub mod readiness_json;
#[cfg(test)]
mod reload_tests;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
pub mod text;

use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock;
use crate::files;
use crate::model::{Board, CheckName, Observation, Plan, Protocol, TokenReport};

use exposition::Page;
use history::History;
use metrics::Metrics;
use per_check::Mailboxes;

pub use configuration::ConfigurationRecord;
pub use credentials::{CredentialRecord, TokenRecord, TokenRequest};
pub use exposition::Exposition;
pub use families::{FAMILIES, Family, Kind};
pub use history::{CheckRecord, Glance, RECENT};
pub use metrics::{Dropped, ServerRecord};

/// The two values of every `outcome` label.
const SUCCESS: &str = "success";
/// The other one.
const FAILURE: &str = "failure";

/// The book that every probe writes into and every page reads from. Shared by `Arc`; any task may
/// call any method, no lock is held for longer than a copy.
///
/// What is kept per check is keyed by its name and lives in records of the plan's checks alone, so
/// that no series can outlive its check.
pub struct Report {
    started_at: Timestamp,
    mailboxes: Mutex<Arc<Mailboxes>>,
    history: History,
    credentials: credentials::Credentials,
    configuration: configuration::Configuration,
    metrics: Metrics,
    /// Held by whoever writes one thing down in several places; alone by whoever exchanges the plan. So
    /// nothing is written down half under the old plan and half under the new one.
    plan: RwLock<()>,
    witness: OnceLock<Witness>,
}

/// Is told of an observation, and of the interval in force.
pub type Saw = Box<dyn Fn(&Observation, Duration) + Send + Sync>;
/// Says how everything stands at a moment.
pub type Stands = Box<dyn Fn(Timestamp) -> Board + Send + Sync>;

/// Who makes of what is recorded how far the mailboxes are from doing without passwords.
pub struct Witness {
    /// Is told of every observation of a check in the plan, with the interval in force.
    pub saw: Saw,
    /// How everything stands at that moment.
    pub board: Stands,
}

/// Everything the pages show, as of one moment.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When the facts were taken.
    pub now: Timestamp,
    /// When the program started.
    pub started_at: Timestamp,
    /// Every check, by mailbox and protocol.
    pub checks: Vec<Arc<CheckRecord>>,
    /// Every credential of the plan, by name.
    pub credentials: Vec<CredentialRecord>,
    /// Every mail server that has been spoken to, by name.
    pub servers: Vec<ServerRecord>,
    /// The configuration in force.
    pub configuration: ConfigurationRecord,
    /// Probes running now.
    pub in_flight: usize,
    /// Due times that passed without a probe.
    pub skipped: u64,
}

impl Report {
    /// An empty book for the checks and credentials of a plan.
    pub fn new(plan: &Plan) -> Self {
        Self {
            started_at: clock::now(),
            mailboxes: Mutex::new(Arc::new(Mailboxes::new(plan))),
            history: History::new(plan),
            credentials: credentials::Credentials::new(plan),
            configuration: configuration::Configuration::new(plan),
            metrics: Metrics::new(plan),
            plan: RwLock::default(),
            witness: OnceLock::new(),
        }
    }

    /// Has somebody told of every observation from now on; the first one called stays.
    pub fn call(&self, witness: Witness) {
        // A second one would tell the same.
        drop(self.witness.set(witness));
    }

    /// How far the mailboxes are from doing without passwords; empty where nobody judges it.
    pub fn readiness(&self) -> Board {
        self.witness.get().map(|witness| (witness.board)(clock::now())).unwrap_or_default()
    }

    /// Goes on by another plan. Whatever has kept its name keeps its counts and its past; the series of
    /// what is gone end here, and nothing that comes in later for it brings them back.
    pub fn apply(&self, plan: &Plan) {
        let _alone = self.plan.write().unwrap_or_else(PoisonError::into_inner);
        *locked(&self.mailboxes) = Arc::new(Mailboxes::new(plan));
        self.history.apply(plan);
        self.credentials.apply(plan);
        self.configuration.apply(plan);
        self.metrics.apply(plan);
    }

    /// Remembers that a configuration was refused for its faults; the plan stays.
    pub fn reload_refused(&self) {
        self.configuration.refuse();
    }

    /// Writes an observation down: one log line, metrics, history.
    ///
    /// One of a check that is not in the plan is logged and otherwise forgotten.
    pub fn record(&self, observation: Observation) {
        log::probe(&observation);
        let observation = Arc::new(observation);
        let _plan = self.plan.read().unwrap_or_else(PoisonError::into_inner);
        let name = observation.check.name();
        if self.history.note(&name, &observation) {
            self.metrics.note_probe(&observation);
            if let Some((witness, record)) = self.witness.get().zip(self.history.record(&name)) {
                (witness.saw)(&observation, record.interval);
            }
        }
    }

    /// Writes down what a token request brought: one log line, metrics, the credential's state.
    pub fn record_token(&self, report: &TokenReport) {
        log::token(report);
        let _plan = self.plan.read().unwrap_or_else(PoisonError::into_inner);
        if self.credentials.note(report) {
            self.metrics.note_token(report);
        }
    }

    /// Counts a probe as running until the guard is dropped.
    #[must_use = "the probe counts as running only while the guard lives"]
    pub fn probe_started(&self) -> InFlight {
        InFlight::new(self.metrics.in_flight())
    }

    /// Counts a due time that passed without a probe.
    pub fn tick_skipped(&self) {
        self.metrics.tick_skipped();
    }

    /// Counts an HTTP connection that was ended early.
    pub fn connection_dropped(&self, cause: Dropped) {
        self.metrics.connection_dropped(cause);
    }

    /// Says that a check is now probed at this interval, stretched or not.
    pub fn interval_in_force(&self, name: &CheckName, interval: Duration) {
        self.history.interval_in_force(name, interval);
    }

    /// Writes the page that Prometheus reads. Blocks while it writes: give it memory or a buffered writer.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn render(&self, exposition: Exposition, out: &mut dyn Write) -> io::Result<()> {
        let mut page = Page::new(exposition, out);
        per_check::write(&self.history.records(), &mut page)?;
        let mailboxes = Arc::clone(&locked(&self.mailboxes));
        mailboxes.write(&mut page, |_| true)?;
        self.metrics.write_servers(&mut page)?;
        per_credential::write(&self.credentials.records(), &mut page)?;
        self.metrics.write_tokens(&mut page)?;
        let board = self.readiness();
        per_readiness::write(&board, &mut page)?;
        let build = [env!("CARGO_PKG_VERSION"), std::env::consts::OS, std::env::consts::ARCH];
        page.family(&families::BUILD_INFO, |series| series.add(&build, 1.0))?;
        self.configuration.write(&mut page)?;
        per_readiness::write_keeping(board.keeping, &mut page)?;
        page.family(&families::FILES_HANGING, |series| series.add(&[], files::hanging() as f64))?;
        self.metrics.write_program(&mut page)?;
        page.finish()
    }

    /// Writes what Prometheus reads of some checks of one mailbox, and of nothing else.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn render_mailbox(
        &self,
        checks: &[Arc<CheckRecord>],
        exposition: Exposition,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut page = Page::new(exposition, out);
        per_check::write(checks, &mut page)?;
        let named = |name: &str| checks.iter().any(|record| *record.check.mailbox.name == *name);
        let mailboxes = Arc::clone(&locked(&self.mailboxes));
        mailboxes.write(&mut page, named)?;
        page.finish()
    }

    /// Everything the pages show, as of now.
    pub fn facts(&self) -> Facts {
        Facts {
            now: clock::now(),
            started_at: self.started_at,
            checks: self.checks(),
            credentials: self.credentials(),
            servers: self.metrics.servers(),
            configuration: self.configuration.record(),
            in_flight: self.metrics.in_flight().load(Ordering::Relaxed),
            skipped: self.metrics.skipped(),
        }
    }

    /// Every check, by mailbox and protocol.
    pub fn checks(&self) -> Vec<Arc<CheckRecord>> {
        self.history.records()
    }

    /// Every credential of the plan, by name.
    pub fn credentials(&self) -> Vec<CredentialRecord> {
        self.credentials.records()
    }

    /// The checks of one mailbox; none where no mailbox of the plan has that name.
    pub fn mailbox(&self, name: &str) -> Vec<Arc<CheckRecord>> {
        let mailbox: Arc<str> = name.into();
        let named = |protocol: &Protocol| CheckName { mailbox: Arc::clone(&mailbox), protocol: *protocol };
        Protocol::ALL.iter().filter_map(|protocol| self.history.record(&named(protocol))).collect()
    }

    /// The configuration in force.
    pub fn configuration(&self) -> ConfigurationRecord {
        self.configuration.record()
    }

    /// The names of mailboxes that have checks, in order; one may stand several times.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.history.names()
    }

    /// What is known of one check.
    pub fn check(&self, name: &CheckName) -> Option<Arc<CheckRecord>> {
        self.history.record(name)
    }
}

/// A running probe, for as long as it lives.
#[derive(Debug)]
pub struct InFlight(Arc<AtomicUsize>);

impl InFlight {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A lock whose holder panicked is still a good lock here: every change under it is one assignment
/// or one push, and a monitor that stops remembering because of one panic would be worse.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
