//! Every row of the table of states, every shelf life, and that the order of arrival is of no matter.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::super::judge::{Case, Judgement, judge};
use super::super::memory::Memory;
use crate::model::{Auth, Basic, Evidence, Finding, Oauth, Signal, State, Use};

/// 2026-11-24 12:00 UTC.
const NOON: i64 = 1_795_521_600;
const INTERVAL: Duration = Duration::from_secs(300);

fn noon() -> Timestamp {
    Timestamp::from_second(NOON).unwrap()
}

/// Evidence of so many minutes ago.
fn seen(signal: Signal, finding: Finding, minutes: i64) -> Evidence {
    let at = noon() - SignedDuration::from_mins(minutes);
    Evidence { at, finding, signal, until: None, note: String::new() }
}

fn judged(evidence: &[Evidence], steady: bool) -> Judgement {
    let auth = Auth::Token(());
    let case = Case { expected: true, auth, interval: INTERVAL, steady, offer_refutes: true, evidence };
    judge(&case, noon())
}

use Finding::*;
use Signal::{Calendar, OauthLogin, Offer, PasswordLogin, Refusal, Switch, Usage};

/// One way to show each input.
fn basic(word: Basic) -> Option<Evidence> {
    match word {
        Basic::Open => Some(seen(PasswordLogin, Accepted, 60)),
        Basic::Closed => Some(seen(Offer, NotOffered, 1)),
        Basic::Unknown => None,
    }
}

fn oauth(word: Oauth) -> Option<Evidence> {
    match word {
        Oauth::Ok => Some(seen(OauthLogin, OauthWorks, 1)),
        Oauth::NotOk => Some(seen(OauthLogin, OauthFails, 1)),
        Oauth::Unknown => None,
    }
}

fn usage(word: Use) -> Option<Evidence> {
    match word {
        Use::None => Some(seen(Usage, Unused, 60)),
        Use::Seen => Some(seen(Usage, Used, 60)),
        Use::Unknown => None,
    }
}

/// The table of the interface: passwords, OAuth, users; the state with OAuth dependable, and without.
#[rustfmt::skip] // one row, one line
fn table(basic: Basic, oauth: Oauth, usage: Use) -> (State, State) {
    match (basic, oauth, usage) {
        (Basic::Closed, Oauth::Ok, _) => (State::Decommissioned, State::Decommissioned),
        (Basic::Closed, Oauth::NotOk, _) => (State::Blocked, State::Blocked),
        (_, Oauth::Ok, Use::None) => (State::Ready, State::Dual),
        (_, Oauth::Ok, Use::Seen | Use::Unknown) => (State::Dual, State::Dual),
        (_, Oauth::NotOk, _) => (State::AtRisk, State::AtRisk),
        (_, Oauth::Unknown, _) => (State::Unknown, State::Unknown),
    }
}

#[test]
fn every_row_of_the_table_is_as_it_is_documented() {
    for passwords in Basic::ALL {
        for login in Oauth::ALL {
            for users in Use::ALL {
                let evidence: Vec<Evidence> =
                    [basic(*passwords), oauth(*login), usage(*users)].into_iter().flatten().collect();
                let (steady, not_steady) = table(*passwords, *login, *users);
                for (dependable, expected) in [(true, steady), (false, not_steady)] {
                    let judged = judged(&evidence, dependable);
                    let inputs = (judged.basic, judged.oauth, judged.usage);
                    assert_eq!(inputs, (*passwords, *login, *users));
                    assert_eq!(judged.state, expected, "{passwords} {login} {users} dependable {dependable}");
                }
            }
        }
    }
}

#[test]
fn what_nobody_expects_is_not_expected_whatever_is_known() {
    for finding in [OauthWorks, OauthFails] {
        let evidence = [seen(OauthLogin, finding, 1)];
        let case = Case {
            expected: false,
            auth: Auth::Token(()),
            interval: INTERVAL,
            steady: true,
            offer_refutes: true,
            evidence: &evidence,
        };
        assert_eq!(judge(&case, noon()).state, State::NotExpected);
    }
}

#[test]
fn a_password_user_is_at_risk_and_later_blocked() {
    let state = |evidence: &[Evidence]| {
        judge(
            &Case {
                expected: true,
                auth: Auth::Password(()),
                interval: INTERVAL,
                steady: true,
                offer_refutes: true,
                evidence,
            },
            noon(),
        )
        .state
    };
    assert_eq!(state(&[seen(PasswordLogin, Accepted, 1)]), State::AtRisk);
    assert_eq!(state(&[seen(PasswordLogin, PolicyRefuses, 1)]), State::Blocked);
}

/// Each kind of evidence, how long it is believed in minutes, and what is lost with it.
#[test]
fn evidence_is_believed_for_its_shelf_life_and_no_longer() {
    const DAY: i64 = 24 * 60;
    let works = seen(OauthLogin, OauthWorks, 1);
    type Reads = fn(&Judgement) -> bool;
    let rows: [(Signal, Finding, i64, Reads); 9] = [
        (Offer, NotOffered, DAY, |it| it.basic == Basic::Closed),
        (OauthLogin, OauthWorks, 15, |it| it.oauth == Oauth::Ok),
        (OauthLogin, OauthFails, 15, |it| it.oauth == Oauth::NotOk),
        (PasswordLogin, Accepted, 7 * DAY, |it| it.basic == Basic::Open),
        (Refusal, PolicyRefuses, 7 * DAY, |it| it.basic == Basic::Closed),
        (Usage, Unused, 30 * DAY, |it| it.usage == Use::None),
        (Usage, SignedIn, 30 * DAY, |it| it.usage == Use::Seen),
        (Switch, SwitchedOff, 30 * DAY, |it| it.basic == Basic::Closed),
        (Calendar, Removed, 10_000 * DAY, |it| it.basic == Basic::Closed),
    ];
    for (signal, finding, minutes, reads) in rows {
        for (age, believed) in [(0, true), (minutes, true), (minutes + 1, signal == Calendar)] {
            // The switch is refuted by any later login; the rest stands beside one.
            let mut evidence = vec![seen(signal, finding, age)];
            if !matches!(signal, OauthLogin | Switch) {
                evidence.push(works.clone());
            }
            let judged = judged(&evidence, true);
            assert_eq!(reads(&judged), believed, "{signal} {finding} after {age} min");
            let exhibit = judged.exhibits.iter().find(|exhibit| exhibit.evidence.signal == signal).unwrap();
            assert_eq!(exhibit.fresh, believed, "shown all the same: {signal}");
        }
    }
}

#[test]
fn an_imported_fact_that_says_until_when_is_believed_until_then() {
    for (until, expected) in [(1, Use::None), (0, Use::Unknown), (-1, Use::Unknown)] {
        let until = Some(noon() + SignedDuration::from_mins(until));
        let fact = Evidence { until, ..seen(Usage, Unused, 90 * 24 * 60) };
        assert_eq!(judged(&[fact], true).usage, expected);
    }
}

#[test]
fn a_newer_unused_does_not_hide_an_older_sighting() {
    let (saw, unused) = (seen(Usage, Used, 60 * 24), seen(Usage, Unused, 1));
    assert_eq!(judged(&[saw.clone(), unused.clone()], true).usage, Use::Seen);
    // Nor does a statement about a time that is over.
    let over = Evidence { until: Some(noon() - SignedDuration::from_mins(1)), ..seen(Usage, Used, 2) };
    assert_eq!(judged(&[saw, over, unused.clone()], true).usage, Use::Seen);
    let stale = seen(Usage, Used, 31 * 24 * 60);
    assert_eq!(judged(&[stale, unused], true).usage, Use::None);
}

#[test]
fn a_sign_in_counts_as_seen_and_proves_no_password() {
    let works = seen(OauthLogin, OauthWorks, 1);
    let (signed_in, unused) = (seen(Usage, SignedIn, 60 * 24), seen(Usage, Unused, 1));
    for evidence in [vec![works.clone(), signed_in.clone()], vec![works.clone(), signed_in.clone(), unused]] {
        let judged = judged(&evidence, true);
        assert_eq!((judged.usage, judged.basic, judged.state), (Use::Seen, Basic::Unknown, State::Dual));
    }
    let closed = judged(&[works, signed_in.clone(), seen(Offer, NotOffered, 1)], true);
    assert_eq!((closed.basic, closed.state), (Basic::Closed, State::Decommissioned), "passwords are closed");
    // It hides no older report of a password, and is not hidden by it.
    let findings = |evidence: &[Evidence]| -> Vec<Finding> {
        judged(evidence, true).exhibits.iter().map(|exhibit| exhibit.evidence.finding).collect()
    };
    assert_eq!(findings(&[signed_in.clone(), seen(Usage, Used, 60 * 48)]), [Used, SignedIn]);
    let stale = seen(Usage, SignedIn, 31 * 24 * 60);
    assert_eq!(judged(&[stale, seen(Usage, Unused, 1)], true).usage, Use::None);
}

#[test]
fn evidence_from_a_clock_that_was_ahead_is_not_believed() {
    assert_eq!(judged(&[seen(OauthLogin, OauthWorks, -4)], true).oauth, Oauth::Ok);
    assert_eq!(judged(&[seen(OauthLogin, OauthWorks, -6)], true).oauth, Oauth::Unknown);
}

#[test]
fn the_interval_in_force_decides_how_long_a_login_is_believed() {
    let evidence = [seen(OauthLogin, OauthFails, 170)];
    let with = |interval| Case {
        expected: true,
        auth: Auth::Token(()),
        interval,
        steady: false,
        offer_refutes: true,
        evidence: &evidence,
    };
    assert_eq!(judge(&with(Duration::from_secs(3600)), noon()).state, State::AtRisk);
    assert_eq!(judge(&with(INTERVAL), noon()).state, State::Unknown);
}

#[test]
fn the_latest_word_on_passwords_counts() {
    let rows: [(&[Evidence], Basic); 8] = [
        // What proves nothing does not unsay what was proven.
        (&[seen(PasswordLogin, Accepted, 60), seen(PasswordLogin, Undecided, 1)], Basic::Open),
        (&[seen(PasswordLogin, Accepted, 60), seen(Offer, NotOffered, 1)], Basic::Closed),
        // Passwords came back.
        (&[seen(Offer, NotOffered, 60), seen(PasswordLogin, Accepted, 1)], Basic::Open),
        (&[seen(Calendar, Removed, 9_000), seen(PasswordLogin, Accepted, 1)], Basic::Open),
        // The removal came after the password was tried.
        (&[seen(PasswordLogin, Accepted, 60), seen(Calendar, Removed, 5)], Basic::Closed),
        (&[seen(PasswordLogin, Accepted, 5), seen(Refusal, PolicyRefuses, 5)], Basic::Open),
        (&[seen(PasswordLogin, Undecided, 1), seen(Refusal, PolicyRefuses, 5)], Basic::Closed),
        (
            &[seen(Offer, Offered, 1), seen(PasswordLogin, Undecided, 1), seen(Refusal, Locked, 1)],
            Basic::Unknown,
        ),
    ];
    for (evidence, expected) in rows {
        assert_eq!(judged(evidence, true).basic, expected, "{evidence:?}");
    }
}

#[test]
fn switched_off_submission_is_closed_until_a_login_works() {
    for signal in [OauthLogin, PasswordLogin, Refusal] {
        let off = [seen(signal, SmtpAuthOff, 5)];
        let judgement = judged(&off, true);
        assert_eq!(
            (judgement.basic, judgement.oauth, judgement.state),
            (Basic::Closed, Oauth::NotOk, State::Blocked)
        );
    }
    let off = seen(Switch, SwitchedOff, 60);
    assert_eq!(judged(std::slice::from_ref(&off), true).state, State::Blocked);
    let through = judged(&[off, seen(OauthLogin, OauthWorks, 1)], false);
    assert_eq!((through.basic, through.state), (Basic::Unknown, State::Dual));
    let on = judged(&[seen(Switch, SwitchedOn, 60), seen(OauthLogin, OauthWorks, 1)], false);
    assert_eq!(on.basic, Basic::Unknown, "a switch that is on proves nothing about passwords");
}

fn anything() -> impl Strategy<Value = Evidence> {
    let signals = prop::sample::select(Signal::ALL);
    let findings = prop::sample::select(Finding::ALL);
    (signals, findings, -10_i64..50_000).prop_map(|(signal, finding, minutes)| seen(signal, finding, minutes))
}

proptest! {
    #[test]
    fn the_order_of_arrival_changes_nothing(
        (evidence, shuffled) in prop::collection::vec(anything(), 0..12)
            .prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
        steady: bool, by_token: bool,
    ) {
        let auth = if by_token { Auth::Token(()) } else { Auth::Password(()) };
        let state = |evidence: &[Evidence]| {
            judge(&Case { expected: true, auth, interval: INTERVAL, steady, offer_refutes: true, evidence }, noon())
        };
        prop_assert_eq!(state(&evidence), state(&shuffled));
        // And the same through the memory, which keeps the newest of each signal alone.
        let remember = |evidence: &[Evidence]| {
            let mut memory = Memory::default();
            evidence.iter().for_each(|seen| memory.note(seen.clone(), noon()));
            memory.evidence
        };
        let (first, second) = (remember(&evidence), remember(&shuffled));
        prop_assert_eq!(&first, &second);
        let kept: Vec<Evidence> = first.values().cloned().collect();
        prop_assert_eq!(state(&evidence), state(&kept));
    }

    #[test]
    fn counts_are_the_same_in_any_order(
        (logins, shuffled) in prop::collection::vec((0_i64..20 * 24 * 60, any::<bool>()), 0..60)
            .prop_flat_map(|list| (Just(list.clone()), Just(list).prop_shuffle())),
    ) {
        let count = |logins: &[(i64, bool)]| {
            let mut memory = Memory::default();
            logins.iter().for_each(|(minutes, ok)| memory.count(noon() - SignedDuration::from_mins(*minutes), *ok, noon()));
            memory.tally
        };
        prop_assert_eq!(count(&logins), count(&shuffled));
    }
}
