//! The readiness board as JSON: the answers of `/api/v1/readiness` and `readiness --output json`.
//!
//! Owns the member names. Unknown values are absent, not null.

use serde_json::{Map, Value, json};

use crate::model::{
    Board, Conflict, Deadline, Evidence, Exhibit, ImportReport, Score, SourceReading, Standing,
};

/// The whole board.
pub fn board(board: &Board) -> Value {
    let stopped = board.stopped.iter();
    let stopped =
        stopped.map(|(tenant, at, said)| json!({ "tenant": tenant, "at": at.to_string(), "said": said }));
    json!({
        "tenants": board.scores.iter().map(score).collect::<Vec<_>>(),
        "mailboxes": board.standings.iter().map(standing).collect::<Vec<_>>(),
        "calendar": board.calendar.iter().map(deadline).collect::<Vec<_>>(),
        "imports": board.imports.iter().map(import).collect::<Vec<_>>(),
        "sources": board.sources.iter().map(source).collect::<Vec<_>>(),
        "memory": board.memory,
        "stopped_tenants": stopped.collect::<Vec<_>>(),
    })
}

/// One mailbox in one protocol.
pub fn standing(standing: &Standing) -> Value {
    let mut object = json!({
        "mailbox": &*standing.name.mailbox,
        "address": standing.mailbox.address,
        "protocol": standing.name.protocol.label(),
        "tenant": standing.tenant,
        "provider": &*standing.mailbox.provider.name,
        "state": standing.state.label(),
        "meaning": standing.state.row().meaning,
        "basic": standing.basic.label(),
        "oauth": standing.oauth.label(),
        "use": standing.usage.label(),
        "evidence": standing.evidence.iter().map(exhibit).collect::<Vec<_>>(),
        "oauth_logins": logins(standing),
        "next": standing.advice,
    });
    put(
        &mut object,
        "reason",
        standing.reason.filter(|_| !standing.state.row().settled).map(|reason| reason.label().into()),
    );
    put(&mut object, "conflict", standing.conflict.as_ref().map(conflict));
    put(&mut object, "deadline", standing.deadline.as_ref().map(deadline));
    object
}

fn conflict(conflict: &Conflict) -> Value {
    let evidence = |evidence: &Evidence| {
        let mut object = json!({
            "signal": evidence.signal.label(),
            "finding": evidence.finding.label(),
            "meaning": evidence.finding.row().meaning,
            "at": evidence.at.to_string(),
        });
        put(&mut object, "note", note(evidence));
        object
    };
    json!({ "setting": evidence(&conflict.setting), "seen": evidence(&conflict.seen) })
}

fn note(evidence: &Evidence) -> Option<Value> {
    Some(&evidence.note).filter(|note| !note.is_empty()).map(|note| note.as_str().into())
}

fn source(source: &SourceReading) -> Value {
    let mut object = json!({ "source": source.name, "rows": source.rows });
    put(&mut object, "last_success", source.last_success.map(|at| at.to_string().into()));
    put(&mut object, "fault", source.fault.as_deref().map(Into::into));
    object
}

fn logins(standing: &Standing) -> Value {
    let record = &standing.record;
    let mut object = json!({
        "successes_7d": record.successes,
        "failures_7d": record.failures,
        "failures_24h": record.failures_today,
        "dependable": record.steady,
    });
    put(&mut object, "since", record.since.map(|since| since.to_string().into()));
    object
}

fn exhibit(exhibit: &Exhibit) -> Value {
    let evidence = &exhibit.evidence;
    let mut object = json!({
        "signal": evidence.signal.label(),
        "finding": evidence.finding.label(),
        "meaning": evidence.finding.row().meaning,
        "at": evidence.at.to_string(),
        "fresh": exhibit.fresh,
    });
    put(&mut object, "until", evidence.until.map(|until| until.to_string().into()));
    put(&mut object, "note", note(evidence));
    object
}

fn score(score: &Score) -> Value {
    let mut counts = Map::new();
    for (protocol, state, count) in &score.counts {
        let of = counts.entry(protocol.label()).or_insert_with(|| json!({}));
        put(of, state.label(), Some((*count).into()));
    }
    let mut object = json!({ "tenant": score.tenant, "capped": score.capped, "checks": counts });
    put(&mut object, "score", score.score.map(Value::from));
    object
}

/// One date of the calendar.
pub fn deadline(row: &Deadline) -> Value {
    let mut object = json!({
        "provider": row.provider,
        "protocol": row.protocol,
        "kind": row.kind.label(),
        "confidence": row.confidence.label(),
        "source": row.source,
    });
    put(&mut object, "date", row.date.map(|date| date.to_string().into()));
    put(&mut object, "reviewed", row.reviewed.map(|date| date.to_string().into()));
    object
}

fn import(report: &ImportReport) -> Value {
    let refused = report.refused.iter().map(|(line, why)| json!({ "line": line, "why": why }));
    let mut object = json!({
        "file": report.file,
        "lines_taken": report.taken,
        "lines_refused": report.refused_count,
        "lines_of_no_mailbox": report.unknown,
        "of_no_mailbox": report.unknown_examples,
        "lines_irrelevant": report.irrelevant,
        "refused": refused.collect::<Vec<_>>(),
    });
    put(&mut object, "as_of", report.at.map(|at| at.to_string().into()));
    put(&mut object, "fault", report.fault.as_deref().map(Value::from));
    object
}

fn put(object: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(members), Some(value)) = (object.as_object_mut(), value) {
        members.insert(name.to_owned(), value);
    }
}
