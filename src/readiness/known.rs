//! The plan's wishes and the evidence so far, and how a check stands by them.
//!
//! Owns which evidence belongs to which check. Not here: locks and files (`Readiness`), and how evidence is weighed (`judge`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::contents::Contents;
use super::directories::Directories;
use super::imported::Imported;
use super::judge::{self, Case, Judgement};
use super::memory::{self, Memory};
use super::{advice, calendar, conflict, identity, proof, unprobed};
use crate::clock;
use crate::model::{
    Check, CheckName, Deadline, Evidence, Mailbox, Plan, Policy, Protocol, Reason, Record, SourceReading,
    Standing,
};

/// The plan's wishes and the evidence so far.
pub(super) struct Known {
    pub(super) policy: Policy,
    pub(super) checks: BTreeMap<CheckName, Arc<Check>>,
    /// Mailbox and protocol pairs that are judged without being probed, because the protocol is not
    /// expected.
    pub(super) unprobed: Vec<(Arc<Mailbox>, Protocol)>,
    pub(super) calendar: Vec<Deadline>,
    pub(super) imported: Imported,
    pub(super) directories: Directories,
    pub(super) contents: Contents,
    /// From the last probe: the interval in force, and why OAuth failed.
    pub(super) probed: HashMap<CheckName, (Duration, Option<Reason>)>,
}

impl Known {
    /// How every source other than the probes is doing.
    pub(super) fn sources(&self) -> Vec<SourceReading> {
        let mut sources = self.imported.readings(&self.policy.sources);
        sources.extend(self.directories.readings());
        sources.sort_by(|a, b| a.name.cmp(&b.name));
        sources
    }

    pub(super) fn apply(&mut self, plan: &Plan) {
        self.imported.apply(&plan.policy.imports, &mut self.contents.imports);
        self.policy = plan.policy.clone();
        self.calendar = calendar(&plan.policy);
        self.checks = plan.mail_checks().map(|check| (check.name(), Arc::clone(check))).collect();
        let sign_ins_stay = self.directories.apply(&plan.directories, &self.checks.values());
        self.unprobed = unprobed::of(plan);
        for (name, check) in &self.checks {
            let identity = identity(check);
            let memory = self.contents.checks.entry(name.clone()).or_default();
            if memory.identity != identity {
                *memory = Memory::of(identity);
            }
            if !sign_ins_stay {
                memory.evidence.retain(|key, _| *key != memory::SIGN_IN);
            }
        }
        let now = clock::now();
        self.directories.remember(&self.checks, &mut self.contents.checks, now);
        let checks = &self.checks;
        self.probed.retain(|name, _| checks.contains_key(name));
        self.contents.forget(now, |name| checks.contains_key(name));
    }

    /// All evidence about one check: remembered, imported, and from the calendar.
    pub(super) fn evidence(&self, check: &Check, memory: Option<&Memory>, now: Timestamp) -> Vec<Evidence> {
        let name = check.name();
        let remembered = memory.into_iter().flat_map(|memory| memory.evidence.values());
        let imported = self.imported.of(&name);
        let dates = calendar::evidence(calendar::of(&self.calendar, check, name.protocol), now);
        remembered.cloned().chain(imported).chain(dates).collect()
    }

    pub(super) fn interval(&self, check: &Check) -> Duration {
        self.probed.get(&check.name()).map_or(check.interval, |(interval, _)| *interval)
    }

    pub(super) fn judged(&self, check: &Check, now: Timestamp) -> (Judgement, Record) {
        let name = check.name();
        let memory = self.contents.checks.get(&name);
        let record = memory.map(|memory| memory.tally.record(now)).unwrap_or_default();
        let evidence = self.evidence(check, memory, now);
        let case = Case {
            expected: self.policy.expects(&name.mailbox, name.protocol),
            auth: check.access.kind(),
            interval: self.interval(check),
            steady: record.steady,
            offer_refutes: proof::offer_refutes_calendar(check),
            evidence: &evidence,
        };
        (judge::judge(&case, now), record)
    }

    pub(super) fn next_deadline(&self, check: &Check, now: Timestamp) -> Option<Deadline> {
        calendar::next(calendar::of(&self.calendar, check, check.protocol()), now)
    }

    pub(super) fn probed_standing(&self, check: &Check, now: Timestamp) -> Standing {
        let (name, mailbox) = (check.name(), &check.mailbox);
        let (judged, record) = self.judged(check, now);
        let mut standing = Standing {
            mailbox: Arc::clone(mailbox),
            tenant: tenant(mailbox),
            basic: judged.basic,
            oauth: judged.oauth,
            usage: judged.usage,
            state: judged.state,
            reason: self.probed.get(&name).and_then(|(_, reason)| *reason),
            conflict: conflict::conflict(&judged.exhibits),
            evidence: judged.exhibits,
            record,
            deadline: self.next_deadline(check, now),
            advice: String::new(),
            name,
        };
        standing.advice = advice::advice(&standing);
        standing
    }
}

/// The tenant, as in `mailbox_check_info`.
pub(super) fn tenant(mailbox: &Mailbox) -> String {
    mailbox.credential.tenant().unwrap_or_default().to_owned()
}
