//! The configuration in force: its shard, since when it holds, and whether the last reload succeeded.
//!
//! Not here: reading the configuration.

use std::io;
use std::sync::Mutex;

use jiff::Timestamp;

use crate::clock;
use crate::model::{Plan, Shard};

use super::exposition::{Page, timestamp};
use super::families;
use super::locked;

/// The configuration in force.
#[derive(Debug, Clone, Copy)]
pub struct ConfigurationRecord {
    /// This agent's shard of the mailboxes.
    pub shard: Shard,
    pub checks: usize,
    pub read_at: Timestamp,
    /// When the last reload failed; `None` after a successful one.
    pub refused_at: Option<Timestamp>,
}

/// The record, shared between threads.
#[derive(Debug)]
pub(super) struct Configuration(Mutex<ConfigurationRecord>);

impl Configuration {
    pub(super) fn new(plan: &Plan) -> Self {
        Self(Mutex::new(record_of(plan)))
    }

    pub(super) fn apply(&self, plan: &Plan) {
        *locked(&self.0) = record_of(plan);
    }

    /// Records that a reload failed.
    pub(super) fn refuse(&self) {
        locked(&self.0).refused_at = Some(clock::now());
    }

    pub(super) fn record(&self) -> ConfigurationRecord {
        *locked(&self.0)
    }

    pub(super) fn write(&self, page: &mut Page<'_>) -> io::Result<()> {
        let ConfigurationRecord { shard, checks, read_at, refused_at } = self.record();
        let (index, count) = (shard.index().to_string(), shard.count().to_string());
        page.family(&families::CHECKS, |series| series.add(&[], checks as f64))?;
        page.family(&families::SHARD_INFO, |series| series.add(&[&index, &count], 1.0))?;
        let successful = f64::from(u8::from(refused_at.is_none()));
        page.family(&families::RELOAD_SUCCESSFUL, |series| series.add(&[], successful))?;
        page.family(&families::RELOAD_SUCCESS_TIME, |series| series.add(&[], timestamp(read_at)))
    }
}

fn record_of(plan: &Plan) -> ConfigurationRecord {
    ConfigurationRecord {
        shard: plan.shard,
        checks: plan.checks.len(),
        read_at: clock::now(),
        refused_at: None,
    }
}
