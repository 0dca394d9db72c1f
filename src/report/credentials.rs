//! The state of each credential: its last token requests and its current tokens.
//!
//! Not here: metric names; the tokens themselves, which never leave their cache.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::model::{
    Access, Cause, Certificate, Credential, DirectoryEnds, End, EndSource, Plan, Reason, TokenAccess,
    TokenFacts, TokenReport, TokenSpec,
};

use super::locked;
use super::user_tokens::{UserTokens, Users, is_wide};

/// The last request for one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    pub started_at: Timestamp,
    /// How long the answer took.
    pub duration: Duration,
    /// Finds the request in the provider's sign-in log; `None` if no request was sent.
    pub request_id: Option<String>,
    /// How far this machine's clock was ahead of the identity provider's.
    pub clock_skew: Option<SignedDuration>,
    /// The server's certificate.
    pub certificate: Option<Arc<Certificate>>,
    /// True if a public identity provider presents a certificate that no public authority issued.
    pub intercepted: bool,
    /// Why the request failed, if it did.
    pub failure: Option<Cause>,
}

/// The state of one token that checks need, or of the tokens of all users if each has its own.
#[derive(Debug, Clone)]
pub struct TokenRecord {
    /// Without a user.
    pub spec: TokenSpec,
    /// The permissions that checks need from it.
    pub permissions: BTreeSet<&'static str>,
    /// Whether it decides if the credential works. A token that only directories use does not, as long as checks use
    /// the credential: their mailboxes are well without it.
    pub decides: bool,
    /// The last request, for whatever user; `None` before the first.
    pub last: Option<TokenRequest>,
    /// Why the credential gets no token. That one user of several gets none is not a failure of the credential.
    pub failure: Option<Cause>,
    /// The last issued token. It stays in use while its renewal fails. Of several users' tokens, the one that
    /// expires first.
    pub token: Option<TokenFacts>,
    /// The tokens of all users, by number; `None` if one token serves all.
    pub users: Option<UserTokens>,
    /// When the proof expires by its own word, as far as requests found out.
    pub ends: Vec<End>,
    /// When the refresh token was last known to work, as far as requests found out.
    pub refresh_token_used: Option<Timestamp>,
    /// The start of the first failed request since the last that succeeded.
    pub failing_since: Option<Timestamp>,
}

impl TokenRecord {
    fn new(spec: TokenSpec) -> Self {
        Self {
            spec,
            permissions: BTreeSet::new(),
            decides: true,
            last: None,
            failure: None,
            token: None,
            users: None,
            ends: Vec::new(),
            refresh_token_used: None,
            failing_since: None,
        }
    }

    /// Why requests fail, as far as it concerns the credential.
    pub fn reasons(&self) -> BTreeSet<Reason> {
        let users = self.users.iter().flat_map(UserTokens::reasons);
        self.failure.iter().map(|cause| cause.reason).chain(users).collect()
    }
}

/// The state of one credential.
#[derive(Debug, Clone)]
pub struct CredentialRecord {
    pub credential: Arc<Credential>,
    /// How many checks log in with it.
    pub checks: usize,
    /// The mailboxes of these checks, by name.
    pub mailboxes: Arc<[Arc<str>]>,
    /// The directories that are read with it, by name.
    pub directories: Arc<[Arc<str>]>,
    /// Its tokens; empty for a password.
    pub tokens: Vec<TokenRecord>,
    /// The date in the file of `expires`, or why there is none; `None` without such a file, or before it was read.
    pub declared: Option<Result<Timestamp, String>>,
    /// The date that a directory says; the earliest of several.
    pub in_directory: Option<Timestamp>,
}

impl CredentialRecord {
    fn found_ends(&self) -> impl Iterator<Item = End> {
        self.tokens.iter().flat_map(|token| token.ends.iter().copied())
    }

    /// When the token file of a federated credential expires.
    pub fn token_file_end(&self) -> Option<Timestamp> {
        self.found_ends().filter(|end| end.source == EndSource::TokenFile).map(|end| end.at).max()
    }

    /// The tokens that decide if the credential works.
    pub fn decisive(&self) -> impl Iterator<Item = &TokenRecord> {
        self.tokens.iter().filter(|token| token.decides)
    }

    /// The first request that fails now, and why.
    pub fn failing(&self) -> Option<(&TokenRecord, &Cause)> {
        self.decisive().find_map(|token| Some((token, token.last.as_ref()?.failure.as_ref()?)))
    }

    /// When the refresh token was last known to work.
    pub fn refresh_token_used(&self) -> Option<Timestamp> {
        self.tokens.iter().filter_map(|token| token.refresh_token_used).max()
    }

    /// The dates on which the credential expires, the earliest of each source, the nearest first.
    pub fn ends(&self) -> Vec<End> {
        let mut ends = self.credential.ends();
        if let Some(Ok(at)) = self.declared {
            ends.push(End { source: EndSource::Declared, at });
        }
        ends.extend(self.in_directory.map(|at| End { source: EndSource::Directory, at }));
        ends.extend(self.found_ends().filter(|end| !end.source.row().renewed));
        ends.sort_by_key(|end| (end.at, end.source));
        let mut seen = BTreeSet::new();
        ends.retain(|end| seen.insert(end.source));
        ends
    }
}

/// The order of tokens, and what tells one from another.
type TokenKey = (Arc<str>, Arc<str>, Arc<str>);

/// What is kept of a token.
#[derive(Debug)]
struct Kept {
    record: TokenRecord,
    /// Empty if one token serves all.
    users: Users,
}

impl Kept {
    fn record(&self) -> TokenRecord {
        let mut record = TokenRecord { users: self.users.counted(), ..self.record.clone() };
        if let Some(users) = &record.users {
            record.token = users.first_end.map(|expires_at| TokenFacts { expires_at, claims: None });
        }
        record
    }
}

fn key(spec: &TokenSpec) -> TokenKey {
    (Arc::clone(&spec.credential), Arc::clone(&spec.scope), Arc::clone(&spec.url))
}

/// Whether a request was for the token of this record, or for one of its users'.
fn is_of(record: &TokenRecord, spec: &TokenSpec) -> bool {
    match spec.user {
        None => record.spec == *spec,
        Some(_) => record.spec == TokenSpec { user: None, ..spec.clone() },
    }
}

/// The state of all credentials of a plan. There are few, so one lock suffices.
#[derive(Debug)]
pub(super) struct Credentials(Mutex<Records>);

/// A credential of the plan, and what rests on it.
#[derive(Debug)]
struct Declared {
    credential: Arc<Credential>,
    checks: usize,
    mailboxes: Arc<[Arc<str>]>,
    directories: Arc<[Arc<str>]>,
}

#[derive(Debug, Default)]
struct Records {
    declared: BTreeMap<Arc<str>, Declared>,
    tokens: BTreeMap<TokenKey, Kept>,
    /// What was read from the files of `expires`.
    dates: BTreeMap<Arc<str>, Result<Timestamp, String>>,
    /// What each directory says.
    directories: BTreeMap<Arc<str>, DirectoryEnds>,
}

impl Credentials {
    pub(super) fn new(plan: &Plan) -> Self {
        let credentials = Self(Mutex::default());
        credentials.apply(plan);
        credentials
    }

    /// Switches to a new plan. A token keeps its state if it is requested in the same way as before.
    pub(super) fn apply(&self, plan: &Plan) {
        let mut records = locked(&self.0);
        let known = std::mem::take(&mut records.tokens);
        let mut rests: HashMap<&str, (usize, BTreeSet<&Arc<str>>)> = HashMap::new();
        for check in &plan.checks {
            let (checks, mailboxes) = rests.entry(&check.mailbox.credential.name).or_default();
            *checks += 1;
            mailboxes.insert(&check.mailbox.name);
        }
        let declared = |credential: &Arc<Credential>| {
            let (checks, mailboxes) = rests.remove(&*credential.name).unwrap_or_default();
            let mailboxes = mailboxes.into_iter().cloned().collect();
            let read_with = plan.directories.iter().filter(|one| one.spec.credential == credential.name);
            let directories = read_with.map(|directory| Arc::clone(&directory.name)).collect();
            let declared = Declared { credential: Arc::clone(credential), checks, mailboxes, directories };
            (Arc::clone(&credential.name), declared)
        };
        records.declared = plan.credentials.iter().map(declared).collect();
        records.directories.retain(|name, _| plan.directories.iter().any(|one| one.name == *name));
        let of_checks = plan.checks.iter().filter_map(|check| match &check.access {
            Access::Token(TokenAccess { spec, permission, .. }) => {
                Some((spec, permission.as_slice().to_vec()))
            }
            Access::Password(_) => None,
        });
        let of_directories = plan.directories.iter().map(|directory| {
            (&directory.spec, directory.feeds.iter().map(|feed| feed.row().permission).collect())
        });
        let of_checks: Vec<(&TokenSpec, Vec<&'static str>)> = of_checks.collect();
        let decisive: BTreeSet<TokenKey> = of_checks.iter().map(|(spec, _)| key(spec)).collect();
        let with_checks: BTreeSet<&Arc<str>> = of_checks.iter().map(|(spec, _)| &spec.credential).collect();
        for (spec, permissions) in of_checks.iter().cloned().chain(of_directories) {
            let key = key(spec);
            let decides = decisive.contains(&key) || !with_checks.contains(&spec.credential);
            let before = known.get(&key).filter(|before| is_of(&before.record, spec));
            let kept = records.tokens.entry(key).or_insert_with(|| {
                let fresh = || TokenRecord::new(TokenSpec { user: None, ..spec.clone() });
                let record = before.map_or_else(fresh, |before| TokenRecord {
                    permissions: BTreeSet::new(),
                    ..before.record.clone()
                });
                Kept { record, users: Users::default() }
            });
            if let Some(user) = &spec.user {
                kept.users.add(user, before.map(|before| &before.users));
            }
            kept.record.decides = decides;
            kept.record.permissions.extend(permissions);
        }
    }

    /// Records a request. False if no check of the plan needs this token in this form.
    pub(super) fn note(&self, report: &TokenReport) -> bool {
        let mut records = locked(&self.0);
        let kept = records.tokens.get_mut(&key(&report.spec));
        let Some(Kept { record, users }) = kept.filter(|kept| is_of(&kept.record, &report.spec)) else {
            return false;
        };
        if let Some(user) = &report.spec.user
            && !users.note(user, report)
        {
            return false;
        }
        match &report.outcome {
            Ok(token) => {
                record.token = Some(token.clone());
                if !users.is_failing() {
                    record.failing_since = None;
                    record.failure = None;
                }
            }
            Err(cause) if report.spec.user.is_none() || is_wide(cause.reason) => {
                record.failing_since.get_or_insert(report.started_at);
                record.failure = Some(cause.clone());
            }
            Err(_) => {}
        }
        if !report.ends.is_empty() {
            record.ends.clone_from(&report.ends);
        }
        // A failed request knows only when the file was written.
        record.refresh_token_used = record.refresh_token_used.max(report.refresh_token_used);
        record.last = Some(TokenRequest {
            started_at: report.started_at,
            duration: report.duration,
            request_id: report.request_id.clone(),
            clock_skew: report.clock_skew,
            certificate: report.certificate.clone(),
            intercepted: report.intercepted,
            failure: report.outcome.as_ref().err().cloned(),
        });
        true
    }

    /// Records what the files of `expires` hold.
    pub(super) fn declare(&self, dates: BTreeMap<Arc<str>, Result<Timestamp, String>>) {
        locked(&self.0).dates = dates;
    }

    /// Records what a directory says about the ends of credentials.
    pub(super) fn note_directory(&self, directory: &Arc<str>, ends: DirectoryEnds) {
        locked(&self.0).directories.insert(Arc::clone(directory), ends);
    }

    /// A copy of all records, ordered by the credential's name.
    pub(super) fn records(&self) -> Vec<CredentialRecord> {
        let records = locked(&self.0);
        let record = |(name, declared): (&Arc<str>, &Declared)| CredentialRecord {
            credential: Arc::clone(&declared.credential),
            checks: declared.checks,
            mailboxes: Arc::clone(&declared.mailboxes),
            directories: Arc::clone(&declared.directories),
            in_directory: records.directories.values().filter_map(|ends| ends.get(name)).min().copied(),
            tokens: records.of(name),
            declared: records.dates.get(name).filter(|_| declared.credential.end_file().is_some()).cloned(),
        };
        records.declared.iter().map(record).collect()
    }
}

impl Records {
    /// The tokens of one credential.
    fn of(&self, name: &Arc<str>) -> Vec<TokenRecord> {
        let first: TokenKey = (Arc::clone(name), "".into(), "".into());
        let tokens = self.tokens.range(first..).take_while(|((credential, ..), _)| credential == name);
        tokens.map(|(_, kept)| kept.record()).collect()
    }
}
