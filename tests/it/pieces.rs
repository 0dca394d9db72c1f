//! Secrets that come back in pieces, each too short to be known by itself: nothing of them is shown.
//!
//! Secrets in one piece, in every spelling, are in `echoes`.

use mailbox_exporter::model::{Observation, Speaker};
use mailbox_exporter::sim::GraphFault;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

use crate::probes::verdict;
use crate::script::listen;
use crate::support::world::World;

const PASSWORD: &str = "Kd83hfQz71LmWp04Rt";

/// A server that answers the client's lines one by one, with this many bytes in each segment.
async fn server(answers: &'static [&'static str], segment: usize) -> u16 {
    listen(move |mut stream| async move {
        stream.get_ref().set_nodelay(true)?;
        for answer in answers {
            for piece in format!("{answer}\r\n").as_bytes().chunks(segment) {
                stream.write_all(piece).await?;
                stream.flush().await?;
                tokio::task::yield_now().await;
            }
            if stream.read_line(&mut String::new()).await? == 0 {
                break;
            }
        }
        Ok(())
    })
    .await
}

/// What a server says, and its last lines as they may be shown.
type Row = (&'static str, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const ROWS: &[Row] = &[
    // In one reply, whole and over several lines.
    ("imap", &["* OK ready", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na1 OK done", "+ ", "a2 NO not Kd83hfQz71LmWp04Rt"],
        &["a2 NO not <redacted>"]),
    ("imap", &["* OK ready", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\na1 OK done", "+ ", "* NO Kd83hfQ\r\n* NO [ALERT] z71LmWp\r\na2 NO 04Rt"],
        &["* NO <redacted>", "* NO [ALERT] <redacted>", "a2 NO <redacted>"]),
    ("smtp", &["220 ready", "250-hello\r\n250 AUTH PLAIN", "334 ", "535-5.7.8 Kd83hfQ\r\n535-5.7.8 z71LmWp\r\n535 5.7.8 04Rt"],
        &["535-5.7.8 <redacted>", "535-5.7.8 <redacted>", "535 5.7.8 <redacted>"]),
    ("pop3", &["+OK ready", "+OK\r\nUSER\r\n.", "+OK", "-ERR [AUTH] not Kd83hfQz71LmWp04Rt"],
        &["-ERR [AUTH] not <redacted>"]),
    // Over several replies.
    ("imap", &["* OK ready", "* CAPABILITY IMAP4rev1 AUTH=LOGIN LOGINDISABLED\r\na1 OK done", "+ VXNlcm5hbWU6", "+ S2Q4M2hmUQ==", "* NO z71LmWp\r\na2 NO [AUTHENTICATIONFAILED] 04Rt"],
        &["* NO <redacted>", "a2 NO [AUTHENTICATIONFAILED] <redacted>"]),
    ("pop3", &["+OK ready", "+OK\r\nUSER\r\n.", "+OK Kd83hfQ", "-ERR [AUTH] z71LmWp04Rt"],
        &["+OK <redacted>", "-ERR [AUTH] <redacted>"]),
];

fn shown(seen: &Observation) -> Vec<&str> {
    let of_server = seen.dialogue.iter().filter(|line| line.from == Speaker::Server);
    of_server.map(|line| line.text.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_piece_of_a_password_that_a_server_repeats_is_shown() {
    let mut world = World::start().await;
    world.file("password", PASSWORD);
    world.yaml.credential_of("password", "type: password, password: { file: password }");
    for segment in [1, 7, 4096] {
        for (place, (protocol, answers, _)) in ROWS.iter().enumerate() {
            let port = server(answers, segment).await;
            let name = format!("m{place}-{segment}");
            world
                .yaml
                .provider_of(&name, &format!("{protocol}: {{ host: 127.0.0.1, port: {port}, tls: none }}"));
            world.yaml.mailbox_of(&format!("name: {name}, address: user@contoso.example, provider: {name}, credential: password, checks: [{protocol}]"), "");
        }
    }
    let seen = world.round().await;
    for segment in [1, 7, 4096] {
        for (place, (_, answers, wanted)) in ROWS.iter().enumerate() {
            let seen = &seen[&format!("m{place}-{segment}")];
            assert_eq!(verdict(seen), "auth credentials_rejected", "{answers:?}: {:?}", seen.outcome);
            let lines = shown(seen);
            assert!(lines.ends_with(wanted), "{answers:?} by {segment} bytes: {lines:?}");
            let detail = &seen.outcome.failure().unwrap().cause.detail;
            let last = wanted.last().unwrap().trim_start_matches("a2 ");
            assert!(detail.contains(last), "{detail}");
            for piece in ["Kd83", "z71", "04Rt"] {
                assert!(!detail.contains(piece), "{piece} in {detail}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_piece_of_a_token_that_comes_in_chunks_is_shown() {
    let mut world = World::start().await;
    let app = world.app();
    let credential = world.yaml.credential(&app);
    let faults = [GraphFault::EchoedToken, GraphFault::ChunkedEcho, GraphFault::TinyEcho];
    for fault in faults {
        let mailbox = world.graph_mailbox(&app, fault);
        world.yaml.watch_graph(fault.label(), &mailbox, &credential, "");
    }
    let seen = world.round().await;
    for fault in faults {
        let seen = &seen[fault.label()];
        assert_eq!(verdict(seen), "open token_rejected", "{fault:?}");
        let detail = &seen.outcome.failure().unwrap().cause.detail;
        assert!(detail.contains("The token <redacted> cannot be read."), "{fault:?}: {detail}");
        let lines = shown(seen);
        let last = lines.last().unwrap();
        assert!(last.contains("The token <redacted> cannot be read."), "{fault:?}: {lines:?}");
        assert_eq!(lines.iter().filter(|line| line.is_empty()).count(), 1, "{fault:?}: {lines:?}");
    }
}
