//! POP3: fault → phase and reason through the real probe at both doors, and every recorded answer.
//!
//! The table of the other protocols is `probes`.

use std::sync::Arc;

use mailbox_exporter::sim::{Fault, Offers, Service, TokenFault};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use crate::probes::verdict;
use crate::script::listen;
use crate::support::world::World;
use crate::support::yaml::Door;

/// How long a silence lasts here.
const SILENCE: &str = "timeout: 5s";
/// Where the corpora of answers lie.
const CORPORA: [&str; 2] = [include_str!("../data/responses.jsonl"), include_str!("../data/answers.jsonl")];

/// A fault, then the verdict; what stands in front of `|` is of implicit TLS, what follows of STLS.
#[rustfmt::skip]
const TABLE: &[(Fault, &str)] = &[
    (Fault::None, "up"),
    (Fault::Refused, "connect connection_refused"),
    (Fault::SilentConnect, "connect timeout"),
    (Fault::ResetConnect, "tls connection_closed | greeting connection_closed"),
    (Fault::CertificateExpired, "tls tls_certificate_expired"),
    (Fault::CertificateNotYetValid, "tls clock_skew"),
    (Fault::CertificateOtherName, "tls tls_name_mismatch"),
    (Fault::CertificateSelfSigned, "tls tls_certificate_untrusted"),
    (Fault::CertificateUnknownAuthority, "tls tls_certificate_untrusted"),
    (Fault::Cleartext, "tls tls_protocol"),
    (Fault::TlsTooOld, "tls tls_protocol"),
    (Fault::SilentTls, "tls timeout"),
    (Fault::ClosedTls, "tls connection_closed"),
    (Fault::SilentGreeting, "greeting timeout"),
    (Fault::SilentCapability, "capability timeout"),
    (Fault::SilentStartTls, "up | starttls timeout"),
    (Fault::SilentAuth, "auth timeout"),
    (Fault::SilentChallenge, "auth timeout"),
    (Fault::SilentSelect, "stat timeout"),
    (Fault::SilentGoodbye, "up"),
    (Fault::ClosedGreeting, "greeting connection_closed"),
    (Fault::ClosedCapability, "capability connection_closed"),
    (Fault::ClosedStartTls, "up | starttls connection_closed"),
    (Fault::ClosedAuth, "auth connection_closed"),
    (Fault::ClosedChallenge, "auth token_rejected"),
    (Fault::ClosedSelect, "stat connection_closed"),
    (Fault::CutGoodbye, "up"),
    (Fault::ByeGreeting, "greeting server_unavailable"),
    (Fault::Throttled, "auth throttled"),
    (Fault::ThrottledSelect, "stat throttled"),
    (Fault::ServerUnavailable, "stat server_unavailable"),
    (Fault::AuthUnavailable, "auth server_unavailable"),
    (Fault::TooManyConnections, "auth too_many_connections"),
    (Fault::TokenRejected, "auth token_rejected"),
    (Fault::TokenRejectedChallenge, "auth token_rejected"),
    (Fault::NotConnected, "stat mailbox_not_connected"),
    (Fault::CredentialsRejected, "auth token_rejected"),
    (Fault::BasicAuthDisabled, "auth basic_auth_disabled"),
    (Fault::MechanismMissing, "auth mechanism_unsupported"),
    (Fault::NoAuth, "auth mechanism_unsupported"),
    (Fault::NoStartTls, "up | starttls tls_protocol"),
    (Fault::StartTlsRefused, "up | starttls tls_protocol"),
    (Fault::EncryptionRequired, "auth encryption_required"),
    (Fault::EchoedLogin, "auth token_rejected"),
    (Fault::SilentPrompt, "auth timeout"),
    (Fault::ClosedPrompt, "auth connection_closed"),
    (Fault::GarbledPrompt, "auth protocol_error"),
    (Fault::SilentAfterPrompt, "auth timeout"),
    (Fault::ClosedAfterPrompt, "auth connection_closed"),
    (Fault::GarbledAuth, "auth protocol_error"),
    // The second prompt is LOGIN's: `prompts`.
    (Fault::SilentPassword, "up"),
    (Fault::ClosedPassword, "up"),
    (Fault::GarbledPassword, "up"),
    (Fault::ClosedAfterPassword, "up"),
    (Fault::OddContinuation, "up"),
    (Fault::EightBitText, "up"),
    (Fault::Trickle, "up"),
    (Fault::EndlessLine, "greeting protocol_error"),
    (Fault::EndlessLines, "capability protocol_error"),
    (Fault::NulBytes, "up"),
    (Fault::LoneLf, "greeting protocol_error"),
    (Fault::EmptyLineFirst, "greeting protocol_error"),
    (Fault::WrongService, "greeting protocol_error"),
    (Fault::HttpService, "greeting protocol_error"),
    (Fault::InjectedPlaintext, "up | starttls protocol_error"),
    (Fault::ByeAuth, "auth server_unavailable"),
    (Fault::ChallengeNotJson, "auth token_rejected"),
    (Fault::ChallengeNotBase64, "auth token_rejected"),
    (Fault::Token(TokenFault::Roleless), "auth role_missing"),
    (Fault::Token(TokenFault::WrongAudience), "auth token_rejected"),
    (Fault::Token(TokenFault::StaleToken), "auth token_rejected"),
];

/// Shown by POP3, and tried elsewhere: it is slow by nature.
const EXCUSED: [Fault; 1] = [Fault::SlowDrip];

/// Logins by password, at servers that take some.
const PASSWORDS: &[(Fault, &str)] = &[
    (Fault::None, "up"),
    (Fault::CredentialsRejected, "auth credentials_rejected"),
    (Fault::BasicAuthDisabled, "auth basic_auth_disabled"),
    (Fault::NoAuth, "auth mechanism_unsupported"),
    (Fault::SilentAuth, "auth timeout"),
    (Fault::EchoedLogin, "auth credentials_rejected"),
];

const DOORS: [Door; 2] = [Door::Pop3, Door::Pop3StartTls];

/// What a row wants of a door.
fn wanted(door: Door, row: &str) -> &str {
    match row.split_once(" | ") {
        Some((implicit, _)) if door == Door::Pop3 => implicit,
        Some((_, starttls)) => starttls,
        None => row,
    }
}

/// Probes every row at both doors: what differs from the table.
async fn wrong(rows: &[(Fault, &str)], by_password: bool) -> Vec<String> {
    let mut world = World::start().await;
    world.yaml.head = "limits: { concurrency: 100, per_host: 100 }".to_owned();
    let shared = world.app();
    for &(fault, row) in rows {
        let app = if matches!(fault, Fault::Token(_)) { world.app() } else { shared.clone() };
        let mailbox = world.mailbox_of(&app, fault).await;
        mailbox.set_offers(Offers { passwords: by_password, ..Offers::default() });
        for door in DOORS {
            let name = format!("{}-{}", fault.label(), door.tls());
            let bound = if wanted(door, row).ends_with(" timeout") { SILENCE } else { "" };
            if by_password {
                world.yaml.watch_by_password(&name, &mailbox, door, bound);
            } else {
                world.yaml.watch(&name, &mailbox, door, bound);
            }
        }
    }
    let seen = world.round().await;
    let mut wrong = Vec::new();
    for &(fault, row) in rows {
        for door in DOORS {
            let observation = &seen[&format!("{}-{}", fault.label(), door.tls())];
            let (wanted, found) = (wanted(door, row), verdict(observation));
            if wanted != found {
                let detail = observation.outcome.failure().map(|failure| &failure.cause.detail);
                wrong.push(format!("{fault:?} at {door:?}: {wanted}, found {found} ({detail:?})"));
            }
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_has_its_phase_and_its_reason_by_pop3() {
    let wrong = wrong(TABLE, false).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_by_pop3_is_refused_in_words_of_its_own() {
    let wrong = wrong(PASSWORDS, true).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_fault_that_pop3_shows_has_a_row() {
    for fault in Fault::ALL.iter().filter(|fault| fault.shows().pop3) {
        let is_covered = TABLE.iter().any(|(row, _)| row == fault) || EXCUSED.contains(fault);
        assert!(is_covered, "{fault:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_counts_the_messages_and_takes_none() {
    let mut world = World::start().await;
    let app = world.app();
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    mailbox.set_messages(7);
    world.yaml.watch("desk", &mailbox, Door::Pop3StartTls, "");
    let seen = world.round().await;
    let desk = &seen["desk"];
    assert_eq!(verdict(desk), "up");
    assert_eq!(desk.server.messages, Some(7));
    assert_eq!(desk.server.front_end.as_deref(), Some("SIM0PR04CA0012.eurprd04.prod.outlook.com"));
    let heard: Vec<_> =
        mailbox.heard(Service::Pop3).into_iter().map(|heard| (heard.words, heard.tls)).collect();
    let said = |words: &str, tls| (words.to_owned(), tls);
    assert_eq!(
        heard,
        [
            said("CAPA", false),
            said("STLS", false),
            said("CAPA", true),
            said("AUTH XOAUTH2", true),
            said("STAT", true),
            said("QUIT", true)
        ]
    );
    assert_eq!((mailbox.mail_attempts(), mailbox.early_secrets(Service::Pop3)), (0, 0));
}

/// A recorded answer and the step at which it was given.
struct Row {
    step: &'static str,
    by_token: bool,
    family: &'static str,
    raw: String,
    reason: String,
}

impl Row {
    /// Nothing where it is of another protocol, was never on a wire, or answers APOP, which no probe says.
    fn parse(line: &str) -> Option<Self> {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let (raw, mechanism) = (text("raw"), text("mechanism"));
        if text("protocol") != "pop3" || !raw.starts_with("-ERR") || mechanism == "apop" {
            return None;
        }
        let step = match row["stage"].as_str().unwrap() {
            "greeting" => "greeting",
            "starttls" => "starttls",
            "auth" => "auth",
            "select" | "stat" => "stat",
            stage => panic!("no step is called {stage}"),
        };
        let family = match row["provider"].as_str().unwrap() {
            "exchange_online" => "extends: exchange_online, ",
            "outlook.com" => "extends: outlook_com, ",
            "gmail" => "extends: gmail, ",
            _ => "",
        };
        // What says nothing of the login was behind one: either will do.
        let by_token =
            mechanism == "xoauth2" || (mechanism.is_empty() && step != "auth" && family.is_empty());
        Some(Self { step, by_token, family, raw, reason: text("reason") })
    }
}

/// Plays one answer at its step, and is honest at the others.
async fn dialogue(mut stream: BufReader<TcpStream>, row: Arc<Row>) -> std::io::Result<()> {
    let starttls = row.step == "starttls";
    let answer = |step: &str, honest: &str| {
        let text = if row.step == step { &row.raw } else { honest };
        format!("{}\r\n", text.replace("\r\n", "\n").replace('\n', "\r\n").trim_end())
    };
    stream.write_all(answer("greeting", "+OK ready").as_bytes()).await?;
    let list = if starttls { "+OK\nSTLS\n." } else { "+OK\nUSER\nSASL XOAUTH2\n." };
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let reply = match line.split_whitespace().next().unwrap_or_default() {
            "CAPA" => answer("capability", list),
            "STLS" => answer("starttls", "+OK"),
            "USER" => answer("", "+OK"),
            "AUTH" => {
                stream.write_all(b"+ \r\n").await?;
                stream.read_line(&mut line).await?;
                answer("auth", "+OK")
            }
            "PASS" => answer("auth", "+OK"),
            "STAT" => answer("stat", "+OK 0 0"),
            _ => answer("", "+OK bye"),
        };
        stream.write_all(reply.as_bytes()).await?;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_answer_has_its_reason_by_pop3() {
    let rows: Vec<_> =
        CORPORA.iter().flat_map(|corpus| corpus.lines()).filter_map(Row::parse).map(Arc::new).collect();
    assert!(rows.len() > 90, "{}", rows.len());
    let mut world = World::start().await;
    let app = world.app();
    let token = world.yaml.credential(&app);
    let tokens = world.yaml.takes_tokens();
    world.file("password", "correct horse");
    world.yaml.credential_of("password", "type: password, password: { file: password }");
    for (place, row) in rows.iter().enumerate() {
        let served = Arc::clone(row);
        let port = listen(move |stream| dialogue(stream, Arc::clone(&served))).await;
        let (name, family) = (format!("row-{place}"), row.family);
        let tls = if row.step == "starttls" { "starttls" } else { "none" };
        let keys = format!("{family}pop3: {{ host: 127.0.0.1, port: {port}, tls: {tls} }}, {tokens}");
        world.yaml.provider_of(&name, &keys);
        let credential = if row.by_token { &*token } else { "password" };
        world.yaml.mailbox_of(&format!("name: {name}, address: user@contoso.example, provider: {name}, credential: {credential}, checks: [pop3]"), "");
    }
    let seen = world.round().await;
    let mut wrong = Vec::new();
    for (place, row) in rows.iter().enumerate() {
        let (wanted, found) =
            (format!("{} {}", row.step, row.reason), verdict(&seen[&format!("row-{place}")]));
        if wanted != found {
            wrong.push(format!("{wanted}, found {found}: {}", row.raw));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}
