//! How an identity provider misbehaves: what each act of `token_fault` sends.

use std::io;
use std::time::Duration;

use jiff::Timestamp;

use crate::sim::app::SimApp;
use crate::sim::http::{Request, head};
use crate::sim::idp::{Asked, BY_SECRET, Grant, issue};
use crate::sim::reply::{JSON, refuse, respond};
use crate::sim::script::fill;
use crate::sim::token_fault::TokenAct;
use crate::sim::wire::Wire;

/// Length of a body that a client should not keep.
const HUGE_BODY: usize = 8 * 1024 * 1024;
/// How much longer than its body a truncated answer claims to be.
const MISSING: usize = 400;

/// The same for an endpoint of another provider.
pub(super) async fn act_out_for(
    wire: &mut Wire,
    act: TokenAct,
    app: &SimApp,
    request: &Request,
    now: Timestamp,
) -> io::Result<bool> {
    let asked = Asked::read(&app.tenant, request);
    act_out(wire, act, app, &asked, app.terms().retry_after, now).await
}

/// Answers as the row of a fault says.
pub(super) async fn act_out(
    wire: &mut Wire,
    act: TokenAct,
    app: &SimApp,
    asked: &Asked,
    retry_after: Duration,
    now: Timestamp,
) -> io::Result<bool> {
    match act {
        TokenAct::Refuse(status, error, code, text) => {
            let now_text = now.to_string();
            let values = [
                ("{client}", app.client_id.as_str()),
                ("{tenant}", asked.tenant.as_str()),
                ("{scope}", asked.field("scope")),
                ("{now}", now_text.as_str()),
                ("{secret}", asked.secret().unwrap_or_default()),
            ];
            refuse(wire, asked, now, (status, error, code, fill(text, &values))).await
        }
        TokenAct::Body(status, kind, text) => respond(wire, now, status, kind, text, &[]).await,
        TokenAct::Throttle => {
            let more = [("Retry-After", retry_after.as_secs().to_string())];
            respond(wire, now, 429, "text/plain", "Too Many Requests", &more).await
        }
        TokenAct::Redirect(to) => {
            respond(wire, now, 302, "text/html", "", &[("Location", to.to_owned())]).await
        }
        TokenAct::Silence => wire.wait_for_end().await.map(|()| false),
        TokenAct::Close => Ok(false),
        TokenAct::Huge => {
            let body =
                format!("{{\"token_type\":\"Bearer\",\"access_token\":\"{}\"}}", "A".repeat(HUGE_BODY));
            respond(wire, now, 200, JSON, &body, &[]).await
        }
        TokenAct::Truncated => {
            let body = "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"eyJ0eXAiOiJKV1Qi";
            wire.send(head(200, JSON, body.len() + MISSING, &[]).as_bytes()).await?;
            wire.send(body.as_bytes()).await?;
            Ok(false)
        }
        TokenAct::OpenBody(status, kind, text) => {
            wire.send(format!("HTTP/1.1 {status} OK\r\nContent-Type: {kind}\r\n\r\n{text}").as_bytes())
                .await?;
            wire.wait_for_end().await.map(|()| false)
        }
        TokenAct::Stall => {
            let more = [("Retry-After", retry_after.as_secs().to_string())];
            wire.send(head(429, JSON, MISSING, &more).as_bytes()).await?;
            wire.wait_for_end().await.map(|()| false)
        }
        TokenAct::Flood(flood) => flood.run(wire).await.map(|()| false),
        TokenAct::Issue(twist) => {
            respond(wire, now, 200, JSON, &issue(app, twist, now, Grant::of_app(BY_SECRET), false), &[]).await
        }
    }
}
