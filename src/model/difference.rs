//! What happens to every check when a new plan replaces the old one.
//!
//! A plain value: each part of the program applies it to its own state.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{Check, CheckName, Credential, Directory, ExternalUrl, Goal, Limits, Listen, Mailbox, Plan};

/// The changes between two plans.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Unchanged checks: schedule, counters, back-off and history stay. They come from the new plan, since
    /// labels, the mark of the alert path and the declared expiry of a secret may differ.
    pub stays: Vec<Arc<Check>>,
    /// Checks that are probed differently or at other times: counters and history stay, the schedule
    /// restarts.
    pub changes: Vec<Arc<Check>>,
    /// Checks that are only in the new plan.
    pub comes: Vec<Arc<Check>>,
    /// Checks that are only in the old plan.
    pub goes: Vec<CheckName>,
    /// The old and the new listener, if they differ.
    pub listen: Option<(Listen, Listen)>,
    /// The old and the new state directory, if they differ; either may be none.
    pub state_dir: Option<[Option<PathBuf>; 2]>,
    pub web: WebChange,
    /// The old and the new public address of the pages, if they differ; either may be none.
    pub address: Option<[Option<ExternalUrl>; 2]>,
    /// How the directories that are read change; `None` if all of them stay.
    pub directories: Option<DirectoryCounts>,
    /// The new limits, if they differ.
    pub limits: Option<Limits>,
}

/// Whether the web configuration file is another one, including added or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebChange {
    None,
    Taken,
    /// It passed validation, and could not be used a moment later: the previous one stays.
    Refused,
}

/// How many directories stay, are read differently, come and go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DirectoryCounts {
    pub stay: usize,
    pub changed: usize,
    pub new: usize,
    pub gone: usize,
}

impl DirectoryCounts {
    fn between(old: &[Arc<Directory>], new: &[Arc<Directory>]) -> Self {
        let mut left: HashMap<_, _> = old.iter().map(|directory| (&directory.name, directory)).collect();
        let mut counts = Self::default();
        for directory in new {
            match left.remove(&directory.name) {
                None => counts.new += 1,
                Some(before) if before == directory => counts.stay += 1,
                Some(_) => counts.changed += 1,
            }
        }
        Self { gone: left.len(), ..counts }
    }
}

impl Difference {
    /// Compares two plans.
    pub fn between(old: &Plan, new: &Plan) -> Self {
        let mut left: HashMap<CheckName, &Arc<Check>> =
            old.checks.iter().map(|check| (check.name(), check)).collect();
        let (mut stays, mut changes, mut comes) = (Vec::new(), Vec::new(), Vec::new());
        for check in &new.checks {
            let fate = match left.remove(&check.name()) {
                None => &mut comes,
                Some(before) if before.is_probed_like(check) => &mut stays,
                Some(_) => &mut changes,
            };
            fate.push(Arc::clone(check));
        }
        let mut goes: Vec<_> = left.into_keys().collect();
        goes.sort();
        let listen = (old.listen != new.listen).then(|| (old.listen.clone(), new.listen.clone()));
        let file = |plan: &Plan| plan.web.as_ref().map(|web| web.file.clone());
        let web = if file(old) == file(new) { WebChange::None } else { WebChange::Taken };
        let folders = [old, new].map(|plan| plan.policy.state_dir.clone());
        let state_dir = (folders[0] != folders[1]).then_some(folders);
        let limits = (old.limits != new.limits).then_some(new.limits);
        let addresses = [old, new].map(|plan| plan.address.external.clone());
        let address = (addresses[0] != addresses[1]).then_some(addresses);
        let directories = DirectoryCounts::between(&old.directories, &new.directories);
        let directories = Some(directories)
            .filter(|DirectoryCounts { stay: _, changed, new, gone }| changed + new + gone > 0);
        Self { stays, changes, comes, goes, listen, state_dir, web, address, directories, limits }
    }
}

impl Check {
    /// Whether both checks probe the same thing at the same times. Labels and the declared expiry of a
    /// secret only inform people, and are ignored.
    pub fn is_probed_like(&self, other: &Self) -> bool {
        // Destructured completely, so that a new field causes a compile error here.
        let Self { mailbox, endpoint, ip, access, goal, interval, timeout } = self;
        let goal_is_like = match (goal, &other.goal) {
            (Goal::RoundTrip(trip), Goal::RoundTrip(other)) => trip.is_like(other),
            (goal, other) => goal == other,
        };
        mailbox.is_opened_like(&other.mailbox)
            && goal_is_like
            && (endpoint, ip, access, interval, timeout)
                == (&other.endpoint, &other.ip, &other.access, &other.interval, &other.timeout)
    }
}

impl Mailbox {
    fn is_opened_like(&self, other: &Self) -> bool {
        let Self { name, address, username, credential, provider, labels: _, alert_path: _ } = self;
        credential.proves_like(&other.credential)
            && (name, address, username, provider)
                == (&other.name, &other.address, &other.username, &other.provider)
    }
}

impl Credential {
    fn proves_like(&self, other: &Self) -> bool {
        let Self { name, auth, expires: _ } = self;
        (name, auth) == (&other.name, &other.auth)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::model::{
        Access, Auth, Cloud, Endpoint, Expires, Family, Goal, IpChoice, Mechanism, Patience, Proof, Provider,
        SecretRef, Security, Shard, TokenAccess, TokenSpec, Users, Web,
    };

    /// One mailbox with one check; `change` can alter every part of it.
    fn check(name: &str, change: impl FnOnce(&mut Parts)) -> Arc<Check> {
        let mut parts = Parts::of(name);
        change(&mut parts);
        let credential = Arc::new(parts.credential);
        if let Auth::Token(proof) = &credential.auth {
            (parts.spec.credential, parts.spec.proof) = (Arc::clone(&credential.name), Arc::clone(proof));
        }
        parts.mailbox.credential = credential;
        parts.mailbox.provider = Arc::new(parts.provider);
        let access = match parts.password {
            Some(password) => Access::Password(password),
            None => Access::Token(TokenAccess {
                spec: parts.spec,
                mechanism: parts.mechanism,
                permission: parts.permission,
            }),
        };
        Arc::new(Check { mailbox: Arc::new(parts.mailbox), access, ..parts.check })
    }

    struct Parts {
        credential: Credential,
        provider: Provider,
        mailbox: Mailbox,
        spec: TokenSpec,
        mechanism: Option<Mechanism>,
        permission: Option<&'static str>,
        password: Option<SecretRef>,
        check: Check,
    }

    impl Parts {
        fn of(name: &str) -> Self {
            let secret = SecretRef::Env("SECRET".to_owned());
            let proof = Proof::sample(Some("t"), "c", "SECRET");
            let auth = Auth::Token(Arc::clone(&proof));
            let credential = Credential { name: "contoso".into(), auth, expires: None };
            let (family, service) = (Family::Generic, None);
            let provider =
                Provider { name: "lab".into(), family, cloud: Cloud::Worldwide, service, ca_file: None };
            let shared = Arc::new(credential.clone());
            let mailbox = Mailbox {
                name: name.into(),
                address: format!("{name}@contoso.example"),
                username: name.to_owned(),
                credential: Arc::clone(&shared),
                provider: Arc::new(provider.clone()),
                labels: BTreeMap::new(),
                alert_path: false,
            };
            let spec = TokenSpec {
                credential: Arc::clone(&shared.name),
                proof,
                url: "https://idp/".into(),
                scope: "s".into(),
                ca_file: None,
                url_is_written: false,
                user: None,
            };
            let check = Check {
                mailbox: Arc::new(mailbox.clone()),
                endpoint: Endpoint { host: "mail".to_owned(), port: 993, security: Security::Implicit },
                ip: IpChoice::Auto,
                access: Access::Password(secret),
                goal: Goal::Folder { name: "INBOX".to_owned(), read_only: false, unread: None },
                interval: Duration::from_secs(300),
                timeout: Duration::from_secs(90),
            };
            let (mechanism, permission, password) = (None, None, None);
            Self { credential, provider, mailbox, spec, mechanism, permission, password, check }
        }
    }

    fn plan(checks: Vec<Arc<Check>>) -> Plan {
        Plan {
            listen: Listen { host: "::".to_owned(), port: 9993 },
            limits: Limits { concurrency: 256, per_host: 128, token_max_age: Duration::from_secs(1800) },
            web: None,
            address: crate::model::Address::default(),
            shard: Shard::WHOLE,
            credentials: Vec::new(),
            mailboxes: Vec::new(),
            checks,
            directories: Vec::new(),
            policy: crate::model::Policy::default(),
        }
    }

    #[test]
    fn only_what_a_probe_depends_on_is_a_change() {
        type Change = fn(&mut Parts);
        let changes: [(&str, Change); 18] = [
            ("address", |parts| parts.mailbox.address.push('x')),
            ("username", |parts| parts.mailbox.username.push('x')),
            ("credential", |parts| parts.credential.name = "fabrikam".into()),
            ("auth", |parts| parts.credential.auth = Auth::Password(SecretRef::Env("OTHER".to_owned()))),
            ("provider", |parts| parts.provider.name = "other".into()),
            ("family", |parts| parts.provider.family = Family::Gmail),
            ("ca_file", |parts| parts.provider.ca_file = Some("ca.pem".into())),
            ("host", |parts| parts.check.endpoint.host.push('x')),
            ("ip", |parts| parts.check.ip = IpChoice::V4),
            ("folder", |parts| {
                parts.check.goal =
                    Goal::Folder { name: "Archive".to_owned(), read_only: false, unread: None };
            }),
            ("unread", |parts| {
                let unread = Some(Patience::default());
                parts.check.goal = Goal::Folder { name: "INBOX".to_owned(), read_only: false, unread };
            }),
            ("interval", |parts| parts.check.interval *= 2),
            ("timeout", |parts| parts.check.timeout /= 2),
            ("token_url", |parts| parts.spec.url = "https://other/".into()),
            ("scope", |parts| parts.spec.scope = "other".into()),
            ("mechanism", |parts| parts.mechanism = Some(Mechanism::Oauthbearer)),
            ("permission", |parts| parts.permission = Some("IMAP.AccessAsApp")),
            ("password", |parts| parts.password = Some(SecretRef::Env("SECRET".to_owned()))),
        ];
        let old = plan(vec![check("a", |_| ())]);
        for (what, change) in changes {
            let difference = Difference::between(&old, &plan(vec![check("a", change)]));
            assert_eq!((difference.stays.len(), difference.changes.len()), (0, 1), "{what}");
        }
        let shown: [(&str, Change); 4] = [
            ("nothing", |_| ()),
            ("alert_path", |parts| parts.mailbox.alert_path = true),
            ("labels", |parts| drop(parts.mailbox.labels.insert("team".to_owned(), "x".to_owned()))),
            ("expires", |parts| parts.credential.expires = Some(Expires::At(Timestamp::UNIX_EPOCH))),
        ];
        for (what, change) in shown {
            let new = check("a", change);
            let difference = Difference::between(&old, &plan(vec![Arc::clone(&new)]));
            assert_eq!(difference.stays, [new], "{what}");
            assert!(
                difference.changes.is_empty() && difference.comes.is_empty() && difference.goes.is_empty()
            );
        }
    }

    #[test]
    fn every_check_of_both_plans_has_one_fate() {
        let names = |checks: &[Arc<Check>]| -> String { checks.iter().map(|c| &*c.mailbox.name).collect() };
        let slow = |name: &str| check(name, |parts| parts.check.interval *= 2);
        let plain = |name: &str| check(name, |_| ());
        let rows = [
            // old, new (a capital letter: probed differently), stays, changes, comes, goes
            ("", "", ["", "", "", ""]),
            ("", "ab", ["", "", "ab", ""]),
            ("ab", "", ["", "", "", "ab"]),
            ("ab", "ba", ["ba", "", "", ""]),
            ("abc", "aBd", ["a", "b", "d", "c"]),
            ("AB", "Ab", ["a", "b", "", ""]),
        ];
        for (old, new, fates) in rows {
            let of = |letters: &str| {
                let one = |letter: char| {
                    let name = letter.to_ascii_lowercase().to_string();
                    if letter.is_uppercase() { slow(&name) } else { plain(&name) }
                };
                plan(letters.chars().map(one).collect())
            };
            let difference = Difference::between(&of(old), &of(new));
            let goes: String = difference.goes.iter().map(|name| &*name.mailbox).collect();
            let seen = [names(&difference.stays), names(&difference.changes), names(&difference.comes), goes];
            assert_eq!(seen, fates, "{old} to {new}");
        }
    }

    #[test]
    fn the_listener_and_the_bounds_are_named_where_they_differ() {
        let old = plan(Vec::new());
        let mut new = old.clone();
        let difference = Difference::between(&old, &new);
        assert_eq!((difference.listen, difference.limits, difference.state_dir), (None, None, None));
        new.listen.port = 1;
        new.policy.state_dir = Some("state".into());
        new.limits.per_host = 1;
        let difference = Difference::between(&old, &new);
        assert_eq!(difference.listen, Some((old.listen, new.listen)));
        assert_eq!(difference.limits, Some(new.limits));
        assert_eq!(difference.state_dir, Some([None, Some("state".into())]));
    }

    #[test]
    fn only_another_web_configuration_file_is_a_difference() {
        let of = |file: Option<&str>, headers: &[&'static str]| {
            let headers = headers.iter().map(|name| (*name, String::new())).collect();
            let web = |file: &str| Web { file: file.into(), tls: None, headers, users: Users::default() };
            Plan { web: file.map(web).map(Arc::new), ..plan(Vec::new()) }
        };
        let differs = |old: &Plan, new: &Plan| Difference::between(old, new).web;
        let (same, other) = (WebChange::None, WebChange::Taken);
        assert_eq!(differs(&of(Some("web.yaml"), &[]), &of(Some("web.yaml"), &["X-Frame-Options"])), same);
        assert_eq!(differs(&of(Some("web.yaml"), &[]), &of(Some("other.yaml"), &[])), other);
        assert_eq!(differs(&of(None, &[]), &of(Some("web.yaml"), &[])), other);
        assert_eq!(differs(&of(Some("web.yaml"), &[]), &of(None, &[])), other);
    }
}
