//! Access tokens: asked for once, shared by every mailbox of a credential, renewed early.
//!
//! Owns the cache, the single flight, the back-off after a failure and the rule when a token is
//! forgotten. What an identity provider's refusal means is `diagnosis`; what a token is good for is
//! for `probe` to find out.

mod answer;
mod claims;
mod grant;
mod http;
mod proxy;
mod state;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex as Flight, OwnedMutexGuard};
use tokio::time::{Instant, timeout};

use self::state::{Decision, State};
use crate::diagnosis;
use crate::model::{
    Access, Cause, CheckName, Claims, Grant, Phase, Plan, Reason, Redacted, TokenFacts, TokenReport,
    TokenSeal, TokenSpec,
};
use crate::net::{self, Dialer};
use crate::secret;

/// Told of every token request, from whichever task it ended in.
pub type Observer = Arc<dyn Fn(&TokenReport) + Send + Sync>;

/// As much of a token's hash tells it from others, in bytes.
const SEAL_BYTES: usize = 6;

/// An access token, shared.
#[derive(Clone)]
pub struct AccessToken {
    value: Arc<Redacted>,
    claims: Option<Arc<Claims>>,
    request_id: Arc<str>,
    clock_skew: Option<SignedDuration>,
    /// Tells this token from its predecessors and successors.
    serial: u64,
}

impl AccessToken {
    /// The token itself, for the login.
    pub fn value(&self) -> &Redacted {
        &self.value
    }

    /// What it says of itself; `None` where it is opaque.
    pub fn claims(&self) -> Option<&Claims> {
        self.claims.as_deref()
    }

    /// What may be kept of it.
    pub fn seal(&self) -> TokenSeal {
        let fingerprint = secret::fingerprint_of(&self.value);
        TokenSeal {
            fingerprint: fingerprint.iter().take(SEAL_BYTES).map(|byte| format!("{byte:02x}")).collect(),
            request_id: self.request_id.to_string(),
            clock_skew: self.clock_skew,
            claims: self.claims().cloned(),
        }
    }
}

/// By hand: it holds a token.
impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccessToken(#{})", self.serial)
    }
}

/// Where the probes get their tokens; clones share everything.
#[derive(Clone)]
pub struct TokenSource(Arc<Shared>);

struct Shared {
    dialer: Arc<Dialer>,
    /// A token is renewed at the latest then.
    max_age: Mutex<Duration>,
    observer: Observer,
    cells: Mutex<HashMap<Key, Arc<Cell>>>,
}

/// Equal keys share a token. Everything by which it is asked for is part of it: a credential that is
/// described anew under its old name has nothing to do with the old one's tokens and failures.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    credential: Arc<str>,
    grant: Grant,
    url: Arc<str>,
    scope: Arc<str>,
    ca_file: Option<PathBuf>,
}

impl Key {
    fn of(spec: &TokenSpec) -> Self {
        Self {
            credential: Arc::clone(&spec.credential.name),
            grant: spec.credential.grant.clone(),
            url: Arc::clone(&spec.url),
            scope: Arc::clone(&spec.scope),
            ca_file: spec.ca_file.clone(),
        }
    }
}

struct Cell {
    state: Mutex<State>,
    /// Held by whoever is asking the identity provider.
    flight: Arc<Flight<()>>,
}

impl Cell {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// A lock whose holder panicked guards values that are still good.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TokenSource {
    /// A source without tokens. `max_age` is the longest time one is used before it is renewed.
    pub fn new(dialer: Arc<Dialer>, max_age: Duration, observer: Observer) -> Self {
        let max_age = Mutex::new(max_age);
        Self(Arc::new(Shared { dialer, max_age, observer, cells: Mutex::new(HashMap::new()) }))
    }

    /// Goes on by another plan: tokens that no check needs any more are forgotten, all others stay as
    /// they are, their failures and back-offs too. A new bound of their age holds at once.
    pub fn apply(&self, plan: &Plan) {
        let max_age = plan.limits.token_max_age;
        *lock(&self.0.max_age) = max_age;
        let specs = plan.checks.iter().filter_map(|check| match &check.access {
            Access::Token { spec, .. } => Some(Key::of(spec)),
            Access::Password { .. } => None,
        });
        let needed: HashSet<Key> = specs.collect();
        let mut cells = lock(&self.0.cells);
        cells.retain(|key, _| needed.contains(key));
        for cell in cells.values() {
            cell.state().limit_age(max_age);
        }
    }

    /// A token for this specification: the one in hand, or a new one. However many ask at once, one
    /// request is sent. While a token in hand is being renewed, or its renewal fails, it serves on.
    ///
    /// # Errors
    /// The cause of the last request while its back-off lasts: no second request is sent for it.
    pub async fn fetch(&self, spec: &TokenSpec, by: &CheckName) -> Result<AccessToken, Cause> {
        let cell = self.cell(spec);
        loop {
            let decision = cell.state().decide(Instant::now(), by);
            match decision {
                Decision::Use(token) => return Ok(token),
                Decision::Renew(token) => {
                    if let Ok(flight) = Arc::clone(&cell.flight).try_lock_owned() {
                        // Nobody waits for it: who comes while it is under way uses the old one.
                        drop(self.request(spec.clone(), Arc::clone(&cell), flight));
                    }
                    return Ok(token);
                }
                Decision::Fail { cause, secret: known } => {
                    let Some(known) = known else { return Err(cause) };
                    if secret::fingerprint(spec.credential.grant.secret()).await == known {
                        return Err(cause);
                    }
                    cell.state().forgive();
                }
                Decision::Ask => {
                    let flight = Arc::clone(&cell.flight).lock_owned().await;
                    // Somebody else may have asked while we waited for our turn.
                    if !matches!(cell.state().decide(Instant::now(), by), Decision::Ask) {
                        continue;
                    }
                    let request = self.request(spec.clone(), Arc::clone(&cell), flight);
                    return request.await.unwrap_or_else(|_| {
                        Err(Cause::new(Reason::Internal, "the token request ended without an answer"))
                    });
                }
            }
        }
    }

    /// A mailbox logged in with this token: whoever is refused with it from now on is refused for
    /// reasons of their own.
    pub fn accepted(&self, spec: &TokenSpec, token: &AccessToken) {
        self.cell(spec).state().accepted(token.serial);
    }

    /// A mail server refused this token. `expired`: it said that the token's time is over.
    pub fn refused(&self, spec: &TokenSpec, token: &AccessToken, by: &CheckName, expired: bool) {
        self.cell(spec).state().refused(Instant::now(), token.serial, by, expired);
    }

    /// How often a credential's requests have begun to work again after failing. A change tells that
    /// what was refused before deserves a new look.
    pub fn recoveries(&self, spec: &TokenSpec) -> u64 {
        self.cell(spec).state().recoveries()
    }

    /// How far our clock is ahead of the identity provider's, by its last answer that told the time.
    pub fn clock_skew(&self, spec: &TokenSpec) -> Option<SignedDuration> {
        self.cell(spec).state().clock_skew()
    }

    fn cell(&self, spec: &TokenSpec) -> Arc<Cell> {
        let new = || Arc::new(Cell { state: Mutex::default(), flight: Arc::default() });
        Arc::clone(lock(&self.0.cells).entry(Key::of(spec)).or_insert_with(new))
    }

    /// Asks the identity provider in a task of its own: a probe that runs out of time must not take
    /// the request of all the others with it. The flight ends with the task.
    fn request(
        &self,
        spec: TokenSpec,
        cell: Arc<Cell>,
        flight: OwnedMutexGuard<()>,
    ) -> tokio::task::JoinHandle<Result<AccessToken, Cause>> {
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let _flight = flight;
            let (asker, asked, wanted) = (Arc::clone(&shared), Arc::clone(&cell), spec.clone());
            match tokio::spawn(async move { asker.ask(&wanted, &asked).await }).await {
                Ok(answer) => answer,
                Err(_) => Err(shared.gave_up(&spec, &cell).await),
            }
        })
    }
}

impl Shared {
    /// A request that ended in a panic is a failure like any other: told, and not repeated without end.
    async fn gave_up(&self, spec: &TokenSpec, cell: &Cell) -> Cause {
        let cause = Cause::new(Reason::Internal, "the token request ended without an answer");
        let fingerprint = secret::fingerprint(spec.credential.grant.secret()).await;
        let max_age = *lock(&self.max_age);
        // What it answers is the cause that it is given.
        drop(cell.state().answered(Instant::now(), max_age, fingerprint, Err(cause.clone())));
        (self.observer)(&TokenReport {
            spec: spec.clone(),
            started_at: net::now(),
            duration: Duration::ZERO,
            request_id: None,
            clock_skew: None,
            certificate: None,
            intercepted: false,
            outcome: Err(cause.clone()),
        });
        cause
    }

    async fn ask(&self, spec: &TokenSpec, cell: &Cell) -> Result<AccessToken, Cause> {
        let started_at = net::now();
        let started = Instant::now();
        let secret = secret::read(spec.credential.grant.secret()).await;
        let fingerprint = secret.as_ref().ok().map(secret::fingerprint_of);
        let request_id = uuid::Uuid::new_v4().to_string();
        let peer = http::Peer::default();
        let (sent, answer) = match (secret, &spec.credential.grant) {
            (Err(cause), _) => (false, Err(cause)),
            (Ok(secret), Grant::ClientSecret { client_id, form, .. }) => {
                let application = grant::Application { client_id, secret: &secret, form };
                let asked = grant::client_secret(&self.dialer, spec, application, &request_id, &peer);
                let answer = timeout(Phase::Token.row().bound, asked).await.unwrap_or_else(|_| {
                    let bound = Phase::Token.row().bound.as_secs();
                    Err(Cause::new(
                        Reason::Timeout,
                        format!("the token endpoint gave no answer within {bound} s"),
                    ))
                });
                (true, answer)
            }
            (Ok(_), Grant::Password { .. }) => {
                (false, Err(Cause::new(Reason::Internal, "a password is no grant for a token")))
            }
        };
        let max_age = *lock(&self.max_age);
        cell.state().measured(peer.clock_skew());
        let outcome = cell.state().answered(Instant::now(), max_age, fingerprint, answer);
        let facts = outcome.as_ref().map(|(token, lifetime)| TokenFacts {
            expires_at: started_at.checked_add(*lifetime).unwrap_or(Timestamp::MAX),
            claims: token.claims().cloned(),
        });
        let certificate = peer.certificate();
        (self.observer)(&TokenReport {
            spec: spec.clone(),
            started_at,
            duration: started.elapsed(),
            request_id: sent.then_some(request_id),
            clock_skew: peer.clock_skew(),
            intercepted: diagnosis::is_intercepted(diagnosis::host_of(&spec.url), certificate.as_ref()),
            certificate,
            outcome: facts.map_err(Clone::clone),
        });
        outcome.map(|(token, _)| token)
    }
}
