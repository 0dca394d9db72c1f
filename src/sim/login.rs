//! Logging in: the SASL exchange, the same in every protocol but for the wording.
//!
//! Does not parse commands: it starts when the mechanism is known.

use std::io;
use std::sync::atomic::Ordering;

use crate::sim::account::Verdict;
use crate::sim::sasl::{self, Claim, Mechanism};
use crate::sim::script::{Act, Step};
use crate::sim::session::{Met, Session};

/// How one protocol says what happens in a login.
pub(super) struct Wording {
    /// The prefix of every line that the client must answer.
    pub(super) prompt: &'static str,
    pub(super) accepted: &'static str,
    pub(super) malformed: &'static str,
    pub(super) aborted: &'static str,
    pub(super) wrong_token: &'static str,
    pub(super) wrong_password: &'static str,
    pub(super) passwords_off: &'static str,
}

impl Session {
    /// One AUTH or AUTHENTICATE from its mechanism to its verdict; `true` when the client is logged in.
    pub(super) async fn authenticate(
        &mut self,
        mechanism: Mechanism,
        initial: Option<&str>,
        wording: &Wording,
    ) -> io::Result<bool> {
        let first = match (initial, mechanism) {
            // RFC 4959 and RFC 4954: `=` is an initial response of no bytes.
            (Some("="), _) => String::new(),
            (Some(initial), _) => initial.to_owned(),
            (None, Mechanism::Login) => self.prompt(Step::Continue, wording, "Username:").await?,
            (None, _) => self.prompt(Step::Continue, wording, "").await?,
        };
        if first == "*" {
            return self.say(wording.aborted).await.map(|()| false);
        }
        let claim = match mechanism {
            Mechanism::Login => {
                let second = self.prompt(Step::Password, wording, "Password:").await?;
                self.sent.blob.clone_from(&second);
                sasl::decode(&first)
                    .zip(sasl::decode(&second))
                    .map(|(user, secret)| sasl::password(&user, &secret))
            }
            _ => {
                self.sent.blob.clone_from(&first);
                sasl::decode(&first).and_then(|response| sasl::read(mechanism, &response))
            }
        };
        match claim {
            Some(claim) => self.decide(&claim, wording).await,
            None => self.say(wording.malformed).await.map(|()| false),
        }
    }

    /// The verdict on a claim; `true` when the client is logged in.
    pub(super) async fn decide(&mut self, claim: &Claim, wording: &Wording) -> io::Result<bool> {
        self.sent.secret.clone_from(&claim.secret);
        self.identify(&claim.user);
        if !self.wire.secured() {
            self.ledger().early_secrets.fetch_add(1, Ordering::SeqCst);
        }
        if self.meet(Step::Auth).await? == Met::Answered {
            return Ok(false);
        }
        let challenge = match self.act(Step::Auth) {
            Some(Act::Challenge(text)) => Some(sasl::encode(text)),
            Some(Act::BareChallenge(text)) => Some(text.to_owned()),
            _ => None,
        };
        if let Some(challenge) = challenge {
            if claim.bearer {
                self.ask(wording, &challenge).await?;
            }
            if self.meet(Step::Challenge).await? == Met::Honest {
                self.say(if claim.bearer { wording.wrong_token } else { wording.wrong_password }).await?;
            }
            return Ok(false);
        }
        // A name that no mailbox here has is refused in the words for a wrong secret.
        let unknown = if claim.bearer { Verdict::WrongToken } else { Verdict::WrongPassword };
        let verdict = self.account.as_ref().map_or(unknown, |account| account.judge(self.service, claim));
        let answer = match (verdict, self.act(Step::Auth)) {
            (Verdict::Right, Some(Act::Accept(text))) => text,
            (Verdict::Right, _) => wording.accepted,
            (Verdict::WrongToken, _) => wording.wrong_token,
            (Verdict::WrongPassword, _) => wording.wrong_password,
            (Verdict::PasswordsOff, _) => wording.passwords_off,
        };
        let is_in = verdict == Verdict::Right;
        if is_in {
            self.ledger().logins.fetch_add(1, Ordering::SeqCst);
        }
        self.say(answer).await.map(|()| is_in)
    }

    /// Asks this question, unless the fault has asked in its own way.
    async fn prompt(&mut self, step: Step, wording: &Wording, question: &str) -> io::Result<String> {
        match self.meet(step).await? {
            Met::Honest => self.ask(wording, &sasl::encode(question)).await,
            Met::Answered => self.answer().await,
        }
    }

    async fn ask(&mut self, wording: &Wording, question: &str) -> io::Result<String> {
        self.say(&format!("{}{question}", wording.prompt)).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> io::Result<String> {
        self.wire.line().await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
