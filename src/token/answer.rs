//! A token response as identity providers really write it, not only as RFC 6749 section 5.1 specifies it.
//!
//! Owns the rules for what counts as a token and as a duration. Some providers write numbers as text, omit
//! `token_type`, or list scopes; other clients accept that, and so does this one.

use std::time::Duration;

use jiff::Timestamp;
use oauth2::basic::BasicTokenType;
use oauth2::{AccessToken, RefreshToken, Scope, TokenResponse};
use serde::{Deserialize, Deserializer, Serialize};

/// The members that are used. Other members are ignored, whatever their form.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    access_token: AccessToken,
    #[serde(default, deserialize_with = "duration")]
    expires_in: Option<Duration>,
    /// Entra's suggestion for when to renew the token.
    #[serde(default, deserialize_with = "duration")]
    refresh_in: Option<Duration>,
    /// The expiry in seconds since 1970: v1 endpoints of Entra and managed identities.
    #[serde(default, deserialize_with = "duration")]
    expires_on: Option<Duration>,
    /// The successor of the refresh token that was shown.
    #[serde(default, deserialize_with = "text")]
    refresh_token: Option<RefreshToken>,
}

impl Answer {
    pub(super) const fn refresh_in(&self) -> Option<Duration> {
        self.refresh_in
    }

    pub(super) fn expires_on(&self) -> Option<Timestamp> {
        Timestamp::UNIX_EPOCH.checked_add(self.expires_on?).ok()
    }

    /// Whether a server can accept this token: not empty, no spaces, no control characters (RFC 6750 section
    /// 2.1). Some providers put an error message in the token's place; it has spaces.
    pub(super) fn has_usable_token(&self) -> bool {
        let token = self.access_token.secret();
        !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
    }
}

impl TokenResponse for Answer {
    type TokenType = BasicTokenType;

    fn access_token(&self) -> &AccessToken {
        &self.access_token
    }

    /// Mail servers know only bearer tokens.
    fn token_type(&self) -> &BasicTokenType {
        static BEARER: BasicTokenType = BasicTokenType::Bearer;
        &BEARER
    }

    fn expires_in(&self) -> Option<Duration> {
        self.expires_in
    }

    fn refresh_token(&self) -> Option<&RefreshToken> {
        self.refresh_token.as_ref()
    }

    fn scopes(&self) -> Option<&Vec<Scope>> {
        None
    }
}

/// A token as text; anything else counts as absent.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<RefreshToken>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Text(text) => Some(RefreshToken::new(text)),
        Written::Other(_) => None,
    })
}

/// A number, or a number as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Plain(f64),
    Text(String),
}

/// A duration in seconds. Text that is not a number and negative numbers count as absent.
fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let seconds = match Option::<Number>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Number::Plain(seconds)) => seconds,
        Some(Number::Text(text)) => match text.trim().parse() {
            Ok(seconds) => seconds,
            Err(_) => return Ok(None),
        },
    };
    // NaN, or too large for a `Duration`: count as absent.
    Ok(Duration::try_from_secs_f64(seconds.max(0.0)).ok())
}

#[cfg(test)]
// A test that cannot continue must fail at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(members: &str) -> Result<Answer, serde_json::Error> {
        serde_json::from_str(&format!(r#"{{"access_token":"t"{members}}}"#))
    }

    #[test]
    fn a_time_may_be_a_number_of_any_kind_or_a_text() {
        let rows = [
            (r#","expires_in":3600"#, Some(3600.0)),
            (r#","expires_in":"3600""#, Some(3600.0)),
            (r#","expires_in":" 3600.5 ""#, Some(3600.5)),
            (r#","expires_in":3600.5"#, Some(3600.5)),
            (r#","expires_in":-5"#, Some(0.0)),
            (r#","expires_in":null"#, None),
            (r#","expires_in":"soon""#, None),
            (r#","expires_in":"NaN""#, Some(0.0)),
            (r#","expires_in":1180591620717411303424"#, None),
            ("", None),
        ];
        for (members, seconds) in rows {
            let answer = read(members).unwrap();
            assert_eq!(answer.expires_in.map(|time| time.as_secs_f64()), seconds, "{members}");
        }
        assert!(read(r#","expires_in":[]"#).is_err());
        assert_eq!(read(r#","refresh_in":"60""#).unwrap().refresh_in(), Some(Duration::from_secs(60)));
        let end = read(r#","expires_on":"1790000000""#).unwrap().expires_on();
        assert_eq!(end, Timestamp::from_second(1_790_000_000).ok());
    }

    #[test]
    fn what_is_beside_the_token_is_of_no_consequence() {
        for members in [
            r#","scope":["a","b"]"#,
            r#","scope":5,"token_type":{}"#,
            r#","ext_expires_in":"x","resource":null"#,
            r#","refresh_token":null"#,
            r#","refresh_token":["a"]"#,
        ] {
            assert!(read(members).unwrap().has_usable_token(), "{members}");
        }
    }

    #[test]
    fn a_token_has_no_blank_no_control_character_and_is_not_empty() {
        for (token, usable) in [
            ("eyJ0.e30.c2ln", true),
            ("ya29.a-_~+/==", true),
            ("", false),
            ("   ", false),
            ("error: no such client", false),
            ("ab\\u0000c", false),
            ("ab\\r\\na9 LOGOUT", false),
            ("ab\\u202ec", false),
        ] {
            let answer: Answer = serde_json::from_str(&format!(r#"{{"access_token":"{token}"}}"#)).unwrap();
            assert_eq!(answer.has_usable_token(), usable, "{token}");
        }
    }

    proptest! {
        #[test]
        fn no_answer_makes_reading_fail_otherwise(
            body in "\\PC{0,200}",
            members in r#"(,"(expires_in|expires_on|refresh_in|token_type|scope)":("\\PC{0,12}"|-?[0-9]{1,30}(\.[0-9]{1,5})?(e[0-9]{1,3})?|null|\[\])){0,4}"#,
        ) {
            let _ = serde_json::from_str::<Answer>(&body);
            if let Ok(answer) = read(&members) {
                let _ = (answer.expires_in(), answer.refresh_in(), answer.expires_on());
            }
        }
    }
}
