//! Every kind of credential where an administrator looks: `consent-url`, and the page of credentials.

use std::time::Duration;

use jiff::SignedDuration;
use mailbox_exporter::sim::{Fault, SimCertificate, SimIssuer};

use crate::support::app;
use crate::support::http::ask;
use crate::support::process::run;
use crate::support::wait::eventually;
use crate::support::world::World;
use crate::support::yaml::Door;

const SUBJECT: &str = "system:serviceaccount:mail:mailbox-exporter";

/// A working mailbox for each kind whose proof lies in a file: a certificate, a workload's token, a person's sign-in.
async fn world() -> World {
    let mut world = World::start().await;
    let (certificate, issuer) = (SimCertificate::until(2120).unwrap(), SimIssuer::new().unwrap());
    let (registered, trusting) = (world.app(), world.app());
    registered.register(&[&certificate]);
    trusting.trust(&issuer, SUBJECT);
    world.file("app.pem", &certificate.certificate);
    world.file("app.key", &certificate.private_key);
    world.file("token", issuer.token(SUBJECT, SignedDuration::ZERO, Duration::from_secs(3600)).unwrap());
    for (name, app, keys) in [
        ("cert", &registered, "type: certificate, certificate: app.pem, private_key: { file: app.key }"),
        ("aks", &trusting, "type: federated, token_file: token"),
    ] {
        let (tenant, client) = (&app.tenant, &app.client_id);
        world.yaml.credential_of(name, &format!("{keys}, tenant: {tenant}, client_id: {client}"));
        let mailbox = world.mailbox_of(app, Fault::None).await;
        world.yaml.watch_with(name, &mailbox, Door::Imap, name);
    }
    let person = world.mailbox(Fault::None).await;
    let file = world.yaml.person("desk", person.app(), "");
    std::fs::write(file, person.app().signed_in()).unwrap();
    world.yaml.watch_as_person(&[person], &[Door::Imap], "desk", "");
    world
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_consents_for_every_kind_that_has_an_app() {
    let world = world().await;
    let config = world.configuration();
    let yaml = world.yaml.text();
    for (name, scope) in [
        // IMAP has a name of its own for consent.
        ("cert", "https%3A%2F%2Fps.outlook.com%2F.default"),
        ("aks", "https%3A%2F%2Fps.outlook.com%2F.default"),
        ("desk", "IMAP.AccessAsUser.All"),
    ] {
        let printed = run(&["consent-url", name], Some(&config));
        assert_eq!(printed.status, Some(0), "{name}: {}", printed.said());
        let (_, keys) = yaml.split_once(&format!("  {name}: {{")).unwrap();
        let value = |key: &str| {
            let (_, rest) = keys.split_once(&format!("{key}: ")).unwrap();
            rest.split([',', ' ']).next().unwrap().to_owned()
        };
        for part in [
            format!("/{}/v2.0/adminconsent?", value("tenant")),
            format!("client_id={}&", value("client_id")),
            scope.to_owned(),
        ] {
            assert!(printed.stdout.contains(&part), "{name}, {part}: {}", printed.stdout);
        }
        assert_eq!(printed.stdout.lines().count(), 1, "{name}: {}", printed.stdout);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_says_of_every_kind_where_it_lies_and_when_it_ends() {
    let world = world().await;
    let agent = app::start(&world.configuration()).await;
    let mut page = String::new();
    eventually("every credential has a token", async || {
        page = ask(agent.address(), "GET /credentials").await.1;
        page.matches("the token in hand").count() == 3
    })
    .await;
    let article = |name: &str| {
        let (_, rest) = page.split_once(&format!("<h2>{name}</h2>")).unwrap();
        rest.split("</article>").next().unwrap().to_owned()
    };
    for (name, texts) in [
        ("cert", ["certificate, tenant <code>", "app.pem and file", "2120-01-01"]),
        ("aks", ["federated, tenant <code>", "secret in file", "the token file ends in "]),
        ("desk", ["refresh_token, tenant <code>", "desk.token", "the refresh token last worked "]),
    ] {
        let article = article(name);
        for text in texts {
            assert!(article.contains(text), "{name}, {text}: {article}");
        }
        // Nothing is to be done about a proof that works and says itself when it ends.
        assert!(article.contains("<dt>What to do</dt><dd>nothing</dd>"), "{name}: {article}");
    }
    let metrics = ask(agent.address(), "GET /metrics").await.1;
    for series in [
        r#"mailbox_credential_expiry_timestamp_seconds{credential="cert",source="certificate"} 4733510400"#,
        r#"mailbox_credential_token_file_expiry_timestamp_seconds{credential="aks"} "#,
        r#"mailbox_credential_refresh_token_last_used_timestamp_seconds{credential="desk"} "#,
    ] {
        assert!(metrics.contains(series), "{series}: {metrics}");
    }
    app::stop(agent).await;
}
