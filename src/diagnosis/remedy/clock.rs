//! What the clocks tell about a failure: ours, the identity provider's, and the times in a token.
//!
//! The identity provider's clock is taken for right: mail servers of the same house keep the same time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::Subject;
use super::fill::host_of;
use super::findings::Findings;
use crate::model::{NOTABLE_SKEW, Reason};

/// The findings; none if the clocks explain nothing.
pub(super) fn of(reason: Reason, subject: &Subject<'_>) -> Findings {
    match reason {
        Reason::ClockSkew => Findings { lines: compared(subject).into_iter().collect(), decisive: false },
        Reason::TlsCertificateExpired if is_wrong(subject) => {
            Findings { lines: compared(subject).into_iter().collect(), decisive: false }
        }
        Reason::TokenRejected | Reason::RoleMissing => outside(subject),
        _ => Findings::default(),
    }
}

fn is_wrong(subject: &Subject<'_>) -> bool {
    subject.clock_skew.is_some_and(|skew| skew.abs() >= NOTABLE_SKEW)
}

/// Our clock against the identity provider's.
fn compared(subject: &Subject<'_>) -> Option<String> {
    let spec = subject.check.token_spec()?;
    let (skew, host) = (subject.clock_skew?, host_of(&spec.url));
    let measured = "by the `Date` of its last answer";
    Some(if skew.abs() < NOTABLE_SKEW {
        format!("This machine's clock agrees with that of `{host}` ({measured}): something else is wrong.")
    } else {
        let side = if skew.is_negative() { "behind" } else { "ahead of" };
        let apart = spelt(skew);
        format!("This machine's clock is {apart} {side} that of `{host}` ({measured}): set it right.")
    })
}

/// A token shown before or after its time.
fn outside(subject: &Subject<'_>) -> Findings {
    let Some(claims) = subject.claims else { return Findings::default() };
    let there = |at: Timestamp| at.checked_sub(subject.clock_skew.unwrap_or_default()).unwrap_or(at);
    let now = there(subject.at);
    let by = if subject.clock_skew.is_some() { "by the identity provider's clock" } else { "by our clock" };
    let line = if let Some(end) = claims.expires_at.filter(|end| *end <= now) {
        let late = spelt(now.duration_since(end));
        format!(
            "The token's own time had ended when it was shown: `exp` is {end}, {late} earlier {by}. The next probe fetches a new one; if that is as old, the identity provider, or a cache in front of it, hands out old tokens."
        )
    } else if let Some(begin) = claims.not_before.filter(|begin| *begin > now) {
        let early = spelt(begin.duration_since(now));
        format!(
            "The token's time had not begun when it was shown: `nbf` is {begin}, {early} later {by}. A clock is wrong: this machine's (`timedatectl`), or the identity provider's."
        )
    } else {
        return Findings::default();
    };
    Findings { lines: vec![line], decisive: true }
}

fn spelt(difference: SignedDuration) -> String {
    let whole = Duration::from_secs(difference.unsigned_abs().as_secs());
    humantime::format_duration(whole).to_string()
}
