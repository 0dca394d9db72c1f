//! Judges a mailbox in one protocol: a pure function of dated evidence and the current time.
//!
//! Owns the table of states and how long evidence stays fresh. Not here: the sources of evidence, and its
//! storage.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::{Auth, Basic, Evidence, Exhibit, Finding, Oauth, Signal, State, Use};

use super::memory::{Slot, slot};

/// Evidence further in the future than this comes from a clock that was wrong.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// Every probe asks what the server offers.
const OFFER: SignedDuration = SignedDuration::from_hours(24);
/// An OAuth login stays fresh for this many intervals of its check.
const INTERVALS: u32 = 3;
/// The result of a password trial.
const PASSWORD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Imported facts without an expiry of their own.
const IMPORTED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The input of a judgement.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    /// Whether the mailbox is expected to use the protocol.
    pub(super) expected: bool,
    /// How the check logs in.
    pub(super) auth: Auth<(), ()>,
    pub(super) interval: Duration,
    /// Whether OAuth has been reliable; see `Record::steady`.
    pub(super) steady: bool,
    /// Whether the server's offer outweighs the calendar.
    pub(super) offer_refutes: bool,
    /// All evidence, in any order.
    pub(super) evidence: &'a [Evidence],
}

/// The result of a judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) basic: Basic,
    pub(super) oauth: Oauth,
    pub(super) usage: Use,
    pub(super) state: State,
    /// The newest evidence of each signal; for passwords also the latest conclusive one.
    pub(super) exhibits: Vec<Exhibit>,
}

/// Judges a case. The order of the evidence does not matter.
pub(super) fn judge(case: &Case<'_>, now: Timestamp) -> Judgement {
    let mut newest: BTreeMap<Slot, &Evidence> = BTreeMap::new();
    for seen in case.evidence.iter().filter(|seen| !is_ahead(seen.at, now)) {
        let known = newest.entry(slot(seen)).or_insert(seen);
        if weight(seen) > weight(known) {
            *known = seen;
        }
    }
    let exhibits: Vec<Exhibit> = newest
        .into_values()
        .map(|evidence| Exhibit { evidence: evidence.clone(), fresh: is_fresh(evidence, case.interval, now) })
        .collect();
    let fresh: Vec<&Evidence> =
        exhibits.iter().filter(|exhibit| exhibit.fresh).map(|exhibit| &exhibit.evidence).collect();
    let (basic, oauth, usage) = (basic(case, &fresh), oauth(case, &fresh), usage(case, &fresh));
    let state = if case.expected { state(basic, oauth, usage, case.steady) } else { State::NotExpected };
    Judgement { basic, oauth, usage, state, exhibits }
}

/// The weight of evidence within its slot: the newest wins. For imported usage the one that is valid longest
/// wins, so that a statement about the past cannot hide one that still holds.
fn weight(seen: &Evidence) -> (Option<Timestamp>, &Evidence) {
    let end = || seen.until.or_else(|| seen.at.checked_add(IMPORTED).ok()).unwrap_or(Timestamp::MAX);
    ((seen.signal == Signal::Usage).then(end), seen)
}

/// The state table.
fn state(basic: Basic, oauth: Oauth, usage: Use, steady: bool) -> State {
    match (basic, oauth, usage) {
        (_, Oauth::Unknown, _) => State::Unknown,
        (Basic::Closed, Oauth::Ok, _) => State::Decommissioned,
        (Basic::Closed, Oauth::NotOk, _) => State::Blocked,
        (Basic::Open | Basic::Unknown, Oauth::NotOk, _) => State::AtRisk,
        (Basic::Open | Basic::Unknown, Oauth::Ok, Use::None) if steady => State::Ready,
        (Basic::Open | Basic::Unknown, Oauth::Ok, _) => State::Dual,
    }
}

/// Whether a time can only come from a clock that was wrong.
pub(super) fn is_ahead(at: Timestamp, now: Timestamp) -> bool {
    at.duration_since(now) > SKEW
}

/// Whether evidence is still fresh.
pub(super) fn is_fresh(evidence: &Evidence, interval: Duration, now: Timestamp) -> bool {
    if is_ahead(evidence.at, now) {
        return false;
    }
    let age = now.duration_since(evidence.at);
    if let Some(until) = evidence.until {
        return now < until;
    }
    match evidence.signal {
        Signal::Offer => age <= OFFER,
        Signal::OauthLogin => {
            age <= SignedDuration::try_from(interval * INTERVALS).unwrap_or(SignedDuration::MAX)
        }
        Signal::PasswordLogin | Signal::Refusal => age <= PASSWORD,
        Signal::Usage | Signal::Switch => age <= IMPORTED,
        Signal::Calendar => true,
    }
}

/// The latest evidence about passwords; of two at the same time the worse one, which is open.
fn basic(case: &Case<'_>, fresh: &[&Evidence]) -> Basic {
    // The server's own answer is stronger than a date.
    let offered = case.offer_refutes && fresh.iter().any(|seen| seen.finding == Finding::Offered);
    let word = |seen: &&&Evidence| {
        let outweighed = offered && seen.signal == Signal::Calendar;
        seen.finding.row().basic.is_some() && !is_refuted(seen, fresh) && !outweighed
    };
    let last = fresh.iter().filter(word).max_by_key(|seen| {
        let basic = seen.finding.row().basic;
        (seen.at, basic == Some(Basic::Open), **seen)
    });
    last.and_then(|seen| seen.finding.row().basic).unwrap_or(Basic::Unknown)
}

/// Whether an OAuth login has succeeded since, so that a switch reported as off must be on again.
fn is_refuted(seen: &Evidence, fresh: &[&Evidence]) -> bool {
    let off = matches!(seen.finding, Finding::SmtpAuthOff | Finding::SwitchedOff);
    off && fresh.iter().any(|later| later.finding == Finding::OauthWorks && later.at > seen.at)
}

fn oauth(case: &Case<'_>, fresh: &[&Evidence]) -> Oauth {
    if case.auth == Auth::Password(()) {
        return Oauth::NotOk;
    }
    let off = |seen: &&&Evidence| {
        matches!(seen.finding, Finding::SmtpAuthOff | Finding::SwitchedOff) && !is_refuted(seen, fresh)
    };
    if fresh.iter().any(|seen| off(&seen)) {
        return Oauth::NotOk;
    }
    match fresh.iter().find(|seen| seen.signal == Signal::OauthLogin) {
        Some(login) if login.finding == Finding::OauthWorks => Oauth::Ok,
        Some(_) => Oauth::NotOk,
        None => Oauth::Unknown,
    }
}

fn usage(case: &Case<'_>, fresh: &[&Evidence]) -> Use {
    if case.auth == Auth::Password(()) {
        return Use::Seen;
    }
    let said = |finding| fresh.iter().any(|seen| seen.signal == Signal::Usage && seen.finding == finding);
    // If two sources contradict each other, the one that reports use counts, and a sign-in may have been one.
    match (said(Finding::Used) || said(Finding::SignedIn), said(Finding::Unused)) {
        (true, _) => Use::Seen,
        (false, true) => Use::None,
        (false, false) => Use::Unknown,
    }
}
