//! Records observations: as a log line, in the metrics, and in the history.
//!
//! Owns the recorded state and its form for Prometheus. Not here: judging answers (`diagnosis`), deciding
//! when to probe (`schedule`), pages (`http`).

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

/// The values of the label `outcome`.
const SUCCESS: &str = "success";
const FAILURE: &str = "failure";

/// The state that every probe writes and every page reads. Shared by `Arc`. Any task may call any method; no
/// lock is held for longer than a copy.
///
/// The state of a check is in a record that exists only while the check is in the plan, so no series
/// outlives its check.
pub struct Report {
    started_at: Timestamp,
    mailboxes: Mutex<Arc<Mailboxes>>,
    history: History,
    credentials: credentials::Credentials,
    configuration: configuration::Configuration,
    metrics: Metrics,
    /// Locked shared while one observation is recorded in several places, and exclusively while the plan
    /// changes. No observation is recorded half under the old plan and half under the new one.
    plan: RwLock<()>,
    witness: OnceLock<Witness>,
}

/// Receives an observation and the interval in force.
pub type Saw = Box<dyn Fn(&Observation, Duration) + Send + Sync>;
/// Judges all mailboxes at a given time.
pub type Stands = Box<dyn Fn(Timestamp) -> Board + Send + Sync>;

/// The connection to readiness, which judges how far mailboxes are from working without passwords.
pub struct Witness {
    /// Receives every observation of a check in the plan, with the interval in force.
    pub saw: Saw,
    /// Returns the board at a given time.
    pub board: Stands,
}

/// Everything the pages show, at one moment.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When the facts were collected.
    pub now: Timestamp,
    pub started_at: Timestamp,
    /// Every check, by mailbox and protocol.
    pub checks: Vec<Arc<CheckRecord>>,
    /// Every credential of the plan, by name.
    pub credentials: Vec<CredentialRecord>,
    /// Every mail server that has been spoken to, by name.
    pub servers: Vec<ServerRecord>,
    /// The configuration in force.
    pub configuration: ConfigurationRecord,
    /// Running probes.
    pub in_flight: usize,
    /// Due times that were skipped.
    pub skipped: u64,
}

impl Report {
    /// An empty report for the checks and credentials of a plan.
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

    /// Connects readiness; it then receives every observation. Later calls have no effect.
    pub fn call(&self, witness: Witness) {
        // The cell is set already: the first call wins.
        drop(self.witness.set(witness));
    }

    /// The readiness of the mailboxes; empty without a connection to readiness.
    pub fn readiness(&self) -> Board {
        self.witness.get().map(|witness| (witness.board)(clock::now())).unwrap_or_default()
    }

    /// Switches to a new plan. Records and counts stay for every name that stays. The series of removed
    /// checks end here, and late observations cannot bring them back.
    pub fn apply(&self, plan: &Plan) {
        let _alone = self.plan.write().unwrap_or_else(PoisonError::into_inner);
        *locked(&self.mailboxes) = Arc::new(Mailboxes::new(plan));
        self.history.apply(plan);
        self.credentials.apply(plan);
        self.configuration.apply(plan);
        self.metrics.apply(plan);
    }

    /// Records that a reload failed because of faults; the plan stays in force.
    pub fn reload_refused(&self) {
        self.configuration.refuse();
    }

    /// Records an observation: one log line, metrics, history.
    ///
    /// An observation of a check outside the plan is only logged.
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

    /// Records a token request: one log line, metrics, the credential's state.
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

    /// Counts a skipped due time.
    pub fn tick_skipped(&self) {
        self.metrics.tick_skipped();
    }

    /// Counts an HTTP connection that was closed early.
    pub fn connection_dropped(&self, cause: Dropped) {
        self.metrics.connection_dropped(cause);
    }

    /// Records the interval at which a check is now probed, stretched or not.
    pub fn interval_in_force(&self, name: &CheckName, interval: Duration) {
        self.history.interval_in_force(name, interval);
    }

    /// Writes the page for Prometheus. Blocks while writing: pass memory or a buffered writer.
    ///
    /// # Errors
    /// Errors of `out`.
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

    /// Writes the metrics of some checks of one mailbox, and nothing else.
    ///
    /// # Errors
    /// Errors of `out`.
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

    /// The checks of one mailbox; empty if the plan does not contain it.
    pub fn mailbox(&self, name: &str) -> Vec<Arc<CheckRecord>> {
        let mailbox: Arc<str> = name.into();
        let named = |protocol: &Protocol| CheckName { mailbox: Arc::clone(&mailbox), protocol: *protocol };
        Protocol::ALL.iter().filter_map(|protocol| self.history.record(&named(protocol))).collect()
    }

    /// The configuration in force.
    pub fn configuration(&self) -> ConfigurationRecord {
        self.configuration.record()
    }

    /// The names of mailboxes that have checks, in order; a name appears once per check.
    pub fn names(&self) -> Vec<Arc<str>> {
        self.history.names()
    }

    /// The record of one check.
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

/// The guarded values stay valid if the holder of the lock panics: every change is one assignment or one
/// push. To stop recording because of one panic would be worse.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
