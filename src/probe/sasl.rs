//! What a login says, in base64. Built late, dropped early.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;

use super::{Bearer, Probe, Secret};
use crate::model::{Endpoint, Mechanism, Redacted};

/// What is said to the server, answer by answer: base64, without line ends.
pub(super) fn answers(mechanism: Mechanism, probe: Probe<'_>) -> Vec<Redacted> {
    let user = probe.login.username;
    let secret = match probe.login.secret {
        Secret::Token(Bearer { token, .. }) | Secret::Password(token) => token.expose_secret(),
    };
    match mechanism {
        Mechanism::Login => vec![encode(user), encode(secret)],
        _ => vec![response(mechanism, user, secret, &probe.check.endpoint)],
    }
}

/// The whole login in one answer.
fn response(mechanism: Mechanism, user: &str, secret: &str, server: &Endpoint) -> Redacted {
    let plain = Redacted::from(match mechanism {
        // Google's and Microsoft's form: user=…^Aauth=Bearer …^A^A
        Mechanism::Xoauth2 => format!("user={user}\x01auth=Bearer {secret}\x01\x01"),
        // RFC 7628 section 3.1, with the GS2 header of RFC 5801 section 4.
        Mechanism::Oauthbearer => {
            let name = user.replace('=', "=3D").replace(',', "=2C");
            let (host, port) = (&server.host, server.port);
            format!("n,a={name},\x01host={host}\x01port={port}\x01auth=Bearer {secret}\x01\x01")
        }
        // RFC 4616 section 2.
        _ => format!("\0{user}\0{secret}"),
    });
    encode(plain.expose_secret())
}

/// A text in base64.
fn encode(text: &str) -> Redacted {
    Redacted::from(STANDARD.encode(text))
}

/// What answers an error challenge, so that the server gives its verdict (RFC 7628 section 3.2.3:
/// one ^A; XOAUTH2: an empty line).
pub(super) const fn acknowledgement(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::Oauthbearer => "AQ==",
        _ => "",
    }
}

/// An error challenge as text, cut; servers may also send what is no base64.
pub(super) fn challenge(base64: &str) -> String {
    const SHOWN: usize = 300;
    let decoded = STANDARD.decode(base64.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    decoded.unwrap_or_else(|| base64.trim().to_owned()).chars().take(SHOWN).collect()
}
