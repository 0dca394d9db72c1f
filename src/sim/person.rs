//! A person who signs in for an application: the codes that are entered, and the refresh tokens that follow.
//!
//! Owns what rotation does to a used token. Does not speak HTTP (`idp.rs`).

use std::collections::HashMap;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::sim::reply::Refusal;

/// The most refresh tokens and codes remembered of one application: enough for any test.
const REMEMBERED: usize = 100_000;
/// The delegated permissions that a person consents to unless a test says otherwise.
const CONSENTED: [&str; 3] = ["IMAP.AccessAsUser.All", "POP.AccessAsUser.All", "SMTP.Send"];

/// What happens to a refresh token that is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Rotation {
    /// It stays good, and each answer brings another: Entra.
    #[default]
    Keeps,
    /// It stays good, and no answer brings another: Google.
    Same,
    /// Each answer brings another. The one before stays good until the other is used, and using one that is older
    /// revokes them all: providers that detect theft and forgive a lost answer.
    UntilSuccessorUsed,
    /// Each is good for one request, and a second one revokes them all.
    Once,
}

/// The behaviour of the person who is asked to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignIn {
    /// So many questions are answered `authorization_pending` first.
    pub pending: u32,
    /// And so many `slow_down`.
    pub slow_down: u32,
    pub ends: SignInEnd,
    /// How long the code is good.
    pub expires_in: Duration,
}

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInEnd {
    Approved,
    Denied,
    Expired,
    /// Approved, but no refresh token comes of it.
    WithoutRefreshToken,
}

impl SignIn {
    /// The person signs in after so many questions.
    pub const fn after(pending: u32, ends: SignInEnd) -> Self {
        Self { pending, slow_down: 0, ends, expires_in: Duration::from_secs(900) }
    }
}

struct Code {
    pending: u32,
    slow_down: u32,
    scope: String,
    until: Instant,
}

/// What is known about one person and one application.
pub(super) struct Person {
    pub(super) rotation: Rotation,
    pub(super) sign_in: SignIn,
    pub(super) consented: Vec<String>,
    /// The client must have a secret.
    pub(super) confidential: bool,
    /// The generation of each refresh token.
    tokens: HashMap<String, u64>,
    newest: u64,
    /// The newest that was used.
    used: u64,
    /// Those that were used, with [`Rotation::Once`].
    spent: u64,
    revoked_up_to: u64,
    codes: HashMap<String, Code>,
}

impl Default for Person {
    fn default() -> Self {
        Self {
            rotation: Rotation::default(),
            sign_in: SignIn::after(0, SignInEnd::Approved),
            consented: CONSENTED.map(str::to_owned).to_vec(),
            confidential: false,
            tokens: HashMap::new(),
            newest: 0,
            used: 0,
            spent: 0,
            revoked_up_to: 0,
            codes: HashMap::new(),
        }
    }
}

impl Person {
    pub(super) fn signed_in(&mut self) -> String {
        if self.tokens.len() >= REMEMBERED {
            self.tokens.clear();
        }
        self.newest += 1;
        let token = format!("1.AXkA{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        self.tokens.insert(token.clone(), self.newest);
        token
    }

    pub(super) fn revoke(&mut self) {
        self.revoked_up_to = self.newest;
    }

    pub(super) const fn issued(&self) -> u64 {
        self.newest
    }

    fn good(&self, token: &str) -> Option<u64> {
        let generation = self.tokens.get(token).copied().filter(|one| *one > self.revoked_up_to)?;
        let good = match self.rotation {
            Rotation::Keeps | Rotation::Same => true,
            Rotation::UntilSuccessorUsed => generation >= self.used,
            Rotation::Once => generation > self.spent,
        };
        good.then_some(generation)
    }

    pub(super) fn has_issued(&self, token: &str) -> bool {
        self.tokens.contains_key(token)
    }

    pub(super) fn takes(&self, token: &str) -> bool {
        self.good(token).is_some()
    }

    /// Uses a refresh token; the one that comes with the answer, if one does.
    pub(super) fn refresh(&mut self, token: &str) -> Result<Option<String>, Refusal> {
        let Some(generation) = self.good(token) else {
            // A used token that is shown again may have been stolen.
            if [Rotation::Once, Rotation::UntilSuccessorUsed].contains(&self.rotation) {
                self.revoke();
            }
            let text = "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password.";
            return Err((400, "invalid_grant", 50_173, text.to_owned()));
        };
        self.used = self.used.max(generation);
        self.spent = self.spent.max(generation);
        Ok((self.rotation != Rotation::Same).then(|| self.signed_in()))
    }

    /// A new code for this scope.
    pub(super) fn begin(&mut self, scope: &str) -> String {
        if self.codes.len() >= REMEMBERED {
            self.codes.clear();
        }
        let SignIn { pending, slow_down, expires_in, .. } = self.sign_in;
        let code = format!("DAQABAAEAAAD{}", Uuid::new_v4().simple());
        let until = Instant::now() + expires_in;
        self.codes.insert(code.clone(), Code { pending, slow_down, scope: scope.to_owned(), until });
        code
    }

    /// The result of a poll with a code: the requested scope, and a refresh token.
    pub(super) fn poll(&mut self, code: &str) -> Result<(String, Option<String>), Refusal> {
        let refuse = |error: &'static str, number, text: &str| Err((400, error, number, text.to_owned()));
        let Some(asked) = self.codes.get_mut(code) else {
            return refuse(
                "bad_verification_code",
                70_018,
                "Invalid verification code due to User typing in wrong user code.",
            );
        };
        if asked.until < Instant::now() {
            return refuse(
                "expired_token",
                70_020,
                "The provided value for the input parameter 'device_code' is not valid. This device code has expired.",
            );
        }
        if asked.pending > 0 {
            asked.pending -= 1;
            return refuse(
                "authorization_pending",
                70_016,
                "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
            );
        }
        if asked.slow_down > 0 {
            asked.slow_down -= 1;
            return refuse("slow_down", 70_017, "The client polls too fast.");
        }
        let scope = asked.scope.clone();
        match self.sign_in.ends {
            SignInEnd::Expired => refuse("expired_token", 70_020, "This device code has expired."),
            SignInEnd::Denied => {
                refuse("access_denied", 65_004, "User declined to consent to access the app.")
            }
            SignInEnd::WithoutRefreshToken => Ok((scope, None)),
            SignInEnd::Approved => {
                self.codes.remove(code);
                Ok((scope, Some(self.signed_in())))
            }
        }
    }
}
