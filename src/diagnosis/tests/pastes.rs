//! What people paste: whole texts with everything around the answer, as forums and issue trackers hold them.

use crate::model::Protocol;
use serde_json::Value;

use super::{Family, Mechanism, Paste, Phase, Reason, Source, assert_none, paste};

/// Texts with the options that were given, the reason (null: no failure) and the source.
const PASTES: &str = include_str!("../../../tests/data/pastes.jsonl");

fn source(name: &str) -> Source {
    match name {
        "oauth" => Source::Token,
        "net" => Source::Network,
        "smtp" => Source::Mail(Protocol::Smtp),
        "pop3" => Source::Mail(Protocol::Pop3),
        "graph" => Source::Mail(Protocol::Graph),
        _ => Source::Mail(Protocol::Imap),
    }
}

fn family(name: &str) -> Family {
    match name {
        "exchange_online" => Family::ExchangeOnline,
        "outlook_com" => Family::OutlookCom,
        "gmail" => Family::Gmail,
        _ => Family::Generic,
    }
}

fn mechanism(name: &str) -> Option<Mechanism> {
    Mechanism::from_label(name).or(Some(Mechanism::Other))
}

fn phase(name: &str) -> Option<Phase> {
    match name {
        "stat" => Some(Phase::Stat),
        "send" => Some(Phase::Sender),
        name => Phase::from_label(name),
    }
}

#[test]
fn every_paste_has_its_reason_or_none() {
    let mut wrong = Vec::new();
    for line in PASTES.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let flag = |name: &str| row["flags"][name].as_str();
        let text = row["text"].as_str().unwrap();
        let reading = paste::read(&Paste {
            text,
            source: flag("protocol").map(source),
            phase: flag("phase").and_then(phase),
            mechanism: flag("mechanism").and_then(mechanism),
            family: flag("provider").map(family),
        });
        let found = reading.reason().map(Reason::label);
        let alternatives = row["alternatives"].as_array().into_iter().flatten();
        let accepted: Vec<_> =
            std::iter::once(&row["reason"]).chain(alternatives).map(|reason| reason.as_str()).collect();
        if !accepted.contains(&found) {
            wrong.push(format!("want {accepted:?}, got {found:?}: {text}"));
        }
    }
    assert_none(&wrong);
}
