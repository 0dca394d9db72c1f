//! Microsoft Graph as a directory: applications with their secrets and certificates, and the sign-in log in pages.
//!
//! Strict about tokens, permissions and the filter, and able to throttle, to call a token expired, to break off and to
//! send what is not asked for. It is served where the identity provider is.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sim::app::SimApp;
use crate::sim::certificate::SimCertificate;
use crate::sim::http::{Request, head, unescape};
use crate::sim::idp::{GRAPH_AUDIENCE, Idp};
use crate::sim::lock;
use crate::sim::reply::{JSON, respond};
use crate::sim::script::HttpFlood;
use crate::sim::wire::Wire;

/// How its addresses begin.
const APPLICATIONS: &str = "/v1.0/applications(appId='";
const SIGN_INS: &str = "/v1.0/auditLogs/signIns";
/// Bytes of an answer that a client should not keep.
const HUGE: usize = 17 * 1024 * 1024;
/// The most rows of a page.
const LARGEST_PAGE: usize = 1000;

/// What becomes of a request instead of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryFault {
    /// 429, with this `Retry-After`.
    Throttled(Duration),
    /// 503, without `Retry-After`.
    Unavailable,
    /// 401, and the token opens nothing any more.
    TokenExpired,
    /// The connection ends.
    Close,
    /// A page of HTML, with this status.
    Html(u16),
    /// A refusal, with this status.
    Refused(u16),
    /// A success with this body.
    Body(Value),
    /// More bytes than a client should read.
    Huge,
    /// Interim answers without end.
    EndlessInterim,
    /// The next page is at this address.
    NextPage(String),
    /// The next page is this one.
    SamePage,
}

/// One row of the sign-in log.
#[derive(Debug, Clone)]
pub struct SimSignIn {
    pub user: String,
    /// `clientAppUsed`.
    pub client_app: &'static str,
    pub at: Timestamp,
    /// 0 is a success.
    pub error_code: i64,
}

#[derive(Default)]
struct State {
    /// `passwordCredentials` and `keyCredentials` by client id.
    apps: HashMap<String, (Vec<Value>, Vec<Value>)>,
    sign_ins: Vec<SimSignIn>,
    /// Rows of a page, if fewer than are asked for.
    page: Option<usize>,
    unlicensed: bool,
    faults: VecDeque<Option<DirectoryFault>>,
    requests: Vec<String>,
}

/// The simulated directory. Clones are the same one.
#[derive(Clone, Default)]
pub struct SimDirectory(Arc<Mutex<State>>);

impl SimDirectory {
    /// Registers an application without secrets and certificates.
    pub fn register(&self, app: &SimApp) {
        lock(&self.0).apps.entry(app.client_id.clone()).or_default();
    }

    /// Adds a secret to an application.
    pub fn add_secret(&self, app: &SimApp, secret: &str, end: &str) {
        let hint: String = secret.chars().take(3).collect();
        let row = json!({
            "customKeyIdentifier": null, "displayName": "mail", "endDateTime": end, "hint": hint,
            "keyId": Uuid::new_v4().to_string(), "secretText": null, "startDateTime": "2026-01-01T00:00:00Z",
        });
        lock(&self.0).apps.entry(app.client_id.clone()).or_default().0.push(row);
    }

    /// Adds a certificate to an application.
    pub fn add_certificate(&self, app: &SimApp, certificate: &SimCertificate, end: &str) {
        let digest = URL_SAFE_NO_PAD.decode(&certificate.registered.x5t).unwrap_or_default();
        let row = json!({
            "customKeyIdentifier": STANDARD.encode(digest), "displayName": "CN=contoso-mail", "endDateTime": end,
            "key": null, "keyId": Uuid::new_v4().to_string(), "type": "AsymmetricX509Cert", "usage": "Verify",
        });
        lock(&self.0).apps.entry(app.client_id.clone()).or_default().1.push(row);
    }

    /// Adds rows to the sign-in log.
    pub fn sign_in(&self, rows: impl IntoIterator<Item = SimSignIn>) {
        lock(&self.0).sign_ins.extend(rows);
    }

    /// Pages have at most so many rows from now on.
    pub fn set_page(&self, rows: usize) {
        lock(&self.0).page = Some(rows);
    }

    /// Whether the tenant pays for the sign-in log.
    pub fn set_licensed(&self, licensed: bool) {
        lock(&self.0).unlicensed = !licensed;
    }

    /// What becomes of the next requests, in order; `None` is a true answer.
    pub fn faults(&self, faults: impl IntoIterator<Item = Option<DirectoryFault>>) {
        lock(&self.0).faults.extend(faults);
    }

    /// From now on every request is answered again.
    pub fn heal(&self) {
        lock(&self.0).faults.clear();
    }

    /// The addresses that were asked for, in order.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.0).requests.clone()
    }
}

/// Whether a request is for the directory.
pub(super) fn is_for(path: &str) -> bool {
    path.starts_with("/v1.0/")
}

/// Whether the scope is that of the directory at this address.
pub(super) fn is_scope(scope: &str, address: &str) -> bool {
    let host = address.split('/').next().unwrap_or_default();
    scope == format!("https://{host}/.default")
}

/// A refusal: status, code, sentence.
type Refusal = (u16, &'static str, String);

impl Idp {
    /// Answers a request for the directory; `false` ends the connection.
    pub(super) async fn directory(&self, wire: &mut Wire, request: &Request) -> io::Result<bool> {
        let now = Timestamp::now();
        let fault = {
            let mut state = lock(&self.directory.0);
            state.requests.push(request.path.clone());
            state.faults.pop_front().flatten()
        };
        let retry = |after: Duration| vec![("Retry-After", after.as_secs().to_string())];
        let refused = |(status, code, text): Refusal, more: Vec<(&'static str, String)>| {
            let inner = json!({ "date": now.to_string(), "request-id": Uuid::new_v4().to_string() });
            let body = json!({ "error": { "code": code, "message": text, "innerError": inner } });
            (status, body.to_string(), more)
        };
        let (status, body, more) = match fault {
            Some(DirectoryFault::Throttled(after)) => {
                refused((429, "TooManyRequests", "This request is throttled.".to_owned()), retry(after))
            }
            Some(DirectoryFault::Unavailable) => {
                refused((503, "serviceNotAvailable", "Try again later.".to_owned()), Vec::new())
            }
            Some(DirectoryFault::TokenExpired) => {
                self.forget(request);
                let text = "Lifetime validation failed, the token is expired.";
                refused((401, "InvalidAuthenticationToken", text.to_owned()), Vec::new())
            }
            Some(DirectoryFault::Close) => return Ok(false),
            Some(DirectoryFault::Html(status)) => {
                return respond(wire, now, status, "text/html", "<html>Sign in</html>", &[]).await;
            }
            Some(DirectoryFault::Refused(status)) => {
                let text = "Insufficient privileges to complete the operation.";
                refused((status, "Authorization_RequestDenied", text.to_owned()), Vec::new())
            }
            Some(DirectoryFault::Body(body)) => (200, body.to_string(), Vec::new()),
            Some(DirectoryFault::Huge) => {
                wire.send(head(200, JSON, HUGE, &[]).as_bytes()).await?;
                wire.send(&vec![b' '; HUGE]).await?;
                return Ok(true);
            }
            Some(DirectoryFault::EndlessInterim) => {
                return HttpFlood::Interim.run(wire).await.map(|()| false);
            }
            Some(DirectoryFault::NextPage(_) | DirectoryFault::SamePage) | None => {
                match self.look_up(request) {
                    Ok(mut body) => {
                        let next = match fault {
                            Some(DirectoryFault::NextPage(address)) => Some(address),
                            Some(_) => {
                                let host = request.header("host").unwrap_or_default();
                                Some(format!("https://{host}{}", request.path))
                            }
                            None => None,
                        };
                        if let Some(next) = next {
                            body["@odata.nextLink"] = json!(next);
                        }
                        (200, body.to_string(), Vec::new())
                    }
                    Err(refusal) => refused(refusal, Vec::new()),
                }
            }
        };
        respond(wire, now, status, JSON, &body, &more).await
    }

    /// The permissions of the token that the request shows.
    fn roles(&self, request: &Request) -> Result<Vec<String>, Refusal> {
        let refused = |text: &str| (401, "InvalidAuthenticationToken", text.to_owned());
        let bearer = bearer(request).ok_or_else(|| refused("Access token is empty."))?;
        let issued = self.find(|app| app.token(bearer).is_some()).and_then(|app| app.token(bearer));
        let issued = issued.ok_or_else(|| refused("Access token validation failure."))?;
        if issued.audience != GRAPH_AUDIENCE {
            return Err(refused("Access token validation failure. Invalid audience."));
        }
        if issued.expires <= Instant::now() {
            return Err(refused("Lifetime validation failed, the token is expired."));
        }
        Ok(issued.roles)
    }

    /// Forgets the token that the request shows.
    fn forget(&self, request: &Request) {
        if let Some(bearer) = bearer(request)
            && let Some(app) = self.find(|app| app.token(bearer).is_some())
        {
            app.revoke_tokens();
        }
    }

    fn look_up(&self, request: &Request) -> Result<Value, Refusal> {
        let roles = self.roles(request)?;
        let has = |role: &str| roles.iter().any(|held| held == role);
        if request.method != "GET" {
            return Err((405, "Request_BadRequest", "Only GET is known here.".to_owned()));
        }
        let (path, query) = request.path_and_query();
        if path == SIGN_INS {
            if lock(&self.directory.0).unlicensed {
                let text = "Neither tenant is B2C or tenant doesn't have premium license";
                return Err((403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", text.to_owned()));
            }
            if !has("AuditLog.Read.All") {
                let text = "The principal does not have required Microsoft Graph permission(s): AuditLog.Read.All to call this API.";
                return Err((403, "Authentication_MSGraphPermissionMissing", text.to_owned()));
            }
            let host = request.header("host").unwrap_or_default();
            return self
                .page(&query, host)
                .ok_or_else(|| (400, "BadRequest", "Invalid filter clause".to_owned()));
        }
        let app = path.strip_prefix(APPLICATIONS).and_then(|rest| rest.strip_suffix("')"));
        let Some(app) = app.and_then(unescape) else {
            return Err((404, "ResourceNotFound", format!("There is nothing at {path}.")));
        };
        if !has("Application.Read.All") {
            let text = "Insufficient privileges to complete the operation.";
            return Err((403, "Authorization_RequestDenied", text.to_owned()));
        }
        let state = lock(&self.directory.0);
        let Some((secrets, certificates)) = state.apps.get(&app) else {
            let text = format!(
                "Resource '{app}' does not exist or one of its queried reference-property objects are not present."
            );
            return Err((404, "Request_ResourceNotFound", text));
        };
        Ok(json!({
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#applications/$entity",
            "appId": app, "displayName": "contoso-mail", "unheardOf": { "deep": [1, null] },
            "passwordCredentials": secrets, "keyCredentials": certificates,
        }))
    }

    /// The rows that the filter picks, the newest first; `None` if it makes no sense.
    fn page(&self, query: &HashMap<String, String>, host: &str) -> Option<Value> {
        let filter = query.get("$filter")?;
        let (since, apps) = filter.strip_prefix("createdDateTime ge ")?.split_once(" and (")?;
        let since: Timestamp = since.parse().ok()?;
        let app =
            |clause: &str| Some(clause.strip_prefix("clientAppUsed eq '")?.strip_suffix('\'')?.to_owned());
        let apps: Vec<String> = apps.strip_suffix(')')?.split(" or ").map(app).collect::<Option<_>>()?;
        let top: usize = query.get("$top")?.parse().ok().filter(|top| (1..=LARGEST_PAGE).contains(top))?;
        let skip: usize = query.get("$skiptoken").map_or(Some(0), |skip| skip.parse().ok())?;
        let state = lock(&self.directory.0);
        let wanted = |row: &&SimSignIn| row.at >= since && apps.iter().any(|app| app == row.client_app);
        let mut rows: Vec<&SimSignIn> = state.sign_ins.iter().filter(wanted).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.at));
        let size = state.page.unwrap_or(top).min(top);
        let value: Vec<Value> = rows.iter().skip(skip).take(size).map(|row| written(row)).collect();
        let mut page = json!({ "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#auditLogs/signIns", "value": value });
        if skip + size < rows.len() {
            let (filter, next) = (filter.replace(' ', "%20"), skip + size);
            page["@odata.nextLink"] =
                json!(format!("https://{host}{SIGN_INS}?$filter={filter}&$top={top}&$skiptoken={next}"));
        }
        Some(page)
    }
}

fn written(row: &SimSignIn) -> Value {
    json!({
        "id": Uuid::new_v4().to_string(), "createdDateTime": row.at.to_string(),
        "userPrincipalName": row.user, "userDisplayName": "Somebody", "clientAppUsed": row.client_app,
        "status": { "errorCode": row.error_code, "failureReason": "Other.", "additionalDetails": null },
        "ipAddress": "192.0.2.7", "appliedConditionalAccessPolicies": [{ "result": "notApplied" }],
        "location": { "geoCoordinates": {} }, "unheardOf": null,
    })
}

fn bearer(request: &Request) -> Option<&str> {
    request.header("authorization")?.strip_prefix("Bearer ")
}
