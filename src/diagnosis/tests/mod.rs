//! The answers of the world against the tables: every row of `tests/data`, as it was recorded, pasted
//! into `explain`, and changed in the ways that the world changes it.
// A test that cannot go on has failed; saying so by a panic is what a test is for.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod meanings;
mod mutations;
mod pastes;

use std::sync::LazyLock;

use serde_json::Value;

use super::paste::{self, Paste, Source};
use super::{Answer, TokenAnswer, network_text, reply, token};
use crate::model::{Family, Mechanism, Phase, Protocol, Reason};

/// Recorded answers, each with its source.
const RECORDED: &str = include_str!("../../../tests/data/responses.jsonl");

/// More of them: of servers' sources, and some of our own making, marked as such.
const GATHERED: &str = include_str!("../../../tests/data/answers.jsonl");

/// One answer.
#[derive(Debug)]
struct Row {
    name: String,
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
            name: text("id").or_else(|| text("source")).unwrap(),
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
            "exchange_online" | "entra" => Family::ExchangeOnline,
            "outlook.com" => Family::OutlookCom,
            "gmail" | "google" => Family::Gmail,
            _ => Family::Generic,
        }
    }

    fn phase(&self) -> Phase {
        match self.stage.as_str() {
            "send" => Phase::Sender,
            "stat" => Phase::Stat,
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

    fn source(&self) -> Source {
        match self.protocol.as_str() {
            "oauth" => Source::Token,
            "net" => Source::Network,
            "smtp" => Source::Mail(Protocol::Smtp),
            "pop3" => Source::Mail(Protocol::Pop3),
            "graph" => Source::Mail(Protocol::Graph),
            _ => Source::Mail(Protocol::Imap),
        }
    }

    /// The reason as the probes and the token client find it.
    fn read(&self) -> Reason {
        match self.source() {
            Source::Token => {
                token(&TokenAnswer { status: self.status, retry_after: None, body: &self.raw }).reason
            }
            Source::Network => network_text(&self.raw).unwrap_or(Reason::Unexpected),
            Source::Mail(protocol) => {
                let answer = Answer {
                    phase: self.phase(),
                    protocol,
                    mechanism: self.mechanism(),
                    family: self.family(),
                    encrypted: true,
                    challenge: None,
                    text: &self.raw,
                };
                reply(&answer).reason
            }
        }
    }

    /// The reason of a text in this row's situation, as `explain` finds it.
    fn explain(&self, text: &str) -> Reason {
        let paste = Paste {
            text,
            // The network is not a protocol that a user can name, so it has to be recognised.
            source: Some(self.source()).filter(|source| *source != Source::Network),
            phase: Some(self.phase()),
            mechanism: self.mechanism(),
            family: Some(self.family()),
        };
        paste::read(&paste).reason().unwrap_or(Reason::Unexpected)
    }
}

static ROWS: LazyLock<Vec<Row>> =
    LazyLock::new(|| RECORDED.lines().chain(GATHERED.lines()).map(Row::parse).collect());

/// What is wrong with a reading, for people.
fn complaint(row: &Row, found: Reason, text: &str) -> Option<String> {
    (found != row.expected).then(|| format!("{}: want {}, got {found}: {text}", row.name, row.expected))
}

fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} wrong:\n{}", complaints.len(), complaints.join("\n"));
}

#[test]
fn every_recorded_answer_has_its_reason() {
    let rows: Vec<_> = RECORDED.lines().map(Row::parse).collect();
    assert_eq!(rows.len(), 196);
    let wrong: Vec<_> = rows.iter().filter_map(|row| complaint(row, row.read(), &row.raw)).collect();
    assert_none(&wrong);
}

#[test]
fn every_answer_that_is_pasted_has_its_reason() {
    let wrong: Vec<_> =
        ROWS.iter().filter_map(|row| complaint(row, row.explain(&row.raw), &row.raw)).collect();
    assert_none(&wrong);
}

/// Without a word about who said it, and where, most answers still tell; what only the mechanism, the
/// provider or the phase decides is not guessed into another family.
#[test]
fn most_answers_are_understood_without_any_option() {
    let rows = &*ROWS;
    let bare = |text| Paste { text, source: None, phase: None, mechanism: None, family: None };
    let right = rows.iter().filter(|row| paste::read(&bare(&row.raw)).reason() == Some(row.expected)).count();
    assert!(right * 100 >= rows.len() * 94, "{right} of {}", rows.len());
}
