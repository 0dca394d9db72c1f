//! The recorded answers of `tests/data/responses.jsonl`, played to the real probe and the real token client.
//!
//! What was recorded as the words of a client library, an operating system or a TLS library was never on
//! a wire and is not played here: `diagnosis` reads those for `explain`.

use std::collections::BTreeSet;

use mailbox_exporter::model::Reason;
use serde_json::Value;

use crate::probes::verdict;
use crate::script::{self, Line};
use crate::support::world::World;

const CORPUS: &str = include_str!("../data/responses.jsonl");

/// Answers that some client library had wrapped, or cut, before they were written down.
const WRAPPED: [&str; 9] = [
    "imap-010",
    "imap-061",
    "imap-074",
    "imap-075",
    "imap-076",
    "smtp-057",
    "smtp-039",
    "imap-028",
    "oauth-078",
];

/// One recorded answer.
struct Row {
    id: String,
    protocol: String,
    provider: String,
    step: &'static str,
    mechanism: &'static str,
    status: u16,
    raw: String,
    reason: String,
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let raw = text("raw");
        let step = match row["stage"].as_str().unwrap() {
            "token" => "token",
            "greeting" => "greeting",
            "capability" => "capability",
            "tls" => "starttls",
            "auth" => "auth",
            "select" => "select",
            "send" => "sender",
            _ => return None,
        };
        let mechanism = match (row["mechanism"].as_str(), row["protocol"].as_str()) {
            (Some("plain"), _) => "PLAIN",
            (Some("login"), Some("imap")) if raw.contains("LOGIN") => "",
            (Some("login"), _) => "LOGIN",
            _ => "XOAUTH2",
        };
        let status = row["http_status"].as_u64().unwrap_or(400);
        Some(Self {
            id: text("id"),
            protocol: text("protocol"),
            provider: text("provider"),
            step,
            mechanism,
            status: u16::try_from(status).unwrap(),
            raw,
            reason: text("reason"),
        })
    }

    fn family(&self) -> &'static str {
        match self.provider.as_str() {
            "exchange_online" => "extends: exchange_online, ",
            "outlook.com" => "extends: outlook_com, ",
            "gmail" => "extends: gmail, ",
            _ => "",
        }
    }

    /// The phase in which the probe must end.
    fn phase(&self) -> &'static str {
        match self.step {
            // What is not in the list is missed at the login.
            "capability" if self.raw.starts_with("* CAPABILITY") => "auth",
            step => step,
        }
    }

    fn is_of_mail(&self) -> bool {
        matches!(self.protocol.as_str(), "imap" | "smtp")
    }
}

fn played() -> Vec<Row> {
    let rows = CORPUS.lines().filter_map(Row::parse);
    rows.filter(|row| (row.is_of_mail() || row.protocol == "oauth") && !WRAPPED.contains(&row.id.as_str()))
        .collect()
}

/// The reasons that the recorded answers produce.
pub(crate) fn reasons() -> BTreeSet<Reason> {
    played().iter().map(|row| Reason::from_label(&row.reason).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_answer_has_its_reason_through_the_real_client() {
    let rows = played();
    assert!(rows.len() > 140, "{}", rows.len());
    let mut world = World::start().await;
    let healthy = world.app();
    let tokens = world.yaml.takes_tokens();
    let credential = world.yaml.credential(&healthy);
    world.yaml.credential_of("password", "type: password, password: { file: password }");
    world.file("password", "correct horse");
    world.file("secret", "battery staple");
    let of_tokens = rows.iter().filter(|row| !row.is_of_mail());
    let endpoint =
        script::token_endpoint(of_tokens.map(|row| (row.id.clone(), row.status, row.raw.clone())).collect())
            .await;
    for row in &rows {
        let name = &row.id;
        if row.is_of_mail() {
            let text = if row.raw.starts_with("452-") {
                format!("{}\n452 4.2.2 the sender to the help pages.", row.raw)
            } else {
                row.raw.clone()
            };
            let line = Line { step: row.step, mechanism: row.mechanism, text };
            let port =
                if row.protocol == "imap" { script::imap(line).await } else { script::smtp(line).await };
            let (protocol, family) = (&row.protocol, row.family());
            let tls = if row.step == "starttls" { "starttls" } else { "none" };
            world.yaml.provider_of(
                name,
                &format!("{family}{protocol}: {{ host: 127.0.0.1, port: {port}, tls: {tls} }}, {tokens}"),
            );
            let credential = if row.mechanism == "XOAUTH2" { credential.as_str() } else { "password" };
            world.yaml.mailbox_of(&format!("name: {name}, address: user@contoso.example, provider: {name}, credential: {credential}, checks: [{protocol}]"), "smtp: { sender: true }");
        } else {
            world.yaml.credential_of(
                name,
                &format!("type: client_secret, tenant: {name}, client_id: probe, secret: {{ file: secret }}"),
            );
            world.yaml.provider_of(name, &format!("imap: {{ host: 127.0.0.1, port: 1, tls: none }}, token_url: 'http://127.0.0.1:{endpoint}/{{tenant}}/token', scope: x"));
            world.yaml.mailbox_of(&format!("name: {name}, address: user@contoso.example, provider: {name}, credential: {name}, checks: [imap]"), "");
        }
    }
    let seen = world.round().await;
    let wrong: Vec<_> = rows
        .iter()
        .map(|row| (row, format!("{} {}", row.phase(), row.reason), verdict(&seen[&row.id])))
        .filter(|(_, wanted, found)| wanted != found)
        .map(|(row, wanted, found)| format!("{}: {wanted}, found {found}: {}", row.id, row.raw))
        .collect();
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn what_is_not_played_is_in_the_corpus() {
    for id in WRAPPED {
        assert!(CORPUS.contains(&format!("{id:?}")), "{id}");
    }
}
