//! Azure's metadata services: of virtual machines (IMDS), of App Service, and of Azure Arc. They give tokens to any
//! program that runs there; `azure_arc.rs` has the key that Azure Arc wants to see.
//!
//! Checks headers and queries as strictly as Azure does. `idp.rs` knows the applications.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::time::{Instant, SystemTime};

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::sim::app::{Issued, SeenTokenRequest, SimApp, TokenOutcome};
use crate::sim::azure_arc::{self, Keys};
use crate::sim::http::Request;
use crate::sim::idp::{AUDIENCE, BY_ASSERTION, Idp};
use crate::sim::reply::{JSON, respond};
use crate::sim::wire::Wire;
use crate::sim::{lock, token};

/// The service of virtual machines.
const IMDS: &str = "/metadata/identity/oauth2/token";
/// The service of App Service and Container Apps.
pub(super) const APP_SERVICE: &str = "/msi/token";

/// The state of the services.
pub(super) struct Metadata {
    /// What App Service wants to see in `X-IDENTITY-HEADER`.
    pub(super) header: String,
    /// What Azure Arc wants to see.
    pub(super) keys: Keys,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Statuses of the next answers.
    next: VecDeque<u16>,
    requests: usize,
}

impl Default for Metadata {
    fn default() -> Self {
        Self { header: Uuid::new_v4().to_string(), keys: Keys::default(), state: Mutex::default() }
    }
}

impl Metadata {
    pub(super) fn answer_next(&self, statuses: &[u16]) {
        lock(&self.state).next = statuses.iter().copied().collect();
    }

    pub(super) fn requests(&self) -> usize {
        lock(&self.state).requests
    }

    fn meet(&self) -> Option<u16> {
        let mut state = lock(&self.state);
        state.requests += 1;
        state.next.pop_front()
    }
}

/// Whether a request is for one of the services.
pub(super) fn is_for(path: &str) -> bool {
    let path = path.split('?').next().unwrap_or_default();
    [IMDS, APP_SERVICE, azure_arc::PATH].contains(&path)
}

/// A refusal: status and body.
type Refusal = (u16, String);

fn refused(status: u16, error: &str, text: &str) -> Refusal {
    (status, json!({ "error": error, "error_description": text }).to_string())
}

impl Idp {
    /// Answers a request for the token of a managed identity; `false` ends the connection.
    pub(super) async fn metadata(&self, wire: &mut Wire, request: &Request) -> io::Result<bool> {
        let now = Timestamp::now();
        if let Some(status) = self.metadata.meet() {
            let body = json!({ "error": "busy", "error_description": "Try again." }).to_string();
            return respond(wire, now, status, JSON, &body, &[]).await;
        }
        if request.path.starts_with(azure_arc::PATH)
            && let Some(challenge) = self.metadata.keys.check(request)?
        {
            let header = challenge.header.map(|header| ("Www-Authenticate", header));
            return respond(wire, now, 401, JSON, &challenge.body, header.as_slice()).await;
        }
        let (status, body) = match self.identity(request) {
            Ok((app, client_id)) => {
                app.saw(SeenTokenRequest {
                    at: SystemTime::now(),
                    client_request_id: request.header("client-request-id").map(str::to_owned),
                    basic_header: false,
                    user: None,
                    outcome: TokenOutcome::Issued,
                });
                (200, issue(&app, client_id, now))
            }
            Err(refusal) => refusal,
        };
        respond(wire, now, status, JSON, &body, &[]).await
    }

    /// Whose token is asked for, if everything is as it must be.
    fn identity(&self, request: &Request) -> Result<(SimApp, bool), Refusal> {
        let (path, query) = request.path_and_query();
        let is_arc = path == azure_arc::PATH;
        let is_imds = path == IMDS || is_arc;
        let bad = |text: &str| refused(400, "invalid_request", text);
        if request.method != "GET" {
            return Err(refused(405, "invalid_request", "Method not allowed"));
        }
        if is_imds && request.header("metadata") != Some("true") {
            return Err(bad("Required metadata header not specified"));
        }
        if !is_imds && request.header("x-identity-header") != Some(&*self.metadata.header) {
            return Err(refused(401, "unauthorized", "The identity header is wrong."));
        }
        if is_imds && request.header("x-forwarded-for").is_some() {
            return Err(bad("A proxy has no place before the metadata service"));
        }
        let versions: &[&str] = match () {
            () if is_arc => &azure_arc::VERSIONS,
            () if is_imds => &["2018-02-01"],
            () => &["2019-08-01"],
        };
        if !query.get("api-version").is_some_and(|version| versions.contains(&version.as_str())) {
            return Err(bad("The api-version is not supported"));
        }
        match query.get("resource").map(String::as_str) {
            Some(AUDIENCE) => {}
            None => return Err(bad("Required query variable 'resource' is missing")),
            Some(other) => {
                let text = format!(
                    "AADSTS500011: The resource principal named {other} was not found in the tenant named Contoso."
                );
                return Err(refused(400, "invalid_resource", &text));
            }
        }
        let client_id = query.get("client_id").filter(|_| !is_arc);
        let app = self.find(|app| match (app.identity(), client_id) {
            (Some(_), Some(wanted)) => app.client_id == *wanted,
            (Some(is_of_system), None) => is_of_system,
            (None, _) => false,
        });
        match app {
            Some(app) => Ok((app, client_id.is_some())),
            None if is_arc => Err(refused(
                404,
                "identity_not_found",
                "Identity not found: requested identity was not found",
            )),
            None if is_imds => Err(bad("Identity not found")),
            None => {
                let text = "No Managed Identity found for specified ClientId/ResourceId/PrincipalId.";
                Err((400, json!({ "statusCode": 400, "message": text }).to_string()))
            }
        }
    }
}

/// Makes a token, remembers it, and writes the answer: all numbers are text.
fn issue(app: &SimApp, client_id: bool, now: Timestamp) -> String {
    let terms = app.terms();
    let seconds = i64::try_from(terms.expires_in.as_secs()).unwrap_or(i64::MAX / 2);
    let permissions = token::Permissions::App(&terms.roles);
    let value = token::jwt(app, AUDIENCE, &permissions, BY_ASSERTION, now.as_second(), seconds);
    let issued = Issued {
        audience: AUDIENCE.to_owned(),
        roles: terms.roles,
        user: None,
        expires: Instant::now() + terms.expires_in,
    };
    app.remember(value.clone(), issued);
    let mut body = json!({
        "access_token": value,
        "expires_on": (now.as_second() + seconds).to_string(),
        "not_before": now.as_second().to_string(),
        "resource": AUDIENCE,
        "token_type": "Bearer",
    });
    if let Some(body) = body.as_object_mut().filter(|_| client_id) {
        body.insert("client_id".to_owned(), json!(app.client_id));
    }
    body.to_string()
}
