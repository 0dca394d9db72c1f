//! Registered applications: what the identity provider knows about each, and the tokens that it issued to each.
//!
//! Does not speak HTTP (`idp.rs`) and does not judge mailboxes (`account.rs`).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use jiff::SignedDuration;
use uuid::Uuid;

use crate::sim::certificate::{Registered, SimCertificate};
use crate::sim::google::{Delegated, SimServiceAccount};
use crate::sim::issuer::{SimIssuer, Trusted};
use crate::sim::lock;
use crate::sim::person::{Person, Rotation, SignIn};
use crate::sim::token_fault::TokenFault;

/// How long a token lives unless a test says otherwise: Entra's is 60 to 90 minutes.
const EXPIRES_IN: Duration = Duration::from_secs(3599);
/// What `Retry-After` says unless a test says otherwise.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// The permissions of a well-configured application.
const ROLES: [&str; 3] = ["IMAP.AccessAsApp", "POP.AccessAsApp", "SMTP.SendAsApp"];
/// The same for Microsoft Graph.
const GRAPH_ROLES: [&str; 1] = ["Mail.ReadBasic.All"];
/// The most requests remembered of one application, the oldest forgotten first.
const REQUESTS: usize = 100_000;
/// The most tokens remembered of one application: those that expired are forgotten first.
const TOKENS: usize = 10_000;

/// An application registered at the simulated identity provider. Clones are the same application.
#[derive(Clone)]
pub struct SimApp {
    /// The directory (tenant) id.
    pub tenant: String,
    /// The application (client) id.
    pub client_id: String,
    /// The client secret as registered. What the provider expects changes by [`SimApp::expect_secret`], this does not.
    pub secret: String,
    /// The object id of the enterprise application: the `oid` of its tokens.
    pub object_id: String,
    state: Arc<Mutex<State>>,
}

struct State {
    expected_secrets: Vec<String>,
    certificates: Vec<Registered>,
    trusted: Vec<Trusted>,
    delegated: Option<Delegated>,
    /// It is a managed identity; whether the system assigned it.
    identity: Option<bool>,
    /// The identifiers of the assertions that it has sent.
    used: HashSet<String>,
    fault: Option<TokenFault>,
    expires_in: Duration,
    refresh_in: Option<Duration>,
    retry_after: Duration,
    roles: Vec<String>,
    graph_roles: Vec<String>,
    clock_ahead: SignedDuration,
    person: Person,
    tokens: HashMap<String, Issued>,
    seen: VecDeque<SeenTokenRequest>,
}

/// What became of a token request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenOutcome {
    /// A token went out.
    Issued,
    /// Refused, by this AADSTS number, because the request was wrong.
    Refused(u32),
    /// Answered, or not, as the fault says.
    Fault(TokenFault),
}

/// A token request that named this application.
#[derive(Debug, Clone)]
pub struct SeenTokenRequest {
    /// When it was complete.
    pub at: SystemTime,
    /// The `client-request-id` header.
    pub client_request_id: Option<String>,
    /// Whether the secret came in the `Authorization` header instead of the form.
    pub basic_header: bool,
    /// In whose name the token was asked for, if it was for one user.
    pub user: Option<String>,
    /// What became of it.
    pub outcome: TokenOutcome,
}

/// What the mail servers can know about a token.
#[derive(Clone)]
pub(super) struct Issued {
    pub(super) audience: String,
    pub(super) roles: Vec<String>,
    /// Whose mailbox it opens; `None` for those of every user.
    pub(super) user: Option<String>,
    pub(super) expires: Instant,
}

/// How tokens are issued at the moment.
pub(super) struct Terms {
    pub(super) fault: Option<TokenFault>,
    pub(super) expires_in: Duration,
    pub(super) refresh_in: Option<Duration>,
    pub(super) retry_after: Duration,
    pub(super) roles: Vec<String>,
    pub(super) graph_roles: Vec<String>,
    pub(super) clock_ahead: SignedDuration,
}

impl SimApp {
    pub(super) fn new(tenant: &str) -> Self {
        let secret = format!("sim8Q~{}", Uuid::new_v4().simple());
        let state = State {
            expected_secrets: vec![secret.clone()],
            certificates: Vec::new(),
            trusted: Vec::new(),
            delegated: None,
            identity: None,
            used: HashSet::new(),
            fault: None,
            expires_in: EXPIRES_IN,
            refresh_in: None,
            retry_after: RETRY_AFTER,
            roles: ROLES.map(str::to_owned).to_vec(),
            graph_roles: GRAPH_ROLES.map(str::to_owned).to_vec(),
            clock_ahead: SignedDuration::ZERO,
            person: Person::default(),
            tokens: HashMap::new(),
            seen: VecDeque::new(),
        };
        Self {
            tenant: tenant.to_owned(),
            client_id: Uuid::new_v4().to_string(),
            secret,
            object_id: Uuid::new_v4().to_string(),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Sets the fault of its token requests; `None` for none.
    pub fn set_fault(&self, fault: Option<TokenFault>) {
        lock(&self.state).fault = fault;
    }

    /// What is wrong with its token requests at the moment.
    pub fn fault(&self) -> Option<TokenFault> {
        lock(&self.state).fault
    }

    /// How long the next tokens live, and when their holder should renew them.
    pub fn set_lifetime(&self, expires_in: Duration, refresh_in: Option<Duration>) {
        let mut state = lock(&self.state);
        state.expires_in = expires_in;
        state.refresh_in = refresh_in;
    }

    /// What `Retry-After` says when the provider throttles; in whole seconds.
    pub fn set_retry_after(&self, retry_after: Duration) {
        lock(&self.state).retry_after = retry_after;
    }

    /// The permissions in the next tokens.
    pub fn set_roles(&self, roles: &[&str]) {
        lock(&self.state).roles = roles.iter().map(|&role| role.to_owned()).collect();
    }

    /// The permissions in the next tokens for Microsoft Graph.
    pub fn set_graph_roles(&self, roles: &[&str]) {
        lock(&self.state).graph_roles = roles.iter().map(|&role| role.to_owned()).collect();
    }

    /// The provider's clock, as this application sees it, is ahead of this machine's by so much.
    pub fn set_clock_ahead(&self, ahead: SignedDuration) {
        lock(&self.state).clock_ahead = ahead;
    }

    /// From now on only this secret is right, as after a rotation.
    pub fn expect_secret(&self, secret: &str) {
        self.expect_secrets(&[secret]);
    }

    /// From now on each of these secrets is right, and no other one.
    pub fn expect_secrets(&self, secrets: &[&str]) {
        lock(&self.state).expected_secrets = secrets.iter().map(|&secret| secret.to_owned()).collect();
    }

    /// From now on only these certificates are registered. The secret stays as good as it was.
    pub fn register(&self, certificates: &[&SimCertificate]) {
        lock(&self.state).certificates = certificates.iter().map(|one| one.registered.clone()).collect();
    }

    /// From now on trusts only this subject of this issuer.
    pub fn trust(&self, issuer: &SimIssuer, subject: &str) {
        self.trust_all(&[issuer], subject);
    }

    /// From now on trusts only this subject of each of these issuers.
    pub fn trust_all(&self, issuers: &[&SimIssuer], subject: &str) {
        lock(&self.state).trusted = issuers.iter().map(|issuer| issuer.trusted(subject)).collect();
    }

    /// From now on the application is this service account at Google, which may act for the domain's users in these scopes.
    pub fn delegate(&self, account: &SimServiceAccount, scopes: &[&str]) {
        lock(&self.state).delegated = Some(Delegated::new(account, scopes));
    }

    /// From now on the application is a managed identity of this machine: the one that the system assigned, or one
    /// that a user assigned.
    pub fn assign_identity(&self, is_of_system: bool) {
        lock(&self.state).identity = Some(is_of_system);
    }

    /// From now on Google does not know this user.
    pub fn miss_user(&self, user: &str) {
        if let Some(delegated) = &mut lock(&self.state).delegated {
            delegated.set_absent(user);
        }
    }

    /// A refresh token, as if a person had signed in just now.
    pub fn signed_in(&self) -> String {
        lock(&self.state).person.signed_in()
    }

    /// Sets what happens to a refresh token that is used.
    pub fn set_rotation(&self, rotation: Rotation) {
        lock(&self.state).person.rotation = rotation;
    }

    /// Sets the behaviour of the person who is asked to sign in.
    pub fn set_sign_in(&self, sign_in: SignIn) {
        lock(&self.state).person.sign_in = sign_in;
    }

    /// From now on people sign in only if the client shows its secret.
    pub fn make_confidential(&self) {
        lock(&self.state).person.confidential = true;
    }

    /// The delegated permissions that the person has consented to.
    pub fn set_consented(&self, permissions: &[&str]) {
        lock(&self.state).person.consented = permissions.iter().map(|&one| one.to_owned()).collect();
    }

    /// Whether the next refresh request with this token would be answered with one.
    pub fn takes(&self, refresh_token: &str) -> bool {
        lock(&self.state).person.takes(refresh_token)
    }

    /// Whether this is a refresh token that was issued, good or not.
    pub fn has_issued(&self, refresh_token: &str) -> bool {
        lock(&self.state).person.has_issued(refresh_token)
    }

    /// No refresh token issued so far is good any more.
    pub fn revoke_refresh_tokens(&self) {
        lock(&self.state).person.revoke();
    }

    /// How many refresh tokens have been issued.
    pub fn refresh_tokens_issued(&self) -> u64 {
        lock(&self.state).person.issued()
    }

    /// Calls a function with what is known about the person.
    pub(super) fn person<T>(&self, work: impl FnOnce(&mut Person) -> T) -> T {
        work(&mut lock(&self.state).person)
    }

    /// No token issued so far opens a mailbox any more.
    pub fn revoke_tokens(&self) {
        lock(&self.state).tokens.clear();
    }

    /// The tokens it holds, for those who look for them where they must not be.
    pub fn tokens(&self) -> Vec<String> {
        lock(&self.state).tokens.keys().cloned().collect()
    }

    /// Its token requests so far, in order.
    pub fn requests(&self) -> Vec<SeenTokenRequest> {
        lock(&self.state).seen.iter().cloned().collect()
    }

    pub(super) fn terms(&self) -> Terms {
        let state = lock(&self.state);
        Terms {
            fault: state.fault,
            expires_in: state.expires_in,
            refresh_in: state.refresh_in,
            retry_after: state.retry_after,
            roles: state.roles.clone(),
            graph_roles: state.graph_roles.clone(),
            clock_ahead: state.clock_ahead,
        }
    }

    pub(super) fn knows_secret(&self, secret: &str) -> bool {
        lock(&self.state).expected_secrets.iter().any(|known| known == secret)
    }

    pub(super) fn certificates(&self) -> Vec<Registered> {
        lock(&self.state).certificates.clone()
    }

    pub(super) fn trusted(&self) -> Vec<Trusted> {
        lock(&self.state).trusted.clone()
    }

    pub(super) fn identity(&self) -> Option<bool> {
        lock(&self.state).identity
    }

    pub(super) fn delegated(&self) -> Option<Delegated> {
        lock(&self.state).delegated.clone()
    }

    /// Notes the identifier of an assertion; `false` if it was used before.
    pub(super) fn uses(&self, identifier: &str) -> bool {
        let used = &mut lock(&self.state).used;
        if used.len() >= REQUESTS {
            used.clear();
        }
        used.insert(identifier.to_owned())
    }

    pub(super) fn remember(&self, token: String, issued: Issued) {
        let mut state = lock(&self.state);
        if state.tokens.len() >= TOKENS {
            let now = Instant::now();
            state.tokens.retain(|_, issued| issued.expires > now);
        }
        if state.tokens.len() < TOKENS {
            state.tokens.insert(token, issued);
        }
    }

    pub(super) fn token(&self, token: &str) -> Option<Issued> {
        lock(&self.state).tokens.get(token).cloned()
    }

    pub(super) fn saw(&self, request: SeenTokenRequest) {
        let mut state = lock(&self.state);
        if state.seen.len() >= REQUESTS {
            state.seen.pop_front();
        }
        state.seen.push_back(request);
    }
}
