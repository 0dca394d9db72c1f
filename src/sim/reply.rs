//! How the identity provider answers: as Entra does, with the time of a clock that may be wrong.

use std::io;

use jiff::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::sim::http::head;
use crate::sim::idp::Asked;
use crate::sim::wire::Wire;

pub(super) const JSON: &str = "application/json; charset=utf-8";

/// A refusal: status, OAuth2 `error`, AADSTS number, sentence.
pub(super) type Refusal = (u16, &'static str, u32, String);

/// Answers with Entra's error body: the number stands in three places, the trace ids also in the sentence. Always true,
/// as [`respond`].
pub(super) async fn refuse(
    wire: &mut Wire,
    asked: &Asked,
    now: Timestamp,
    refusal: Refusal,
) -> io::Result<bool> {
    let (status, error, code, text) = refusal;
    let at = now.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    let trace = Uuid::new_v4().to_string();
    let given = asked.request_id.as_deref().and_then(|id| Uuid::parse_str(id).ok());
    let correlation = given.unwrap_or_else(Uuid::new_v4).to_string();
    let body = json!({
        "error": error,
        "error_description": format!(
            "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}"
        ),
        "error_codes": [code],
        "timestamp": at,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
    });
    respond(wire, now, status, JSON, &body.to_string(), &[("x-ms-request-id", trace)]).await
}

/// Answers as a server does whose clock shows `now`. Always true: the connection goes on.
pub(super) async fn respond(
    wire: &mut Wire,
    now: Timestamp,
    status: u16,
    content_type: &str,
    body: &str,
    more_headers: &[(&str, String)],
) -> io::Result<bool> {
    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers: Vec<_> = [("Date", date)].into_iter().chain(more_headers.iter().cloned()).collect();
    let answer = format!("{}{body}", head(status, content_type, body.len(), &headers));
    wire.send(answer.as_bytes()).await?;
    Ok(true)
}
