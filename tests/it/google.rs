//! A Google service account: one token for each mailbox, verified by the simulated Google bit by bit.

use std::collections::HashSet;
use std::time::Duration;

use mailbox_exporter::model::{Observation, Outcome};
use mailbox_exporter::sim::{Fault, SimMailbox, SimServiceAccount, TokenFault, TokenOutcome};

use crate::probes::verdict;
use crate::support::app;
use crate::support::process::run;
use crate::support::wait::until;
use crate::support::world::World;
use crate::support::yaml::Door;

const MAIL: &str = "https://mail.google.com/";
const IMAP_ADMIN: &str = "https://www.googleapis.com/auth/gmail.imap_admin";

/// A service account that may act for everyone, and a credential `google` of it.
fn credential(world: &mut World, scopes: &[&str]) -> (mailbox_exporter::sim::SimApp, SimServiceAccount) {
    let (app, account) = (world.app(), SimServiceAccount::new().unwrap());
    app.delegate(&account, scopes);
    world.file("sa.json", account.file(&world.google_url()));
    world.yaml.credential_of("google", "type: google_service_account, key: { file: sa.json }");
    (app, account)
}

/// A mailbox that is probed by IMAP and SMTP; `extra` are further keys of its provider.
fn watch(world: &mut World, mailbox: &SimMailbox, extra: &str) {
    let name = mailbox.address();
    let ca = world.folder.path().join("ca.pem");
    let (imap, smtp) = (mailbox.imap_port(), mailbox.smtp_port());
    let keys = format!(
        "extends: gmail, imap: {{ host: localhost, port: {imap}, tls: implicit }}, smtp: {{ host: localhost, port: {smtp}, tls: starttls }}, ca_file: {ca:?}{extra}"
    );
    let provider = format!("p-{imap}");
    if !world.yaml.text().contains(&format!("  {provider}: ")) {
        world.yaml.provider_of(&provider, &keys);
    }
    for protocol in [Door::Imap.protocol(), Door::Smtp.protocol()] {
        world.yaml.mailbox_of(
            &format!("name: {protocol}-{name}, address: {name}, provider: {provider}, credential: google, checks: [{protocol}]"),
            "",
        );
    }
}

fn hint(seen: &Observation) -> String {
    match &seen.outcome {
        Outcome::Down { hint, .. } => hint.clone(),
        Outcome::Up => String::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_mailbox_of_a_service_account_is_opened_by_its_own_token() {
    let mut world = World::start().await;
    let (app, _) = credential(&mut world, &[MAIL]);
    let mailboxes = world.mailboxes_of(&app, 20).await;
    for mailbox in &mailboxes {
        watch(&mut world, mailbox, "");
    }
    let seen = world.round().await;
    assert_eq!(seen.len(), 40);
    for (name, observation) in &seen {
        assert_eq!(verdict(observation), "up", "{name}: {:?}", observation.outcome);
    }
    // IMAP and SMTP of a mailbox share its token; no mailbox gets the token of another one.
    let users: HashSet<_> = app.requests().into_iter().map(|request| request.user.unwrap()).collect();
    assert_eq!((app.requests().len(), users.len()), (20, 20));
    assert!(mailboxes.iter().all(|mailbox| users.contains(mailbox.address())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_token_is_for_the_login_name_and_not_for_the_address() {
    let mut world = World::start().await;
    let (app, _) = credential(&mut world, &[MAIL]);
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    mailbox.set_username("primary@contoso.example");
    watch(&mut world, &mailbox, "");
    let path = world.configuration();
    let yaml = std::fs::read_to_string(&path).unwrap();
    let yaml = yaml.replace("credential: google", "credential: google, username: primary@contoso.example");
    std::fs::write(&path, yaml).unwrap();
    let plan = mailbox_exporter::config::load(&path).unwrap().plan;
    let seen = mailbox_exporter::app::round(&plan, |_| ()).await;
    assert!(seen.iter().all(|seen| seen.outcome.is_up()), "{:?}", seen[0].outcome);
    assert_eq!(app.requests()[0].user.as_deref(), Some("primary@contoso.example"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_of_the_provider_is_asked_for_and_a_written_url_wins() {
    let mut world = World::start().await;
    let (app, account) = credential(&mut world, &[IMAP_ADMIN]);
    // The key names another endpoint, where nobody listens.
    world.file("sa.json", account.file("https://localhost:1/token"));
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    let extra = format!(", token_url: {:?}, scope: {IMAP_ADMIN:?}", world.google_url());
    watch(&mut world, &mailbox, &extra);
    let seen = world.round().await;
    let name = mailbox.address();
    let imap = &seen[&format!("imap-{name}")];
    assert_eq!(verdict(imap), "up", "{:?}", imap.outcome);
    // The scope opens IMAP only.
    assert_eq!(verdict(&seen[&format!("smtp-{name}")]), "auth token_rejected");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_refusal_of_google_has_its_reason() {
    let mut world = World::start().await;
    let (app, account) = credential(&mut world, &[MAIL]);
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    watch(&mut world, &mailbox, "");
    let name = format!("imap-{}", mailbox.address());
    let url = world.google_url();
    let ahead = |minutes| app.set_clock_ahead(jiff::SignedDuration::from_mins(minutes));

    assert_eq!(verdict(&world.round().await[&name]), "up");

    app.delegate(&account, &[IMAP_ADMIN]);
    let seen = world.round().await;
    assert_eq!(verdict(&seen[&name]), "token consent_missing");
    let hint = hint(&seen[&name]);
    let listed = format!("must list client id `{}` with the scope `{MAIL}`", account.client_id);
    assert!(hint.contains(&listed) && hint.contains(&account.email), "{hint}");

    app.delegate(&account, &[MAIL]);
    app.miss_user(mailbox.address());
    assert_eq!(verdict(&world.round().await[&name]), "token account_not_found");

    app.delegate(&account, &[MAIL]);
    for minutes in [-30, 30] {
        ahead(minutes);
        assert_eq!(verdict(&world.round().await[&name]), "token clock_skew", "{minutes}");
    }
    ahead(0);

    let other = SimServiceAccount::new().unwrap();
    let mut forged = account.clone();
    forged.private_key.clone_from(&other.private_key);
    world.file("sa.json", forged.file(&url));
    assert_eq!(verdict(&world.round().await[&name]), "token certificate_rejected");

    world.file("sa.json", other.file(&url));
    assert_eq!(verdict(&world.round().await[&name]), "token app_not_found");

    world.file("sa.json", account.file("http://oauth2.googleapis.com/token"));
    let seen = world.round().await;
    assert_eq!(verdict(&seen[&name]), "token secret_unreadable");

    world.file("sa.json", "{}");
    assert_eq!(verdict(&world.round().await[&name]), "token secret_unreadable");
    let refused =
        app.requests().iter().filter(|seen| matches!(seen.outcome, TokenOutcome::Refused(_))).count();
    assert!(refused >= 5, "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn validate_refuses_a_file_that_is_no_service_account_key() {
    let mut world = World::start().await;
    let (app, account) = credential(&mut world, &[MAIL]);
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    watch(&mut world, &mailbox, "");
    let configuration = world.configuration();
    let validate = || run(&["validate"], Some(&configuration));
    // As downloaded, with a byte order mark, with line ends escaped twice.
    let file = account.file("https://oauth2.googleapis.com/token");
    for content in [file.clone(), format!("\u{feff}{file}"), file.replace("\\n", "\\\\n").replace("\\r", "")]
    {
        world.file("sa.json", &content);
        let run = validate();
        assert_eq!(run.status, Some(0), "{content}: {}", run.stdout);
    }
    world.file("sa.json", file.replace("service_account", "authorized_user"));
    let run = validate();
    assert_eq!(run.status, Some(2), "{}", run.stdout);
    assert!(
        run.stdout.contains("credentials.google: file") && run.stdout.contains("sign-in of a person"),
        "{}",
        run.stdout
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_unknown_to_google_is_no_credential_failure() {
    let mut world = World::start().await;
    let (google, _) = credential(&mut world, &[MAIL]);
    let mailboxes = world.mailboxes_of(&google, 3).await;
    google.miss_user(mailboxes[2].address());
    for mailbox in &mailboxes {
        watch(&mut world, mailbox, "");
    }
    world.yaml.head = "defaults: { interval: 1s }".to_owned();
    let agent = app::start(&world.configuration()).await;
    until("all were probed", || {
        let checks = agent.report().checks();
        checks.iter().all(|record| record.last.is_some()).then_some(())
    });
    let metrics = app::metrics(&agent).await;
    let has = |line: &str| assert!(metrics.lines().any(|known| known.starts_with(line)), "{line}: {metrics}");
    has("mailbox_credential_success{credential=\"google\"} 1");
    has(
        "mailbox_token_requests_total{credential=\"google\",outcome=\"success\",resource=\"mail.google.com\"} 2",
    );
    has("mailbox_token_expiry_timestamp_seconds{credential=\"google\",resource=\"mail.google.com\"} ");
    assert!(!metrics.contains("mailbox_credential_failure_info{credential=\"google\""), "{metrics}");
    let record = agent.report().credentials().remove(0);
    let users = record.tokens[0].users.clone().unwrap();
    assert_eq!((users.needed, users.held, users.failing.len()), (3, 2, 1));
    app::stop(agent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn setup_prints_client_id_and_scope_for_the_admin_console() {
    let mut world = World::start().await;
    let (app, account) = credential(&mut world, &[MAIL]);
    let mailbox = world.mailbox_of(&app, Fault::None).await;
    watch(&mut world, &mailbox, "");
    let configuration = world.configuration();
    let setup = run(&["setup", "google"], Some(&configuration));
    let listed = format!("Client id: {}. Scope, exactly: {MAIL}", account.client_id);
    assert!(setup.stdout.contains(&listed), "{}", setup.said());
    let consent = run(&["consent-url", "google"], Some(&configuration));
    assert_eq!(consent.status, Some(2));
    assert!(consent.stderr.contains("has no consent URL"), "{}", consent.stderr);
    assert_eq!(app.requests().len(), 0, "nothing is asked for");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_to_one_user_for_all_is_asked_once() {
    let mut world = World::start().await;
    let (app, account) = credential(&mut world, &[MAIL]);
    for mailbox in &world.mailboxes_of(&app, 30).await {
        watch(&mut world, mailbox, "");
    }
    let url = world.google_url();
    let mut forged = account.clone();
    forged.private_key = SimServiceAccount::new().unwrap().private_key;
    world.file("sa.json", forged.file(&url));
    for (scopes, expected) in
        [([MAIL], "token certificate_rejected"), ([IMAP_ADMIN], "token consent_missing")]
    {
        app.delegate(&account, &scopes);
        let before = app.requests().len();
        let seen = world.round().await;
        assert_eq!(seen.len(), 60);
        for (name, observation) in &seen {
            assert_eq!(verdict(observation), expected, "{name}");
        }
        assert_eq!(app.requests().len(), before + 1, "{expected}");
        world.file("sa.json", account.file(&url));
    }
    app.delegate(&account, &[MAIL]);
    let before = app.requests().len();
    for (name, observation) in world.round().await {
        assert_eq!(verdict(&observation), "up", "{name}: {:?}", observation.outcome);
    }
    assert_eq!(app.requests().len(), before + 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_domain_refuses_is_not_held_against_another() {
    let mut world = World::start().await;
    let (app, _) = credential(&mut world, &[MAIL]);
    let mailboxes = world.mailboxes_of(&app, 10).await;
    for mailbox in &mailboxes {
        watch(&mut world, mailbox, "");
    }
    let path = world.configuration();
    let mut yaml = std::fs::read_to_string(&path).unwrap();
    let foreign: Vec<_> = mailboxes[..5].iter().map(|mailbox| mailbox.address().to_owned()).collect();
    for (number, address) in foreign.iter().enumerate() {
        let elsewhere = format!("address: {address}, username: user{number}@elsewhere.example,");
        yaml = yaml.replace(&format!("address: {address},"), &elsewhere);
    }
    std::fs::write(&path, yaml).unwrap();
    let plan = mailbox_exporter::config::load(&path).unwrap().plan;
    for seen in mailbox_exporter::app::round(&plan, |_| ()).await {
        let is_foreign = foreign.iter().any(|address| *address == *seen.check.mailbox.address);
        let expected = if is_foreign { "token consent_missing" } else { "up" };
        assert_eq!(verdict(&seen), expected, "{}", seen.check.mailbox.name);
    }
    let users: Vec<_> = app.requests().into_iter().map(|request| request.user.unwrap()).collect();
    assert_eq!(users.iter().filter(|user| user.ends_with("@elsewhere.example")).count(), 1, "{users:?}");
    assert_eq!(users.len(), 6, "{users:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_ends_the_back_off_of_every_user() {
    let mut world = World::start().await;
    let (app, account) = credential(&mut world, &[MAIL]);
    for mailbox in &world.mailboxes_of(&app, 10).await {
        watch(&mut world, mailbox, "");
    }
    // An hour: nothing but the new key can end it within the patience of this test.
    app.set_fault(Some(TokenFault::IdpThrottled));
    app.set_retry_after(Duration::from_secs(3600));
    world.yaml.head = "defaults: { interval: 1s }".to_owned();
    let agent = app::start(&world.configuration()).await;
    let all = |is: fn(&Outcome) -> bool| {
        let checks = agent.report().checks();
        let every = checks.iter().all(|record| record.last.as_ref().is_some_and(|last| is(&last.outcome)));
        (checks.len() == 20 && every).then_some(())
    };
    until("every check fails", || all(|outcome| !outcome.is_up()));
    assert_eq!(app.requests().len(), 1, "who is throttled does not ask in the name of others");
    app.set_fault(None);
    world.file("sa.json", format!("{}\n", account.file(&world.google_url())));
    until("every check works", || all(Outcome::is_up));
    let metrics = app::metrics(&agent).await;
    assert!(metrics.contains("mailbox_credential_success{credential=\"google\"} 1"), "{metrics}");
    app::stop(agent).await;
}
