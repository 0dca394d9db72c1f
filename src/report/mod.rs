//! Records observations: in the log, in the metrics, and in the history.
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
mod minute;
mod past;
mod past_file;
mod per_check;
mod per_credential;
mod per_readiness;
pub mod readiness_json;
#[cfg(test)]
mod reload_tests;
mod sample;
#[cfg(test)]
pub(crate) mod samples;
pub mod sheet;
#[cfg(test)]
mod tests;
pub mod text;
mod user_tokens;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock;
use crate::files;
use crate::model::{CheckName, DirectoryEnds, Observation, Overview, Plan, Protocol, TokenReport};
use crate::version;

use exposition::Page;
use history::{History, Noted};
use metrics::Metrics;
use minute::Counted;
use per_check::Mailboxes;

pub use configuration::ConfigurationRecord;
pub use credentials::{CredentialRecord, TokenRecord, TokenRequest};
pub use exposition::Exposition;
pub use families::{FAMILIES, Family, Kind};
pub use history::CheckRecord;
pub use metrics::{Dropped, ServerRecord};
pub use past::{Glance, Past, RECENT};
pub use user_tokens::UserTokens;

/// The values of the label `outcome`.
const SUCCESS: &str = "success";
const FAILURE: &str = "failure";

/// Logs an observation that is recorded nowhere else, for those who ask for every line.
pub fn log_observation(observation: &Observation) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        log::probe(observation, false);
    }
}

/// Logs a token request of which nothing else is recorded, for those who ask for every line.
pub fn log_token_request(report: &TokenReport) {
    if tracing::enabled!(tracing::Level::DEBUG) {
        log::token(report);
    }
}

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
    counted: Mutex<Counted>,
    /// Locked shared while one observation is recorded in several places, and exclusively while the plan
    /// changes. No observation is recorded half under the old plan and half under the new one.
    plan: RwLock<()>,
}

/// What other parts know at the moment at which a page is written.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// The readiness of all mailboxes.
    pub overview: Overview,
    /// Running probes.
    pub in_flight: usize,
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
            counted: Mutex::new(Counted::start()),
            plan: RwLock::default(),
        }
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

    /// Records an observation: in the log, metrics, history. False if its check is not in the plan; it is then
    /// only logged.
    pub fn record(&self, observation: impl Into<Arc<Observation>>) -> bool {
        let observation = observation.into();
        let noted = {
            let _plan = self.plan.read().unwrap_or_else(PoisonError::into_inner);
            let noted = self.history.note(&observation.check.name(), &observation);
            if noted != Noted::Unplanned {
                self.metrics.note_probe(&observation);
            }
            noted
        };
        let is_news = noted != Noted::AsBefore;
        log::probe(&observation, is_news);
        locked(&self.counted).note(&observation, is_news);
        noted != Noted::Unplanned
    }

    /// Logs what the last minute brought, once it is over. To be called every few seconds.
    pub fn tell_of_last_minute(&self) {
        let minute = locked(&self.counted).take();
        if let Some(minute) = minute {
            let failing =
                self.history.records().iter().filter(|record| record.failing_since().is_some()).count();
            log::summary(&minute, failing);
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

    /// Records the dates that files of credentials hold, or why they hold none.
    pub fn declare_ends(&self, dates: BTreeMap<Arc<str>, Result<Timestamp, String>>) {
        self.credentials.declare(dates);
    }

    /// Records what a directory says about the ends of secrets and certificates.
    pub fn note_directory(&self, directory: &Arc<str>, ends: DirectoryEnds) {
        self.credentials.note_directory(directory, ends);
    }

    /// Saves the past of every check to the state directory. Blocks the thread for a bounded time.
    pub fn save_past(&self, folder: &Path) {
        if let Err(fault) = past_file::save(folder, self.history.kept()) {
            tracing::warn!(%fault, file = %folder.join(past_file::NAME).display(), "the past of the checks could not be saved: pages forget it at a restart");
        }
    }

    /// Takes over the past that an earlier run saved. A file that cannot be read is ignored. Blocks the thread for a
    /// bounded time.
    pub fn restore_past(&self, folder: &Path) {
        match past_file::load(folder, self.history.planned()) {
            Ok(kept) => self.history.restore(kept),
            Err(fault) => {
                tracing::warn!(%fault, file = %folder.join(past_file::NAME).display(), "the saved past of the checks cannot be read and is ignored: pages begin anew");
            }
        }
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
    pub fn render(&self, exposition: Exposition, live: &Live, out: &mut dyn Write) -> io::Result<()> {
        let mut page = Page::new(exposition, out);
        per_check::write(&self.history.records(), &mut page)?;
        let mailboxes = Arc::clone(&locked(&self.mailboxes));
        mailboxes.write(&mut page, |_| true)?;
        self.metrics.write_round_trips(&mut page)?;
        self.metrics.write_servers(&mut page)?;
        per_credential::write(&self.credentials.records(), &mut page)?;
        self.metrics.write_tokens(&mut page)?;
        per_readiness::write(&live.overview, &mut page)?;
        per_check::write_reasons(&mut page)?;
        let build = [version::VERSION, version::REVISION, std::env::consts::OS, std::env::consts::ARCH];
        page.family(&families::BUILD_INFO, |series| series.add(&build, 1.0))?;
        self.configuration.write(&mut page)?;
        per_readiness::write_keeping(live.overview.keeping, &mut page)?;
        page.family(&families::FILES_HANGING, |series| series.add(&[], files::hanging() as f64))?;
        self.metrics.write_program(live.in_flight, &mut page)?;
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

    /// Everything the pages show, as of now. `in_flight` is the number of running probes.
    pub fn facts(&self, in_flight: usize) -> Facts {
        Facts {
            now: clock::now(),
            started_at: self.started_at,
            checks: self.checks(),
            credentials: self.credentials(),
            servers: self.metrics.servers(),
            configuration: self.configuration.record(),
            in_flight,
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

/// The guarded values stay valid if the holder of the lock panics: every change is one assignment or one
/// push. To stop recording because of one panic would be worse.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
