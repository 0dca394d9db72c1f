//! Access tokens: requested once, shared by every mailbox of a credential, and renewed before they expire.
//!
//! Owns the cache, the deduplication of concurrent requests, the back-off after a failure, and the rule for
//! discarding a token. `diagnosis` interprets a refusal by the identity provider; whether a mail server
//! accepts the token is for `probe` to find out.

mod answer;
mod claims;
pub mod device;
mod exchange;
mod group;
mod http;
mod proof;
mod state;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Mutex as Flight, OwnedMutexGuard};
use tokio::time::Instant;

pub use self::proof::refresh_token::{settled, store};
pub use self::proof::{ends, fault, refusal_facts};

use self::exchange::{Exchange, Issued};
use self::group::{AllGroups, Groups};
use self::proof::refresh_token::TokenFiles;
use self::state::{Decision, State};
use crate::clock;
use crate::diagnosis;
use crate::model::{
    Cause, CheckName, Claims, Plan, Reason, Redacted, SecretRef, TokenFacts, TokenReport, TokenSeal,
    TokenSpec,
};
use crate::net::Dialer;
use crate::secret::{self, Fingerprint, Scrubber};

/// Called after every token request, from the task that made it.
pub type OnTokenRequest = Arc<dyn Fn(&TokenReport) + Send + Sync>;

#[derive(Clone)]
pub struct AccessToken {
    value: Arc<Redacted>,
    scrubber: Scrubber,
    seal: Arc<TokenSeal>,
    /// Distinguishes this token from earlier and later ones of the same credential.
    serial: u64,
}

impl AccessToken {
    pub fn value(&self) -> &Redacted {
        &self.value
    }

    /// Removes the token from everything that is shown.
    pub fn scrubber(&self) -> Scrubber {
        self.scrubber.clone()
    }

    /// The token's claims; `None` if it is opaque.
    pub fn claims(&self) -> Option<&Claims> {
        self.seal.claims.as_deref()
    }

    /// The facts about the token that an observation may keep; all observations of a token share them.
    pub fn seal(&self) -> Arc<TokenSeal> {
        Arc::clone(&self.seal)
    }
}

/// Written by hand, because the derived form would print the token.
impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AccessToken(#{})", self.serial)
    }
}

/// Supplies the probes with tokens. Clones share everything.
#[derive(Clone)]
pub struct TokenSource(Arc<Shared>);

struct Shared {
    dialer: Arc<Dialer>,
    /// A token is renewed no later than this after it was issued.
    max_age: Mutex<Duration>,
    on_request: OnTokenRequest,
    cells: Mutex<HashMap<TokenSpec, Arc<Cell>>>,
    groups: AllGroups,
    refresh_tokens: TokenFiles,
}

#[derive(Default)]
struct Cell {
    state: Mutex<State>,
    /// Locked while a request to the identity provider is running.
    flight: Arc<Flight<()>>,
    memory: proof::Memory,
    groups: Groups,
}

impl Cell {
    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Ends the back-offs if the secret has changed since this failure. `known` is its fingerprint at that time; `None`
    /// if it is too early to look again.
    async fn forgive_if_changed(
        &self,
        spec: &TokenSpec,
        cause: Cause,
        known: Option<Fingerprint>,
    ) -> Result<(), Cause> {
        let Some(known) = known else { return Err(cause) };
        if secret::fingerprint(&spec.proof.places()).await == known {
            return Err(cause);
        }
        self.forgive();
        Ok(())
    }

    fn forgive(&self) {
        self.state().forgive();
        self.groups.forgive();
    }

    /// Stores the result of a request where it belongs, and returns the token with its lifetime.
    fn answered(
        &self,
        max_age: Duration,
        fingerprint: Fingerprint,
        answer: Result<Issued, Cause>,
    ) -> Result<(AccessToken, Duration), Cause> {
        let now = Instant::now();
        match &answer {
            Ok(_) => self.groups.let_in(),
            Err(cause) => {
                if let Some(group) = self.groups.concerned(cause.reason) {
                    group.refused(now, fingerprint, cause.clone());
                    return Err(cause.clone());
                }
            }
        }
        self.state().answered(now, max_age, fingerprint, answer)
    }
}

/// The guarded values stay valid if the holder of the lock panics.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TokenSource {
    /// A source without tokens; see `Shared::max_age`.
    pub fn new(dialer: Arc<Dialer>, max_age: Duration, on_request: OnTokenRequest) -> Self {
        let max_age = Mutex::new(max_age);
        let (cells, groups, refresh_tokens) = Default::default();
        Self(Arc::new(Shared { dialer, max_age, on_request, cells, groups, refresh_tokens }))
    }

    /// Switches to a new plan. Drops tokens that no check needs; all others keep their failures and
    /// back-offs. The new maximum age takes effect at once.
    pub fn apply(&self, plan: &Plan) {
        let max_age = plan.limits.token_max_age;
        *lock(&self.0.max_age) = max_age;
        let needed: HashSet<&TokenSpec> = plan.token_specs().collect();
        let rotated: HashSet<&Path> = needed.iter().filter_map(|spec| spec.proof.rotated()?.file()).collect();
        self.0.refresh_tokens.retain(|file| rotated.contains(file));
        let mut cells = lock(&self.0.cells);
        cells.retain(|spec, _| needed.contains(spec));
        self.0.groups.retain_needed();
        for cell in cells.values() {
            cell.state().limit_age(max_age);
        }
    }

    /// A token for `spec`, from the cache or newly requested. Concurrent callers share one request. The
    /// cached token stays in use during a renewal and after a failed one. `by` is the check that asks; `None` for
    /// other purposes.
    ///
    /// # Errors
    /// The cause of the last request, without a new request, while its back-off lasts.
    pub async fn fetch<'c>(
        &self,
        spec: &TokenSpec,
        by: impl Into<Option<&'c CheckName>>,
    ) -> Result<AccessToken, Cause> {
        let by = by.into();
        let cell = self.cell(spec);
        loop {
            let decision = cell.state().decide(Instant::now(), by);
            match decision {
                Decision::Use(token) => return Ok(token),
                Decision::Renew(token) => {
                    if !cell.groups.are_refused(Instant::now())
                        && let Ok(flight) = Arc::clone(&cell.flight).try_lock_owned()
                    {
                        // The renewal is not awaited: callers use the old token until it is done.
                        drop(self.request(spec.clone(), Arc::clone(&cell), (flight, None)));
                    }
                    return Ok(token);
                }
                Decision::Fail { cause, secret } => cell.forgive_if_changed(spec, cause, secret).await?,
                Decision::Ask => {
                    let flight = Arc::clone(&cell.flight).lock_owned().await;
                    // Another caller may have completed a request while this one waited for the lock.
                    if !matches!(cell.state().decide(Instant::now(), by), Decision::Ask) {
                        continue;
                    }
                    let turn = cell.groups.turn().await;
                    let refusal = cell.groups.refusal(Instant::now(), by);
                    if let Some((cause, secret)) = refusal {
                        cell.forgive_if_changed(spec, cause, secret).await?;
                        continue;
                    }
                    let request = self.request(spec.clone(), Arc::clone(&cell), (flight, turn));
                    return request.await.unwrap_or_else(|_| {
                        Err(Cause::new(
                            Reason::Internal,
                            "the token request panicked; see the panic message in the log",
                        ))
                    });
                }
            }
        }
    }

    /// Reports that a mailbox logged in with this token. Later refusals of the same token are then not
    /// blamed on the token.
    pub fn accepted(&self, spec: &TokenSpec, token: &AccessToken) {
        self.cell(spec).state().accepted(token.serial);
    }

    /// Reports that a mail server refused this token. `expired`: the server said that the token has expired.
    ///
    /// Returns whether the token had itself replaced a refused one and no mailbox has logged in since.
    pub fn refused(&self, spec: &TokenSpec, token: &AccessToken, by: &CheckName, expired: bool) -> bool {
        self.cell(spec).state().refused(Instant::now(), token.serial, Some(by), expired)
    }

    /// Reports that a service called this token expired, whatever it says of itself.
    pub fn expired(&self, spec: &TokenSpec, token: &AccessToken) {
        self.cell(spec).state().refused(Instant::now(), token.serial, None, true);
    }

    /// Renews the tokens whose requests read one of these files, and ends their back-offs, because the files have
    /// changed.
    ///
    /// A new refresh token ends back-offs only: it may be the work of a second process, and two that answered each
    /// other's renewals would never rest.
    pub fn renew(&self, files: &BTreeSet<PathBuf>) {
        let now = Instant::now();
        for (spec, cell) in lock(&self.0.cells).iter() {
            let rotated = spec.proof.rotated().and_then(SecretRef::file);
            let changed = spec.files().into_iter().filter(|file| files.contains(*file));
            match changed.map(|file| Some(file) == rotated).min() {
                Some(false) => {
                    cell.state().secret_changed(now);
                    cell.groups.forgive();
                }
                Some(true) => cell.state().forgive(),
                None => {}
            }
        }
    }

    /// Whether what lies in this file now is a refresh token that a request of this source has written back.
    pub async fn wrote(&self, file: &Path) -> bool {
        self.0.refresh_tokens.wrote(file).await
    }

    /// How often token requests of the credential have recovered from a failure. A change means that earlier
    /// refusals deserve a new attempt.
    pub fn recoveries(&self, spec: &TokenSpec) -> u64 {
        let cell = self.cell(spec);
        cell.state().recoveries() + cell.groups.recoveries()
    }

    /// How far our clock is ahead of the identity provider's, according to its last answer with a date.
    pub fn clock_skew(&self, spec: &TokenSpec) -> Option<SignedDuration> {
        let cell = self.cell(spec);
        cell.state().clock_skew().or_else(|| cell.groups.clock_skew())
    }

    fn cell(&self, spec: &TokenSpec) -> Arc<Cell> {
        let mut cells = lock(&self.0.cells);
        if let Some(cell) = cells.get(spec) {
            return Arc::clone(cell);
        }
        let cell = Arc::new(Cell { groups: self.0.groups.of(spec), ..Cell::default() });
        cells.insert(spec.clone(), Arc::clone(&cell));
        cell
    }

    /// Sends the request in a task of its own, so that a probe that times out does not cancel a request that
    /// others share. The locks are released when the task ends.
    fn request(
        &self,
        spec: TokenSpec,
        cell: Arc<Cell>,
        locks: (OwnedMutexGuard<()>, Option<OwnedMutexGuard<()>>),
    ) -> tokio::task::JoinHandle<Result<AccessToken, Cause>> {
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let _locks = locks;
            let (asker, asked, wanted) = (Arc::clone(&shared), Arc::clone(&cell), spec.clone());
            match tokio::spawn(async move { asker.ask(&wanted, &asked).await }).await {
                Ok(answer) => answer,
                Err(_) => Err(shared.gave_up(&spec, &cell).await),
            }
        })
    }
}

impl Shared {
    /// Treats a panic during a request as a failed request: it is reported, and the back-off applies.
    async fn gave_up(&self, spec: &TokenSpec, cell: &Cell) -> Cause {
        let cause =
            Cause::new(Reason::Internal, "the token request panicked; see the panic message in the log");
        let fingerprint = secret::fingerprint(&spec.proof.places()).await;
        let max_age = *lock(&self.max_age);
        // Returns the same cause that it was given.
        drop(cell.answered(max_age, fingerprint, Err(cause.clone())));
        (self.on_request)(&TokenReport {
            spec: spec.clone(),
            started_at: clock::now(),
            duration: Duration::ZERO,
            request_id: None,
            clock_skew: None,
            certificate: None,
            intercepted: false,
            ends: Vec::new(),
            refresh_token_used: None,
            outcome: Err(cause.clone()),
        });
        cause
    }

    async fn ask(&self, spec: &TokenSpec, cell: &Cell) -> Result<AccessToken, Cause> {
        let started_at = clock::now();
        let started = Instant::now();
        // Read before the proof: if a place changes in between, the next look finds it changed.
        let fingerprint = secret::fingerprint(&spec.proof.places()).await;
        let exchange = Exchange::new(&self.dialer, spec);
        let answer = proof::request(&spec.proof, &exchange, &cell.memory, &self.refresh_tokens).await;
        let peer = exchange.peer();
        let max_age = *lock(&self.max_age);
        cell.state().measured(peer.clock_skew());
        cell.groups.measured(peer.clock_skew());
        let outcome = cell.answered(max_age, fingerprint, answer);
        let facts = outcome.as_ref().map(|(token, lifetime)| TokenFacts {
            expires_at: started_at.checked_add(*lifetime).unwrap_or(Timestamp::MAX),
            claims: token.seal.claims.clone(),
        });
        let certificate = peer.certificate();
        (self.on_request)(&TokenReport {
            spec: spec.clone(),
            started_at,
            duration: started.elapsed(),
            request_id: exchange.request_id().map(str::to_owned),
            clock_skew: peer.clock_skew(),
            intercepted: diagnosis::is_intercepted(diagnosis::host_of(&spec.url), certificate.as_deref()),
            certificate,
            ends: exchange.ends(),
            refresh_token_used: exchange.refresh_token_used(),
            outcome: facts.map_err(Clone::clone),
        });
        outcome.map(|(token, _)| token)
    }
}
