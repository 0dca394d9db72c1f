//! Access tokens that look like Entra's: a JWT of about 1.5 KB with the claims of an app-only v1 token.
//!
//! The signature is keyed bytes of the right form: it is not verified, since the mail servers look tokens up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::sim::app::SimApp;

/// How far before now a token begins: Entra's `iat` and `nbf` lie five minutes back.
const BACKDATED_SECONDS: i64 = 300;
/// A key identifier of the usual form.
const KEY_ID: &str = "Wnh1bGF0b3Ita2V5LW5vdC1yZWFs";

/// Who signs in.
const PERSON: &str = "megan@contoso.example";

/// Whose permissions are in a token.
pub(super) enum Permissions<'a> {
    /// The application's own.
    App(&'a [String]),
    /// Those that a person has delegated to it.
    Person(&'a [String]),
}

/// A token for `app`, valid from a little before `now` (Unix seconds) for `lifetime` seconds.
pub(super) fn jwt(
    app: &SimApp,
    audience: &str,
    permissions: &Permissions<'_>,
    proof: &str,
    now: i64,
    lifetime: i64,
) -> String {
    let header = json!({ "typ": "JWT", "alg": "HS256", "x5t": KEY_ID, "kid": KEY_ID });
    let issued = now - BACKDATED_SECONDS;
    let mut claims = json!({
        "aud": audience,
        "iss": format!("https://sts.windows.net/{}/", app.tenant),
        "iat": issued,
        "nbf": issued,
        "exp": now + lifetime,
        "aio": letters(64),
        "app_displayname": "contoso-mail",
        "appid": app.client_id,
        "appidacr": proof,
        "idp": format!("https://sts.windows.net/{}/", app.tenant),
        "idtyp": "app",
        "oid": app.object_id,
        "rh": format!("1.{}.", letters(80)),
        "sid": Uuid::new_v4().to_string(),
        "sub": app.object_id,
        "tid": app.tenant,
        "uti": letters(22),
        "ver": "1.0",
        "wids": ["0997a1d0-0d1d-4acb-b408-d5ca73121e90"],
        "xms_acd": now - 86_400,
        "xms_act_fct": "9 3",
        "xms_ftd": letters(64),
        "xms_idrel": "7 24",
        "xms_sub_fct": "3 9",
        "xms_tnt_fct": "3 12",
    });
    if let Some(claims) = claims.as_object_mut() {
        match permissions {
            Permissions::App([]) => {}
            Permissions::App(roles) => drop(claims.insert("roles".to_owned(), json!(roles))),
            Permissions::Person(names) => {
                claims.insert("scp".to_owned(), json!(names.join(" ")));
                claims.insert("idtyp".to_owned(), json!("user"));
                claims.insert("upn".to_owned(), json!(PERSON));
            }
        }
    }
    let signed = format!("{}.{}", part(header.to_string().as_bytes()), part(claims.to_string().as_bytes()));
    // Eight digests are as long as the RSA-2048 signature of a real token.
    let mut signature = Vec::new();
    for round in 0_u8..8 {
        signature.extend_from_slice(&Sha256::new().chain_update([round]).chain_update(&signed).finalize());
    }
    format!("{signed}.{}", part(&signature))
}

/// A token that is no JWT, of the form that personal accounts get.
pub(super) fn opaque() -> String {
    format!("EwB{}", letters(900))
}

/// A token of the form that Google's have.
pub(super) fn of_google() -> String {
    format!("ya29.{}", letters(200))
}

/// This many random letters.
fn letters(count: usize) -> String {
    let mut text = String::new();
    while text.len() < count {
        text.push_str(&part(Uuid::new_v4().as_bytes()));
    }
    text.truncate(count);
    text
}

fn part(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
