//! The board for metrics, judged check by check so that no more than one standing is in memory.

use jiff::Timestamp;

use crate::model::{Overview, Position};

use super::conflict::conflict;
use super::keeper::Keeper;
use super::score::Scores;
use super::{Readiness, unprobed};

impl Readiness {
    /// Judges all checks as of `now`, as [`Readiness::board`] does.
    pub fn overview(&self, now: Timestamp) -> Overview {
        let known = self.known();
        let mut positions = Vec::with_capacity(known.checks.len() + known.unprobed.len());
        let mut scores = Scores::default();
        for (name, check) in &known.checks {
            let (judged, _) = known.judged(check, now);
            let tenant = check.mailbox.credential.tenant().unwrap_or_default();
            let deadline = || known.next_deadline(check, now);
            scores.count(tenant, (name.protocol, judged.state), deadline, now);
            let disagree = conflict(&judged.exhibits).is_some();
            let verdict = (judged.basic, judged.state);
            positions.push(Position::new(name.clone(), verdict, &judged.exhibits, disagree));
        }
        for (mailbox, protocol) in &known.unprobed {
            let standing = unprobed::standing(mailbox, *protocol);
            scores.count(&standing.tenant, (*protocol, standing.state), || None, now);
            positions.push(Position::new(standing.name, (standing.basic, standing.state), &[], false));
        }
        positions.sort_by(|a, b| a.name.cmp(&b.name));
        Overview {
            positions,
            scores: scores.by_tenant(),
            calendar: known.calendar.clone(),
            sources: known.sources(),
            keeping: self.keeper.as_ref().map(Keeper::keeping),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

    use std::sync::Arc;
    use std::time::Duration;

    use jiff::SignedDuration;

    use super::*;
    use crate::model::{
        Evidence, Expectation, Finding, Import, ImportReport, Protocol, Reason, Signal, State, samples,
    };

    #[test]
    fn metrics_show_the_same_board_as_the_pages() {
        let now = Timestamp::now();
        let names = ["desk", "invoices", "scans"];
        let contoso = samples::credential("contoso");
        let mut plan = samples::plan(&names.map(|name| samples::mailbox(name, &contoso)));
        let not_expected = Expectation { not_expected: [Protocol::Pop3].into(), ..Expectation::default() };
        plan.policy.expectations.insert("invoices".into(), not_expected);
        let switched_off = |check: usize| {
            let at = now - SignedDuration::from_mins(5);
            let (finding, signal) = (Finding::SwitchedOff, Signal::Switch);
            let said = Evidence { at, finding, signal, until: None, note: String::new() };
            (plan.checks[check].name(), vec![said])
        };
        let evidence = [0, 5].map(switched_off).into();
        let report = ImportReport { at: Some(now - SignedDuration::from_mins(5)), ..ImportReport::default() };
        plan.policy.imports.push(Arc::new(Import { report, sha256: "x".to_owned(), evidence }));
        let readiness = Readiness::open(&plan).unwrap();
        let (interval, reason) = (Duration::from_secs(300), Reason::TokenRejected);
        for check in &plan.checks[..3] {
            readiness.record(&samples::up(check, now), interval);
        }
        readiness.record(&samples::refused(&plan.checks[3], now, reason, "NO"), interval);

        let (overview, board) = (readiness.overview(now), readiness.board(now));
        let states = |state| overview.positions.iter().filter(|position| position.state == state).count();
        assert_eq!((overview.positions.len(), states(State::NotExpected)), (7, 1));
        let conflicts = overview.positions.iter().map(|position| position.conflict);
        assert_eq!(conflicts.flatten().collect::<Vec<_>>(), [true, false]);
        assert_eq!(overview, Overview::from(board));
    }
}
