//! Whether a password may be tried: all rules for real passwords and for the deliberately wrong one.
//!
//! A wrong password can lock accounts and looks like an attack, so it is tried only if every rule allows it.
//! This is a pure function; performing a trial, and recording it beforehand, are elsewhere.

use jiff::{SignedDuration, Timestamp};

use crate::model::{Check, Evidence, Finding, PasswordLogin, Policy, Signal};

use super::proof::Shown;

/// Minimum time between two trials of the same password of a mailbox.
const DAILY: SignedDuration = SignedDuration::from_hours(24);

/// Hosts of the US Government clouds, where three failures lock an account instead of ten.
const GOVERNMENT_HOSTS: [&str; 2] = [".office365.us", ".microsoftonline.us"];

/// The facts that decide whether a password is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) shown: Shown,
    pub(super) policy: &'a Policy,
    pub(super) check: &'a Check,
    /// Whether the trial can be saved beforehand, so that a restart does not repeat it.
    pub(super) remembers: bool,
    /// A locked account was seen in the tenant.
    pub(super) stopped: bool,
    /// The last trial of this password on this mailbox.
    pub(super) last: Option<Timestamp>,
    /// Start of the saved history; earlier trials may be forgotten.
    pub(super) born: Option<Timestamp>,
    /// No trial before this time.
    pub(super) hold: Option<Timestamp>,
    /// The evidence that is still fresh.
    pub(super) fresh: &'a [&'a Evidence],
}

/// Why a password is not tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Veto {
    /// The configuration does not allow it.
    NotAllowed,
    /// The tenant has not opted in.
    NoOptIn,
    /// The trial could not be saved.
    NoMemory,
    /// The cloud locks accounts after fewer failures.
    Government,
    /// A locked account was seen in the tenant.
    Stopped,
    /// The last trial was less than a day ago, or may have been.
    Recently,
    /// The protocol accepts no passwords, so a trial would teach nothing.
    Closed,
    /// The mailbox's own probes log in with a password, so a trial would teach nothing more.
    ByPassword,
}

/// The rule that forbids a trial now, if any does.
pub(super) fn veto(question: &Question<'_>, now: Timestamp) -> Option<Veto> {
    let Question { shown, policy, check, .. } = question;
    let allowed = match shown {
        Shown::Real => policy.password_login != PasswordLogin::Never,
        Shown::Wrong => policy.password_login == PasswordLogin::Refusal,
    };
    if !allowed {
        return Some(Veto::NotAllowed);
    }
    let Some(spec) = check.token_spec() else { return Some(Veto::ByPassword) };
    if *shown == Shown::Wrong {
        let tenant = check.mailbox.credential.tenant().unwrap_or_default();
        if !policy.refusal_tenants.iter().any(|opted| opted.eq_ignore_ascii_case(tenant)) {
            return Some(Veto::NoOptIn);
        }
        if !question.remembers {
            return Some(Veto::NoMemory);
        }
        let hosts = [check.endpoint.host.to_ascii_lowercase(), spec.url.to_ascii_lowercase()];
        let government = GOVERNMENT_HOSTS.iter().any(|name| hosts.iter().any(|host| host.contains(name)));
        if government || check.mailbox.provider.cloud.row().is_government {
            return Some(Veto::Government);
        }
    }
    if question.stopped {
        return Some(Veto::Stopped);
    }
    let closed = |seen: &&&Evidence| match seen.signal {
        Signal::Offer => seen.finding == Finding::NotOffered,
        // A real password can prove the calendar wrong; for a wrong password the risk is not worth it.
        Signal::Calendar => *shown == Shown::Wrong && seen.finding == Finding::Removed,
        _ => false,
    };
    if question.fresh.iter().any(|seen| closed(&seen)) {
        return Some(Veto::Closed);
    }
    let recently = question.last.is_some_and(|last| now.duration_since(last) < DAILY);
    let young = *shown == Shown::Wrong && question.born.is_none_or(|born| now.duration_since(born) < DAILY);
    let held = question.hold.is_some_and(|until| now < until);
    (recently || young || held).then_some(Veto::Recently)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test that cannot go on should say so at once
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{
        Access, Auth, Cloud, Credential, Endpoint, Family, Goal, IpChoice, Mailbox, Proof, Provider,
        Security, TokenAccess, TokenSpec,
    };

    const NOW: i64 = 1_795_521_600;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(NOW - hours * 3600).unwrap()
    }

    fn check(host: &str, provider: &str, url: &str) -> Check {
        let proof = Proof::sample(Some("T1"), "c", "S");
        let auth = Auth::Token(Arc::clone(&proof));
        let credential = Arc::new(Credential { name: "c".into(), auth, expires: None });
        let spec = TokenSpec {
            credential: Arc::clone(&credential.name),
            proof,
            url: url.into(),
            scope: "s".into(),
            ca_file: None,
            url_is_written: false,
            user: None,
        };
        Check {
            mailbox: Arc::new(Mailbox {
                name: "a".into(),
                address: "a@b.example".to_owned(),
                username: "a@b.example".to_owned(),
                credential,
                provider: Arc::new(Provider {
                    name: provider.into(),
                    family: Family::ExchangeOnline,
                    cloud: if provider == "gov" { Cloud::UsGovDod } else { Cloud::Worldwide },
                    service: None,
                    ca_file: None,
                }),
                labels: Default::default(),
                alert_path: false,
            }),
            endpoint: Endpoint { host: host.to_owned(), port: 587, security: Security::StartTls },
            ip: IpChoice::Auto,
            access: Access::Token(TokenAccess { spec, mechanism: None, permission: None }),
            goal: Goal::Submission { sender: false, ehlo: None },
            interval: std::time::Duration::from_secs(300),
            timeout: std::time::Duration::from_secs(60),
        }
    }

    fn ordinary() -> Check {
        check("smtp.office365.com", "exchange_online", "https://login.microsoftonline.com/T1/token")
    }

    fn policy() -> Policy {
        Policy {
            password_login: PasswordLogin::Refusal,
            refusal_tenants: ["t1".to_owned()].into(),
            ..Policy::default()
        }
    }

    fn wrong<'a>(policy: &'a Policy, check: &'a Check) -> Question<'a> {
        let (shown, remembers, born) = (Shown::Wrong, true, Some(at(24)));
        Question { shown, policy, check, remembers, stopped: false, last: None, born, hold: None, fresh: &[] }
    }

    #[test]
    fn the_wrong_password_is_tried_only_where_every_rule_allows_it() {
        let (policy, check) = (policy(), ordinary());
        let question = wrong(&policy, &check);
        assert_eq!(veto(&question, at(0)), None);

        let never = Policy::default();
        assert_eq!(veto(&Question { policy: &never, ..question }, at(0)), Some(Veto::NotAllowed));
        let declared = Policy { password_login: PasswordLogin::Declared, ..policy.clone() };
        assert_eq!(veto(&Question { policy: &declared, ..question }, at(0)), Some(Veto::NotAllowed));
        let elsewhere = Policy { refusal_tenants: ["t2".to_owned()].into(), ..policy.clone() };
        assert_eq!(veto(&Question { policy: &elsewhere, ..question }, at(0)), Some(Veto::NoOptIn));
        assert_eq!(veto(&Question { remembers: false, ..question }, at(0)), Some(Veto::NoMemory));
        assert_eq!(veto(&Question { stopped: true, ..question }, at(0)), Some(Veto::Stopped));
        assert_eq!(veto(&Question { last: Some(at(23)), ..question }, at(0)), Some(Veto::Recently));
        assert_eq!(veto(&Question { last: Some(at(24)), ..question }, at(0)), None);
        let ahead = Question { last: Some(at(-2)), ..question };
        assert_eq!(veto(&ahead, at(0)), Some(Veto::Recently), "a clock that was set back gains no try");
        for born in [None, Some(at(23))] {
            assert_eq!(veto(&Question { born, ..question }, at(0)), Some(Veto::Recently), "a new memory");
        }
        assert_eq!(veto(&Question { hold: Some(at(-1)), ..question }, at(0)), Some(Veto::Recently));
    }

    #[test]
    fn the_wrong_password_never_goes_to_a_government_cloud() {
        let policy = policy();
        for check in [
            check("smtp.office365.us", "mine", "https://login.microsoftonline.com/T1/token"),
            check("mail.example", "mine", "https://login.microsoftonline.us/T1/token"),
            check("mail.example", "gov", "https://idp.example/token"),
        ] {
            assert_eq!(veto(&wrong(&policy, &check), at(0)), Some(Veto::Government), "{}", check.endpoint);
        }
    }

    #[test]
    fn no_password_is_tried_where_the_server_offers_no_way() {
        let (policy, check) = (policy(), ordinary());
        let evidence =
            |signal, finding| Evidence { at: at(1), finding, signal, until: None, note: String::new() };
        let offer = evidence(Signal::Offer, Finding::NotOffered);
        let removed = evidence(Signal::Calendar, Finding::Removed);
        for (shown, seen, expected) in [
            (Shown::Wrong, &offer, Some(Veto::Closed)),
            (Shown::Real, &offer, Some(Veto::Closed)),
            (Shown::Wrong, &removed, Some(Veto::Closed)),
            (Shown::Real, &removed, None),
        ] {
            let question = Question { shown, fresh: &[seen], ..wrong(&policy, &check) };
            assert_eq!(veto(&question, at(0)), expected, "{shown:?} {}", seen.finding);
        }
    }

    #[test]
    fn a_declared_password_needs_no_opt_in_but_obeys_a_lock() {
        let declared = Policy { password_login: PasswordLogin::Declared, ..Policy::default() };
        let check = ordinary();
        let question = Question { shown: Shown::Real, remembers: false, ..wrong(&declared, &check) };
        assert_eq!(veto(&question, at(0)), None);
        assert_eq!(veto(&Question { stopped: true, ..question }, at(0)), Some(Veto::Stopped));
        assert_eq!(veto(&Question { last: Some(at(1)), ..question }, at(0)), Some(Veto::Recently));
    }
}
