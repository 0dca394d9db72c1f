//! The grants of people: signing in by a code (RFC 8628), and the refresh tokens that follow (RFC 6749 section 6).
//!
//! Owns what such a request must say. `person` decides what happens to codes and tokens.

use serde_json::json;

use crate::sim::app::SimApp;
use crate::sim::idp::{
    Asked, GRAPH_AUDIENCE, Grant, PERSON_AUDIENCE, SCOPE, check_secret, check_tenant, missing,
};
use crate::sim::reply::Refusal;

pub(super) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// `appidacr` of a token for a public client, and for one with a secret.
const BY_NOTHING: &str = "0";
const BY_SECRET: &str = "1";
/// Words of a scope that are not a permission.
const NO_PERMISSIONS: [&str; 3] = ["offline_access", "openid", "profile"];
/// Where people would enter the code. A name that is nowhere: no person of the demo takes a code to Microsoft.
const PAGE: &str = "https://devicelogin.contoso.example/";
/// How often a client may ask, in seconds.
const INTERVAL: u64 = 1;

/// A new code, as the body of an answer.
pub(super) fn device_code(app: &SimApp, asked: &Asked) -> Result<String, Refusal> {
    check_tenant(app, asked)?;
    client(app, asked)?;
    let scope = asked.field("scope");
    permissions(app, scope)?;
    let (code, expires_in) = app.person(|person| (person.begin(scope), person.sign_in.expires_in));
    Ok(json!({
        "user_code": "B2DQ-7XKM",
        "device_code": code,
        "verification_uri": PAGE,
        "expires_in": expires_in.as_secs(),
        "interval": INTERVAL,
        "message": format!("To sign in, use a web browser to open the page {PAGE} and enter the code B2DQ-7XKM to authenticate."),
    })
    .to_string())
}

/// A question about a code.
pub(super) fn poll(app: &SimApp, asked: &Asked) -> Result<Grant, Refusal> {
    let proof = client(app, asked)?;
    let code = asked.field("device_code");
    if code.is_empty() {
        return Err(missing("device_code"));
    }
    let (scope, refresh_token) = app.person(|person| person.poll(code))?;
    let offline = scope.split_whitespace().any(|word| word == "offline_access");
    let person = Some(permissions(app, &scope)?);
    Ok(Grant { proof, person, refresh_token: refresh_token.filter(|_| offline), for_directory: false })
}

/// A refresh token is shown.
pub(super) fn refresh(app: &SimApp, asked: &Asked) -> Result<Grant, Refusal> {
    let proof = client(app, asked)?;
    let token = asked.field("refresh_token");
    if token.is_empty() {
        return Err(missing("refresh_token"));
    }
    let person = Some(permissions(app, asked.field("scope"))?);
    Ok(Grant {
        proof,
        person,
        refresh_token: app.person(|person| person.refresh(token))?,
        for_directory: false,
    })
}

/// How the client has proven itself.
fn client(app: &SimApp, asked: &Asked) -> Result<&'static str, Refusal> {
    match asked.secret() {
        Some(secret) => check_secret(app, secret).map(|()| BY_SECRET),
        None if app.person(|person| person.confidential) => {
            let text = "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
            Err((401, "invalid_client", 7_000_218, text.to_owned()))
        }
        None => Ok(BY_NOTHING),
    }
}

/// The permissions that a scope asks for, if the person has consented to each.
fn permissions(app: &SimApp, scope: &str) -> Result<Vec<String>, Refusal> {
    let consented = app.person(|person| person.consented.clone());
    let mut granted = Vec::new();
    for word in scope.split_whitespace().filter(|word| !NO_PERMISSIONS.contains(word)) {
        if word == SCOPE {
            return Ok(consented);
        }
        let of = |audience: &str| word.strip_prefix(audience)?.strip_prefix('/');
        let name = of(PERSON_AUDIENCE).or_else(|| of(GRAPH_AUDIENCE));
        let Some(name) = name else {
            let text = format!(
                "The provided value for the input parameter 'scope' is not valid. The scope {scope} is not valid."
            );
            return Err((400, "invalid_scope", 70_011, text));
        };
        if !consented.iter().any(|one| one == name) {
            let text = format!(
                "The user or administrator has not consented to use the application with ID '{}' named 'contoso-mail'. Send an interactive authorization request for this user and resource.",
                app.client_id
            );
            return Err((400, "invalid_grant", 65_001, text));
        }
        granted.push(name.to_owned());
    }
    if granted.is_empty() {
        return Err(missing("scope"));
    }
    Ok(granted)
}
