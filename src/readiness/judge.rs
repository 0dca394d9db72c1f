//! The state of a mailbox in one protocol: a pure function of dated evidence and of now.
//!
//! Owns the table of states and the shelf lives. Not here: where evidence comes from, and what is remembered.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::{Basic, Evidence, Exhibit, Finding, Oauth, Signal, State, Use};

use super::memory::{Slot, slot};

/// Evidence from further ahead than this comes from a clock that was wrong.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
/// What a server offers is asked at every probe.
const OFFER: SignedDuration = SignedDuration::from_hours(24);
/// An OAuth login is believed for so many intervals of its check.
const INTERVALS: u32 = 3;
/// A password was tried.
const PASSWORD: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Imported facts that do not say until when they hold.
const IMPORTED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case<'a> {
    /// Somebody expects this protocol on the mailbox.
    pub(super) expected: bool,
    /// The check logs in with a token; otherwise with a password.
    pub(super) by_token: bool,
    /// The interval in force.
    pub(super) interval: Duration,
    /// OAuth has been dependable.
    pub(super) steady: bool,
    /// What the server offers outweighs the calendar.
    pub(super) offer_refutes: bool,
    /// Everything known, in any order.
    pub(super) evidence: &'a [Evidence],
}

/// How it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) basic: Basic,
    pub(super) oauth: Oauth,
    pub(super) usage: Use,
    pub(super) state: State,
    /// The newest evidence of each signal, and of passwords also the last that proved something.
    pub(super) exhibits: Vec<Exhibit>,
}

/// Judges. The order of the evidence is of no matter.
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

/// By which one piece of evidence outweighs another of its slot: the newest, and of use the one that holds longest, so
/// that nothing said of a time that is over hides what still holds.
fn weight(seen: &Evidence) -> (Option<Timestamp>, &Evidence) {
    let end = || seen.until.or_else(|| seen.at.checked_add(IMPORTED).ok()).unwrap_or(Timestamp::MAX);
    ((seen.signal == Signal::Usage).then(end), seen)
}

/// The table.
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

/// Whether a moment can only come from a clock that was wrong.
pub(super) fn is_ahead(at: Timestamp, now: Timestamp) -> bool {
    at.duration_since(now) > SKEW
}

/// Whether evidence is within its shelf life.
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

/// The last thing that says anything about passwords; of two at the same moment the worse one: open.
fn basic(case: &Case<'_>, fresh: &[&Evidence]) -> Basic {
    // The server's own word is stronger than a date.
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

/// A switch that was said to be off has been on again since: OAuth got through.
fn is_refuted(seen: &Evidence, fresh: &[&Evidence]) -> bool {
    let off = matches!(seen.finding, Finding::SmtpAuthOff | Finding::SwitchedOff);
    off && fresh.iter().any(|later| later.finding == Finding::OauthWorks && later.at > seen.at)
}

fn oauth(case: &Case<'_>, fresh: &[&Evidence]) -> Oauth {
    if !case.by_token {
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
    if !case.by_token {
        // Ours.
        return Use::Seen;
    }
    let said = |finding| fresh.iter().any(|seen| seen.signal == Signal::Usage && seen.finding == finding);
    // Of two files that contradict each other the one that saw somebody counts.
    match (said(Finding::Used), said(Finding::Unused)) {
        (true, _) => Use::Seen,
        (false, true) => Use::None,
        (false, false) => Use::Unknown,
    }
}
