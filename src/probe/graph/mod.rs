//! Microsoft Graph, driven by hyper: one GET for the folder, over the stream of this probe.
//!
//! The answer proves success; it says as well whether the token is good. Redirects are not followed, nothing is
//! compressed, and nothing in the mailbox is read or changed: a folder's name and its counts are all that is asked
//! for.

mod answer;
mod challenge;
mod speech;

use std::pin::pin;

use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use uuid::Uuid;

use self::answer::Answer;
use super::verdict::Stage;
use super::{Connection, Probe, Secret};
use crate::https::{self, End};
use crate::model::{Cause, Failure, Phase, Reason, Redacted, Security, ServerFacts, Unread};
use crate::net::{Dialogue, Recorded, Stopwatch};
use crate::safe::url_part;

pub(super) use self::speech::SPEECH;

/// Maximum size of an answer's body in bytes. A folder has a few hundred, an error less than two thousand.
const LARGEST_BODY: usize = 64 * 1024;
/// Maximum size of an answer's header in bytes; Graph's has about a thousand.
const LARGEST_HEADER: usize = 16 * 1024;
/// Graph's support finds a request by this header.
const REQUEST_ID: &str = "client-request-id";

pub(super) async fn converse(
    probe: Probe<'_>,
    folder: &str,
    connection: Connection,
    watch: &mut Stopwatch,
    facts: &mut ServerFacts,
) -> Result<(), Failure> {
    let Connection { stream, dialogue, .. } = connection;
    let stage = Stage::at(Phase::Open, probe.check.endpoint.security == Security::Implicit);
    let open = async {
        let request = request(probe, folder)?;
        let stream = Recorded::over(stream, dialogue.clone());
        let answer = ask(probe, &stage, stream, request, &dialogue).await?;
        answer.counts().map_err(|refusal| refusal.cause(probe, &stage, &dialogue))
    };
    let counts = watch.phase(Phase::Open, open).await?;
    facts.messages = Some(counts.messages);
    facts.unread = counts.unread.map(|unread| Unread { messages: Some(unread), ..Unread::default() });
    Ok(())
}

/// The request for the folder. The mailbox is named by the login name, which is the address unless another one is
/// configured.
fn request(probe: Probe<'_>, folder: &str) -> Result<Request<String>, Cause> {
    let Secret::Token(bearer) = probe.login.secret else {
        return Err(Cause::new(Reason::Internal, "Microsoft Graph takes no password"));
    };
    let unfit = || Cause::new(Reason::Internal, "the request for the folder cannot be written as HTTP");
    let bearer = Redacted::from(format!("Bearer {}", bearer.token.expose_secret()));
    let mut bearer = HeaderValue::from_str(bearer.expose_secret()).map_err(|_| unfit())?;
    bearer.set_sensitive(true);
    let (user, folder) = (url_part(probe.login.username), url_part(folder));
    let path =
        format!("/v1.0/users/{user}/mailFolders/{folder}?$select=displayName,totalItemCount,unreadItemCount");
    Request::get(path)
        .header(HOST, authority(probe))
        .header(USER_AGENT, concat!("mailbox-exporter/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT, "application/json")
        .header(REQUEST_ID, Uuid::new_v4().to_string())
        .header(AUTHORIZATION, bearer)
        .body(String::new())
        .map_err(|_| unfit())
}

/// The server as a URL names it: without a default port.
fn authority(probe: Probe<'_>) -> String {
    let endpoint = &probe.check.endpoint;
    let usual = match endpoint.security {
        Security::Implicit => 443,
        Security::StartTls | Security::None => 80,
    };
    let shown = endpoint.to_string();
    if endpoint.port == usual {
        shown.strip_suffix(&format!(":{usual}")).unwrap_or(&shown).to_owned()
    } else {
        shown
    }
}

/// Sends the request and reads the answer to it, within the limits. The connection ends with it.
async fn ask(
    probe: Probe<'_>,
    stage: &Stage<'_>,
    stream: Recorded,
    request: Request<String>,
    dialogue: &Dialogue,
) -> Result<Answer, Cause> {
    let lost = || probe.lost(stage, dialogue);
    let mut builder = http1::Builder::new();
    // One malformed header must not hide the answer.
    builder.max_buf_size(LARGEST_HEADER).ignore_invalid_headers_in_responses(true);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|_| lost())?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|_| lost())?;
        read(response, dialogue, lost).await
    };
    let mut exchange = pin!(exchange);
    let answer = tokio::select! {
        biased;
        answer = &mut exchange => answer,
        // What arrived before the end has been handed over.
        _ = connection => exchange.await,
    };
    // The last line of a body has no end of its own.
    dialogue.server_said(b"\n");
    answer
}

/// Reads the body, which enters the dialogue in one piece: a secret that comes in chunks is found there.
async fn read(
    response: Response<Incoming>,
    dialogue: &Dialogue,
    lost: impl Fn() -> Cause,
) -> Result<Answer, Cause> {
    let (head, body) = response.into_parts();
    let status = head.status.as_u16();
    let mut answer = Answer::of(&head);
    let body = https::read_body(body, status, LARGEST_BODY, |bytes| dialogue.server_said(bytes)).await;
    match body.end {
        End::Limit if !https::is_fault(status) => {
            let detail = format!("the body of the answer has more than {LARGEST_BODY} bytes");
            Err(Cause::new(Reason::ProtocolError, detail))
        }
        End::Lost if !https::is_fault(status) => Err(lost()),
        // The verdict and the pause stand in the header; what has come of the body is only quoted.
        End::Whole | End::Enough | End::Limit | End::Lost => {
            answer.body = body.bytes;
            Ok(answer)
        }
    }
}
