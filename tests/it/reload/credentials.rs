//! Files that logins read and that change while the real program runs: what is tried again, and what is not.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;

use mailbox_exporter::sim::{Fault, SimMailbox};

use crate::support::http::ask;
use crate::support::process::Agent;
use crate::support::world::World;

/// Longer than a test takes.
const RARELY: &str = "defaults: { interval: 6h }";

/// Has a mailbox probed now.
async fn probe(address: SocketAddr, mailbox: &SimMailbox) {
    ask(address, &format!("GET /probe?mailbox={}", mailbox.address())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_appears_after_the_start_is_used_at_once() {
    let world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    let file = world.fresh(RARELY).with(&mailbox, "checks: [imap]").write();
    fs::remove_file(world.folder.join("c0.secret")).unwrap();
    let mut serve = Agent::serve(&file, &[]);
    probe(serve.address, &mailbox).await;
    serve.says(&["probe", "secret_unreadable"]);
    world.file("c0.secret", &mailbox.app().secret);
    serve.says(&["credential file changed", "c0.secret"]);
    serve.says(&["probe", r#""outcome":"success""#]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_secret_is_tried_at_once() {
    let world = World::start().await;
    let mailbox = world.mailbox(Fault::None).await;
    let file = world.fresh(RARELY).with(&mailbox, "checks: [imap]").write();
    world.file("c0.secret", "wrong");
    let mut serve = Agent::serve(&file, &[]);
    probe(serve.address, &mailbox).await;
    serve.says(&["probe", "secret_invalid"]);
    world.file("c0.secret", &mailbox.app().secret);
    serve.says(&["credential file changed"]);
    serve.says(&["probe", r#""outcome":"success""#]);
    world.file("c0.secret", "wrong again");
    serve.says(&["credential file changed"]);
    serve.says(&["token request", "secret_invalid"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mounted_volume_is_followed_and_equal_content_is_no_change() {
    let world = World::start().await;
    let mailboxes = [world.mailbox(Fault::None).await, world.mailbox(Fault::None).await];
    let [stays, changes] = &mailboxes;
    let file = world.fresh(RARELY).with(stays, "checks: [imap]").with(changes, "checks: [imap]").write();
    let volume = world.folder.join("volume");
    fs::create_dir(&volume).unwrap();
    for file in ["c0.secret", "c1.secret"] {
        symlink(Path::new("..data").join(file), volume.join(file)).unwrap();
        fs::remove_file(world.folder.join(file)).unwrap();
        symlink(volume.join(file), world.folder.join(file)).unwrap();
    }
    let right = [stays.app().secret.as_str(), changes.app().secret.as_str()];
    swap(&volume, "1", [right[0], "wrong"]);
    let mut serve = Agent::serve(&file, &[]);
    let address = serve.address;
    probe(address, stays).await;
    probe(address, changes).await;
    serve.says(&["probe", "secret_invalid"]);
    let requests = stays.app().requests().len();
    // Each swap writes both files anew.
    for (version, secret) in [("2", right[1]), ("3", "wrong"), ("4", right[1])] {
        swap(&volume, version, [right[0], secret]);
        serve.says(&["credential file changed", "c1.secret", r#""files":1"#]);
        let reason = if secret == right[1] { r#""outcome":"success""# } else { "secret_invalid" };
        serve.says(&["token request", reason]);
    }
    assert_eq!(stays.app().requests().len(), requests, "its secret is the same");
}

/// An update as the kubelet does it: a new folder with every file, then one rename.
fn swap(volume: &Path, version: &str, secrets: [&str; 2]) {
    let new = volume.join(format!("..{version}"));
    fs::create_dir(&new).unwrap();
    for (number, secret) in secrets.iter().enumerate() {
        fs::write(new.join(format!("c{number}.secret")), secret).unwrap();
    }
    let (link, data) = (volume.join("..data_tmp"), volume.join("..data"));
    let before = fs::read_link(&data).ok();
    symlink(format!("..{version}"), &link).unwrap();
    fs::rename(&link, &data).unwrap();
    if let Some(before) = before {
        fs::remove_dir_all(volume.join(before)).unwrap();
    }
}
