//! One check becomes one [`Observation`]: token, connection, conversation, verdict.
//!
//! Owns the straight line through the trades and what only shows when their facts are put together.
//! When a check runs is up to `monitor`; where its observation goes, to `report`.

mod gate;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use tokio::time::{Instant, timeout};

use self::gate::{Gate, Permit};
use crate::diagnosis::{self, remedy};
use crate::model::{
    Access, Cause, Check, CheckName, Failure, Limits, Observation, Outcome, Phase, Plan, Protocol, Reason,
    Redacted, SecretRef, Security, ServerFacts, Timings, TokenSpec,
};
use crate::net::{self, Dialer, Dialogue, Io, Stopwatch};
use crate::probe::{self, Connection, Login, Probe, Secret, Session};
use crate::secret::{self, Scrubber};
use crate::token::{AccessToken, Observer, TokenSource};

/// How long a server may take to answer a goodbye.
const GOODBYE: Duration = Duration::from_secs(2);

/// Probes mailboxes; shared by everything that does.
pub struct Prober {
    dialer: Arc<Dialer>,
    tokens: TokenSource,
    gate: Gate,
    /// Which checks passed when they were last probed: what else works tells where to look.
    passed: Mutex<HashSet<CheckName>>,
}

/// What an attempt gathers on its way, whether or not it comes to an end.
struct Notes {
    watch: Stopwatch,
    facts: ServerFacts,
    dialogue: Option<Dialogue>,
    token: Option<AccessToken>,
}

/// What is still open when the verdict has been given.
struct Open {
    session: Option<Session>,
    _permit: Option<Permit>,
}

impl Prober {
    /// A prober within these limits; the observer is told of every token request.
    pub fn new(limits: &Limits, observer: Observer) -> Self {
        let dialer = Arc::new(Dialer::default());
        let tokens = TokenSource::new(Arc::clone(&dialer), limits.token_max_age, observer);
        Self { dialer, tokens, gate: Gate::new(limits), passed: Mutex::default() }
    }

    /// Where the tokens come from.
    pub fn tokens(&self) -> &TokenSource {
        &self.tokens
    }

    /// Goes on by another plan: its bounds hold at once, and what nobody needs any more is forgotten.
    /// Probes under way are not disturbed.
    pub fn apply(&self, plan: &Plan) {
        self.gate.apply(plan);
        self.tokens.apply(plan);
        let names: HashSet<CheckName> = plan.checks.iter().map(|check| check.name()).collect();
        self.passed.lock().unwrap_or_else(PoisonError::into_inner).retain(|name| names.contains(name));
    }

    /// Probes once. `due` is when the probe should have begun: what passes until it does, and every
    /// wait for a permit, is its lateness. What `begun` returns is held while a permit to connect is.
    ///
    /// A mailbox that cannot be used is not an error: it is an observation. A panic on the way is
    /// one too, with [`Reason::Internal`].
    pub async fn observe<G>(
        &self,
        check: &Arc<Check>,
        due: Instant,
        begun: impl FnOnce() -> G,
    ) -> Observation {
        self.observe_within(check, check.timeout, due, begun).await
    }

    /// The same with less time than the check has, for somebody who does not wait that long.
    pub async fn observe_within<G>(
        &self,
        check: &Arc<Check>,
        within: Duration,
        due: Instant,
        begun: impl FnOnce() -> G,
    ) -> Observation {
        self.probe(check, within, due, begun, true).await
    }

    /// Logs in once by this password, in the place of whatever the check logs in by. What comes of it says
    /// nothing about how the check itself stands.
    pub async fn observe_password(&self, check: &Check, password: SecretRef) -> Observation {
        let check = Arc::new(Check { access: Access::Password { password }, ..check.clone() });
        self.probe(&check, check.timeout, Instant::now(), || (), false).await
    }

    /// Nothing that is done for a probe may end more than the probe: what judges an answer reads the world's text.
    async fn probe<G>(
        &self,
        check: &Arc<Check>,
        within: Duration,
        due: Instant,
        begun: impl FnOnce() -> G,
        counts: bool,
    ) -> Observation {
        let started_at = net::now();
        let probed = unwinding(self.probe_and_judge(check, within, due, begun, counts)).await;
        probed.unwrap_or_else(|| broken(check, started_at))
    }

    async fn probe_and_judge<G>(
        &self,
        check: &Arc<Check>,
        within: Duration,
        due: Instant,
        begun: impl FnOnce() -> G,
        counts: bool,
    ) -> Observation {
        let _mailbox = self.gate.mailbox(&check.mailbox.name).await;
        let late = due.elapsed();
        let started_at = net::now();
        let mut notes = Notes {
            watch: Stopwatch::start(within.min(check.timeout)),
            facts: ServerFacts::default(),
            dialogue: None,
            token: None,
        };
        let mut open = Open { session: None, _permit: None };
        let mut guard = None;
        let attempt = self.attempt(check, &mut notes, &mut open, || guard = Some(begun()));
        let verdict = unwinding(attempt).await;
        let verdict = verdict.unwrap_or_else(|| {
            let cause = Cause::new(Reason::Internal, "the probe ended in a panic; the log has its place");
            Err(Failure { phase: notes.watch.current(), cause })
        });
        let Notes { watch, mut facts, dialogue, token } = notes;
        facts.intercepted = diagnosis::is_intercepted(&check.endpoint.host, facts.certificate.as_ref());
        facts.front_end = dialogue.as_ref().and_then(Dialogue::front_end);
        let (timings, waited) = watch.stop();
        self.judge_token(check, token.as_ref(), &verdict);
        let works = counts.then(|| self.remember(&check.name(), verdict.is_ok())).flatten();
        let seen = Seen { token: token.as_ref(), server: &facts, works, clock_skew: self.clock_skew(check) };
        let outcome = outcome(check, &seen, verdict);
        if let Some(session) = open.session.take() {
            // Bounded, and of no consequence.
            drop(timeout(GOODBYE, unwinding(session.goodbye())).await);
        }
        Observation {
            check: Arc::clone(check),
            started_at,
            duration: timings.total(),
            timings,
            lateness: late + waited,
            server: facts,
            token: token.as_ref().map(AccessToken::seal),
            dialogue: dialogue.map(|dialogue| dialogue.lines()).unwrap_or_default(),
            outcome,
        }
    }

    async fn attempt(
        &self,
        check: &Check,
        notes: &mut Notes,
        open: &mut Open,
        begun: impl FnOnce(),
    ) -> Result<(), Failure> {
        let Notes { watch, facts, dialogue: said, token } = notes;
        let password;
        let secret = match &check.access {
            Access::Token { spec, mechanism, .. } => {
                let name = check.name();
                let fetched = watch.phase(Phase::Token, self.tokens.fetch(spec, &name)).await?;
                Secret::Token { token: token.insert(fetched).value(), mechanism: *mechanism }
            }
            Access::Password { password: place } => {
                password = watch.phase(Phase::Token, secret::read(place)).await?;
                Secret::Password(&password)
            }
        };
        let host = check.endpoint.host.as_str();
        open._permit = Some(watch.wait(self.gate.connection(host)).await);
        begun();
        let ip = watch.phase(Phase::Resolve, self.dialer.resolve(host, check.ip)).await?;
        facts.ip = Some(ip);
        let peer = SocketAddr::new(ip, check.endpoint.port);
        let connect = async {
            let stream = self.dialer.connect(peer).await?;
            let local = stream.local_addr()?.ip();
            Ok((stream, local))
        };
        let connect = async {
            connect.await.map_err(|error: std::io::Error| {
                Cause::new(diagnosis::io(&error), format!("{peer}: {error}"))
            })
        };
        let (stream, local) = watch.phase(Phase::Connect, connect).await?;
        let dialogue = said.insert(Dialogue::begin(Scrubber::knowing([known(&secret)])));
        let login = Login { username: &check.mailbox.username, secret };
        let probe = Probe { check, login, dialer: &self.dialer };
        let mut stream: Box<dyn Io> = Box::new(stream);
        if check.endpoint.security == Security::Implicit {
            stream = watch.phase(Phase::Tls, probe.secure(stream, facts)).await?;
        }
        let connection = Connection { stream, peer, local, dialogue: dialogue.clone() };
        let (verdict, session) = probe::converse(probe, connection, watch, facts).await;
        open.session = session;
        verdict
    }

    fn clock_skew(&self, check: &Check) -> Option<SignedDuration> {
        self.tokens.clock_skew(token_spec(check)?)
    }

    /// Remembers how a check stands; another protocol in which the same mailbox passes.
    fn remember(&self, name: &CheckName, passes: bool) -> Option<Protocol> {
        let mut passed = self.passed.lock().unwrap_or_else(PoisonError::into_inner);
        if passes {
            passed.insert(name.clone());
        } else {
            passed.remove(name);
        }
        let others = Protocol::ALL.iter().copied().filter(|protocol| *protocol != name.protocol);
        let named = |protocol| CheckName { mailbox: Arc::clone(&name.mailbox), protocol };
        others.into_iter().find(|protocol| passed.contains(&named(*protocol)))
    }

    /// Tells the token source what the mail server thinks of a token.
    fn judge_token(&self, check: &Check, token: Option<&AccessToken>, verdict: &Result<(), Failure>) {
        let (Access::Token { spec, .. }, Some(token)) = (&check.access, token) else { return };
        match verdict {
            Ok(()) => self.tokens.accepted(spec, token),
            Err(failure) if diagnosis::token_has_expired(&failure.cause.detail) => {
                self.tokens.refused(spec, token, &check.name(), true);
            }
            Err(failure) if failure.phase > Phase::Auth => self.tokens.accepted(spec, token),
            Err(failure) if failure.phase == Phase::Auth && !failure.cause.reason.row().transient => {
                self.tokens.refused(spec, token, &check.name(), false);
            }
            Err(_) => {}
        }
    }
}

fn known<'a>(secret: &Secret<'a>) -> &'a str {
    let (Secret::Token { token: secret, .. } | Secret::Password(secret)) = secret;
    let secret: &'a Redacted = secret;
    secret.expose_secret()
}

/// What besides the verdict tells why.
struct Seen<'a> {
    token: Option<&'a AccessToken>,
    server: &'a ServerFacts,
    /// Another protocol in which the same mailbox passes.
    works: Option<Protocol>,
    /// How far our clock is ahead of the identity provider's.
    clock_skew: Option<SignedDuration>,
}

/// The verdict as an outcome: with what only the token can tell, and with what to do.
fn outcome(check: &Check, seen: &Seen<'_>, verdict: Result<(), Failure>) -> Outcome {
    let Err(mut failure) = verdict else { return Outcome::Up };
    let claims = seen.token.and_then(AccessToken::claims);
    // A server says no more than that it does not want the token. Said only after a refusal,
    // because some tokens work without the role (Exchange's RBAC for Applications).
    if let (Access::Token { permission: Some(permission), .. }, Some(claims)) = (&check.access, claims)
        && failure.cause.reason == Reason::TokenRejected
        && !claims.permissions.iter().any(|held| held == permission)
    {
        failure.cause.reason = Reason::RoleMissing;
    }
    let subject = remedy::Subject {
        check,
        claims,
        clock_skew: seen.clock_skew,
        at: net::now(),
        server: seen.server,
        detail: &failure.cause.detail,
        works: seen.works,
    };
    let hint = remedy::hint(failure.cause.reason, failure.phase, &subject);
    Outcome::Down { failure, hint }
}

/// A probe of which nothing is left: ours is the fault.
fn broken(check: &Arc<Check>, started_at: Timestamp) -> Observation {
    let cause = Cause::new(Reason::Internal, "the probe's verdict ended in a panic; the log has its place");
    let failure = Failure { phase: Phase::Token, cause };
    let hint = remedy::generic_hint(failure.cause.reason, None, None);
    Observation {
        check: Arc::clone(check),
        started_at,
        duration: Duration::ZERO,
        timings: Timings::default(),
        lateness: Duration::ZERO,
        server: ServerFacts::default(),
        token: None,
        dialogue: Vec::new(),
        outcome: Outcome::Down { failure, hint },
    }
}

/// Runs a future in which a panic must not end more than itself; `None` if it did.
async fn unwinding<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        // What the work borrowed is read afterwards in whatever state it was left: facts, never invariants.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(Poll::Ready(done)) => Poll::Ready(Some(done)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

/// Whether the check's credential is fetched from an identity provider, and by which specification.
pub fn token_spec(check: &Check) -> Option<&TokenSpec> {
    match &check.access {
        Access::Token { spec, .. } => Some(spec),
        Access::Password { .. } => None,
    }
}
