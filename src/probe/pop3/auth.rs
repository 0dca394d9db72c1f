//! The login by POP3: AUTH with a token or a password (RFC 5034), or USER and PASS (RFC 1939 section 7).
//!
//! AUTH always takes two steps: Exchange Online drops a connection that says everything in one line, and a token
//! does not fit on a command line anyway.

use secrecy::ExposeSecret;

use super::super::verdict::Stage;
use super::super::{Probe, Secret, accepted_unseen, not_offered, sasl};
use super::{Capabilities, Pop3, Reply, accepted};
use crate::diagnosis::Offer;
use crate::model::{Cause, Mechanism, Phase, Reason, Redacted};

/// In which order a password is offered: what is least ambiguous first. USER and PASS are every server's.
const PASSWORD_MECHANISMS: [Mechanism; 3] = [Mechanism::Plain, Mechanism::LoginCommand, Mechanism::Login];

impl Pop3 {
    pub(super) async fn auth(
        &mut self,
        probe: Probe<'_>,
        offer: &Capabilities,
        used: &mut Option<Mechanism>,
    ) -> Result<(), Cause> {
        let wanted = match probe.login.secret {
            Secret::Token(bearer) => Some(bearer.mechanism_among(&offer.mechanisms)),
            Secret::Password(_) if offer.unknown => Some(Mechanism::LoginCommand),
            Secret::Password(_) => {
                PASSWORD_MECHANISMS.into_iter().find(|mechanism| offer.mechanisms.contains(mechanism))
            }
        };
        let usable = wanted.filter(|wanted| offer.unknown || offer.mechanisms.contains(wanted));
        *used = usable;
        match (usable, probe.login.secret) {
            (None, _) => {
                let wanted = wanted.unwrap_or(Mechanism::Plain);
                let (encrypted, starttls) = (self.encrypted, offer.starttls);
                let missing = Offer { wanted, encrypted, starttls, login_disabled: false };
                Err(not_offered(&missing, &offer.mechanisms))
            }
            (Some(Mechanism::LoginCommand), Secret::Password(password)) => {
                self.user_and_pass(probe, password).await
            }
            (Some(mechanism), _) => self.authenticate(probe, mechanism).await,
        }
    }

    async fn authenticate(&mut self, probe: Probe<'_>, mechanism: Mechanism) -> Result<(), Cause> {
        let mut stage = Stage { mechanism: Some(mechanism), ..Stage::at(Phase::Auth, self.encrypted) };
        let name = mechanism.label().to_ascii_uppercase();
        let mut reply = self.say(probe, &stage, &format!("AUTH {name}")).await?;
        for answer in sasl::answers(mechanism, probe) {
            match reply {
                Reply::More(_) => {}
                Reply::Ok(_) => return Err(accepted_unseen(&self.dialogue.last_server_line())),
                Reply::Err(_) | Reply::Other(_) => break,
            }
            reply = self.say(probe, &stage, answer.expose_secret()).await?;
        }
        let challenge;
        if let Reply::More(text) = &reply {
            // An error challenge: the verdict comes after it has been acknowledged.
            challenge = self.dialogue.clean(&sasl::challenge(text));
            stage.challenge = Some(&challenge);
            reply = self.say(probe, &stage, sasl::acknowledgement(mechanism)).await?;
        }
        accepted(probe, &stage, reply).map(drop)
    }

    async fn user_and_pass(&mut self, probe: Probe<'_>, password: &Redacted) -> Result<(), Cause> {
        let mechanism = Some(Mechanism::LoginCommand);
        let stage = Stage { mechanism, ..Stage::at(Phase::Auth, self.encrypted) };
        let (user, password) = (probe.login.username, password.expose_secret());
        if password.contains(['\r', '\n', '\0']) {
            let why = "the password holds a line break, which the PASS command cannot say";
            return Err(Cause::new(Reason::SecretUnreadable, why));
        }
        let known = self.say(probe, &stage, &format!("USER {user}")).await?;
        accepted(probe, &stage, known)?;
        let command = Redacted::from(format!("PASS {password}"));
        let reply = self.say(probe, &stage, command.expose_secret()).await?;
        accepted(probe, &stage, reply).map(drop)
    }
}
