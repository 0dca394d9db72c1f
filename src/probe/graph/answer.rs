//! An answer of Graph: the message counts of a folder, or the reason of a refusal.
//!
//! Owns the forms of an answer. What a code means is `diagnosis`.

use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, RETRY_AFTER};
use hyper::http::response::Parts;
use serde::Deserialize;

use super::super::Probe;
use super::super::verdict::Stage;
use super::challenge::Challenge;
use crate::https;
use crate::model::{Cause, Reason};
use crate::net::{self, Dialogue};

/// Graph's own name of a request, by which its support finds it.
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
/// Characters to quote of a body that is not what was asked for.
const LONGEST_QUOTE: usize = 200;

/// An answer, whole.
pub(super) struct Answer {
    status: u16,
    kind: String,
    retry_after: Option<Duration>,
    request_id: Option<String>,
    challenge: Option<Challenge>,
    pub(super) body: Vec<u8>,
}

/// What a folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counts {
    #[serde(rename = "totalItemCount")]
    pub(super) messages: u32,
    #[serde(rename = "unreadItemCount")]
    pub(super) unread: Option<u32>,
}

/// The body of a refusal.
#[derive(Deserialize)]
struct Refused {
    error: Error,
}

#[derive(Deserialize)]
struct Error {
    code: String,
    message: Option<String>,
}

/// Why an answer is no success.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Graph says so; or something in front of it that has a fault.
    Told { text: String, status: u16, retry_after: Option<Duration> },
    /// Something else answers in its place.
    NotGraph(String),
}

impl Answer {
    /// An answer whose body is still to come.
    pub(super) fn of(head: &Parts) -> Self {
        let text = |name: HeaderName| header(&head.headers, &name).unwrap_or_default();
        Self {
            status: head.status.as_u16(),
            kind: text(CONTENT_TYPE),
            retry_after: header(&head.headers, &RETRY_AFTER).and_then(|value| net::retry_after(&value)),
            request_id: header(&head.headers, &REQUEST_ID),
            challenge: Challenge::of(&head.headers).filter(|_| head.status == StatusCode::UNAUTHORIZED),
            body: Vec::new(),
        }
    }

    /// What the folder holds.
    pub(super) fn counts(&self) -> Result<Counts, Refusal> {
        if self.status == 200 {
            return serde_json::from_slice(&self.body).map_err(|_| self.not_graph());
        }
        let told = |text| Refusal::Told { text, status: self.status, retry_after: self.retry_after };
        match serde_json::from_slice::<Refused>(&self.body) {
            Ok(Refused { error }) => Err(told(self.with_request_id(&error))),
            Err(_) if https::is_fault(self.status) => {
                Err(told(format!("HTTP {}: {}", self.status, self.quote())))
            }
            Err(_) => match &self.challenge {
                Some(challenge) => {
                    Err(told(format!("HTTP {}: {}{}", self.status, self.quote(), challenge.shown())))
                }
                None => Err(self.not_graph()),
            },
        }
    }

    fn with_request_id(&self, error: &Error) -> String {
        let Error { code, message } = error;
        let message = message.as_ref().filter(|text| !text.is_empty());
        let message = message.map(|text| format!(": {text}")).unwrap_or_default();
        let id = self.request_id.as_ref().map(|id| format!(" (request-id {id})")).unwrap_or_default();
        let challenge = self.challenge.as_ref().filter(|challenge| challenge.has_words());
        let challenge = challenge.map(Challenge::shown).unwrap_or_default();
        format!("HTTP {} {code}{message}{id}{challenge}", self.status)
    }

    fn not_graph(&self) -> Refusal {
        let kind = if self.kind.is_empty() { "no content type" } else { &self.kind };
        Refusal::NotGraph(format!(
            "HTTP {} with {kind} in place of Graph's JSON; a proxy or a login page may answer: {}",
            self.status,
            self.quote()
        ))
    }

    /// The beginning of the body, on one line.
    fn quote(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match words.char_indices().nth(LONGEST_QUOTE) {
            Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
            None if words.is_empty() => "an empty body".to_owned(),
            None => words,
        }
    }
}

impl Refusal {
    /// What the refusal means.
    pub(super) fn cause(self, probe: Probe<'_>, stage: &Stage<'_>, dialogue: &Dialogue) -> Cause {
        match self {
            Self::NotGraph(sentence) => Cause::new(Reason::ProtocolError, dialogue.clean(&sentence)),
            Self::Told { text, status, retry_after } => {
                let cause = probe.refused(stage, &dialogue.clean(&text));
                // An overloaded service that says for how long has limited its clients, not failed.
                let limits = status == 503 && retry_after.is_some();
                let reason = match cause.reason {
                    Reason::ServerUnavailable if limits => Reason::Throttled,
                    reason => reason,
                };
                Cause { reason, retry_after: retry_after.or(cause.retry_after), ..cause }
            }
        }
    }
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.to_owned())
}

#[cfg(test)]
// A test that cannot continue must fail at once.
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answer(status: u16, kind: &str, body: &str) -> Answer {
        let head = hyper::Response::builder().status(status).header(CONTENT_TYPE, kind);
        let head = head.header(REQUEST_ID, "5f2c").body(()).unwrap().into_parts().0;
        Answer { body: body.as_bytes().to_vec(), ..Answer::of(&head) }
    }

    #[test]
    fn a_folder_is_counted_with_or_without_its_unread_messages() {
        let counts = |body: &str| answer(200, "application/json", body).counts();
        let all =
            counts(r#"{"@odata.context":"x","displayName":"Inbox","totalItemCount":17,"unreadItemCount":4}"#);
        assert_eq!(all, Ok(Counts { messages: 17, unread: Some(4) }));
        assert_eq!(counts(r#"{"totalItemCount":0}"#), Ok(Counts { messages: 0, unread: None }));
        for body in ["", "{}", "[]", r#"{"totalItemCount":-1}"#, r#"{"totalItemCount":"17"}"#, "<html>"] {
            assert!(matches!(counts(body), Err(Refusal::NotGraph(_))), "{body}");
        }
    }

    #[test]
    fn a_refusal_is_quoted_with_its_code_and_the_request() {
        let body = r#"{"error":{"code":"ErrorAccessDenied","message":"Access is denied.","innerError":{}}}"#;
        let Err(Refusal::Told { text, .. }) = answer(403, "application/json", body).counts() else {
            panic!("this is Graph's answer");
        };
        assert_eq!(text, "HTTP 403 ErrorAccessDenied: Access is denied. (request-id 5f2c)");
    }

    #[test]
    fn a_refusal_without_a_sentence_is_known_by_its_code() {
        for message in ["", r#","message":null"#, r#","message":"""#] {
            let body = format!(r#"{{"error":{{"code":"ErrorAccessDenied"{message}}}}}"#);
            let Err(Refusal::Told { text, .. }) = answer(403, "application/json", &body).counts() else {
                panic!("{body}");
            };
            assert_eq!(text, "HTTP 403 ErrorAccessDenied (request-id 5f2c)", "{body}");
        }
    }

    #[test]
    fn what_is_no_json_is_another_ones_answer_unless_it_has_a_fault() {
        let page = |status| answer(status, "text/html", "<html>\n<title>Sign in</title>").counts();
        for status in [200, 204, 302, 401, 403, 404, 407] {
            let Err(Refusal::NotGraph(sentence)) = page(status) else { panic!("{status}") };
            assert!(sentence.contains("text/html") && sentence.ends_with("<html> <title>Sign in</title>"));
        }
        for status in [429, 500, 502, 503, 504] {
            assert!(matches!(page(status), Err(Refusal::Told { .. })), "{status}");
        }
    }

    #[test]
    fn a_challenge_makes_any_401_a_refusal_of_the_token() {
        let told = |status: u16, challenge: &str, body: &str| {
            let head = hyper::Response::builder().status(status).header("www-authenticate", challenge);
            let head = head.body(()).unwrap().into_parts().0;
            match (Answer { body: body.as_bytes().to_vec(), ..Answer::of(&head) }).counts() {
                Err(Refusal::Told { text, .. }) => Some(text),
                _ => None,
            }
        };
        let claims = "Bearer error=\"insufficient_claims\", claims=\"eyJhY2Nlc3M\"";
        let bare = "HTTP 401: an empty body (WWW-Authenticate: Bearer, insufficient_claims)";
        assert_eq!(told(401, claims, "").as_deref(), Some(bare));
        let body = r#"{"error":{"code":"InvalidAuthenticationToken","message":"x"}}"#;
        let whole = "HTTP 401 InvalidAuthenticationToken: x (WWW-Authenticate: Bearer, insufficient_claims)";
        assert_eq!(told(401, claims, body).as_deref(), Some(whole));
        assert_eq!(
            told(401, "Bearer", "<html>").as_deref(),
            Some("HTTP 401: <html> (WWW-Authenticate: Bearer)")
        );
        assert_eq!(told(401, "Basic realm=\"proxy\"", "<html>"), None);
        assert_eq!(told(403, "Bearer", "<html>"), None);
    }

    proptest! {
        #[test]
        fn no_body_makes_reading_fail_otherwise(status in 200u16..600, body in "\\PC{0,300}", kind in "[ -~]{0,20}") {
            let quoted = match answer(status, &kind, &body).counts() {
                Ok(_) => String::new(),
                Err(Refusal::Told { text, .. } | Refusal::NotGraph(text)) => text,
            };
            prop_assert!(quoted.chars().count() < LONGEST_QUOTE + 300);
        }
    }
}
