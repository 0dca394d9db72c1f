//! The state of one credential's token: a state machine that takes the time as an input.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use super::AccessToken;
use super::exchange::Issued;
use crate::model::{Cause, CheckName};
use crate::secret::{Fingerprint, Scrubber};

/// A token is renewed this long before it expires.
const RENEWED_BEFORE_END: Duration = Duration::from_secs(5 * 60);
/// A token is no longer used this long before it expires, so that it cannot expire during a login.
const UNUSED_BEFORE_END: Duration = Duration::from_secs(30);
/// Minimum lifetime of a token, whatever the issuer says: a token that expires at once would be requested in
/// a loop.
const SHORTEST_LIFE: Duration = Duration::from_secs(60);
/// Maximum lifetime of a token, whatever the issuer says: larger numbers would overflow the clock.
const LONGEST_LIFE: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// Lifetime of a token if the issuer does not give one.
const ASSUMED_LIFE: Duration = Duration::from_secs(30 * 60);
/// Minimum time between two early discards of a credential's token.
const FORGOTTEN_AT_MOST_EVERY: Duration = Duration::from_secs(15 * 60);
/// Back-off after the first failed request; it doubles with every further failure …
const FIRST_BACK_OFF: Duration = Duration::from_secs(30);
/// … up to this, or to what the identity provider asks for …
const LONGEST_BACK_OFF: Duration = Duration::from_secs(10 * 60);
/// … but never beyond this.
const LONGEST_SUGGESTION: Duration = Duration::from_secs(60 * 60);
/// How often the secret is read during a back-off: a changed secret ends the back-off.
const SECRET_LOOKED_AT_EVERY: Duration = Duration::from_secs(5);

/// What to do for a caller that needs a token.
#[derive(Debug)]
pub(super) enum Decision {
    /// Use this token.
    Use(AccessToken),
    /// Use this token, and start its renewal.
    Renew(AccessToken),
    /// Send a request and wait for it.
    Ask,
    /// The last request failed recently. If a fingerprint is given, compare the secret with it: a changed
    /// secret ends the back-off.
    Fail { cause: Cause, secret: Option<Fingerprint> },
}

/// One token, or the failure that prevents it.
#[derive(Debug, Default)]
pub(super) struct State {
    held: Option<Held>,
    failure: Option<Failed>,
    forgotten_at: Option<Instant>,
    /// The last token was discarded because it was refused, and no mailbox has logged in since.
    replaces_refused: bool,
    serial: u64,
    recoveries: u64,
    clock_skew: Option<SignedDuration>,
}

#[derive(Debug)]
struct Held {
    token: AccessToken,
    issued_at: Instant,
    /// Time from issue to renewal, before the configured maximum age applies.
    natural_age: Duration,
    renew_at: Instant,
    dead_at: Instant,
    /// At least one mailbox has logged in with it.
    proven: bool,
    /// Checks that were refused with it before any mailbox had logged in.
    doubted_by: HashSet<CheckName>,
}

#[derive(Debug)]
struct Failed {
    cause: Cause,
    until: Instant,
    back_off: Duration,
    secret: Fingerprint,
    looked_at: Instant,
}

impl State {
    pub(super) fn decide<'c>(&mut self, now: Instant, by: impl Into<Option<&'c CheckName>>) -> Decision {
        self.forget_if_doubted(now, by.into());
        let backing_off = self.failure.as_mut().filter(|failure| now < failure.until);
        match (&self.held, backing_off) {
            (Some(held), _) if now < held.renew_at => Decision::Use(held.token.clone()),
            (Some(held), Some(_)) if now < held.dead_at => Decision::Use(held.token.clone()),
            (Some(held), None) if now < held.dead_at => Decision::Renew(held.token.clone()),
            (_, None) => Decision::Ask,
            (_, Some(failure)) => {
                let due = now >= failure.looked_at + SECRET_LOOKED_AT_EVERY;
                if due {
                    failure.looked_at = now;
                }
                Decision::Fail { cause: failure.cause.clone(), secret: due.then_some(failure.secret) }
            }
        }
    }

    /// Stores the result of a request, and returns the token with its lifetime.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        max_age: Duration,
        secret: Fingerprint,
        answer: Result<Issued, Cause>,
    ) -> Result<(AccessToken, Duration), Cause> {
        let issued = answer.inspect_err(|cause| self.failed(now, secret, cause.clone()))?;
        self.works();
        self.serial += 1;
        let (seal, value) = (Arc::new(issued.seal()), Arc::new(issued.value));
        let token =
            AccessToken { scrubber: Scrubber::sharing(Arc::clone(&value)), value, seal, serial: self.serial };
        let life = issued.lifetime.unwrap_or(ASSUMED_LIFE).clamp(SHORTEST_LIFE, LONGEST_LIFE);
        // A token that lives only minutes is renewed at half its lifetime.
        let early = life.saturating_sub(RENEWED_BEFORE_END).max(life / 2);
        let natural_age = early.min(issued.refresh_in.unwrap_or(early).max(SHORTEST_LIFE / 2));
        self.held = Some(Held {
            token: token.clone(),
            issued_at: now,
            natural_age,
            renew_at: now + natural_age.min(max_age),
            dead_at: now + life.saturating_sub(UNUSED_BEFORE_END),
            proven: false,
            doubted_by: HashSet::new(),
        });
        Ok((token, life))
    }

    /// Stores a failure, and begins its back-off.
    pub(super) fn failed(&mut self, now: Instant, secret: Fingerprint, cause: Cause) {
        let doubled = self.failure.as_ref().map_or(FIRST_BACK_OFF, |failure| failure.back_off * 2);
        let back_off = doubled.min(LONGEST_BACK_OFF);
        let suggested = cause.retry_after.unwrap_or_default().min(LONGEST_SUGGESTION);
        let until = now + back_off.max(suggested);
        self.failure = Some(Failed { cause, until, back_off, secret, looked_at: now });
    }

    /// Whether the last request failed recently.
    pub(super) fn is_backing_off(&self, now: Instant) -> bool {
        self.failure.as_ref().is_some_and(|failure| now < failure.until)
    }

    /// Forgets the failure, because a request has succeeded.
    pub(super) fn works(&mut self) {
        if self.failure.take().is_some() {
            self.recoveries += 1;
        }
    }

    pub(super) fn accepted(&mut self, serial: u64) {
        if let Some(held) = self.held_as(serial) {
            held.proven = true;
            held.doubted_by.clear();
            self.replaces_refused = false;
        }
    }

    /// Stores a refusal; returns whether the token had replaced a refused one and no mailbox has logged in since.
    pub(super) fn refused(
        &mut self,
        now: Instant,
        serial: u64,
        by: Option<&CheckName>,
        expired: bool,
    ) -> bool {
        let was_second = self.replaces_refused;
        let Some(held) = self.held_as(serial) else { return false };
        if expired {
            self.forget(now);
        } else if !held.proven {
            held.doubted_by.extend(by.cloned());
        }
        was_second
    }

    /// Renews the token at its next use, because the secret has changed. Until then it stays in use: the mailboxes
    /// still work with it.
    pub(super) fn secret_changed(&mut self, now: Instant) {
        if let Some(held) = &mut self.held {
            held.renew_at = held.renew_at.min(now);
        }
        self.forgive();
    }

    /// Ends the back-off, because the secret has changed.
    pub(super) fn forgive(&mut self) {
        if let Some(failure) = &mut self.failure {
            failure.until = failure.looked_at;
            failure.back_off = FIRST_BACK_OFF / 2;
        }
    }

    /// Stores the clock skew of an answer; `None` keeps the previous one.
    pub(super) fn measured(&mut self, skew: Option<SignedDuration>) {
        self.clock_skew = skew.or(self.clock_skew);
    }

    pub(super) const fn clock_skew(&self) -> Option<SignedDuration> {
        self.clock_skew
    }

    /// Applies a new maximum age, also to the current token.
    pub(super) fn limit_age(&mut self, max_age: Duration) {
        if let Some(held) = &mut self.held {
            held.renew_at = held.issued_at + held.natural_age.min(max_age);
        }
    }

    pub(super) const fn recoveries(&self) -> u64 {
        self.recoveries
    }

    /// Discards the token if this check was refused with it before and no mailbox has logged in since: the
    /// token may be at fault. In a fleet other mailboxes have proven the token by then, so one mailbox
    /// without permission does not cost the tenant its token.
    fn forget_if_doubted(&mut self, now: Instant, by: Option<&CheckName>) {
        let doubted = |held: &Held| by.is_some_and(|by| held.doubted_by.contains(by));
        if self.held.as_ref().is_some_and(doubted) {
            self.forget(now);
        }
    }

    fn forget(&mut self, now: Instant) {
        if self.forgotten_at.is_none_or(|at| now >= at + FORGOTTEN_AT_MOST_EVERY) {
            self.forgotten_at = Some(now);
            self.replaces_refused = true;
            self.held = None;
        }
    }

    fn held_as(&mut self, serial: u64) -> Option<&mut Held> {
        self.held.as_mut().filter(|held| held.token.serial == serial)
    }
}

#[cfg(test)]
mod tests;
