//! The report as JSON: an observation as in `check --output json`, and the answers of `/api/v1`.
//!
//! Owns the member names. Times are RFC 3339 in UTC, durations are seconds. Unknown values are absent, not
//! null.

use serde_json::{Map, Value, json};

use crate::model::{
    Certificate, Claims, DialogueLine, End, Goal, Mailbox, Mechanism, Observation, Outcome, ServerFacts,
    Speaker, TokenSeal, Unread,
};

use super::{CheckRecord, CredentialRecord, Glance, TokenRecord, TokenRequest, UserTokens};

/// A JSON object under construction.
struct Object(Map<String, Value>);

impl Object {
    fn new() -> Self {
        Self(Map::new())
    }

    fn put(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    fn maybe(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.put(name, value),
            None => self,
        }
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}

/// One observation; `transcript` adds the redacted dialogue.
pub fn observation(observation: &Observation, transcript: bool) -> Value {
    let check = &observation.check;
    let phases = observation.timings.iter();
    let phases = phases.map(|(phase, took)| json!({ "phase": phase.label(), "seconds": took.as_secs_f64() }));
    let mut object = Object::new()
        .put("mailbox", &*check.mailbox.name)
        .put("address", &*check.mailbox.address)
        .put("protocol", check.protocol().label())
        .put("success", observation.outcome.is_up())
        .put("started_at", observation.started_at.to_string())
        .put("duration_seconds", observation.duration.as_secs_f64())
        .put("phases", phases.collect::<Value>());
    if let Outcome::Down { failure, hint } = &observation.outcome {
        let owners = failure.cause.reason.row().owners.iter().map(|owner| owner.label());
        object = object
            .put("phase", failure.phase.label())
            .put("reason", failure.cause.reason.label())
            .put("owner", owners.collect::<Value>())
            .put("detail", &*failure.cause.detail)
            .put("hint", &**hint)
            .put("docs", failure.cause.reason.docs());
    }
    let transcript = transcript.then(|| observation.dialogue.iter().map(line).collect::<Value>());
    object
        .put("server", server(&check.endpoint.to_string(), &observation.server))
        .put(
            "credential",
            json!({ "name": &*check.mailbox.credential.name, "type": check.mailbox.credential.label() }),
        )
        .maybe("mechanism", observation.server.mechanism.map(Mechanism::label))
        .maybe("token", observation.token.as_deref().map(seal))
        .maybe("round_trip", round_trip(observation))
        .maybe("transcript", transcript)
        .done()
}

/// The fate of a round trip's message.
fn round_trip(observation: &Observation) -> Option<Value> {
    let Goal::RoundTrip(trip) = &observation.check.goal else { return None };
    let seen = &observation.server.trip;
    let verdicts = seen.authentication.iter();
    let verdicts = verdicts.map(|(check, verdict)| (check.label().to_owned(), verdict.label().into()));
    let object = Object::new()
        .put("to", &*trip.to().name)
        .maybe("send_seconds", seen.send.map(|took| took.as_secs_f64()))
        .maybe("deliver_seconds", seen.deliver.map(|took| took.as_secs_f64()))
        .put("authentication", Value::Object(verdicts.collect()))
        .put("earlier", seen.earlier.as_slice());
    Some(object.done())
}

fn server(name: &str, facts: &ServerFacts) -> Value {
    let offered = facts.mechanisms.as_ref();
    let offered = offered.map(|offered| offered.iter().map(|mechanism| mechanism.label()).collect::<Value>());
    Object::new()
        .put("name", name)
        .maybe("ip", facts.ip.map(|ip| ip.to_string()))
        .maybe("tls_version", facts.tls_version)
        .maybe("tls_cipher", facts.tls_cipher)
        .maybe("certificate_expiry", facts.certificate_expiry.map(|at| at.to_string()))
        .maybe("certificate", facts.certificate.as_deref().map(certificate))
        .maybe("interception_suspected", facts.intercepted.then_some(true))
        .maybe("front_end", facts.front_end.as_deref())
        .maybe("mechanisms", offered)
        .maybe("messages", facts.messages)
        .maybe("unread", facts.unread.as_ref().map(unread))
        .done()
}

fn unread(unread: &Unread) -> Value {
    Object::new()
        .maybe("messages", unread.messages)
        .maybe("oldest", unread.oldest.map(|at| at.to_string()))
        .maybe("newest", unread.newest.map(|at| at.to_string()))
        .maybe("missing", unread.missing.as_deref())
        .done()
}

fn certificate(certificate: &Certificate) -> Value {
    Object::new()
        .put("subject", &*certificate.subject)
        .put("issuer", &*certificate.issuer)
        .put("sha256", &*certificate.sha256)
        .maybe("public_root", certificate.public_root)
        .done()
}

fn seal(seal: &TokenSeal) -> Value {
    Object::new()
        .put("fingerprint", &*seal.fingerprint)
        .put("client_request_id", &*seal.request_id)
        .maybe("clock_skew_seconds", seal.clock_skew.map(|skew| skew.as_secs()))
        .maybe("claims", seal.claims.as_deref().map(claims))
        .done()
}

/// Named as in Entra's access token reference.
fn claims(claims: &Claims) -> Value {
    Object::new()
        .maybe("aud", claims.audience.as_deref())
        .maybe("tid", claims.tenant.as_deref())
        .maybe("appid", claims.app.as_deref())
        .maybe("oid", claims.object_id.as_deref())
        .put("permissions", claims.permissions.as_slice())
        .maybe("appidacr", claims.proof.as_deref())
        .maybe("iat", claims.issued_at.map(|at| at.to_string()))
        .maybe("nbf", claims.not_before.map(|at| at.to_string()))
        .maybe("exp", claims.expires_at.map(|at| at.to_string()))
        .maybe("ver", claims.version.as_deref())
        .maybe("uti", claims.token_id.as_deref())
        .done()
}

fn line(line: &DialogueLine) -> Value {
    let from = match line.from {
        Speaker::Client => "client",
        Speaker::Server => "server",
    };
    json!({ "at_seconds": line.at.as_secs_f64(), "from": from, "text": line.text })
}

/// One mailbox with all its checks. `whole` adds the recent outcomes, and the last failure and success of
/// each check with their transcripts.
pub fn mailbox(mailbox: &Mailbox, checks: &[&CheckRecord], whole: bool) -> Value {
    let checks = checks.iter().map(|record| check(record, whole));
    // A record of evidence names the agent that produced it.
    let exporter = whole.then_some(concat!("mailbox-exporter ", env!("CARGO_PKG_VERSION")));
    Object::new()
        .maybe("exporter", exporter)
        .put("name", &*mailbox.name)
        .put("address", &*mailbox.address)
        .put("username", &*mailbox.username)
        .put("provider", &*mailbox.provider.name)
        .put("credential", &*mailbox.credential.name)
        .put("labels", json!(mailbox.labels))
        .put("alert_path", mailbox.alert_path)
        .put("checks", checks.collect::<Value>())
        .done()
}

fn check(record: &CheckRecord, whole: bool) -> Value {
    let object = Object::new()
        .put("protocol", record.check.protocol().label())
        .put("server", record.check.endpoint.to_string())
        .put("interval_seconds", record.interval.as_secs_f64())
        .put("successes", record.successes)
        .put("failures", record.failed())
        .maybe("failing_since", record.failing_since().map(|at| at.to_string()))
        .maybe("last", record.last.as_ref().map(|last| observation(last, whole)));
    if !whole {
        return object.done();
    }
    object
        .maybe("last_success", record.last_success.as_ref().map(|last| observation(last, true)))
        .maybe("last_failure", record.last_failure.as_ref().map(|last| observation(last, true)))
        .put("recent", record.past.glances().map(|seen| glance(&seen)).collect::<Value>())
        .done()
}

fn glance(glance: &Glance) -> Value {
    Object::new()
        .put("started_at", glance.started_at.to_string())
        .put("duration_seconds", glance.duration.as_secs_f64())
        .put("success", glance.failure.is_none())
        .maybe("phase", glance.failure.map(|(phase, _)| phase.label()))
        .maybe("reason", glance.failure.map(|(_, reason)| reason.label()))
        .done()
}

/// One credential and its tokens. Where a secret is stored is not secret.
pub fn credential(record: &CredentialRecord) -> Value {
    let credential = &record.credential;
    Object::new()
        .put("name", &*credential.name)
        .put("type", credential.label())
        .maybe("tenant", credential.tenant())
        .maybe("client_id", credential.client_id())
        .maybe("secret", credential.places_in_words())
        .maybe("expires", record.ends().first().map(|end| end.at.to_string()))
        .maybe("expires_source", record.ends().first().map(|end| end.source.label()))
        .put("ends", record.ends().iter().map(end).collect::<Value>())
        .maybe("expires_unreadable", record.declared.as_ref().and_then(|read| read.as_ref().err().cloned()))
        .maybe("refresh_token_last_used", record.refresh_token_used().map(|at| at.to_string()))
        .put("checks", record.checks)
        .put("mailboxes", record.mailboxes.iter().map(|name| &**name).collect::<Value>())
        .put("directories", record.directories.iter().map(|name| &**name).collect::<Value>())
        .put("tokens", record.tokens.iter().map(token).collect::<Value>())
        .done()
}

fn end(end: &End) -> Value {
    json!({ "at": end.at.to_string(), "source": end.source.label() })
}

fn token(record: &TokenRecord) -> Value {
    let held = record.token.as_ref();
    Object::new()
        .put("resource", record.spec.resource())
        .put("scope", &*record.spec.scope)
        .put("url", &*record.spec.url)
        .put("permissions_needed", record.permissions.iter().copied().collect::<Value>())
        .maybe("expires_at", held.map(|token| token.expires_at.to_string()))
        .maybe("users", record.users.as_ref().map(users))
        .maybe("claims", held.and_then(|token| token.claims.as_deref()).map(claims))
        .maybe("failing_since", record.failing_since.map(|at| at.to_string()))
        .maybe("last_request", record.last.as_ref().map(request))
        .done()
}

/// The tokens of users, if each has its own.
fn users(users: &UserTokens) -> Value {
    let failing = users
        .failing
        .iter()
        .fold(Object::new(), |object, (reason, count)| object.put(reason.label(), *count));
    Object::new().put("needed", users.needed).put("held", users.held).put("failing", failing.done()).done()
}

fn request(request: &TokenRequest) -> Value {
    let failure = request.failure.as_ref();
    Object::new()
        .put("started_at", request.started_at.to_string())
        .put("duration_seconds", request.duration.as_secs_f64())
        .maybe("client_request_id", request.request_id.as_deref())
        .maybe("clock_skew_seconds", request.clock_skew.map(|skew| skew.as_secs()))
        .maybe("certificate", request.certificate.as_deref().map(certificate))
        .maybe("interception_suspected", request.intercepted.then_some(true))
        .put("success", failure.is_none())
        .maybe("reason", failure.map(|cause| cause.reason.label()))
        .maybe("detail", failure.map(|cause| &*cause.detail))
        .maybe("docs", failure.map(|cause| cause.reason.docs()))
        .done()
}
