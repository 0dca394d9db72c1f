//! Where a setting says the opposite of what was seen after it.
//!
//! Owns which findings contradict each other. Not here: the state, which rests on the later evidence alone (`judge`).

use crate::model::{Conflict, Exhibit, Finding};

/// A setting, and what cannot be seen while it holds.
const CONTRADICTIONS: &[(Finding, &[Finding])] = &[
    (Finding::SwitchedOff, &[Finding::OauthWorks, Finding::Accepted, Finding::Reached]),
    (Finding::SwitchedOn, &[Finding::SmtpAuthOff]),
    (Finding::PolicyRefuses, &[Finding::Accepted, Finding::Reached]),
];

/// The newest contradiction among fresh evidence. Evidence from before the setting does not contradict it:
/// the setting may have changed things since.
pub(super) fn conflict(exhibits: &[Exhibit]) -> Option<Conflict> {
    let fresh = || exhibits.iter().filter(|exhibit| exhibit.fresh).map(|exhibit| &exhibit.evidence);
    let contradictions = fresh().filter_map(|setting| {
        let (_, refuting) = CONTRADICTIONS.iter().find(|(finding, _)| *finding == setting.finding)?;
        let seen = fresh().filter(|seen| seen.at > setting.at && refuting.contains(&seen.finding));
        let seen = seen.max()?.clone();
        Some(Conflict { setting: setting.clone(), seen })
    });
    contradictions.max_by_key(|conflict| conflict.seen.at)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should say so at once
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::model::{Evidence, Signal};

    fn exhibit(signal: Signal, finding: Finding, minute: i64, fresh: bool) -> Exhibit {
        let at = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute);
        Exhibit { evidence: Evidence { at, finding, signal, until: None, note: String::new() }, fresh }
    }

    #[test]
    fn a_setting_conflicts_with_what_is_seen_after_it() {
        use Finding::{Accepted, OauthWorks, PolicyRefuses, SmtpAuthOff, SwitchedOff, SwitchedOn};
        let rows = [
            ((Signal::Switch, SwitchedOff), (Signal::OauthLogin, OauthWorks), true),
            ((Signal::Switch, SwitchedOff), (Signal::PasswordLogin, Accepted), true),
            ((Signal::Switch, SwitchedOn), (Signal::OauthLogin, SmtpAuthOff), true),
            ((Signal::Refusal, PolicyRefuses), (Signal::PasswordLogin, Accepted), true),
            // These agree.
            ((Signal::Switch, SwitchedOn), (Signal::OauthLogin, OauthWorks), false),
            ((Signal::Switch, SwitchedOff), (Signal::OauthLogin, SmtpAuthOff), false),
            ((Signal::Refusal, PolicyRefuses), (Signal::OauthLogin, OauthWorks), false),
        ];
        for ((signal, setting), (by, seen), conflicts) in rows {
            let before = exhibit(signal, setting, 10, true);
            let after = exhibit(by, seen, 11, true);
            let found = conflict(&[before.clone(), after]);
            assert_eq!(found.is_some(), conflicts, "{setting:?} {seen:?}");
            if let Some(found) = found {
                assert_eq!((found.setting.finding, found.seen.finding), (setting, seen));
            }
            let earlier = exhibit(by, seen, 9, true);
            assert_eq!(conflict(&[before.clone(), earlier]), None, "it was set since: {setting:?} {seen:?}");
            let stale = exhibit(by, seen, 11, false);
            assert_eq!(conflict(&[before, stale]), None, "{setting:?} {seen:?}");
        }
    }
}
