//! One check becomes one [`Observation`]: token, connection, conversation, verdict.
//!
//! Owns the sequence of these steps, and the conclusions that need facts from several of them. `monitor`
//! decides when a check runs; `report` receives its observation.

mod fate;
mod in_flight;
mod opinion;
mod permits;
mod request;
mod round_trip;
mod trips;
mod visit;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use self::in_flight::{InFlight, Running};
use self::permits::{Permit, Permits};
use self::request::Purpose;
use self::round_trip::Run;
use self::trips::Trips;
use crate::clock;
use crate::diagnosis::{self, remedy};
use crate::model::{
    Access, Cause, Check, CheckName, Failure, Goal, Limits, Observation, Outcome, Phase, Plan, Protocol,
    Reason, Security, ServerFacts, Timings, TokenAccess, Transcript,
};
use crate::net::{Allowance, Dialer, Dialogue, Io, Stopwatch};
use crate::probe::{self, Bearer, Connection, Login, Probe, Secret, Session};
use crate::secret::{self, Scrubber};
use crate::token::{self, AccessToken, OnTokenRequest, TokenSource};

pub use self::request::ProbeRequest;

/// How long a server may take to answer the closing command.
const GOODBYE: Duration = Duration::from_secs(2);

/// Probes mailboxes. One instance is shared, so that its limits apply to every probe.
pub struct Prober {
    dialer: Arc<Dialer>,
    tokens: TokenSource,
    permits: Permits,
    in_flight: InFlight,
    /// Checks whose last probe succeeded. They help to narrow down a fault of the same mailbox's other protocols.
    passed: Mutex<HashSet<CheckName>>,
    trips: Trips,
}

/// Facts that a conversation collects, whether or not it completes.
#[derive(Default)]
struct Traces {
    facts: ServerFacts,
    dialogue: Option<Dialogue>,
    token: Option<AccessToken>,
}

/// Resources that are held until after the verdict.
#[derive(Default)]
struct Open {
    session: Option<Session>,
    _permit: Option<Permit>,
    _in_flight: Option<Running>,
}

impl Prober {
    /// A prober with these limits. It calls `on_token_request` after every token request.
    pub fn new(limits: &Limits, on_token_request: OnTokenRequest) -> Self {
        let dialer = Arc::new(Dialer::default());
        let tokens = TokenSource::new(Arc::clone(&dialer), limits.token_max_age, on_token_request);
        let (permits, in_flight) = (Permits::new(limits), InFlight::default());
        Self { dialer, tokens, permits, in_flight, passed: Mutex::default(), trips: Trips::default() }
    }

    pub fn tokens(&self) -> &TokenSource {
        &self.tokens
    }

    /// Opens the connections to mail servers; other services share it.
    pub const fn dialer(&self) -> &Arc<Dialer> {
        &self.dialer
    }

    /// How many checks are talking to their server now.
    pub fn in_flight(&self) -> usize {
        self.in_flight.count()
    }

    /// Switches to a new plan: its limits apply at once, and state that it does not need is dropped. Running
    /// probes continue undisturbed.
    pub fn apply(&self, plan: &Plan) {
        self.permits.apply(plan);
        self.tokens.apply(plan);
        let names: HashSet<CheckName> = plan.checks.iter().map(|check| check.name()).collect();
        self.passed().retain(|name| names.contains(name));
        self.trips.retain(|name| names.contains(name));
    }

    /// Probes once. The lateness of the observation is the time since the request was due, plus every wait for
    /// a permit.
    ///
    /// A failure is an observation, not an error. So is a panic, with [`Reason::Internal`]: the code that judges
    /// answers reads untrusted text, and a panic in it must end only this probe.
    pub async fn probe(&self, request: &ProbeRequest) -> Observation {
        let started_at = clock::now();
        let probed = catching_panic(self.probe_and_judge(request)).await;
        probed.unwrap_or_else(|| broken(request.check(), started_at))
    }

    async fn probe_and_judge(&self, request: &ProbeRequest) -> Observation {
        let check = request.check();
        let mailbox_permit = self.permits.mailbox(&check.mailbox.name).await;
        let late = request.due().elapsed();
        let started_at = clock::now();
        let mut watch = Stopwatch::start(check.timeout);
        let (mut traces, mut open) = (Traces::default(), Open::default());
        let (outcome, dialogue, _mailbox_permit) = match &check.goal {
            Goal::RoundTrip(trip) => {
                let mut run = Run::new(self, check, trip, request.purpose(), &mut watch);
                let outcome = catching_panic(run.complete(mailbox_permit, &mut traces)).await;
                let dialogue = run.dialogue();
                let outcome = match outcome {
                    Some(outcome) => outcome,
                    None => self.conclude(check, &traces, Err(panicked(&watch))).await,
                };
                (outcome, dialogue, None)
            }
            Goal::Folder { .. } | Goal::Submission { .. } | Goal::Maildrop | Goal::GraphFolder { .. } => {
                let purpose = request.purpose();
                let verdict =
                    catching_panic(self.converse(check, purpose, &mut watch, &mut traces, &mut open)).await;
                let verdict = verdict.unwrap_or_else(|| Err(panicked(&watch)));
                if purpose == Purpose::Check {
                    self.remember(&check.name(), verdict.is_ok());
                }
                let outcome = self.conclude(check, &traces, verdict).await;
                let dialogue = traces.dialogue.as_ref().map(Dialogue::transcript).unwrap_or_default();
                (outcome, dialogue, mailbox_permit)
            }
        };
        let (timings, waited) = watch.stop();
        if let Some(session) = open.session.take() {
            // Bounded in time; the verdict is final, so failures are ignored.
            drop(timeout(GOODBYE, catching_panic(session.goodbye())).await);
        }
        Observation {
            check: Arc::clone(check),
            started_at,
            duration: timings.total(),
            timings,
            lateness: late + waited,
            server: traces.facts,
            token: traces.token.as_ref().map(AccessToken::seal),
            dialogue,
            outcome,
        }
    }

    /// One conversation from the token to the verdict; then reports to the token source what it shows of the token.
    async fn converse(
        &self,
        check: &Check,
        purpose: Purpose,
        watch: &mut Stopwatch,
        traces: &mut Traces,
        open: &mut Open,
    ) -> Result<(), Failure> {
        let verdict = self.attempt(check, purpose, watch, traces, open).await;
        let facts = &mut traces.facts;
        facts.intercepted = diagnosis::is_intercepted(&check.endpoint.host, facts.certificate.as_deref());
        facts.front_end = traces.dialogue.as_ref().and_then(Dialogue::front_end);
        self.judge_token(check, traces.token.as_ref(), verdict)
    }

    /// The outcome of a conversation, with everything that explains it.
    async fn conclude(&self, check: &Check, traces: &Traces, verdict: Result<(), Failure>) -> Outcome {
        let Err(failure) = verdict else { return Outcome::Up };
        let credential_facts = refusal_facts(check, &failure).await;
        let seen = Seen {
            token: traces.token.as_ref(),
            server: &traces.facts,
            works: self.works_besides(&check.name()),
            clock_skew: self.clock_skew(check),
            credential_facts,
        };
        down(check, &seen, failure)
    }

    /// The steps of the conversation, up to the first that fails.
    async fn attempt(
        &self,
        check: &Check,
        purpose: Purpose,
        watch: &mut Stopwatch,
        traces: &mut Traces,
        open: &mut Open,
    ) -> Result<(), Failure> {
        let Traces { facts, dialogue: said, token } = traces;
        let password;
        let (secret, scrubber) = match &check.access {
            Access::Token(TokenAccess { spec, mechanism, .. }) => {
                let name = check.name();
                let fetched = watch.phase(Phase::Token, self.tokens.fetch(spec, &name)).await?;
                let token = token.insert(fetched);
                (Secret::Token(Bearer { token: token.value(), mechanism: *mechanism }), token.scrubber())
            }
            Access::Password(place) => {
                password = Arc::new(watch.phase(Phase::Token, secret::read(place)).await?);
                (Secret::Password(&password), Scrubber::sharing(Arc::clone(&password)))
            }
        };
        let host = check.endpoint.host.as_str();
        open._permit = Some(watch.wait(self.permits.connection(host)).await);
        open._in_flight = (purpose == Purpose::Check).then(|| self.in_flight.begin());
        let ip = watch.phase(Phase::Resolve, self.dialer.resolve(host, check.ip)).await?;
        facts.ip = Some(ip);
        let peer = SocketAddr::new(ip, check.endpoint.port);
        let connect = async {
            let stream = self.dialer.connect(peer, Allowance::for_dialogue()).await?;
            let local = stream.local_addr()?.ip();
            Ok((stream, local))
        };
        let connect = async {
            connect.await.map_err(|error: std::io::Error| {
                Cause::new(diagnosis::io(&error), format!("{peer}: {error}"))
            })
        };
        let (stream, local) = watch.phase(Phase::Connect, connect).await?;
        let dialogue = said.insert(probe::dialogue(check, scrubber));
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
        self.tokens.clock_skew(check.token_spec()?)
    }

    /// Stores whether a check passes.
    fn remember(&self, name: &CheckName, passes: bool) {
        let mut passed = self.passed();
        if passes {
            passed.insert(name.clone());
        } else {
            passed.remove(name);
        }
    }

    /// Another mail protocol that works for the same mailbox.
    fn works_besides(&self, name: &CheckName) -> Option<Protocol> {
        let passed = self.passed();
        let named = |protocol| CheckName { mailbox: Arc::clone(&name.mailbox), protocol };
        let mut others = Protocol::of_mail().filter(|protocol| *protocol != name.protocol);
        others.find(|protocol| passed.contains(&named(*protocol)))
    }

    fn passed(&self) -> MutexGuard<'_, HashSet<CheckName>> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a round trip must not send its next message yet.
    pub fn rests(&self, check: &Check) -> bool {
        self.trips.rests(check)
    }

    /// Reports to the token source whether the mail server accepted the token, and returns the verdict in its light.
    fn judge_token(
        &self,
        check: &Check,
        token: Option<&AccessToken>,
        verdict: Result<(), Failure>,
    ) -> Result<(), Failure> {
        let (Some(spec), Some(token)) = (check.token_spec(), token) else { return verdict };
        let Err(failure) = verdict else {
            self.tokens.accepted(spec, token);
            return Ok(());
        };
        if diagnosis::token_has_expired(&failure.cause.detail) {
            let was_second = self.tokens.refused(spec, token, &check.name(), true);
            return Err(if was_second { opinion::of_second_token(failure) } else { failure });
        }
        match opinion::accepts_token(&failure) {
            Some(true) => self.tokens.accepted(spec, token),
            Some(false) => _ = self.tokens.refused(spec, token, &check.name(), false),
            None => {}
        }
        Err(failure)
    }
}

/// The verdict of a probe that panicked.
fn panicked(watch: &Stopwatch) -> Failure {
    let cause = Cause::new(Reason::Internal, "the probe panicked; see the panic message in the log");
    Failure { phase: watch.current(), cause }
}

/// Facts besides the verdict that help to explain it.
struct Seen<'a> {
    token: Option<&'a AccessToken>,
    server: &'a ServerFacts,
    /// Another mail protocol that works for the same mailbox.
    works: Option<Protocol>,
    /// How far our clock is ahead of the identity provider's.
    clock_skew: Option<SignedDuration>,
    /// Sentences about the credential that help after a refusal.
    credential_facts: Vec<String>,
}

/// Sentences about the credential that help after a refusal: the form of a secret tells a bad paste from a wrong one,
/// a thumbprint tells which certificate signs.
async fn refusal_facts(check: &Check, failure: &Failure) -> Vec<String> {
    match &check.access {
        Access::Token(access) => token::refusal_facts(&access.spec, failure.cause.reason).await,
        Access::Password(place) if failure.cause.reason == Reason::CredentialsRejected => {
            secret::oddity_sentences(place, None).await
        }
        Access::Password(_) => Vec::new(),
    }
}

/// Turns a failure into an outcome: adds what only the token can tell, and the hint.
fn down(check: &Check, seen: &Seen<'_>, mut failure: Failure) -> Outcome {
    let claims = seen.token.and_then(AccessToken::claims);
    // The server says only that it refuses the token. A missing role explains a refusal, but proves none: some
    // tokens work without it (Exchange's RBAC for Applications).
    let permission = check.access.token().and_then(|access| access.permission);
    // Graph accepts a token without the role and refuses the folder.
    let may_lack_role = match failure.cause.reason {
        Reason::TokenRejected => true,
        Reason::MailboxAccessDenied => check.protocol() == Protocol::Graph,
        _ => false,
    };
    if let (Some(permission), Some(claims)) = (permission, claims)
        && may_lack_role
        && !claims.grants(permission)
    {
        failure.cause.reason = Reason::RoleMissing;
    }
    let subject = remedy::Subject {
        check,
        claims,
        clock_skew: seen.clock_skew,
        at: clock::now(),
        server: seen.server,
        detail: &failure.cause.detail,
        works: seen.works,
    };
    let remedy = remedy::hint(failure.cause.reason, failure.phase, &subject);
    let hint = seen.credential_facts.iter().cloned().chain([remedy]).collect::<Vec<_>>().join("\n");
    Outcome::Down { failure, hint }
}

/// The observation of a probe whose judging panicked: a bug of this program.
fn broken(check: &Arc<Check>, started_at: Timestamp) -> Observation {
    let cause = Cause::new(Reason::Internal, "judging the probe panicked; see the panic message in the log");
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
        dialogue: Transcript::default(),
        outcome: Outcome::Down { failure, hint },
    }
}

/// Runs a future and catches its panic; `None` if it panicked.
async fn catching_panic<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        // A panic may leave borrowed state half-written: it holds only facts, no invariants.
        match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
            Ok(Poll::Ready(done)) => Poll::Ready(Some(done)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}
