//! Reads the claims of an access token without trusting them.

use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::Deserialize;

use crate::model::{Claims, Redacted};

/// The claims as Entra writes them; v1 and v2 tokens use different names.
#[derive(Deserialize)]
struct Written {
    #[serde(default)]
    aud: Option<Audience>,
    tid: Option<String>,
    appid: Option<String>,
    azp: Option<String>,
    oid: Option<String>,
    #[serde(default)]
    roles: Vec<String>,
    scp: Option<String>,
    exp: Option<f64>,
    iat: Option<f64>,
    nbf: Option<f64>,
    ver: Option<String>,
    appidacr: Option<String>,
    azpacr: Option<String>,
    uti: Option<String>,
}

/// RFC 7519 section 4.1.3: one value or a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// The claims of a token; `None` if it is opaque, which is not an error.
pub(super) fn read(token: &Redacted) -> Option<Claims> {
    let written: Written = jsonwebtoken::dangerous::insecure_decode_claims(token.expose_secret()).ok()?;
    let mut permissions = written.roles;
    permissions.extend(written.scp.iter().flat_map(|scopes| scopes.split_whitespace()).map(str::to_owned));
    Some(Claims {
        audience: written.aud.and_then(|audience| match audience {
            Audience::One(one) => Some(one),
            Audience::Several(several) => several.into_iter().next(),
        }),
        tenant: written.tid,
        app: written.appid.or(written.azp),
        object_id: written.oid,
        permissions,
        expires_at: written.exp.and_then(time),
        issued_at: written.iat.and_then(time),
        not_before: written.nbf.and_then(time),
        version: written.ver,
        proof: written.appidacr.or(written.azpacr),
        token_id: written.uti,
    })
}

/// A NumericDate (RFC 7519 section 2). Fractions are allowed and ignored.
#[expect(clippy::cast_possible_truncation, reason = "saturates, and a point in time is checked next")]
fn time(seconds: f64) -> Option<Timestamp> {
    Timestamp::from_second(seconds as i64).ok()
}

#[cfg(test)]
// A test that cannot continue must fail at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    fn token(claims: &str) -> Redacted {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        Redacted::from(format!("{}.{}.c2ln", part(r#"{"alg":"RS256","typ":"JWT"}"#), part(claims)))
    }

    #[test]
    fn both_versions_of_entra_tokens_are_read() {
        let v1 = read(&token(
            r#"{"aud":"https://outlook.office365.com","tid":"t","appid":"app","oid":"o",
                "roles":["IMAP.AccessAsApp"],"nbf":1789990000,"exp":1790000000,"uti":"u"}"#,
        ))
        .unwrap();
        assert_eq!(v1.app.as_deref(), Some("app"));
        assert_eq!(v1.permissions, ["IMAP.AccessAsApp"]);
        assert_eq!(v1.expires_at, Timestamp::from_second(1_790_000_000).ok());
        assert_eq!(v1.not_before, Timestamp::from_second(1_789_990_000).ok());
        let v2 = read(&token(r#"{"aud":["x","y"],"azp":"app2","scp":"IMAP.AccessAsUser.All SMTP.Send"}"#))
            .unwrap();
        assert_eq!((v2.audience.as_deref(), v2.app.as_deref()), (Some("x"), Some("app2")));
        assert_eq!(v2.permissions, ["IMAP.AccessAsUser.All", "SMTP.Send"]);
    }

    #[test]
    fn an_opaque_token_has_no_claims() {
        for opaque in ["ya29.a0Af", "EwBAA8l6BAAU", "", "a.b.c", "..", "a.e30", "{}"] {
            assert_eq!(read(&Redacted::from(opaque)), None, "{opaque}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_reading_fail_otherwise(text in "\\PC{0,200}", claims in "\\PC{0,100}") {
            read(&Redacted::from(text));
            read(&token(&claims));
        }
    }
}
