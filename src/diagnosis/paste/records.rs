//! Structured log lines: the members of a JSON record that hold words.
//!
//! Not here: JSON that is itself an answer, such as an error response of a token endpoint.

use serde_json::{Map, Value};

/// Members that hold words, in the order in which they are read, in any case.
const WORDS: &[&str] = &[
    "msg",
    "message",
    "log",
    "@message",
    "text",
    "event",
    "error",
    "err",
    "exception",
    "reason",
    "detail",
    "details",
    "cause",
    "response",
    "serverResponse",
    "stack",
    "stderr",
];

/// Members that only an answer of an identity provider or a SASL report has.
const ANSWERS: &[&str] =
    &["error_description", "error_codes", "access_token", "schemes", "token_type", "error_uri"];

/// How many records of one line are read at most.
const MOST: usize = 64;

/// Records are read to this depth of nesting.
const DEPTH: usize = 4;

/// The words of a line that is a JSON record; `None` if it is not a record.
pub(super) fn words(line: &str) -> Option<String> {
    // A container's log prefixes the record by a time and a name.
    let from = line.find('{').filter(|at| *at < 200)?;
    let record = line.get(from..)?;
    let mut found = Vec::new();
    // Some logs write several records in one line.
    for value in serde_json::Deserializer::from_str(record).into_iter::<Value>().take(MOST) {
        match value {
            Ok(Value::Object(members)) if !is_answer(&members) => found.push(of_record(&members)),
            _ => return None,
        }
    }
    found.retain(|words| !words.is_empty());
    (!found.is_empty()).then(|| found.join("\n"))
}

fn of_record(members: &Map<String, Value>) -> String {
    let mut found = Vec::new();
    collect(members, DEPTH, &mut found);
    let mark = match members.get("src").and_then(Value::as_str) {
        Some("s") => "S: ",
        Some("c") => "C: ",
        _ if is_informative(members) => "info: ",
        _ => "",
    };
    if found.is_empty() { String::new() } else { format!("{mark}{}", found.join("\n")) }
}

/// Whether the record's level says that it is not a failure: by name, or by pino's numbers.
fn is_informative(members: &Map<String, Value>) -> bool {
    match members.get("level").or_else(|| members.get("severity")) {
        Some(Value::String(level)) => {
            matches!(level.to_ascii_lowercase().as_str(), "info" | "debug" | "trace")
        }
        Some(Value::Number(level)) => level.as_u64().is_some_and(|level| matches!(level, 10 | 20 | 30)),
        _ => false,
    }
}

fn is_answer(members: &Map<String, Value>) -> bool {
    ANSWERS.iter().any(|name| members.contains_key(*name))
        || members.get("error").is_some_and(|error| error.as_str().is_some_and(|error| !error.contains(' ')))
        || (members.contains_key("status") && members.contains_key("scope"))
        || members.get("error").and_then(|error| error.get("status")).is_some()
}

fn collect(members: &Map<String, Value>, depth: usize, found: &mut Vec<String>) {
    let named = |name: &'static str| {
        members.iter().filter(move |(member, _)| member.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    for value in WORDS.iter().copied().flat_map(named) {
        match value {
            Value::String(text) if opened(text).is_none() && !found.contains(text) => {
                found.push(text.clone());
            }
            Value::Object(inner) if depth > 0 && !is_answer(inner) => collect(inner, depth - 1, found),
            _ => {}
        }
    }
    // An identity provider's answer may have any name, as a record or as its text.
    for value in members.values().filter(|_| depth > 0) {
        match value {
            Value::Object(inner) => carried(inner, depth, found),
            Value::String(text) => {
                if let Some(inner) = opened(text) {
                    carried(&inner, depth, found);
                }
            }
            _ => {}
        }
    }
}

/// Adds the answer in a member, or the words of a record that the member holds as text.
fn carried(inner: &Map<String, Value>, depth: usize, found: &mut Vec<String>) {
    if is_answer(inner) {
        let answer = Value::Object(inner.clone()).to_string();
        if !found.contains(&answer) {
            found.push(answer);
        }
    } else {
        collect(inner, depth - 1, found);
    }
}

/// The record that a text holds.
fn opened(text: &str) -> Option<Map<String, Value>> {
    let text = text.trim();
    if !text.starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok()
}
