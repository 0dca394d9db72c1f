//! Token endpoints and proxies as they are: answers that every other client takes, refusals with the status
//! 200, answers that are not HTTP, proxies that refuse.
//!
//! Refusals of identity providers in their own words are in `recorded`.

use mailbox_exporter::model::{Observation, Reason};

use crate::peer::{self, Heard};
use crate::probes::verdict;
use crate::support::process::{Program, results};
use crate::support::world::World;

/// A whole answer, what becomes of it, and what must stand in the detail.
type Row = (&'static [u8], &'static str, &'static str);

#[rustfmt::skip]
const ANSWERS: &[Row] = &[
    // --- what every other client takes
    (b"HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"abc\",\"expires_in\":\"3600\",\"ext_expires_in\":\"3600.0\",\"refresh_in\":1800.5,\"expires_on\":\"1790000000\"}", "up", ""),
    (b"HTTP/1.1 201 Created\r\nContent-Type: text/html\r\n\r\n\xef\xbb\xbf{\"access_token\":\"abc\",\"scope\":[\"a\",\"b\"]}", "up", ""),
    (b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.x+json\r\n\r\n{\"access_token\":\"abc\",\"expires_in\":3600,\"error\":null}", "up", ""),
    (b"HTTP/1.1 200 OK\r\nX-Odd\x01: \x02\r\n\r\n{\"access_token\":\"abc\"}", "up", ""),
    // --- what is not a token
    (b"HTTP/1.1 200 OK\r\n\r\n{\"error\":\"invalid_client\",\"error_description\":\"Client authentication failed.\"}", "token secret_invalid", "Client authentication failed."),
    (b"HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"error: no such client\"}", "token protocol_error", "is not a token"),
    (b"HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"\"}", "token protocol_error", "is not a token"),
    (b"HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"ab\\u0000c\"}", "token protocol_error", "is not a token"),
    (b"HTTP/1.1 204 No Content\r\n\r\n", "token protocol_error", ""),
    (b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: \xc3\xa9\x01\r\n\r\nslow down", "token idp_throttled", "slow down"),
    (b"hello\r\n", "token protocol_error", "not HTTP"),
    (b"\x15\x03\x01\x00\x02\x02\x46", "token protocol_error", "not HTTP"),
    (b"* OK IMAP ready\r\n", "token protocol_error", "not HTTP"),
    (b"", "token connection_closed", ""),
];

/// The verdict on a mailbox whose token comes from there.
async fn asked(ports: &[(String, u16)], extra: &str) -> Vec<Observation> {
    let mut world = World::start().await;
    world.file("secret", "battery staple");
    for (name, port) in ports {
        world.yaml.credential_of(
            name,
            &format!("type: client_secret, client_id: probe, secret: {{ file: secret }}{extra}"),
        );
        let (imap, _) = peer::imap(&[]).await;
        world.yaml.provider_of(name, &format!("imap: {{ host: 127.0.0.1, port: {imap}, tls: none }}, token_url: 'http://127.0.0.1:{port}/token', scope: x"));
        world.yaml.mailbox_of(&format!("name: {name}, address: user@contoso.example, provider: {name}, credential: {name}, checks: [imap]"), "timeout: 10s");
    }
    let mut seen = world.round().await;
    ports.iter().map(|(name, _)| seen.remove(name).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_of_a_token_endpoint_has_its_verdict() {
    let mut ports = Vec::new();
    for (place, (answer, ..)) in ANSWERS.iter().enumerate() {
        ports.push((format!("row-{place}"), peer::bytes(answer).await.0));
    }
    let mut wrong = Vec::new();
    for (seen, (answer, wanted, quoted)) in asked(&ports, "").await.iter().zip(ANSWERS) {
        let detail = seen.outcome.failure().map(|failure| failure.cause.detail.clone()).unwrap_or_default();
        if verdict(seen) != *wanted || !detail.contains(quoted) {
            let answer = String::from_utf8_lossy(answer);
            wrong.push(format!("{answer:?}: {wanted} with {quoted:?}, found {} ({detail})", verdict(seen)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What one token request said.
async fn request(extra: &str) -> (Heard, Observation) {
    let (port, heard) = peer::bytes(b"HTTP/1.1 200 OK\r\n\r\n{\"access_token\":\"abc\"}").await;
    let seen = asked(&[("one".to_owned(), port)], extra).await.remove(0);
    (heard, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_request_is_written_as_the_provider_wants_it() {
    let (heard, seen) =
        request(", client_auth: basic, parameters: { audience: 'https://mail', resource: r }").await;
    assert!(seen.outcome.is_up(), "{:?}", seen.outcome);
    let lines = heard.lock().unwrap().join("\n");
    // probe:battery+staple, each half form-encoded (RFC 6749 section 2.3.1).
    assert!(lines.to_lowercase().contains("authorization: basic chjvymu6ymf0dgvyestzdgfwbgu="), "{lines}");
    assert!(!lines.contains("client_secret") && !lines.contains("client_id"), "{lines}");
    assert!(lines.contains("audience=https%3A%2F%2Fmail") && lines.contains("resource=r"), "{lines}");
    let (heard, _) = request("").await;
    let lines = heard.lock().unwrap().join("\n");
    assert!(lines.contains("client_id=probe") && lines.contains("client_secret=battery+staple"), "{lines}");
    assert!(!lines.to_lowercase().contains("authorization:"), "{lines}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_refuses_is_named() {
    let rows: [(&'static [u8], Reason); 4] = [
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", Reason::NetworkUnreachable),
        (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", Reason::NetworkUnreachable),
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", Reason::NetworkUnreachable),
        (b"", Reason::ConnectionClosed),
    ];
    let mut world = World::start().await;
    world.file("secret", "battery staple");
    world.yaml.credential_of("one", "type: client_secret, client_id: probe, secret: { file: secret }");
    world.yaml.provider_of("one", "imap: { host: 127.0.0.1, port: 1, tls: none }, token_url: 'https://idp.contoso.example/token', scope: x");
    world.yaml.mailbox_of(
        "name: one, address: user@contoso.example, provider: one, credential: one, checks: [imap]",
        "timeout: 10s",
    );
    let configuration = world.configuration();
    for (answer, reason) in rows {
        let (port, _) = peer::bytes(answer).await;
        let proxy = format!("http://someone:hunter22@127.0.0.1:{port}");
        let program = Program::new(&["check", "--output", "json"]).config(&configuration);
        let run = program.env("HTTPS_PROXY", &proxy).env("https_proxy", &proxy).run();
        let result = &results(&run)[0];
        let text = |key: &str| result[key].as_str().unwrap_or_default().to_owned();
        assert_eq!(text("reason"), reason.label(), "{result}");
        assert!(text("detail").contains(&format!("proxy 127.0.0.1:{port}")), "{result}");
        assert!(text("hint").contains("HTTPS_PROXY"), "{result}");
        assert!(!run.said().contains("hunter22"), "{result}");
    }
}
