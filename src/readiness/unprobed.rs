//! Mailboxes in protocols that are not expected of them: they stand on the board without being probed.

use std::sync::Arc;

use crate::model::{Basic, CheckName, Mailbox, Oauth, Plan, Protocol, Record, Standing, State, Use};

/// The pairs of mailbox and protocol that are not expected and not probed.
pub(super) fn of(plan: &Plan) -> Vec<(Arc<Mailbox>, Protocol)> {
    let probed = |mailbox: &Mailbox, protocol| {
        plan.checks.iter().any(|check| check.mailbox.name == mailbox.name && check.protocol() == protocol)
    };
    let mailboxes = plan.mailboxes.iter().filter_map(|mailbox| {
        let said = plan.policy.expectations.get(&mailbox.name)?;
        Some(said.not_expected.iter().map(move |protocol| (Arc::clone(mailbox), *protocol)))
    });
    mailboxes.flatten().filter(|(mailbox, protocol)| !probed(mailbox, *protocol)).collect()
}

/// The standing of such a pair: nothing is known, and nothing is expected.
pub(super) fn standing(mailbox: &Arc<Mailbox>, protocol: Protocol) -> Standing {
    let mut standing = Standing {
        name: CheckName { mailbox: Arc::clone(&mailbox.name), protocol },
        mailbox: Arc::clone(mailbox),
        tenant: super::tenant(mailbox),
        basic: Basic::Unknown,
        oauth: Oauth::Unknown,
        usage: Use::Unknown,
        state: State::NotExpected,
        reason: None,
        evidence: Vec::new(),
        conflict: None,
        record: Record::default(),
        deadline: None,
        advice: String::new(),
    };
    standing.advice = super::advice::advice(&standing);
    standing
}
