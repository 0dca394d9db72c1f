//! The state machine, by the minute.

// A test that cannot go on should say so at once.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::{Protocol, Reason, Redacted};

const MINUTE: Duration = Duration::from_secs(60);
const MAX_AGE: Duration = Duration::from_secs(30 * 60);

fn check(name: &str) -> CheckName {
    CheckName { mailbox: name.into(), protocol: Protocol::Imap }
}

fn issued(lifetime: Option<Duration>, refresh_in: Option<Duration>) -> Result<Issued, Cause> {
    Ok(Issued {
        value: Redacted::from("t"),
        claims: None,
        request_id: "r".to_owned(),
        clock_skew: None,
        lifetime,
        refresh_in,
    })
}

fn word(decision: &Decision) -> &'static str {
    match decision {
        Decision::Use(_) => "use",
        Decision::Renew(_) => "renew",
        Decision::Ask => "ask",
        Decision::Fail { .. } => "fail",
    }
}

#[tokio::test]
async fn a_token_is_renewed_early_and_used_until_its_end() {
    let rows = [
        // lifetime, refresh_in, renewed at, dead at (minutes)
        (Some(75), None, 30.0, 74.5),
        (Some(20), None, 15.0, 19.5),
        (Some(75), Some(12), 12.0, 74.5),
        (Some(4), None, 2.0, 3.5),
        (Some(0), None, 0.5, 0.5),
        (None, None, 25.0, 29.5),
    ];
    let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
    for (life, refresh, renewed, dead) in rows {
        let begun = Instant::now();
        let mut state = State::default();
        state.answered(begun, MAX_AGE, None, issued(life.map(minutes), refresh.map(minutes))).unwrap();
        let mut at = |minutes: f64| word(&state.decide(begun + MINUTE.mul_f64(minutes), Some(&check("a"))));
        assert_eq!(at(renewed - 0.01), "use", "{life:?} {refresh:?}");
        if renewed < dead {
            assert_eq!((at(renewed), at(dead - 0.01)), ("renew", "renew"), "{life:?} {refresh:?}");
        }
        assert_eq!(at(dead), "ask", "{life:?} {refresh:?}");
    }
}

#[tokio::test]
async fn another_bound_of_the_age_holds_for_the_token_in_hand() {
    let begun = Instant::now();
    let mut state = State::default();
    state.answered(begun, MAX_AGE, None, issued(Some(75 * MINUTE), None)).unwrap();
    for (minutes, renewed) in [(10, 10), (60, 60), (600, 70)] {
        state.limit_age(minutes * MINUTE);
        let renewed = begun + renewed * MINUTE;
        let before = renewed - Duration::from_millis(1);
        let seen = [before, renewed].map(|at| word(&state.decide(at, Some(&check("a")))));
        assert_eq!(seen, ["use", "renew"], "{minutes}");
    }
}

#[tokio::test]
async fn a_failure_is_remembered_twice_as_long_each_time() {
    let mut now = Instant::now();
    let mut state = State::default();
    for seconds in [30, 60, 120, 240, 480, 600, 600] {
        assert_eq!(word(&state.decide(now, Some(&check("a")))), "ask");
        let failed = state.answered(now, MAX_AGE, None, Err(Cause::new(Reason::SecretInvalid, "x")));
        assert_eq!(failed.unwrap_err().reason, Reason::SecretInvalid);
        let end = now + Duration::from_secs(seconds);
        assert_eq!(word(&state.decide(end - Duration::from_millis(1), Some(&check("b")))), "fail");
        now = end;
    }
    state.answered(now, MAX_AGE, None, issued(Some(75 * MINUTE), None)).unwrap();
    assert_eq!((word(&state.decide(now, Some(&check("a")))), state.recoveries()), ("use", 1));
}

#[tokio::test]
async fn retry_after_is_honoured_within_reason() {
    let now = Instant::now();
    for (asked, waited) in [(90, 90), (5, 30), (1_000_000, 3600)] {
        let mut state = State::default();
        let retry_after = Some(Duration::from_secs(asked));
        let cause = Cause { retry_after, ..Cause::new(Reason::IdpThrottled, "x") };
        state.answered(now, MAX_AGE, None, Err(cause)).unwrap_err();
        let until = now + Duration::from_secs(waited);
        assert_eq!(word(&state.decide(until - Duration::from_millis(1), Some(&check("a")))), "fail");
        assert_eq!(word(&state.decide(until, Some(&check("a")))), "ask");
    }
}

#[tokio::test]
async fn the_old_token_serves_on_while_its_renewal_fails() {
    let begun = Instant::now();
    let mut state = State::default();
    state.answered(begun, MAX_AGE, None, issued(Some(75 * MINUTE), None)).unwrap();
    let renewal = begun + 30 * MINUTE;
    assert_eq!(word(&state.decide(renewal, Some(&check("a")))), "renew");
    state.answered(renewal, MAX_AGE, None, Err(Cause::new(Reason::SecretExpired, "x"))).unwrap_err();
    assert_eq!(word(&state.decide(renewal, Some(&check("a")))), "use");
    assert_eq!(word(&state.decide(renewal + MINUTE, Some(&check("a")))), "renew");
    state
        .answered(begun + 74 * MINUTE, MAX_AGE, None, Err(Cause::new(Reason::SecretExpired, "x")))
        .unwrap_err();
    assert_eq!(word(&state.decide(begun + 75 * MINUTE - Duration::from_secs(10), Some(&check("a")))), "fail");
}

#[tokio::test]
async fn a_token_refused_everywhere_is_forgotten() {
    let now = Instant::now();
    let mut state = State::default();
    state.answered(now, MAX_AGE, None, issued(Some(75 * MINUTE), None)).unwrap();
    state.refused(now, 1, Some(&check("a")), false);
    assert_eq!(word(&state.decide(now, Some(&check("b")))), "use");
    assert_eq!(word(&state.decide(now, Some(&check("a")))), "ask");
    // Not discarded again within a quarter of an hour.
    state.answered(now, MAX_AGE, None, issued(Some(75 * MINUTE), None)).unwrap();
    state.refused(now, 2, Some(&check("a")), false);
    assert_eq!(word(&state.decide(now + 14 * MINUTE, Some(&check("a")))), "use");
    assert_eq!(word(&state.decide(now + 15 * MINUTE, Some(&check("a")))), "ask");
}

#[tokio::test]
async fn one_mailbox_without_permission_costs_no_token() {
    let now = Instant::now();
    let mut state = State::default();
    state.answered(now, MAX_AGE, None, issued(Some(75 * MINUTE), None)).unwrap();
    state.refused(now, 1, Some(&check("a")), false);
    state.accepted(1);
    assert_eq!(word(&state.decide(now, Some(&check("a")))), "use");
    state.refused(now, 1, Some(&check("a")), false);
    assert_eq!(word(&state.decide(now, Some(&check("a")))), "use");
}

#[tokio::test]
async fn a_token_that_a_server_calls_expired_is_forgotten_at_once() {
    let now = Instant::now();
    let mut state = State::default();
    state.answered(now, MAX_AGE, None, issued(Some(75 * MINUTE), None)).unwrap();
    state.accepted(1);
    // A report about an older token changes nothing.
    state.refused(now, 0, Some(&check("a")), true);
    assert_eq!(word(&state.decide(now, Some(&check("a")))), "use");
    state.refused(now, 1, Some(&check("a")), true);
    assert_eq!(word(&state.decide(now, Some(&check("b")))), "ask");
}

#[tokio::test]
async fn the_token_that_replaces_a_refused_one_is_told_apart() {
    let now = Instant::now();
    let mut state = State::default();
    let refused = |state: &mut State, serial| state.refused(now, serial, Some(&check("a")), true);
    state.answered(now, MAX_AGE, None, issued(Some(75 * MINUTE), None)).unwrap();
    assert!(!refused(&mut state, 1), "the first");
    state.answered(now, MAX_AGE, None, issued(Some(75 * MINUTE), None)).unwrap();
    assert!(!refused(&mut state, 1), "a late report about the first");
    assert!(refused(&mut state, 2), "its replacement");
    state.accepted(2);
    assert!(!refused(&mut state, 2), "a mailbox has logged in with it");
}

#[tokio::test]
async fn a_changed_secret_ends_the_back_off() {
    let now = Instant::now();
    let mut state = State::default();
    state.answered(now, MAX_AGE, Some([1; 32]), Err(Cause::new(Reason::SecretInvalid, "x"))).unwrap_err();
    assert!(matches!(state.decide(now, Some(&check("a"))), Decision::Fail { secret: None, .. }));
    let later = now + SECRET_LOOKED_AT_EVERY;
    let Decision::Fail { secret, .. } = state.decide(later, Some(&check("a"))) else { unreachable!() };
    assert_eq!(secret, Some(Some([1; 32])));
    state.forgive();
    assert_eq!(word(&state.decide(later, Some(&check("a")))), "ask");
}

#[test]
fn a_token_that_claims_to_live_for_ever_is_renewed_all_the_same() {
    let (mut state, now) = (State::default(), Instant::now());
    let endless = Duration::from_secs(u64::MAX);
    let (_, life) = state.answered(now, MAX_AGE, None, issued(Some(endless), Some(endless))).unwrap();
    assert_eq!(life, LONGEST_LIFE);
    assert!(matches!(state.decide(now + MAX_AGE, Some(&check("a"))), Decision::Renew(_)));
}
