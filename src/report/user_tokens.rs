//! The tokens of a credential that asks for one in the name of each user: told by number, since there may be thousands.
//!
//! Owns what a refusal for one user says about the credential. The state of a single mailbox is its checks'.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Reason, TokenReport};

/// Reasons that concern the user alone: the credential works for others.
const OF_ONE_USER: &[Reason] = &[
    Reason::AccountNotFound,
    Reason::AccountDisabled,
    Reason::AccountLocked,
    Reason::PasswordExpired,
    Reason::MfaRequired,
];

/// The tokens of all users, by number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserTokens {
    /// The users that need one.
    pub needed: usize,
    /// Those for whom one was issued.
    pub held: usize,
    /// Those whose last request failed.
    pub failing: BTreeMap<Reason, usize>,
    /// When the first of them expires, of users whose requests do not fail.
    pub first_end: Option<Timestamp>,
}

impl UserTokens {
    /// The reasons that concern the credential.
    pub(super) fn reasons(&self) -> impl Iterator<Item = Reason> {
        self.failing.keys().copied().filter(|reason| is_wide(*reason))
    }
}

/// Whether a refusal concerns the credential and not one user.
pub(super) fn is_wide(reason: Reason) -> bool {
    !OF_ONE_USER.contains(&reason)
}

#[derive(Debug, Clone, Copy, Default)]
struct UserToken {
    ends: Option<Timestamp>,
    failure: Option<Reason>,
}

/// The state of every user's token.
#[derive(Debug, Default)]
pub(super) struct Users(HashMap<Arc<str>, UserToken>);

impl Users {
    /// Adds a user of a new plan, as it was known before.
    pub(super) fn add(&mut self, user: &Arc<str>, before: Option<&Self>) {
        let known = before.and_then(|before| before.0.get(user).copied()).unwrap_or_default();
        self.0.entry(Arc::clone(user)).or_insert(known);
    }

    /// Notes a request; false if the plan has no such user.
    pub(super) fn note(&mut self, user: &Arc<str>, report: &TokenReport) -> bool {
        let Some(token) = self.0.get_mut(user) else { return false };
        match &report.outcome {
            Ok(facts) => *token = UserToken { ends: Some(facts.expires_at), failure: None },
            Err(cause) => token.failure = Some(cause.reason),
        }
        true
    }

    /// Whether requests fail for a reason that concerns the credential.
    pub(super) fn is_failing(&self) -> bool {
        self.0.values().any(|token| token.failure.is_some_and(is_wide))
    }

    /// The numbers; `None` if no token belongs to a user.
    pub(super) fn counted(&self) -> Option<UserTokens> {
        if self.0.is_empty() {
            return None;
        }
        let mut counted = UserTokens { needed: self.0.len(), ..UserTokens::default() };
        for token in self.0.values() {
            counted.held += usize::from(token.ends.is_some());
            match (token.failure, token.ends) {
                (Some(reason), _) => *counted.failing.entry(reason).or_default() += 1,
                (None, Some(ends)) => {
                    counted.first_end = Some(counted.first_end.map_or(ends, |first| first.min(ends)));
                }
                (None, None) => {}
            }
        }
        Some(counted)
    }
}
