//! The identity provider: Entra's token endpoint, strict about requests.
//!
//! Owns the applications, and the grant of client credentials; the grants of people are in `delegated`. Does not listen (`site.rs`), and does not know what a mailbox is.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::sim::app::{Issued, SeenTokenRequest, SimApp, TokenOutcome};
use crate::sim::http::{Request, unescape};
use crate::sim::reply::{JSON, Refusal, refuse, respond};
use crate::sim::token::Permissions;
use crate::sim::token_fault::{TokenAct, Twist};
use crate::sim::wire::Wire;
use crate::sim::{assertion, delegated, directory, google, lock, metadata, misbehaviour, sasl, token};

/// The audience of tokens for Exchange Online.
pub(super) const AUDIENCE: &str = "https://outlook.office365.com";
/// The audience of a person's tokens.
pub(super) const PERSON_AUDIENCE: &str = "https://outlook.office.com";
/// The audience of tokens for Microsoft Graph, which opens no mailbox by a mail protocol.
pub(super) const GRAPH_AUDIENCE: &str = "https://graph.microsoft.com";
/// The scope of Exchange Online.
pub(super) const SCOPE: &str = "https://outlook.office365.com/.default";
/// The scope of Microsoft Graph. No other one is granted, except the directory's.
pub(super) const GRAPH_SCOPE: &str = "https://graph.microsoft.com/.default";
/// How long ago a stale token has ended.
const STALE_SECONDS: i64 = 1800;

/// `appidacr` of a token, by what the application has proven itself with.
pub(super) const BY_SECRET: &str = "1";
pub(super) const BY_ASSERTION: &str = "2";

/// Every registered application.
#[derive(Default)]
pub(super) struct Idp {
    apps: Mutex<HashMap<String, SimApp>>,
    pub(super) metadata: metadata::Metadata,
    pub(super) directory: directory::SimDirectory,
}

/// The sender's credentials as the request has them, not yet checked.
pub(super) struct Asked {
    pub(super) tenant: String,
    /// The address that the request was sent to, without its scheme.
    address: String,
    fields: HashMap<String, String>,
    basic: Option<(String, String)>,
    pub(super) request_id: Option<String>,
}

/// What a good request is answered with.
pub(super) struct Grant {
    /// `appidacr` of the token.
    pub(super) proof: &'static str,
    /// The permissions of a person; `None` for the application's own.
    pub(super) person: Option<Vec<String>>,
    pub(super) refresh_token: Option<String>,
    /// The token is for the directory, and not for mail.
    pub(super) for_directory: bool,
}

impl Grant {
    pub(super) const fn of_app(proof: &'static str) -> Self {
        Self { proof, person: None, refresh_token: None, for_directory: false }
    }
}

impl Idp {
    /// Makes an application known.
    pub(super) fn register(&self, app: &SimApp) {
        lock(&self.apps).insert(app.client_id.clone(), app.clone());
    }

    /// Serves one connection to its end.
    pub(super) async fn serve(&self, mut wire: Wire) -> io::Result<()> {
        while let Some(request) = Request::read(&mut wire).await? {
            let last = request.is_last();
            if !self.answer(&mut wire, &request).await? || last {
                break;
            }
        }
        wire.leave().await
    }

    /// Answers one request; `false` ends the connection.
    async fn answer(&self, wire: &mut Wire, request: &Request) -> io::Result<bool> {
        if request.path == google::PATH {
            return self.google(wire, request).await;
        }
        if directory::is_for(&request.path) {
            return self.directory(wire, request).await;
        }
        if metadata::is_for(&request.path) {
            return self.metadata(wire, request).await;
        }
        let path = request.path.trim_start_matches('/');
        let (tenant, endpoint) = path.split_once("/oauth2/v2.0/").unwrap_or_default();
        if !["token", "devicecode"].contains(&endpoint) {
            let text = "There are only a token endpoint and one for device codes here.";
            return respond(wire, Timestamp::now(), 404, "text/plain", text, &[]).await;
        }
        let asked = Asked::read(tenant, request);
        let app = self.app(&asked);
        let ahead = app.as_ref().map_or(SignedDuration::ZERO, |app| app.terms().clock_ahead);
        let now = Timestamp::now() + ahead;
        if request.method != "POST" {
            let text =
                format!("The endpoint only accepts POST requests. Received a {} request.", request.method);
            return refuse(wire, &asked, now, (400, "invalid_request", 900_561, text)).await;
        }
        let app = match app {
            Ok(app) => app,
            Err(refusal) => return refuse(wire, &asked, now, refusal).await,
        };
        let saw = |outcome| {
            app.saw(SeenTokenRequest {
                at: SystemTime::now(),
                client_request_id: asked.request_id.clone(),
                basic_header: asked.basic.is_some(),
                user: None,
                outcome,
            });
        };
        let terms = app.terms();
        let is_sign_in = endpoint == "devicecode" || asked.field("grant_type") == delegated::DEVICE_CODE;
        let mended = terms.fault.filter(|fault| is_sign_in && fault.ends_by_sign_in());
        let fault = terms.fault.filter(|_| mended.is_none());
        let act = fault.map_or(TokenAct::Issue(Twist::Plain), |fault| fault.row().act);
        if let TokenAct::Issue(twist) = act {
            if endpoint == "devicecode" {
                return match delegated::device_code(&app, &asked) {
                    Ok(body) => respond(wire, now, 200, JSON, &body, &[]).await,
                    Err(refusal) => refuse(wire, &asked, now, refusal).await,
                };
            }
            let grant = match check(&app, &asked, now) {
                Ok(grant) => grant,
                Err(refusal) => {
                    saw(TokenOutcome::Refused(refusal.2));
                    return refuse(wire, &asked, now, refusal).await;
                }
            };
            saw(fault.map_or(TokenOutcome::Issued, TokenOutcome::Fault));
            if mended.is_some() {
                app.set_fault(None);
            }
            let for_graph = asked.field("scope").starts_with(GRAPH_AUDIENCE);
            let body = issue(&app, twist, now, grant, for_graph);
            return respond(wire, now, 200, JSON, &body, &[]).await;
        }
        if let Some(fault) = fault {
            saw(TokenOutcome::Fault(fault));
        }
        misbehaviour::act_out(wire, act, &app, &asked, terms.retry_after, now).await
    }

    /// The first application of which this is true.
    pub(super) fn find(&self, is: impl Fn(&SimApp) -> bool) -> Option<SimApp> {
        lock(&self.apps).values().find(|app| is(app)).cloned()
    }

    fn app(&self, asked: &Asked) -> Result<SimApp, Refusal> {
        let Some(client) = asked.client() else {
            return Err(missing("client_id"));
        };
        lock(&self.apps).get(client).cloned().ok_or_else(|| {
            let text =
                format!("Application with identifier '{client}' was not found in the directory 'Contoso'.");
            (400, "unauthorized_client", 700_016, text)
        })
    }
}

impl Asked {
    pub(super) fn read(tenant: &str, request: &Request) -> Self {
        let basic = request.header("authorization").and_then(|header| {
            let pair = sasl::decode(header.strip_prefix("Basic ")?)?;
            let (client, secret) = pair.split_once(':')?;
            // RFC 6749, section 2.3.1: both halves are form-encoded before they are joined.
            Some((unescape(client)?, unescape(secret)?))
        });
        Self {
            tenant: tenant.to_owned(),
            address: format!("{}{}", request.header("host").unwrap_or_default(), request.path),
            fields: request.form().unwrap_or_default().into_iter().collect(),
            basic,
            request_id: request.header("client-request-id").map(str::to_owned),
        }
    }

    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    fn client(&self) -> Option<&str> {
        let basic = self.basic.as_ref().map(|(client, _)| client.as_str());
        basic.or_else(|| self.fields.get("client_id").map(String::as_str))
    }

    pub(super) fn secret(&self) -> Option<&str> {
        let basic = self.basic.as_ref().map(|(_, secret)| secret.as_str());
        basic.or_else(|| self.fields.get("client_secret").map(String::as_str))
    }
}

pub(super) fn missing(parameter: &str) -> Refusal {
    let text = format!("The request body must contain the following parameter: '{parameter}'.");
    (400, "invalid_request", 900_144, text)
}

/// Whether the address has the application's tenant in it.
pub(super) fn check_tenant(app: &SimApp, asked: &Asked) -> Result<(), Refusal> {
    if asked.tenant != app.tenant {
        let text = format!(
            "Tenant '{}' not found. Check to make sure you have the correct tenant ID.",
            asked.tenant
        );
        return Err((400, "invalid_tenant", 90_002, text));
    }
    Ok(())
}

/// Checks a token request as Entra does.
fn check(app: &SimApp, asked: &Asked, now: Timestamp) -> Result<Grant, Refusal> {
    check_tenant(app, asked)?;
    match asked.field("grant_type") {
        "client_credentials" => {}
        "refresh_token" => return delegated::refresh(app, asked),
        delegated::DEVICE_CODE => return delegated::poll(app, asked),
        "" => return Err(missing("grant_type")),
        other => {
            let text = format!("The app requested an unsupported grant type '{other}'.");
            return Err((400, "unsupported_grant_type", 70_003, text));
        }
    }
    let for_directory = directory::is_scope(asked.field("scope"), &asked.address);
    match asked.field("scope") {
        SCOPE | GRAPH_SCOPE => {}
        _ if for_directory => {}
        "" => return Err(missing("scope")),
        other => {
            let text = format!(
                "The provided value for scope {other} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."
            );
            return Err((400, "invalid_scope", 1_002_012, text));
        }
    }
    if let Some(assertion) = asked.fields.get("client_assertion") {
        if asked.field("client_assertion_type") != assertion::TYPE {
            return Err(missing("client_assertion_type"));
        }
        return assertion::verify(app, assertion, &asked.address, now)
            .map(|()| Grant { for_directory, ..Grant::of_app(BY_ASSERTION) });
    }
    let Some(secret) = asked.secret() else {
        let text =
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.";
        return Err((401, "invalid_client", 7_000_218, text.to_owned()));
    };
    check_secret(app, secret)?;
    Ok(Grant { for_directory, ..Grant::of_app(BY_SECRET) })
}

pub(super) fn check_secret(app: &SimApp, secret: &str) -> Result<(), Refusal> {
    if !app.knows_secret(secret) {
        let text = format!(
            "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{}'.",
            app.client_id
        );
        return Err((401, "invalid_client", 7_000_215, text));
    }
    Ok(())
}

/// Makes a token, remembers it, and writes the answer.
pub(super) fn issue(app: &SimApp, twist: Twist, now: Timestamp, grant: Grant, for_graph: bool) -> String {
    let terms = app.terms();
    let Grant { proof, person, refresh_token, for_directory } = grant;
    let is_person = person.is_some();
    let own = if for_graph { terms.graph_roles } else { terms.roles };
    let roles = if twist == Twist::NoRoles { Vec::new() } else { person.unwrap_or(own) };
    let permissions = if is_person { Permissions::Person(&roles) } else { Permissions::App(&roles) };
    let audience = match twist {
        Twist::OtherAudience if for_graph => AUDIENCE,
        Twist::OtherAudience => GRAPH_AUDIENCE,
        _ if for_graph || for_directory => GRAPH_AUDIENCE,
        _ if is_person => PERSON_AUDIENCE,
        _ => AUDIENCE,
    };
    let seconds = i64::try_from(terms.expires_in.as_secs()).unwrap_or(i64::MAX / 2);
    let token = match twist {
        Twist::Opaque => token::opaque(),
        Twist::Stale => {
            token::jwt(app, audience, &permissions, proof, now.as_second() - STALE_SECONDS - seconds, seconds)
        }
        _ => token::jwt(app, audience, &permissions, proof, now.as_second(), seconds),
    };
    let life = if twist == Twist::Stale { Duration::ZERO } else { terms.expires_in };
    let issued = Issued { audience: audience.to_owned(), roles, user: None, expires: Instant::now() + life };
    app.remember(token.clone(), issued);
    let mut body = json!({
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": token,
    });
    if let Some(body) = body.as_object_mut() {
        if let Some(refresh_token) = refresh_token {
            body.insert("refresh_token".to_owned(), json!(refresh_token));
        }
        if let Some(refresh_in) = terms.refresh_in {
            body.insert("refresh_in".to_owned(), json!(refresh_in.as_secs()));
        }
        match twist {
            Twist::LifetimeAsText => drop(body.insert("expires_in".to_owned(), json!(seconds.to_string()))),
            Twist::NoLifetime => drop((body.remove("expires_in"), body.remove("ext_expires_in"))),
            Twist::NoToken => drop(body.remove("access_token")),
            Twist::NoType => drop(body.remove("token_type")),
            Twist::Plain | Twist::NoRoles | Twist::OtherAudience | Twist::Opaque | Twist::Stale => {}
        }
    }
    body.to_string()
}
