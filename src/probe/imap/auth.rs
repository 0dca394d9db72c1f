//! The login by IMAP: AUTHENTICATE with a token or a password, or the LOGIN command.

use secrecy::ExposeSecret;

use super::super::verdict::Stage;
use super::super::{Probe, Secret, accepted_unseen, not_offered, sasl};
use super::folder::quoted;
use super::{Capabilities, Ending, Imap};
use crate::diagnosis::Offer;
use crate::model::{Cause, Mechanism, Phase, Reason, Redacted};

/// In which order a password is offered: what is safest on the wire and least ambiguous first.
const PASSWORD_MECHANISMS: [Mechanism; 3] = [Mechanism::Plain, Mechanism::LoginCommand, Mechanism::Login];

/// The login that is wanted, if it is offered.
pub(super) fn wanted(probe: Probe<'_>, offer: &Capabilities) -> Option<Mechanism> {
    preferred(probe, offer).filter(|wanted| offer.mechanisms.contains(wanted))
}

/// The login that is wanted, offered or not; `None` for a password that no login takes.
fn preferred(probe: Probe<'_>, offer: &Capabilities) -> Option<Mechanism> {
    match probe.login.secret {
        // LOGINDISABLED forbids the LOGIN command alone (RFC 3501 section 6.2.3).
        Secret::Token(bearer) => Some(bearer.mechanism_among(&offer.mechanisms)),
        Secret::Password(_) => {
            PASSWORD_MECHANISMS.into_iter().find(|mechanism| offer.mechanisms.contains(mechanism))
        }
    }
}

impl Imap {
    pub(super) async fn auth(
        &mut self,
        probe: Probe<'_>,
        offer: &Capabilities,
        used: &mut Option<Mechanism>,
    ) -> Result<(), Cause> {
        let usable = wanted(probe, offer);
        *used = usable;
        self.offer = None;
        match (usable, probe.login.secret) {
            (None, _) => {
                let wanted = preferred(probe, offer).unwrap_or(Mechanism::Plain);
                let (encrypted, starttls) = (self.encrypted, offer.starttls);
                let login_disabled = offer.login_disabled;
                let missing = Offer { wanted, encrypted, starttls, login_disabled };
                Err(not_offered(&missing, &offer.mechanisms))
            }
            (Some(Mechanism::LoginCommand), Secret::Password(password)) => {
                self.login_command(probe, password).await
            }
            (Some(mechanism), _) => self.authenticate(probe, mechanism, offer.initial_response).await,
        }
    }

    /// AUTHENTICATE, RFC 3501 section 6.2.2; the response goes along if SASL-IR allows it.
    async fn authenticate(
        &mut self,
        probe: Probe<'_>,
        mechanism: Mechanism,
        initial_response: bool,
    ) -> Result<(), Cause> {
        let mut stage = Stage { mechanism: Some(mechanism), ..Stage::at(Phase::Auth, self.encrypted) };
        let name = mechanism.label().to_ascii_uppercase();
        let answers = sasl::answers(mechanism, probe);
        let mut answers = answers.into_iter();
        let mut ending = if initial_response && mechanism != Mechanism::Login {
            let response = answers.next().unwrap_or_default();
            let command = Redacted::from(format!("AUTHENTICATE {name} {}", response.expose_secret()));
            self.say(probe, &stage, command.expose_secret(), |_| ()).await?
        } else {
            self.say(probe, &stage, &format!("AUTHENTICATE {name}"), |_| ()).await?
        };
        for answer in answers {
            match ending {
                Ending::Done { ok: true, .. } => {
                    return Err(accepted_unseen(&self.dialogue.last_server_line()));
                }
                Ending::Done { .. } => break,
                Ending::Continue { .. } => {}
            }
            ending = self.answer(probe, &stage, answer.expose_secret()).await?;
        }
        let challenge;
        if let Ending::Continue { text } = &ending {
            // An error challenge: the verdict comes after it has been acknowledged.
            challenge = self.dialogue.clean(&sasl::challenge(text));
            stage.challenge = Some(&challenge);
            ending = self.answer(probe, &stage, sasl::acknowledgement(mechanism)).await?;
        }
        self.let_in(probe, &stage, ending)
    }

    /// The login's end. Exchange and others accept a login and say in an alert why it leads nowhere.
    fn let_in(&mut self, probe: Probe<'_>, stage: &Stage<'_>, ending: Ending) -> Result<(), Cause> {
        if let Ending::Done { ok: true, text } = &ending {
            self.alert = alert(text);
        }
        self.accepted(probe, stage, ending)
    }

    async fn answer(&mut self, probe: Probe<'_>, stage: &Stage<'_>, text: &str) -> Result<Ending, Cause> {
        let line = Redacted::from(format!("{text}\r\n"));
        self.write(probe, stage, line.expose_secret()).await?;
        self.listen(probe, stage, |_| ()).await
    }

    /// The LOGIN command, RFC 3501 section 6.2.3.
    async fn login_command(&mut self, probe: Probe<'_>, password: &Redacted) -> Result<(), Cause> {
        if password.expose_secret().contains(['\r', '\n', '\0']) {
            let why = "the password holds a line break, which the LOGIN command cannot say";
            return Err(Cause::new(Reason::SecretUnreadable, why));
        }
        let mechanism = Some(Mechanism::LoginCommand);
        let stage = Stage { mechanism, ..Stage::at(Phase::Auth, self.encrypted) };
        let (user, password) = (quoted(probe.login.username), quoted(password.expose_secret()));
        let command = Redacted::from(format!("LOGIN {user} {password}"));
        let ending = self.say(probe, &stage, command.expose_secret(), |_| ()).await?;
        self.let_in(probe, &stage, ending)
    }
}

/// The text after the code ALERT in an accepting answer (RFC 3501 section 7.1).
fn alert(text: &str) -> Option<String> {
    const CODE: &str = "[ALERT]";
    let start = text.to_ascii_uppercase().find(CODE)? + CODE.len();
    text.get(start..).map(|alert| alert.trim().to_owned()).filter(|alert| !alert.is_empty())
}
