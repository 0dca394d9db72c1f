//! Microsoft Graph as far as a folder is concerned: one HTTPS server for many mailboxes, each able to misbehave.
//!
//! Knows tokens by the applications that got them. Answers as Graph does, and not otherwise on request.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::sim::app::SimApp;
use crate::sim::graph_fault::{Act, GraphFault, LOGIN_PAGE};
use crate::sim::http::{Request, head, unescape};
use crate::sim::idp::GRAPH_AUDIENCE;
use crate::sim::lock;
use crate::sim::reply::{JSON, respond};
use crate::sim::wire::Wire;

/// Permissions that let read a folder's counts.
const PERMISSIONS: [&str; 4] = ["Mail.ReadBasic.All", "Mail.ReadBasic", "Mail.Read", "Mail.ReadWrite"];
/// The folders of every mailbox.
const FOLDERS: [&str; 3] = ["inbox", "archive", "sentitems"];
/// What a folder holds: messages, and unread ones among them.
const COUNTS: (u32, u32) = (42, 3);
/// What `Retry-After` says unless a test says otherwise.
const RETRY_AFTER: Duration = Duration::from_secs(120);
/// How much longer than its body a cut answer claims to be.
const MISSING: usize = 400;

/// A mailbox that is opened by Microsoft Graph. Clones are the same mailbox.
#[derive(Clone)]
pub struct SimGraphMailbox {
    address: String,
    app: SimApp,
    base_url: String,
    state: Arc<Mutex<State>>,
}

struct State {
    fault: GraphFault,
    retry_after: Duration,
    requests: Vec<String>,
}

impl SimGraphMailbox {
    pub(super) fn new(address: String, app: &SimApp, base_url: String, fault: GraphFault) -> Self {
        let state = State { fault, retry_after: RETRY_AFTER, requests: Vec::new() };
        Self { address, app: app.clone(), base_url, state: Arc::new(Mutex::new(state)) }
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The application whose tokens open it.
    pub fn app(&self) -> &SimApp {
        &self.app
    }

    /// Where Graph is, for `base_url`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// What is wrong with it.
    pub fn fault(&self) -> GraphFault {
        lock(&self.state).fault
    }

    /// What is wrong with it from now on.
    pub fn set_fault(&self, fault: GraphFault) {
        lock(&self.state).fault = fault;
    }

    /// What `Retry-After` says from now on, in whole seconds.
    pub fn set_retry_after(&self, retry_after: Duration) {
        lock(&self.state).retry_after = retry_after;
    }

    /// The paths it was asked for, in order.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.state).requests.clone()
    }
}

/// Every mailbox of the server, by its address.
#[derive(Default)]
pub(super) struct Graph {
    mailboxes: Mutex<HashMap<String, SimGraphMailbox>>,
}

impl Graph {
    pub(super) fn add(&self, mailbox: &SimGraphMailbox) {
        lock(&self.mailboxes).insert(mailbox.address.to_ascii_lowercase(), mailbox.clone());
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
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let parts: Vec<&str> = path.split('/').collect();
        let ["", "v1.0", "users", user, "mailFolders", folder] = parts.as_slice() else {
            let text = format!("Resource not found for the segment '{path}'.");
            return refuse(wire, 400, "BadRequest", &text, &[]).await;
        };
        let user = unescape(user).unwrap_or_default();
        let mailbox = lock(&self.mailboxes).get(&user.to_ascii_lowercase()).cloned();
        let Some(mailbox) = mailbox else {
            let text = format!("The requested user '{user}' is invalid.");
            return refuse(wire, 404, "ErrorInvalidUser", &text, &[]).await;
        };
        lock(&mailbox.state).requests.push(request.path.clone());
        if request.method != "GET" || query != "$select=displayName,totalItemCount,unreadItemCount" {
            return refuse(wire, 400, "BadRequest", "Only the counts of a folder are served here.", &[])
                .await;
        }
        let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        let token = token.unwrap_or_default();
        let act = mailbox.fault().act();
        if let Some(act) = act {
            return misbehave(wire, act, &mailbox, token).await;
        }
        let Some(issued) = mailbox.app.token(token) else {
            return refuse(
                wire,
                401,
                "InvalidAuthenticationToken",
                "CompactToken parsing failed with error code: 80049217",
                &[],
            )
            .await;
        };
        if issued.audience != GRAPH_AUDIENCE {
            let text = "Access token validation failure. Invalid audience.";
            return refuse(wire, 401, "InvalidAuthenticationToken", text, &[]).await;
        }
        if issued.expires <= Instant::now() {
            let text = "Lifetime validation failed, the token is expired.";
            return refuse(wire, 401, "InvalidAuthenticationToken", text, &[]).await;
        }
        if !issued.roles.iter().any(|role| PERMISSIONS.contains(&role.as_str())) {
            let text = "Access is denied. Check credentials and try again.";
            return refuse(wire, 403, "ErrorAccessDenied", text, &[]).await;
        }
        if !FOLDERS.contains(&folder.to_ascii_lowercase().as_str()) {
            let text = "The specified object was not found in the store.";
            return refuse(wire, 404, "ErrorItemNotFound", text, &[]).await;
        }
        let (messages, unread) = COUNTS;
        let body = json!({
            "@odata.context": "https://graph.microsoft.com/v1.0/$metadata#users/mailFolders(displayName,totalItemCount,unreadItemCount)/$entity",
            "id": "AAMkAGNobiA=",
            "displayName": "Boîte de réception",
            "totalItemCount": messages,
            "unreadItemCount": unread,
        });
        respond(wire, Timestamp::now(), 200, JSON, &body.to_string(), &[request_id()]).await
    }
}

fn request_id() -> (&'static str, String) {
    ("request-id", Uuid::new_v4().to_string())
}

/// Graph's error body.
async fn refuse(
    wire: &mut Wire,
    status: u16,
    code: &str,
    message: &str,
    more: &[(&'static str, String)],
) -> io::Result<bool> {
    let id = request_id();
    let date = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let inner = json!({ "date": date, "request-id": id.1, "client-request-id": id.1 });
    let body = json!({ "error": { "code": code, "message": message, "innerError": inner } });
    let more: Vec<_> = more.iter().cloned().chain([id]).collect();
    respond(wire, Timestamp::now(), status, JSON, &body.to_string(), &more).await
}

async fn misbehave(wire: &mut Wire, act: Act, mailbox: &SimGraphMailbox, token: &str) -> io::Result<bool> {
    let retry_after = lock(&mailbox.state).retry_after.as_secs().to_string();
    match act {
        Act::Refuse(status, code, text) => {
            let text = text.replace("{token}", token).replace("{user}", &mailbox.address);
            refuse(wire, status, code, &text, &[]).await
        }
        Act::Throttle(status, code, text) => {
            refuse(wire, status, code, text, &[("Retry-After", retry_after)]).await
        }
        Act::Body(status, kind, text) => respond(wire, Timestamp::now(), status, kind, text, &[]).await,
        Act::Challenge(text) => {
            let more = [("WWW-Authenticate", text.to_owned())];
            respond(wire, Timestamp::now(), 401, "text/plain", "", &more).await
        }
        Act::Redirect(to) => {
            let more = [("Location", to.to_owned())];
            respond(wire, Timestamp::now(), 302, "text/html", "", &more).await
        }
        Act::Bytes(bytes) => wire.send(bytes).await.map(|()| false),
        Act::Stall => {
            let more = [("Retry-After", retry_after)];
            wire.send(head(429, JSON, MISSING, &more).as_bytes()).await?;
            wire.wait_for_end().await.map(|()| false)
        }
        Act::Silence => wire.wait_for_end().await.map(|()| false),
        Act::Close => Ok(false),
        Act::Cut => {
            let body = r#"{"displayName":"Inbox","totalItem"#;
            wire.send(head(200, JSON, body.len() + MISSING, &[]).as_bytes()).await?;
            wire.send(body.as_bytes()).await?;
            Ok(false)
        }
        Act::EchoInChunks(size) => {
            let body = json!({ "error": { "code": "InvalidAuthenticationToken", "message": format!("The token {token} cannot be read.") } });
            wire.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            for chunk in body.to_string().as_bytes().chunks(size) {
                let chunk = String::from_utf8_lossy(chunk);
                wire.send(format!("{:x}\r\n{chunk}\r\n", chunk.len()).as_bytes()).await?;
            }
            wire.send(b"0\r\n\r\n").await.map(|()| true)
        }
        Act::Page => {
            wire.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n").await?;
            wire.send(LOGIN_PAGE.as_bytes()).await?;
            wire.wait_for_end().await.map(|()| false)
        }
        Act::Flood(flood) => flood.run(wire).await.map(|()| false),
    }
}
