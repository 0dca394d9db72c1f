//! SASL as the server reads it: XOAUTH2, OAUTHBEARER, PLAIN and LOGIN, decoded strictly.
//!
//! Does not judge: whether a token or a password is right is the account's business.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A SASL mechanism this simulator can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mechanism {
    /// Google's and Microsoft's: <https://developers.google.com/workspace/gmail/imap/xoauth2-protocol>.
    Xoauth2,
    /// RFC 7628.
    OauthBearer,
    /// RFC 4616.
    Plain,
    /// Two questions, two answers; never standardised.
    Login,
}

impl Mechanism {
    const NAMES: [(&'static str, Self); 4] = [
        ("XOAUTH2", Self::Xoauth2),
        ("OAUTHBEARER", Self::OauthBearer),
        ("PLAIN", Self::Plain),
        ("LOGIN", Self::Login),
    ];

    /// By its name, in any case.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::NAMES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|&(_, mechanism)| mechanism)
    }

    /// Its name on the wire.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Xoauth2 => "XOAUTH2",
            Self::OauthBearer => "OAUTHBEARER",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// Whether it carries a token.
    pub(super) fn is_bearer(self) -> bool {
        matches!(self, Self::Xoauth2 | Self::OauthBearer)
    }
}

/// The name that a client logs in with, and its proof.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// The login name.
    pub(super) user: String,
    /// Token or password.
    pub(super) secret: String,
    /// Whether the secret is a token.
    pub(super) bearer: bool,
}

/// The text of a base64 line; `None` if it is not base64 of UTF-8.
pub(super) fn decode(line: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(line).ok()?).ok()
}

/// The base64 of some bytes.
pub(super) fn encode(text: impl AsRef<[u8]>) -> String {
    STANDARD.encode(text)
}

/// Reads the one response of a mechanism that has just one; `None` is malformed.
pub(super) fn read(mechanism: Mechanism, response: &str) -> Option<Claim> {
    match mechanism {
        Mechanism::Xoauth2 => xoauth2(response),
        Mechanism::OauthBearer => oauthbearer(response),
        Mechanism::Plain => plain(response),
        Mechanism::Login => None,
    }
}

/// `user=` NAME ^A `auth=Bearer ` TOKEN ^A ^A, and nothing else.
fn xoauth2(response: &str) -> Option<Claim> {
    let (user, rest) = response.strip_prefix("user=")?.split_once('\u{1}')?;
    let token = rest.strip_prefix("auth=Bearer ")?.strip_suffix("\u{1}\u{1}")?;
    bearer(user.to_owned(), token)
}

/// GS2 header, then key=value pairs, each ended by ^A, and one ^A more.
fn oauthbearer(response: &str) -> Option<Claim> {
    let (header, rest) = response.split_once('\u{1}')?;
    let user = header.strip_prefix("n,")?.strip_suffix(',')?.strip_prefix("a=")?;
    let pairs = rest.strip_suffix("\u{1}\u{1}")?;
    let token = pairs.split('\u{1}').find_map(|pair| pair.strip_prefix("auth=Bearer "))?;
    bearer(user.replace("=2C", ",").replace("=3D", "="), token)
}

fn bearer(user: String, token: &str) -> Option<Claim> {
    // RFC 6750, section 2.1: the letters of b64token, and at least one.
    let letters = |c: char| c.is_ascii_alphanumeric() || "-._~+/=".contains(c);
    let sound = !user.is_empty() && !token.is_empty() && token.chars().all(letters);
    sound.then(|| Claim { user, secret: token.to_owned(), bearer: true })
}

/// NAME-TO-ACT-AS NUL NAME NUL PASSWORD; the first is empty or the same.
fn plain(response: &str) -> Option<Claim> {
    let mut parts = response.split('\0');
    let (act_as, user, secret) = (parts.next()?, parts.next()?, parts.next()?);
    let sound = parts.next().is_none() && !user.is_empty() && (act_as.is_empty() || act_as == user);
    sound.then(|| password(user, secret))
}

/// A name with a password.
pub(super) fn password(user: &str, secret: &str) -> Claim {
    Claim { user: user.to_owned(), secret: secret.to_owned(), bearer: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_read(mechanism: Mechanism, response: &str) -> bool {
        read(mechanism, response).is_some()
    }

    #[test]
    fn the_forms_of_the_documents_are_read() {
        assert!(is_read(Mechanism::Xoauth2, "user=a@b.example\u{1}auth=Bearer ey.J.x\u{1}\u{1}"));
        assert!(is_read(
            Mechanism::OauthBearer,
            "n,a=a@b.example,\u{1}host=h\u{1}port=143\u{1}auth=Bearer t\u{1}\u{1}"
        ));
        assert!(is_read(Mechanism::Plain, "\0a@b.example\0secret"));
    }

    #[test]
    fn what_is_nearly_right_is_refused() {
        for response in [
            "user=a@b.example\u{1}auth=Bearer t\u{1}",
            "user=a@b.example\u{1}auth=bearer t\u{1}\u{1}",
            "user=a@b.example\u{1}auth=Bearer \u{1}\u{1}",
            "user=a@b.example\u{1}auth=Bearer t\u{1}\u{1}\n",
            "user=\u{1}auth=Bearer t\u{1}\u{1}",
            "user=a@b.example\u{1}auth=Bearer t t\u{1}\u{1}",
        ] {
            assert!(!is_read(Mechanism::Xoauth2, response), "{response:?}");
        }
        assert!(!is_read(Mechanism::OauthBearer, "n,,\u{1}auth=Bearer t\u{1}\u{1}"));
        assert!(!is_read(Mechanism::Plain, "other\0a@b.example\0secret"));
        assert!(!is_read(Mechanism::Plain, "a@b.example\0secret"));
    }
}
