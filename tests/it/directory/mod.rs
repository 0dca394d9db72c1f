//! Directories: what Microsoft Graph says is exported and judged, and nothing counts that was read by half.

mod commands;
mod odd;
mod pace;
mod rows;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mailbox_exporter::app::App;
use mailbox_exporter::model::Protocol;
use mailbox_exporter::sim::{
    DirectoryFault, Fault, SimApp, SimCertificate, SimDirectory, SimMailbox, SimSignIn,
};

use crate::support::app;
use crate::support::http::ask;
use crate::support::scrape::value;
use crate::support::wait::eventually;
use crate::support::world::World;
use crate::support::yaml::Door;

/// 2027-03-01, 2028-03-01 and 2029-03-01, as text and in seconds since 1970.
const ENDS: [(&str, f64); 3] = [
    ("2027-03-01T00:00:00Z", 1_803_859_200.0),
    ("2028-03-01T00:00:00Z", 1_835_481_600.0),
    ("2029-03-01T00:00:00Z", 1_867_017_600.0),
];
const EXPIRY: &str = "directory/contoso/expiry";
const SIGN_INS: &str = "directory/contoso/sign_ins";

/// A mailbox of the tenant, and a directory that is read with an app of its own.
struct Tenant {
    world: World,
    graph: SimDirectory,
    reader: SimApp,
    mailbox: SimMailbox,
}

impl Tenant {
    async fn new(more: &str) -> Self {
        Self::of(World::start().await, more).await
    }

    async fn of(mut world: World, more: &str) -> Self {
        let (url, graph) = world.graph();
        let mailbox = world.mailbox(Fault::None).await;
        let reader = world.app();
        reader.set_roles(&["Application.Read.All", "AuditLog.Read.All"]);
        for app in [&reader, mailbox.app()] {
            graph.register(app);
        }
        world.yaml.credential_named("graph", &reader);
        world.yaml.watch("desk", &mailbox, Door::Imap, "interval: 1h");
        world.yaml.head =
            format!("directory:\n  contoso: {{ credential: graph, base_url: {url:?}, {more} }}\n");
        Self { world, graph, reader, mailbox }
    }

    async fn start(&self) -> App {
        app::start(&self.world.configuration()).await
    }

    fn signs_in(&self, count: usize) {
        let now = Timestamp::now();
        let user = self.mailbox.address().to_owned();
        self.graph.sign_in((0..count).map(|number| SimSignIn {
            user: if number == 0 { user.clone() } else { format!("printer{number}@contoso.example") },
            client_app: "IMAP4",
            at: now - SignedDuration::from_hours(1 + i64::try_from(number).unwrap()),
            error_code: 0,
        }));
    }
}

fn rows(source: &str) -> String {
    format!("mailbox_readiness_source_rows{{source={source:?}}}")
}

fn success(source: &str) -> String {
    format!("mailbox_readiness_source_last_success_timestamp_seconds{{source={source:?}}}")
}

fn end(credential: &str) -> String {
    format!("mailbox_credential_expiry_timestamp_seconds{{credential={credential:?},source=\"directory\"}}")
}

/// A name, what becomes of the request, the permissions of the token, and what the board says.
type Refused = (&'static str, Option<DirectoryFault>, &'static [&'static str], &'static str);

/// Waits until a series has this value; `None`: until it is absent.
async fn wait(agent: &App, series: &str, wanted: Option<f64>) {
    eventually(&format!("{series} {wanted:?}"), async || value(&app::metrics(agent).await, series) == wanted)
        .await;
}

/// Waits until the source has been read.
async fn read(agent: &App, source: &str) {
    let series = success(source);
    eventually(&series, async || value(&app::metrics(agent).await, &series).is_some()).await;
}

/// Waits until the board says this of the source.
async fn fault(agent: &App, source: &str, wanted: &str) -> String {
    let mut said = String::new();
    eventually(&format!("{source}: {wanted}"), async || {
        let json = ask(agent.address(), "GET /api/v1/readiness").await.1;
        let board: serde_json::Value = serde_json::from_str(&json).unwrap();
        let sources = board["sources"].as_array().unwrap().clone();
        let of_it = sources.into_iter().find(|row| row["source"] == source).unwrap();
        said = of_it["fault"].as_str().unwrap_or_default().to_owned();
        said.contains(wanted)
    })
    .await;
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_secret_that_is_ours_is_exported() {
    let tenant = Tenant::new("sign_ins: false").await;
    let Tenant { graph, mailbox, reader, .. } = &tenant;
    graph.add_secret(mailbox.app(), "xyz~another", ENDS[2].0);
    graph.add_secret(mailbox.app(), &mailbox.app().secret, ENDS[0].0);
    graph.add_secret(mailbox.app(), &mailbox.app().secret, ENDS[1].0);
    let agent = tenant.start().await;
    wait(&agent, &end("c0"), Some(ENDS[1].1)).await;
    wait(&agent, &rows(EXPIRY), Some(1.0)).await;
    // The reader's own secret is nowhere.
    wait(&agent, &end("graph"), None).await;
    let page = ask(agent.address(), "GET /credentials").await.1;
    assert!(page.contains("read by Microsoft Graph"), "{page}");
    assert!(page.contains("directory contoso is read with it"), "{page}");
    assert!(page.contains("Application.Read.All"), "{page}");
    // A rotated secret is looked up as soon as it is there.
    graph.add_secret(reader, "new~secret", ENDS[2].0);
    reader.expect_secret("new~secret");
    tenant.world.file("graph.secret", "new~secret");
    wait(&agent, &end("graph"), Some(ENDS[2].1)).await;
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_found_by_its_thumbprint() {
    let mut tenant = Tenant::new("sign_ins: false").await;
    let [ours, other] = [2040, 2041].map(|year| SimCertificate::until(year).unwrap());
    let app = tenant.world.app();
    app.register(&[&ours]);
    tenant.graph.add_certificate(&app, &other, ENDS[2].0);
    tenant.graph.add_certificate(&app, &ours, ENDS[1].0);
    tenant.world.file("app.pem", format!("{}{}", ours.certificate, ours.private_key));
    let keys = format!(
        "type: certificate, tenant: {}, client_id: {}, certificate: app.pem",
        app.tenant, app.client_id
    );
    tenant.world.yaml.credential_of("by-certificate", &keys);
    let agent = tenant.start().await;
    wait(&agent, &end("by-certificate"), Some(ENDS[1].1)).await;
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_makes_a_mailbox_seen_and_proves_no_password() {
    let tenant = Tenant::new("expiry: false").await;
    tenant.signs_in(7);
    tenant.graph.set_page(3);
    let agent = tenant.start().await;
    wait(&agent, &rows(SIGN_INS), Some(7.0)).await;
    assert_eq!(tenant.graph.requests().len(), 3, "three pages: {:?}", tenant.graph.requests());
    eventually("the first probe", async || {
        app::observed(&agent, &tenant.mailbox, Protocol::Imap) > 0 || {
            ask(agent.address(), "GET /api/v1/readiness").await.1.contains("\"dual\"")
        }
    })
    .await;
    let metrics = app::metrics(&agent).await;
    let seen =
        "mailbox_readiness_evidence_timestamp_seconds{mailbox=\"desk\",protocol=\"imap\",signal=\"usage\"}";
    assert!(value(&metrics, seen).is_some(), "{metrics}");
    let basic = "mailbox_basic_auth{mailbox=\"desk\",protocol=\"imap\",state=\"open\"}";
    assert_eq!(value(&metrics, basic), None, "a sign-in is no proof of passwords");
    let json = ask(agent.address(), "GET /api/v1/readiness").await.1;
    assert!(
        json.contains("somebody signed in, with a password or a token")
            && json.contains("signed_in")
            && json.contains("printer1@contoso.example"),
        "{json}"
    );
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_a_reading_that_breaks_counts() {
    let tenant = Tenant::new("expiry: false").await;
    tenant.signs_in(9);
    tenant.graph.set_page(3);
    tenant.graph.faults([None, Some(DirectoryFault::Close)]);
    let agent = tenant.start().await;
    fault(&agent, SIGN_INS, "connection_closed").await;
    let metrics = app::metrics(&agent).await;
    assert_eq!(value(&metrics, &rows(SIGN_INS)), Some(0.0), "three rows of a page were read");
    assert_eq!(value(&metrics, &success(SIGN_INS)), None);
    assert!(!metrics.contains("signal=\"usage\""), "{metrics}");
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_whole_outlives_a_reading_that_breaks() {
    let tenant = Tenant::new("expiry: false").await;
    tenant.signs_in(7);
    tenant.graph.set_page(3);
    let agent = tenant.start().await;
    wait(&agent, &rows(SIGN_INS), Some(7.0)).await;
    let seen = success(SIGN_INS);
    let read_at = value(&app::metrics(&agent).await, &seen);
    tenant.graph.faults([None, Some(DirectoryFault::Close)]);
    tenant.signs_in(5);
    // A file that changes is a reason to read at once.
    tenant.reader.expect_secrets(&[&tenant.reader.secret, "new~secret"]);
    tenant.world.file("graph.secret", "new~secret");
    fault(&agent, SIGN_INS, "connection_closed").await;
    let metrics = app::metrics(&agent).await;
    assert_eq!(value(&metrics, &rows(SIGN_INS)), Some(7.0));
    assert_eq!(value(&metrics, &seen), read_at);
    assert!(metrics.contains("signal=\"usage\""), "{metrics}");
    let page = ask(agent.address(), "GET /readiness").await.1;
    assert!(page.contains("still counts") && page.contains("connection_closed"), "{page}");
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn throttling_and_an_expired_token_only_take_time() {
    let tenant = Tenant::new("expiry: false").await;
    tenant.signs_in(9);
    tenant.graph.set_page(3);
    let throttled = || Some(DirectoryFault::Throttled(Duration::from_secs(1)));
    tenant.graph.faults([throttled(), None, throttled(), Some(DirectoryFault::TokenExpired)]);
    let agent = tenant.start().await;
    wait(&agent, &rows(SIGN_INS), Some(9.0)).await;
    assert_eq!(tenant.graph.requests().len(), 6);
    assert_eq!(tenant.reader.requests().len(), 2, "the token is renewed once");
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_refused_again_ends_the_reading() {
    let tenant = Tenant::new("expiry: false").await;
    tenant.graph.faults([Some(DirectoryFault::TokenExpired), Some(DirectoryFault::TokenExpired)]);
    let agent = tenant.start().await;
    fault(&agent, SIGN_INS, "refuses the token: InvalidAuthenticationToken").await;
    assert_eq!(tenant.graph.requests().len(), 2);
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_refusal_says_what_to_do_and_counts_for_nothing() {
    let refusals: [Refused; 8] = [
        ("no licence", None, &["AuditLog.Read.All"], "write sign_ins: false"),
        (
            "no permission",
            None,
            &["Application.Read.All"],
            "lacks the application permission AuditLog.Read.All",
        ),
        (
            "no JSON",
            Some(DirectoryFault::Html(200)),
            &["AuditLog.Read.All"],
            "is not Microsoft Graph: status 200 (<html>Sign in</html>)",
        ),
        (
            "a ring",
            Some(DirectoryFault::SamePage),
            &["AuditLog.Read.All"],
            "the link to the next page leads back to one already read",
        ),
        (
            "no Graph",
            Some(DirectoryFault::Html(404)),
            &["AuditLog.Read.All"],
            "is not Microsoft Graph: status 404 (<html>Sign in</html>); compare base_url",
        ),
        (
            "endless",
            Some(DirectoryFault::Huge),
            &["AuditLog.Read.All"],
            "answered with more than 16777216 bytes",
        ),
        (
            "endless before the answer",
            Some(DirectoryFault::EndlessInterim),
            &["AuditLog.Read.All"],
            "sent more than 262144 bytes before its answer was complete",
        ),
        (
            "elsewhere",
            Some(DirectoryFault::NextPage("https://localhost:1/v1.0/auditLogs/signIns".to_owned())),
            &["AuditLog.Read.All"],
            "on another server than base_url: localhost",
        ),
    ];
    for (name, instead, roles, wanted) in refusals {
        let tenant = Tenant::new("expiry: false").await;
        tenant.signs_in(1);
        tenant.reader.set_roles(roles);
        tenant.graph.set_licensed(name != "no licence");
        tenant.graph.faults([instead]);
        let agent = tenant.start().await;
        let said = fault(&agent, SIGN_INS, wanted).await;
        assert!(!tenant.reader.tokens().iter().any(|token| said.contains(token)), "{said}");
        assert_eq!(value(&app::metrics(&agent).await, &success(SIGN_INS)), None, "{name}");
        assert_eq!(tenant.graph.requests().len(), 1, "{name}");
        app::stop(agent).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_starts_and_stops_the_reading() {
    let mut tenant = Tenant::new("interval: 5m").await;
    tenant.signs_in(1);
    tenant.graph.add_secret(&tenant.reader, &tenant.reader.secret, ENDS[0].0);
    let with = std::mem::take(&mut tenant.world.yaml.head);
    let agent = tenant.start().await;
    assert!(!app::metrics(&agent).await.contains("directory/"));
    tenant.world.yaml.head = with;
    tenant.world.configuration();
    wait(&agent, &end("graph"), Some(ENDS[0].1)).await;
    read(&agent, SIGN_INS).await;
    let asked = tenant.graph.requests().len();
    // A mailbox that the log names without knowing it.
    let second = tenant.world.mailbox(Fault::None).await;
    tenant.world.yaml.watch("printer", &second, Door::Imap, "username: printer1@contoso.example");
    tenant.world.configuration();
    eventually("the new mailbox", async || app::metrics(&agent).await.contains("mailbox=\"printer\"")).await;
    tenant.world.yaml.head = String::new();
    tenant.world.configuration();
    eventually("no directory", async || !app::metrics(&agent).await.contains("directory")).await;
    // The new credential is one of the tenant, so its ends were asked for; the log was not read again.
    let log = tenant.graph.requests().into_iter().skip(asked).filter(|path| path.contains("auditLogs"));
    assert_eq!(log.count(), 0);
    app::stop(agent).await;
}
