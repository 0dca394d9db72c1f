//! Groups of users whose tokens come from one credential: a refusal that is not about a single user holds for the group.
//!
//! Owns which refusals those are, their back-off, and that such a fleet asks one by one until the provider has issued a
//! token to one of them. Other credentials have one token, and nothing to share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::{Mutex as Flight, OwnedMutexGuard};
use tokio::time::{Instant, timeout};

use super::lock;
use super::state::{Decision, State};
use crate::model::{Cause, CheckName, Reason, TokenSpec};
use crate::secret::Fingerprint;

/// Refusals of the key, the account or the scope, and a provider that answers no one.
const OF_ALL: &[Reason] = &[
    Reason::CertificateRejected,
    Reason::AppNotFound,
    Reason::AppDisabled,
    Reason::ClockSkew,
    Reason::ScopeInvalid,
    Reason::IdpUnavailable,
    Reason::IdpThrottled,
];
/// Refusals by the administrator of a domain: the users of another one may still be let in.
const OF_DOMAIN: &[Reason] = &[Reason::ConsentMissing];

/// How long a user waits for the answer to another one before asking too: one answer that does not come must not
/// hold the others back.
const LONGEST_TURN: Duration = Duration::from_secs(5);

/// What one user's token belongs to; nothing for a token that is shared by itself.
#[derive(Default)]
pub(super) struct Groups(Option<(Arc<Group>, Arc<Group>)>);

/// All users of a credential, or those of one domain.
#[derive(Default)]
pub(super) struct Group {
    state: Mutex<State>,
    /// Held by the one user that asks while the provider has not yet issued a token to any user of the group.
    turn: Arc<Flight<()>>,
    /// The last answer that concerns the group was a token.
    is_let_in: AtomicBool,
}

/// Every group by what its tokens have in common: a specification without its user, or with the domain in its place.
#[derive(Default)]
pub(super) struct AllGroups(Mutex<HashMap<TokenSpec, Arc<Group>>>);

impl AllGroups {
    /// The groups to which a token belongs.
    pub(super) fn of(&self, spec: &TokenSpec) -> Groups {
        let Some(user) = &spec.user else { return Groups::default() };
        let domain = user.rsplit_once('@').map_or(&**user, |(_, domain)| domain).to_ascii_lowercase();
        let of = |user| {
            let common = TokenSpec { user, ..spec.clone() };
            Arc::clone(lock(&self.0).entry(common).or_default())
        };
        Groups(Some((of(None), of(Some(domain.into())))))
    }

    /// Drops the groups to which no token belongs any more.
    pub(super) fn retain_needed(&self) {
        lock(&self.0).retain(|_, group| Arc::strong_count(group) > 1);
    }
}

impl Groups {
    fn each(&self) -> impl Iterator<Item = &Arc<Group>> {
        self.0.iter().flat_map(|(all, domain)| [all, domain])
    }

    /// The group that a refusal for this reason concerns; `None` if it is about the user alone.
    pub(super) fn concerned(&self, reason: Reason) -> Option<&Group> {
        let (all, domain) = self.0.as_ref()?;
        if OF_ALL.contains(&reason) {
            Some(all)
        } else if OF_DOMAIN.contains(&reason) {
            Some(domain)
        } else {
            None
        }
    }

    /// Waits, within a bound, for the user's turn to ask. There are turns only until the provider has issued a token
    /// to a user of the domain.
    pub(super) async fn turn(&self) -> Option<OwnedMutexGuard<()>> {
        let (_, domain) = self.0.as_ref()?;
        if domain.is_let_in.load(Ordering::Relaxed) {
            return None;
        }
        let turn = timeout(LONGEST_TURN, Arc::clone(&domain.turn).lock_owned()).await.ok()?;
        // Those behind the first one need not ask one by one any more.
        (!domain.is_let_in.load(Ordering::Relaxed)).then_some(turn)
    }

    /// The refusal that spares a user the request, with the fingerprint to compare the secret with.
    pub(super) fn refusal(
        &self,
        now: Instant,
        by: Option<&CheckName>,
    ) -> Option<(Cause, Option<Fingerprint>)> {
        self.each().find_map(|group| match group.state().decide(now, by) {
            Decision::Fail { cause, secret } => Some((cause, secret)),
            Decision::Use(_) | Decision::Renew(_) | Decision::Ask => None,
        })
    }

    /// Whether there is such a refusal.
    pub(super) fn are_refused(&self, now: Instant) -> bool {
        self.each().any(|group| group.state().is_backing_off(now))
    }

    /// Ends every back-off, because the secret has changed.
    pub(super) fn forgive(&self) {
        self.each().for_each(|group| group.state().forgive());
    }

    /// Notes that a user was issued a token.
    pub(super) fn let_in(&self) {
        for group in self.each() {
            group.state().works();
            group.is_let_in.store(true, Ordering::Relaxed);
        }
    }

    /// How often requests have recovered from a refusal of the group.
    pub(super) fn recoveries(&self) -> u64 {
        self.each().map(|group| group.state().recoveries()).sum()
    }

    /// Stores the clock skew of an answer.
    pub(super) fn measured(&self, skew: Option<SignedDuration>) {
        self.each().for_each(|group| group.state().measured(skew));
    }

    /// How far our clock is ahead of the provider's, by its last answer to any of the users.
    pub(super) fn clock_skew(&self) -> Option<SignedDuration> {
        self.each().find_map(|group| group.state().clock_skew())
    }
}

impl Group {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Notes a refusal of the group.
    pub(super) fn refused(&self, now: Instant, secret: Fingerprint, cause: Cause) {
        self.state().failed(now, secret, cause);
        self.is_let_in.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
// A test that cannot go on should say so at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{Proof, Protocol};

    fn spec(user: Option<&str>) -> TokenSpec {
        TokenSpec {
            credential: "google".into(),
            proof: Proof::sample(None, "app", "SECRET"),
            url: "https://oauth2.googleapis.com/token".into(),
            url_is_written: false,
            scope: "https://mail.google.com/".into(),
            ca_file: None,
            user: user.map(Into::into),
        }
    }

    #[tokio::test]
    async fn a_refusal_holds_for_those_whom_it_concerns() {
        let (all, now) = (AllGroups::default(), Instant::now());
        let by = CheckName { mailbox: "a".into(), protocol: Protocol::Imap };
        let users = ["a@one.example", "b@ONE.example", "c@two.example"];
        let [one, beside, apart] = users.map(|user| all.of(&spec(Some(user))));
        let shared = all.of(&spec(None));
        let reasons = || {
            [&one, &beside, &apart, &shared]
                .map(|groups| groups.refusal(now, Some(&by)).map(|(cause, _)| cause.reason))
        };
        let refuse = |reason| {
            one.concerned(reason).map(|group| group.refused(now, None, Cause::new(reason, "x"))).is_some()
        };
        assert!(!refuse(Reason::AccountNotFound) && shared.concerned(Reason::ScopeInvalid).is_none());
        assert_eq!(reasons(), [None; 4]);

        let domain = Some(Reason::ConsentMissing);
        assert!(refuse(Reason::ConsentMissing));
        assert_eq!(reasons(), [domain, domain, None, None]);
        assert!(beside.are_refused(now) && !apart.are_refused(now) && !shared.are_refused(now));
        beside.let_in();
        assert_eq!(reasons(), [None; 4]);

        let key = Some(Reason::CertificateRejected);
        assert!(refuse(Reason::CertificateRejected));
        assert_eq!(reasons(), [key, key, key, None]);
        apart.let_in();
        assert_eq!((reasons(), apart.recoveries(), one.recoveries()), ([None; 4], 1, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn users_ask_one_by_one_until_one_is_let_in() {
        let all = AllGroups::default();
        let [one, other] = ["a@one.example", "b@one.example"].map(|user| all.of(&spec(Some(user))));
        let begun = Instant::now();
        let held = one.turn().await.unwrap();
        assert!(
            other.turn().await.is_none(),
            "an answer that does not come holds the others back for a while"
        );
        assert_eq!(begun.elapsed(), LONGEST_TURN);
        drop(held);
        assert!(other.turn().await.is_some());
        one.let_in();
        assert!(other.turn().await.is_none(), "from now on they ask side by side");
        assert_eq!(begun.elapsed(), LONGEST_TURN);
        assert!(all.of(&spec(None)).turn().await.is_none());
    }

    #[test]
    fn groups_go_with_the_last_of_their_tokens() {
        let all = AllGroups::default();
        let kept = all.of(&spec(Some("a@one.example")));
        drop(all.of(&spec(Some("b@two.example"))));
        all.retain_needed();
        assert_eq!(lock(&all.0).len(), 2, "that of all users, and that of one domain");
        drop(kept);
        all.retain_needed();
        assert!(lock(&all.0).is_empty());
    }
}
