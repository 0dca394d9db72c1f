//! Tests over a real listener, by a client that speaks plain bytes.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::GzDecoder;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::model::{DialogueLine, Observation, OnDemand, Phase, Plan, Reason, Speaker};
use crate::report::samples::{credential, dawn, down, issued, mailbox, plan, refused, up};

use super::*;

/// Long enough for a loaded machine, short enough for a hang to be noticed.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct World {
    pub(super) address: SocketAddr,
    pub(super) report: Arc<Report>,
    pub(super) ready: Arc<Ready>,
    pub(super) stop: CancellationToken,
    pub(super) server: JoinHandle<()>,
}

impl World {
    pub(super) async fn new(plan: &Plan) -> Self {
        Self::offering(plan, |_| Actions::default()).await
    }

    pub(super) async fn offering(plan: &Plan, actions: impl FnOnce(&Arc<Report>) -> Actions) -> Self {
        Self::known_as(plan, actions, Names::default(), "").await
    }

    pub(super) async fn known_as(
        plan: &Plan,
        actions: impl FnOnce(&Arc<Report>) -> Actions,
        names: Names,
        prefix: &str,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (report, ready, stop) =
            (Arc::new(Report::new(plan)), Arc::new(Ready::default()), CancellationToken::new());
        let readiness = Arc::new(Readiness::open(plan).unwrap());
        let prober = Arc::new(Prober::new(&plan.limits, Arc::new(|_| ())));
        let site = Site::new(Arc::clone(&report), readiness, prober)
            .judged_by(Arc::new(Heartbeat::start()), Arc::clone(&ready))
            .offering(actions(&report))
            .known_as(names, prefix);
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(serve(listener, CONNECTIONS, site, open(), stop.clone()));
        Self { address, report, ready, stop, server }
    }

    pub(super) async fn ask(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("{request}\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap().unwrap();
        Answer::new(&bytes)
    }

    async fn page(&self) -> String {
        self.ask("GET / HTTP/1.1").await.text()
    }
}

/// Without passwords and TLS.
fn open() -> Protection {
    Protection::new(Arc::new(|_| Err("nothing is followed".to_owned())))
}

pub(super) struct Answer {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_ascii_lowercase();
        Self { head, body: bytes[end + 4..].to_vec() }
    }

    pub(super) fn status(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub(super) fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line == header.to_ascii_lowercase())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

pub(super) fn small() -> Plan {
    let (a, b) = (credential("contoso", None), credential("fabrikam", None));
    plan(&[mailbox("invoices", &a, &[]), mailbox("desk", &b, &[])])
}

#[tokio::test]
async fn every_route_of_the_table_answers_and_head_has_no_body() {
    let actions = |_: &_| Actions {
        probe: Box::new(|_| Box::pin(async { Some(OnDemand::Recent) })),
        reload: Box::new(|| Box::pin(async { Ok("Taken.".to_owned()) })),
    };
    let world = World::offering(&small(), actions).await;
    world.ready.set();
    for route in ROUTES {
        let path = route.path.replace("reasons/{name}", "reasons/timeout").replace("{name}", "invoices");
        let path = if path == "/probe" { "/probe?mailbox=invoices".to_owned() } else { path };
        let answer = world.ask(&format!("{} {path} HTTP/1.1", route.method)).await;
        let status = if path.ends_with("/probe") { "303" } else { "200" };
        assert_eq!(answer.status(), status, "{}", route.path);
        assert!(!answer.body.is_empty());
        assert!(answer.has("cache-control: no-store") && answer.has("x-content-type-options: nosniff"));
        if route.method == "POST" {
            continue;
        }
        let head = world.ask(&format!("HEAD {path} HTTP/1.1")).await;
        assert_eq!((head.status(), head.body.len()), ("200", 0), "{}", route.path);
    }
}

#[tokio::test]
async fn a_wrong_path_names_the_routes_a_wrong_method_the_right_one() {
    let world = World::new(&small()).await;
    let answer = world.ask("GET /metric HTTP/1.1").await;
    assert_eq!(answer.status(), "404");
    for route in ROUTES {
        assert!(answer.text().contains(route.path));
    }
    let answer = world.ask("POST /metrics HTTP/1.1\r\nContent-Length: 0").await;
    assert_eq!(answer.status(), "405");
    assert!(answer.has("allow: GET,HEAD"), "{}", answer.head);
}

#[tokio::test]
async fn metrics_come_in_the_format_and_encoding_that_is_asked_for() {
    let world = World::new(&small()).await;
    let plain = world.ask("GET /metrics HTTP/1.1").await;
    assert!(plain.has("content-type: text/plain; version=0.0.4; charset=utf-8"));
    assert!(plain.has("vary: accept, accept-encoding") && !plain.head.contains("content-encoding"));
    assert!(plain.text().contains("\nmailbox_exporter_checks 4\n"));

    let asked = "GET /metrics HTTP/1.1\r\nAccept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\nAccept-Encoding: gzip";
    let packed = world.ask(asked).await;
    assert!(packed.has("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(packed.has("content-encoding: gzip"));
    let mut text = String::new();
    GzDecoder::new(&*packed.body).read_to_string(&mut text).unwrap();
    assert!(text.contains("\nmailbox_exporter_checks 4\n") && text.ends_with("# EOF\n"));
}

#[tokio::test]
async fn scrapers_that_come_together_see_all_that_was_recorded() {
    let plan = small();
    let world = World::new(&plan).await;
    for round in 1..=5 {
        world.report.record(up(&plan.checks[0], dawn()));
        let sample = format!("mailbox=\"invoices\",protocol=\"imap\",outcome=\"success\"}} {round}\n");
        let ask = || world.ask("GET /metrics HTTP/1.1");
        let answers = tokio::join!(ask(), ask(), ask(), ask());
        for answer in [answers.0, answers.1, answers.2, answers.3] {
            assert!(answer.text().contains(&sample), "{sample}");
        }
    }
}

#[tokio::test]
async fn readiness_follows_the_flag_and_liveness_does_not() {
    let world = World::new(&small()).await;
    assert_eq!(world.ask("GET /-/ready HTTP/1.1").await.status(), "503");
    assert_eq!(world.ask("GET /-/healthy HTTP/1.1").await.status(), "200");
    world.ready.set();
    assert_eq!(world.ask("GET /-/ready HTTP/1.1").await.status(), "200");
    world.ready.unset();
    assert_eq!(world.ask("GET /-/ready HTTP/1.1").await.status(), "503");
}

#[tokio::test]
async fn the_page_names_a_fault_with_its_owner_and_the_remedy() {
    let plan = small();
    let world = World::new(&plan).await;
    let page = world.page().await;
    assert!(page.contains("Waiting for the first probes") && page.contains("waiting for its first probe"));
    for check in &plan.checks {
        world.report.record(up(check, dawn()));
    }
    let page = world.page().await;
    assert!(page.contains("All 2 mailboxes can be used") && !page.contains("What is broken"));

    let why = (Phase::Select, Reason::FolderMissing);
    world.report.record(down(&plan.checks[0], dawn(), why, "NO [NONEXISTENT] no such", "Run `Do-It -Now`."));
    let page = world.page().await;
    assert!(page.contains("1 of 2 mailboxes cannot be used"));
    let expected = [
        "folder_missing",
        "outlook.office365.com:993",
        Reason::FolderMissing.row().meaning,
        "NO [NONEXISTENT] no such",
        "operator of the exporter",
        "<code><span>Do-It</span> <span>-Now</span></code>",
    ];
    for text in expected {
        assert!(page.contains(text), "{text}");
    }
}

#[tokio::test]
async fn a_token_and_a_secret_about_to_end_are_announced() {
    let now = jiff::Timestamp::now();
    let near = credential("contoso", Some(now + Duration::from_secs(10 * 86_400)));
    let far = credential("fabrikam", Some(now + Duration::from_secs(300 * 86_400)));
    let plan = plan(&[mailbox("invoices", &near, &[]), mailbox("desk", &far, &[])]);
    let world = World::new(&plan).await;
    let page = world.page().await;
    assert!(page.contains("The secret of credential <strong>contoso</strong> ends in 9 d 23 h"));
    assert_eq!(page.matches("<article").count(), 1, "fabrikam's is far away");

    let mut token = issued(&far, &[]);
    token.outcome.as_mut().unwrap().expires_at = now + Duration::from_secs(3_000);
    world.report.record_token(&token);
    world.report.record_token(&refused(&far, Reason::SecretInvalid));
    let page = world.page().await;
    assert!(page.contains(
        "secret_invalid</code></a> when the token of credential <strong>fabrikam</strong> is renewed"
    ));
    world.report.record_token(&token);
    assert_eq!(world.page().await.matches("<article").count(), 1, "renewed again");
    world.report.record_token(&refused(&near, Reason::SecretExpired));
    assert_eq!(world.page().await.matches("<article").count(), 0, "what fails already is not about to");
}

#[tokio::test]
async fn foreign_text_is_escaped_on_the_page() {
    const EVIL: &str = "</style><script>alert(1)</script>\"'<img src=x onerror=y>&amp;";
    let shared = credential(EVIL, None);
    let plan = plan(&[mailbox(EVIL, &shared, &[])]);
    let world = World::new(&plan).await;
    world.report.record(down(&plan.checks[0], dawn(), (Phase::Auth, Reason::Unexpected), EVIL, EVIL));
    world.report.record(down(&plan.checks[1], dawn(), (Phase::Token, Reason::SecretExpired), EVIL, EVIL));
    world.report.record_token(&refused(&shared, Reason::SecretExpired));
    let answer = world.ask("GET / HTTP/1.1").await;
    let page = answer.text();
    assert!(!page.contains("<script>") && !page.contains("<img"));
    assert!(page.contains("&lt;script&gt;") && page.contains("&amp;amp;"));
    assert!(answer.head.contains("content-security-policy: default-src 'none'; style-src 'sha256-"));
    assert!(!page.contains("style=\""), "the policy allows no inline style");
}

#[tokio::test]
async fn a_broken_credential_is_one_entry_for_all_its_mailboxes() {
    let (broken, fine) = (credential("fabrikam", None), credential("contoso", None));
    let mut mailboxes: Vec<_> = (0..700).map(|n| mailbox(&format!("m{n:03}"), &broken, &[])).collect();
    mailboxes.push(mailbox("zulu", &fine, &[]));
    let plan = plan(&mailboxes);
    let world = World::new(&plan).await;
    let (last, others) = plan.checks.split_last().unwrap();
    for check in others {
        world.report.record(down(
            check,
            dawn(),
            (Phase::Token, Reason::SecretExpired),
            "AADSTS7000222",
            "New.",
        ));
    }
    world.report.record(down(last, dawn(), (Phase::Connect, Reason::Timeout), "no answer", "Look."));
    world.report.record_token(&issued(&fine, &[]));
    let page = world.page().await;
    assert_eq!(page.matches("<article>").count(), 3, "zulu/imap fails by its own credential");
    assert!(page.contains("700 mailboxes</strong> (1400 checks)"), "the entry counts");
    assert!(page.contains("and 688 more") && page.contains("1–50 of 701"));
    assert_eq!(page.matches("<th scope=\"row\"><a href=\"./mailboxes/m").count(), 50);
    let (lasting, passing) = (page.find("secret_expired").unwrap(), page.find(">timeout<").unwrap());
    assert!(lasting < passing, "what does not pass by itself comes first");
}

#[tokio::test]
async fn a_mailbox_of_any_name_has_a_page_and_an_object() {
    let name = "büro/<1> & co";
    let plan = plan(&[mailbox(name, &credential("contoso", None), &[("team", "desk")])]);
    let world = World::new(&plan).await;
    let said = |text: &str| DialogueLine { at: Duration::ZERO, from: Speaker::Server, text: text.to_owned() };
    let fine = Observation { dialogue: vec![said("a3 OK <done>")].into(), ..up(&plan.checks[0], dawn()) };
    let refusal = (Phase::Auth, Reason::TokenRejected);
    let refused = Observation {
        dialogue: vec![said("a2 NO AUTHENTICATE failed.")].into(),
        ..down(&plan.checks[0], dawn(), refusal, "NO AUTHENTICATE failed.", "Run `Test-It`.")
    };
    world.report.record(fine);
    world.report.record(refused);

    let index = world.page().await;
    let link = index.split("href=\"./mailboxes/").nth(1).unwrap().split('"').next().unwrap();
    assert!(link.is_ascii() && !link.contains('/'), "{link}");
    let page = world.ask(&format!("GET /mailboxes/{link} HTTP/1.1")).await.text();
    for text in ["a2 NO AUTHENTICATE failed.", "a3 OK &lt;done&gt;", "Test-It", "token_rejected", "desk"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("<1>") && !page.contains("<done>"));

    let answer = world.ask(&format!("GET /api/v1/mailboxes/{link} HTTP/1.1")).await;
    assert!(answer.has("content-type: application/json"));
    let object: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(object["name"], name);
    let (imap, smtp) = (&object["checks"][0], &object["checks"][1]);
    assert_eq!(imap["last"]["reason"], "token_rejected");
    assert_eq!(imap["last_failure"]["transcript"][0]["text"], "a2 NO AUTHENTICATE failed.");
    assert_eq!(imap["last_success"]["transcript"][0]["from"], "server");
    assert_eq!(imap["recent"].as_array().map(Vec::len), Some(2));
    assert!(smtp["protocol"] == "smtp" && smtp["last"].is_null());

    for path in ["/mailboxes/absent", "/api/v1/mailboxes/absent"] {
        let answer = world.ask(&format!("GET {path} HTTP/1.1")).await;
        assert_eq!(answer.status(), "404", "{path}");
        assert!(answer.text().contains("absent"));
    }
}
