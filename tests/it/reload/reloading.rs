//! What a reload takes, refuses, keeps and ends; and by what it is set off.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use mailbox_exporter::model::Protocol;
use mailbox_exporter::sim::{Fault, Service, TokenFault};

use crate::support::app::{metrics, observed, record, start};
use crate::support::http::ask;
use crate::support::scrape::value;
use crate::support::wait::eventually;
use crate::support::world::World;
use crate::support::yaml::{Door, EXCHANGE};

const SUCCESSFUL: &str = "mailbox_exporter_config_last_reload_successful";
const TIME: &str = "mailbox_exporter_config_last_reload_success_timestamp_seconds";

#[tokio::test]
async fn a_bad_file_changes_nothing_and_names_every_fault() {
    let world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    let yaml = world.fresh("defaults: { interval: 1s, checks: [imap] }").with(&mailbox, "");
    yaml.write();
    let app = start(&world.folder.config()).await;
    let taken = value(&metrics(&app).await, TIME);
    assert!(taken.is_some());

    world.file("config.yaml", format!("{}    interval: never\nlimitz: {{}}\n", yaml.text()));
    let (status, said) = ask(app.address(), "POST /-/reload").await;
    assert_eq!(status, 422);
    world.file("config.yaml", format!("{}limitz: {{}}\ndefaultz: {{}}\n", yaml.text()));
    let (_, both) = ask(app.address(), "POST /-/reload").await;
    assert!(
        said.contains("config.yaml:") && both.contains("limitz") && both.contains("defaultz"),
        "{said}{both}"
    );
    let page = metrics(&app).await;
    assert_eq!((value(&page, SUCCESSFUL), value(&page, TIME)), (Some(0.0), taken));
    let before = observed(&app, &mailbox, Protocol::Imap);
    eventually("probing goes on", async || observed(&app, &mailbox, Protocol::Imap) > before + 1).await;

    yaml.write();
    assert_eq!(ask(app.address(), "POST /-/reload").await.0, 200);
    let page = metrics(&app).await;
    assert!(value(&page, SUCCESSFUL) == Some(1.0) && value(&page, TIME) > taken);
    app.stop().await;
}

#[tokio::test]
async fn a_token_is_kept_while_its_credential_is_the_same() {
    let world = World::start().await;
    let app_of_all = world.app();
    let first = world.mailbox_of(&app_of_all, Fault::None).await;
    let second = world.mailbox_of(&app_of_all, Fault::None).await;
    let head = "defaults: { interval: 1s, checks: [imap] }";
    world.fresh(head).with(&first, "").write();
    let app = start(&world.folder.config()).await;
    eventually("the first is probed", async || observed(&app, &first, Protocol::Imap) > 0).await;

    let yaml = world.fresh(head).with(&first, "labels: { team: x }").with(&second, "");
    yaml.write();
    assert_eq!(ask(app.address(), "POST /-/reload").await.0, 200);
    eventually("the second is probed", async || observed(&app, &second, Protocol::Imap) > 0).await;
    assert_eq!(app_of_all.requests().len(), 1, "one token serves on");

    world.file("moved.secret", &app_of_all.secret);
    world.file("config.yaml", yaml.text().replace("c0.secret", "moved.secret"));
    assert_eq!(ask(app.address(), "POST /-/reload").await.0, 200);
    let before = observed(&app, &first, Protocol::Imap);
    eventually("the first is probed again", async || observed(&app, &first, Protocol::Imap) > before).await;
    assert_eq!(app_of_all.requests().len(), 2, "the secret lies elsewhere: who knows what it is");
    app.stop().await;
}

#[tokio::test]
async fn a_credential_that_fails_keeps_its_back_off() {
    let world = World::start().await;
    let mailbox = world.mailbox(Fault::Token(TokenFault::SecretExpired)).await;
    world.fresh("defaults: { interval: 1s, checks: [imap] }").with(&mailbox, "").write();
    let app = start(&world.folder.config()).await;
    eventually("it fails", async || observed(&app, &mailbox, Protocol::Imap) > 0).await;
    assert_eq!(ask(app.address(), "POST /-/reload").await.0, 200);
    let before = observed(&app, &mailbox, Protocol::Imap);
    eventually("it fails again", async || observed(&app, &mailbox, Protocol::Imap) > before + 1).await;
    assert_eq!(mailbox.app().requests().len(), 1, "the identity provider is left alone for half a minute");
    app.stop().await;
}

#[tokio::test]
async fn a_reload_ends_stretched_intervals_but_no_requested_pause() {
    let world = World::start().await;
    let refused = world.mailbox(Fault::TokenRejected).await;
    let throttled = world.mailbox(Fault::Throttled).await;
    let yaml = world.fresh("defaults: { interval: 1s, checks: [imap] }");
    yaml.with(&refused, "").with(&throttled, "").write();
    let app = start(&world.folder.config()).await;
    let interval = |mailbox| record(&app, mailbox, Protocol::Imap).unwrap().interval.as_secs();
    eventually("one is stretched, one is told to wait", async || {
        (interval(&refused), interval(&throttled)) == (15 * 60, 5 * 60)
    })
    .await;
    let logins = || [&refused, &throttled].map(|mailbox| mailbox.connections(Service::Imap).total);
    let before = logins();
    assert_eq!(before, [2, 1]);
    assert_eq!(ask(app.address(), "POST /-/reload").await.0, 200);
    assert_eq!((interval(&refused), interval(&throttled)), (1, 5 * 60));
    eventually("the refused one is asked again", async || logins()[0] > before[0]).await;
    assert_eq!(logins()[1], 1, "who asks for time gets it");
    app.stop().await;
}

#[tokio::test]
async fn another_listener_takes_a_restart_and_says_so_at_every_reload() {
    let world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    let yaml = world.fresh("defaults: { interval: 1h }").with(&mailbox, "");
    yaml.write();
    let app = start(&world.folder.config()).await;
    world.file("config.yaml", yaml.text().replace("127.0.0.1:0", "127.0.0.1:1"));
    for _ in 0..2 {
        let (status, said) = ask(app.address(), "POST /-/reload").await;
        assert!(status == 200 && said.contains("127.0.0.1:1 takes a restart"), "{status} {said}");
    }
    yaml.write();
    let (_, said) = ask(app.address(), "POST /-/reload").await;
    assert!(!said.contains("restart"), "{said}");
    app.stop().await;
}

#[tokio::test]
async fn another_state_dir_takes_a_restart_and_says_so() {
    let world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    let yaml = world.fresh("defaults: { interval: 1h }").with(&mailbox, "");
    yaml.write();
    let app = start(&world.folder.config()).await;
    world.file("config.yaml", format!("{}\nstate_dir: elsewhere\n", yaml.text()));
    for _ in 0..2 {
        let (status, said) = ask(app.address(), "POST /-/reload").await;
        let announced = said.contains("elsewhere takes a restart; until then none stays in use");
        assert!(status == 200 && announced, "{status} {said}");
    }
    assert!(!world.folder.join("elsewhere").exists());
    yaml.write();
    let (_, said) = ask(app.address(), "POST /-/reload").await;
    assert!(!said.contains("restart"), "{said}");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_that_come_together_are_taken_one_after_the_other() {
    let world = World::start().await;
    let boxes = world.mailboxes(30).await;
    let yaml = world.fresh("defaults: { interval: 1h }");
    yaml.all(&boxes[..10]).write();
    let app = start(&world.folder.config()).await;
    world.fresh("defaults: { interval: 1h }").all(&boxes).write();
    let address = app.address();
    let asked: Vec<_> =
        (0..8).map(|_| tokio::spawn(async move { ask(address, "POST /-/reload").await })).collect();
    let mut said = Vec::new();
    for answer in asked {
        said.push(answer.await.unwrap());
    }
    assert!(said.iter().all(|(status, _)| *status == 200), "{said:?}");
    // The change is taken once, perhaps by the watcher. Callers that wait for the same reload share its answer.
    let once = "20 as before, 0 changed, 40 new";
    let nothing_new = "60 as before, 0 changed, 0 new";
    assert!(said.iter().all(|(_, text)| text.contains(once) || text.contains(nothing_new)), "{said:?}");
    assert_eq!(value(&metrics(&app).await, "mailbox_exporter_checks"), Some(60.0));
    app.stop().await;
}

/// How soon a change of a file must be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(5);

#[tokio::test]
async fn changed_files_and_new_ones_that_match_are_taken() {
    let world = World::start().await;
    let boxes = world.mailboxes(3).await;
    let yaml = world.fresh("defaults: { interval: 1h }\nmailbox_files: [ \"*.more.yaml\" ]");
    let yaml = yaml.with(&boxes[0], "");
    yaml.write();
    let app = start(&world.folder.config()).await;
    let provider = world.fresh("").provider(&boxes[0], &Door::BOTH, EXCHANGE);
    for mailbox in &boxes[1..] {
        let address = mailbox.address();
        world.file(
            &format!("{address}.more.yaml"),
            format!("- {{ address: {address}, credential: c0, provider: {provider} }}\n"),
        );
        must_come(&app, address).await;
    }
    fs::remove_file(world.folder.join(format!("{}.more.yaml", boxes[1].address()))).unwrap();
    eventually("it is gone", async || !metrics(&app).await.contains(boxes[1].address())).await;
    // A fault is not taken, and what mends it is seen again.
    world.file("config.yaml", "nonsense: 1\n");
    eventually("it is refused", async || value(&metrics(&app).await, SUCCESSFUL) == Some(0.0)).await;
    yaml.write();
    eventually("it is mended", async || value(&metrics(&app).await, SUCCESSFUL) == Some(1.0)).await;
    assert!(metrics(&app).await.contains(boxes[2].address()));
    app.stop().await;
}

#[tokio::test]
async fn every_swap_of_a_mounted_config_map_is_taken() {
    let world = World::start().await;
    let boxes = world.mailboxes(4).await;
    // As the kubelet does it: a folder for each version, `..data` links to it, the file links through that.
    let swap = |version: usize| {
        let name = format!("..version{version}");
        fs::create_dir(world.folder.join(&name)).unwrap();
        let yaml = world.fresh("defaults: { interval: 1h }").all(&boxes[..=version]);
        fs::write(world.folder.join(&name).join("config.yaml"), yaml.text()).unwrap();
        symlink(Path::new(&name), world.folder.join("..data_tmp")).unwrap();
        fs::rename(world.folder.join("..data_tmp"), world.folder.join("..data")).unwrap();
        if version > 0 {
            fs::remove_dir_all(world.folder.join(format!("..version{}", version - 1))).unwrap();
        }
    };
    swap(0);
    symlink("..data/config.yaml", world.folder.config()).unwrap();
    let app = start(&world.folder.config()).await;
    for (version, mailbox) in boxes.iter().enumerate().skip(1) {
        swap(version);
        must_come(&app, mailbox.address()).await;
    }
    app.stop().await;
}

async fn must_come(app: &mailbox_exporter::app::App, address: &str) {
    let began = Instant::now();
    eventually(address, async || metrics(app).await.contains(address)).await;
    assert!(began.elapsed() < SEEN_WITHIN, "{address} came after {:?}", began.elapsed());
}
