//! An observation as JSON: the object of `check --output json`, and wherever else a program reads what
//! a probe saw.
//!
//! Owns the members' names. Times are RFC 3339 in UTC, durations seconds.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::model::{DialogueLine, Mechanism, Observation, Outcome, ServerFacts, Speaker};

/// One observation; `transcript` adds the redacted dialogue.
pub fn observation(observation: &Observation, transcript: bool) -> Value {
    let check = &observation.check;
    let phases = observation
        .timings
        .iter()
        .map(|(phase, took)| json!({ "phase": phase.label(), "seconds": took.as_secs_f64() }));
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put("mailbox", json!(*check.mailbox.name));
    put("address", json!(check.mailbox.address));
    put("protocol", json!(check.protocol().label()));
    put("success", json!(observation.outcome.is_up()));
    put("started_at", json!(observation.started_at.to_string()));
    put("duration_seconds", json!(observation.duration.as_secs_f64()));
    put("phases", phases.collect());
    if let Outcome::Down { failure, hint } = &observation.outcome {
        let owners = failure.cause.reason.row().owners.iter().map(|owner| owner.label());
        put("phase", json!(failure.phase.label()));
        put("reason", json!(failure.cause.reason.label()));
        put("owner", owners.collect());
        put("detail", json!(failure.cause.detail));
        put("hint", json!(hint));
    }
    put("server", server(&check.endpoint.to_string(), &observation.server));
    if transcript {
        put("transcript", observation.dialogue.iter().map(line).collect());
    }
    Value::Object(members)
}

/// What is not known is absent, not null.
fn server(name: &str, facts: &ServerFacts) -> Value {
    let mut members = Map::new();
    let mut put =
        |name: &str, value: Option<Value>| value.map(|value| members.insert(name.to_owned(), value));
    put("name", Some(json!(name)));
    put("ip", facts.ip.map(|ip| json!(ip.to_string())));
    put("tls_version", facts.tls_version.map(|version| json!(version)));
    put("certificate_expiry", facts.certificate_expiry.map(|at| json!(at.to_string())));
    put("mechanisms", facts.mechanisms.as_ref().map(mechanisms));
    put("messages", facts.messages.map(|count| json!(count)));
    Value::Object(members)
}

fn mechanisms(offered: &BTreeSet<Mechanism>) -> Value {
    offered.iter().map(|mechanism| mechanism.label()).collect()
}

fn line(line: &DialogueLine) -> Value {
    let from = match line.from {
        Speaker::Client => "client",
        Speaker::Server => "server",
    };
    json!({ "at_seconds": line.at.as_secs_f64(), "from": from, "text": line.text })
}
