//! Several agents by one configuration: each mailbox has exactly one, each credential is used where it is needed.

use std::collections::BTreeSet;

use mailbox_exporter::model::{Protocol, Shard};
use mailbox_exporter::shard;
use mailbox_exporter::sim::{Fault, Service};

use crate::support::app::{metrics, observed, start_shard};
use crate::support::http::ask;
use crate::support::scrape::value;
use crate::support::wait::eventually;
use crate::support::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_shards_share_mailboxes_and_ask_only_for_their_tokens() {
    let world = World::start().await;
    let boxes = world.mailboxes(24).await;
    let alone = world.mailbox(Fault::None).await;
    let head = "defaults: { interval: 2s, checks: [imap] }";
    world.fresh(head).all(&boxes).with(&alone, "").write();
    let mut apps = Vec::new();
    for index in 0..3 {
        apps.push(start_shard(&world.folder.config(), Shard::new(index, 3).unwrap()).await);
    }
    eventually("every mailbox is probed", async || {
        boxes.iter().chain([&alone]).all(|mailbox| mailbox.logins(Service::Imap) > 0)
    })
    .await;
    let owner = shard::of(alone.address(), 3);
    for (index, app) in (0..).zip(&apps) {
        let page = metrics(app).await;
        let name = format!("mailbox_exporter_shard_info{{shard=\"{index}\",shards=\"3\"}}");
        assert_eq!(value(&page, &name), Some(1.0), "{page}");
        let credentials: BTreeSet<_> =
            app.report().credentials().iter().map(|c| c.credential.name.clone()).collect();
        assert_eq!(credentials.len(), if index == owner { 2 } else { 1 }, "{credentials:?}");
    }
    for mailbox in boxes.iter().chain([&alone]) {
        let owners = apps.iter().filter(|app| app.report().mailbox(mailbox.address()).len() == 1).count();
        assert_eq!(owners, 1, "{}", mailbox.address());
        let known: u64 = apps.iter().map(|app| observed(app, mailbox, Protocol::Imap)).sum();
        assert!(known <= mailbox.logins(Service::Imap) as u64);
    }
    assert_eq!(alone.app().requests().len(), 1, "two of three have no use for its token");

    // A reload is for the same part.
    let kept: Vec<_> = apps.iter().map(|app| app.report().checks().len()).collect();
    for (app, kept) in apps.iter().zip(kept) {
        assert_eq!(ask(app.address(), "POST /-/reload").await.0, 200);
        assert_eq!(app.report().checks().len(), kept);
    }
    for app in apps {
        app.stop().await;
    }
}
