//! The recorded answers of the world against the tables: every row of `tests/data/responses.jsonl`,
//! and mutations of them.
// A test that cannot go on has failed; saying so by a panic is what a test is for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use serde_json::Value;

use super::{Answer, Dialect, TokenAnswer, network_text, reply, token};
use crate::model::{Family, Mechanism, Phase, Reason};

const CORPUS: &str = include_str!("../../tests/data/responses.jsonl");

/// One recorded answer.
#[derive(Debug)]
struct Row {
    id: String,
    protocol: String,
    stage: String,
    provider: String,
    mechanism: Option<String>,
    status: Option<u16>,
    raw: String,
    expected: Reason,
}

impl Row {
    fn parse(line: &str) -> Self {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        Self {
            id: text("id").unwrap(),
            protocol: text("protocol").unwrap(),
            stage: text("stage").unwrap(),
            provider: text("provider").unwrap(),
            mechanism: text("mechanism"),
            status: row["http_status"].as_u64().map(|status| u16::try_from(status).unwrap()),
            raw: text("raw").unwrap(),
            expected: Reason::from_label(&text("reason").unwrap()).unwrap(),
        }
    }

    fn family(&self) -> Family {
        match self.provider.as_str() {
            "exchange_online" => Family::ExchangeOnline,
            "outlook.com" => Family::OutlookCom,
            "gmail" | "google" => Family::Gmail,
            _ => Family::Generic,
        }
    }

    fn phase(&self) -> Phase {
        match self.stage.as_str() {
            "send" => Phase::Sender,
            stage => Phase::from_label(stage).unwrap(),
        }
    }

    fn mechanism(&self) -> Option<Mechanism> {
        match self.mechanism.as_deref() {
            Some("user_pass" | "apop") => Some(Mechanism::Other),
            Some("none") | None => None,
            Some(label) => Some(Mechanism::from_label(label).unwrap()),
        }
    }

    /// The reason of a text in this row's situation.
    fn read(&self, raw: &str) -> Reason {
        let protocol = match self.protocol.as_str() {
            "oauth" => {
                return token(&TokenAnswer { status: self.status, retry_after: None, body: raw }).reason;
            }
            "net" => return network_text(raw).unwrap_or(Reason::Unexpected),
            "smtp" => Dialect::Smtp,
            "pop3" => Dialect::Pop3,
            _ => Dialect::Imap,
        };
        let answer = Answer {
            phase: self.phase(),
            protocol,
            mechanism: self.mechanism(),
            family: self.family(),
            encrypted: true,
            challenge: None,
            text: raw,
        };
        reply(&answer).reason
    }
}

fn corpus() -> Vec<Row> {
    CORPUS.lines().map(Row::parse).collect()
}

fn wrong(rows: &[Row], mutate: impl Fn(&str) -> String) -> Vec<String> {
    let read = rows.iter().map(|row| (row, mutate(&row.raw))).map(|(row, raw)| (row, row.read(&raw), raw));
    let wrong = read.filter(|(row, reason, _)| *reason != row.expected);
    wrong.map(|(row, reason, raw)| format!("{} is {}, read {reason}: {raw}", row.id, row.expected)).collect()
}

#[test]
fn every_recorded_answer_has_its_reason() {
    let rows = corpus();
    assert_eq!(rows.len(), 196);
    let wrong = wrong(&rows, str::to_owned);
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
