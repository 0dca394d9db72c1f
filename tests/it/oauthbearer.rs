//! OAUTHBEARER (RFC 7628): which mechanism a token goes by, what is said, and how its refusals are read.
//!
//! The tables of XOAUTH2 are `probes` and `pop3`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mailbox_exporter::model::{Mechanism, Observation};
use mailbox_exporter::sim::{Fault, Offers, Service, SimMailbox, TokenFault};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

use crate::peer::Heard;
use crate::probes::{is_silent, verdict};
use crate::script::listen;
use crate::support::world::World;
use crate::support::yaml::{Door, EXCHANGE};

const DOORS: [(Door, Service); 6] = [
    (Door::Imap, Service::Imap),
    (Door::ImapStartTls, Service::Imap),
    (Door::SmtpTls, Service::Smtp),
    (Door::Smtp, Service::Smtp),
    (Door::Pop3, Service::Pop3),
    (Door::Pop3StartTls, Service::Pop3),
];

/// What a server offers that knows OAUTHBEARER and not XOAUTH2.
const BEARER_ALONE: Offers = Offers {
    passwords: false,
    oauthbearer: true,
    no_xoauth2: true,
    esearch: false,
    without_tls: false,
    in_greeting: false,
    sasl: None,
};

/// A fault, and the verdict at every door of a server that offers OAUTHBEARER alone; where the protocols differ, that of
/// IMAP, SMTP and POP3.
#[rustfmt::skip]
const TABLE: &[(Fault, &str)] = &[
    (Fault::None, "up"),
    (Fault::SilentAuth, "auth timeout"),
    (Fault::SilentChallenge, "auth timeout"),
    (Fault::ClosedAuth, "auth connection_closed"),
    (Fault::ClosedChallenge, "auth token_rejected"),
    (Fault::Throttled, "auth throttled"),
    (Fault::AuthUnavailable, "auth server_unavailable"),
    (Fault::TooManyConnections, "auth too_many_connections"),
    (Fault::TokenRejected, "auth token_rejected"),
    (Fault::TokenRejectedChallenge, "auth token_rejected"),
    (Fault::ChallengeNotJson, "auth token_rejected"),
    (Fault::ChallengeNotBase64, "auth token_rejected"),
    (Fault::EchoedLogin, "auth token_rejected"),
    (Fault::NoAuth, "auth mechanism_unsupported"),
    (Fault::Token(TokenFault::Roleless), "auth role_missing"),
    (Fault::EncryptionRequired, "auth encryption_required"),
    (Fault::ByeAuth, "auth connection_closed | auth connection_closed | auth server_unavailable"),
    (Fault::SecurityDefaults, "up | auth conditional_access | up"),
    (Fault::AccountLocked, "up | auth account_locked | up"),
    (Fault::SmtpAuthDisabledTenant, "up | auth smtp_auth_disabled_tenant | up"),
    (Fault::SmtpAuthDisabledMailbox, "up | auth smtp_auth_disabled_mailbox | up"),
    (Fault::ServerUnavailable, "select server_unavailable | auth server_unavailable | stat server_unavailable"),
    (Fault::NotConnected, "select mailbox_not_connected | up | stat mailbox_not_connected"),
    (Fault::SessionExpired, "select token_rejected | up | up"),
    (Fault::Token(TokenFault::WrongAudience), "auth token_rejected"),
    (Fault::Token(TokenFault::StaleToken), "auth token_rejected"),
    (Fault::Token(TokenFault::OpaqueToken), "up"),
];

fn key(what: &str, door: Door) -> String {
    format!("{what}-{}-{}", door.protocol(), door.tls())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_by_oauthbearer_is_read_as_one_by_xoauth2() {
    let mut world = World::start().await;
    world.yaml.head = "limits: { concurrency: 100, per_host: 100 }".to_owned();
    let shared = world.app();
    for &(fault, _) in TABLE {
        let app = if matches!(fault, Fault::Token(_)) { world.app() } else { shared.clone() };
        let mailbox = world.mailbox_of(&app, fault).await;
        mailbox.set_offers(BEARER_ALONE);
        for (door, _) in DOORS {
            let bound = if is_silent(fault) { "timeout: 5s" } else { "" };
            world.yaml.watch(&key(fault.label(), door), &mailbox, door, bound);
        }
    }
    let seen = world.round().await;
    let mut wrong = Vec::new();
    for &(fault, row) in TABLE {
        for (door, service) in DOORS {
            let wanted = row.split(" | ").nth(service as usize).unwrap_or(row);
            let observation = &seen[&key(fault.label(), door)];
            let (found, used) = (verdict(observation), observation.server.mechanism);
            let tried = fault != Fault::NoAuth;
            if found != wanted || used != tried.then_some(Mechanism::Oauthbearer) {
                wrong.push(format!(
                    "{fault:?} at {door:?}: {wanted}, found {found} by {used:?}: {:?}",
                    observation.outcome
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The commands of a mailbox that begin a login.
fn logins(mailbox: &SimMailbox, service: Service) -> Vec<String> {
    let heard = mailbox.heard(service).into_iter().map(|heard| heard.words);
    heard.filter(|words| words.starts_with("AUTH")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_goes_by_the_mechanism_that_the_server_offers() {
    let both = Offers { oauthbearer: true, ..Offers::default() };
    let xoauth2 = Offers::default();
    // What is configured and offered, the verdict, and the mechanism that was tried.
    let rows = [
        ("", both, "up", "XOAUTH2"),
        ("", xoauth2, "up", "XOAUTH2"),
        ("", BEARER_ALONE, "up", "OAUTHBEARER"),
        ("xoauth2", both, "up", "XOAUTH2"),
        ("oauthbearer", both, "up", "OAUTHBEARER"),
        ("xoauth2", BEARER_ALONE, "auth mechanism_unsupported", ""),
        ("oauthbearer", xoauth2, "auth mechanism_unsupported", ""),
    ];
    let mut world = World::start().await;
    let app = world.app();
    let credential = world.yaml.credential(&app);
    let mut mailboxes = Vec::new();
    for (place, (configured, offers, ..)) in rows.iter().enumerate() {
        for (door, service) in DOORS {
            let mailbox = world.mailbox_of(&app, Fault::None).await;
            mailbox.set_offers(*offers);
            let name = key(&format!("row-{place}"), door);
            let mut keys = world.yaml.leads_to(&mailbox, &[door], EXCHANGE);
            if !configured.is_empty() {
                keys += &format!(", mechanism: {configured}");
            }
            world.yaml.provider_of(&name, &keys);
            let (address, protocol) = (mailbox.address(), door.protocol());
            world.yaml.mailbox_of(
                &format!("name: {name}, address: {address}, provider: {name}, credential: {credential}, checks: [{protocol}]"),
                "",
            );
            mailboxes.push((place, name, mailbox, service));
        }
    }
    let seen = world.round().await;
    for (place, name, mailbox, service) in &mailboxes {
        let (_, _, wanted, tried) = rows[*place];
        assert_eq!(verdict(&seen[name]), wanted, "{name}: {:?}", seen[name].outcome);
        let heard = logins(mailbox, *service);
        assert_eq!(heard.len(), usize::from(!tried.is_empty()), "{name}: {heard:?}");
        assert!(heard.iter().all(|words| words.ends_with(&format!(" {tried}"))), "{name}: {heard:?}");
    }
}

/// RFC 7628 section 3.2.2.
const REPORT: &str = r#"{"status":"invalid_token","scope":"mail.read","openid-configuration":"https://idp.contoso.example/.well-known/openid-configuration"}"#;

/// A server that answers the client's lines one by one; what it hears.
async fn server(answers: [&'static str; 6]) -> (u16, Heard) {
    let heard = Heard::default();
    let hearing = Heard::clone(&heard);
    let port = listen(move |mut stream| {
        let heard = Heard::clone(&hearing);
        async move {
            for answer in answers {
                let answer = answer.replace("{report}", &STANDARD.encode(REPORT));
                stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
                let mut line = String::new();
                if stream.read_line(&mut line).await? == 0 {
                    break;
                }
                heard.lock().unwrap().push(line.trim_end().to_owned());
            }
            Ok(())
        }
    })
    .await;
    (port, heard)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_report_behind_a_refusal_is_decoded_and_acknowledged() {
    let servers = [
        (
            "imap",
            [
                "* OK ready",
                "* CAPABILITY IMAP4rev1 AUTH=OAUTHBEARER\r\na1 OK done",
                "+ ",
                "+ {report}",
                "a2 NO [AUTHENTICATIONFAILED] Authentication failed.",
                "* BYE\r\na3 OK",
            ],
        ),
        (
            "smtp",
            [
                "220 ready",
                "250-hello\r\n250 AUTH OAUTHBEARER",
                "334 ",
                "334 {report}",
                "535 5.7.8 no",
                "221 bye",
            ],
        ),
        ("pop3", ["+OK ready", "+OK\r\nSASL OAUTHBEARER\r\n.", "+ ", "+ {report}", "-ERR [AUTH] no", "+OK"]),
    ];
    let mut world = World::start().await;
    let app = world.app();
    let (tokens, credential) = (world.yaml.takes_tokens(), world.yaml.credential(&app));
    let mut heard = Vec::new();
    for (protocol, answers) in servers {
        let (port, lines) = server(answers).await;
        world.yaml.provider_of(
            protocol,
            &format!("{protocol}: {{ host: 127.0.0.1, port: {port}, tls: none }}, {tokens}"),
        );
        world.yaml.mailbox_of(
            &format!("name: {protocol}, address: user@contoso.example, username: 'a=b,c', provider: {protocol}, credential: {credential}, checks: [{protocol}]"),
            "",
        );
        heard.push((protocol, port, lines));
    }
    let seen = world.round().await;
    for (protocol, port, lines) in heard {
        let observation: &Observation = &seen[protocol];
        assert_eq!(verdict(observation), "auth token_rejected", "{protocol}");
        let detail = observation.outcome.failure().map(|failure| failure.cause.detail.clone());
        assert!(detail.as_ref().is_some_and(|detail| detail.contains(REPORT)), "{protocol}: {detail:?}");
        let lines = lines.lock().unwrap().clone();
        // RFC 7628 section 3.1: the name is a saslname of RFC 5801 section 4.
        let response = String::from_utf8(STANDARD.decode(&lines[2]).unwrap()).unwrap();
        let start = format!("n,a=a=3Db=2Cc,\u{1}host=127.0.0.1\u{1}port={port}\u{1}auth=Bearer ");
        assert!(response.starts_with(&start) && response.ends_with("\u{1}\u{1}"), "{protocol}: {response:?}");
        // Section 3.2.3: the client says one ^A, and nothing else, before it is refused.
        assert_eq!(lines[3], "AQ==", "{protocol}: {lines:?}");
    }
}
