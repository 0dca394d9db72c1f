//! Files that logins read and that change while the real program runs: what is tried again, and what is not.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;

use mailbox_exporter::sim::{Fault, Sim, SimMailbox};

use crate::program::Serve;
use crate::world::{Folder, Yaml, ask};

/// Longer than a test takes.
const RARELY: &str = "defaults: { interval: 6h }";

/// Has a mailbox probed now.
async fn probe(address: SocketAddr, mailbox: &SimMailbox) {
    ask(address, &format!("GET /probe?mailbox={}", mailbox.address())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_appears_after_the_start_is_used_at_once() {
    let (sim, folder) = (Sim::start().await.unwrap(), Folder::new());
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    Yaml::new(&sim, &folder, RARELY).with(&mailbox, "checks: [imap]").write();
    fs::remove_file(folder.0.join("c0.secret")).unwrap();
    let serve = Serve::start(&folder, &[], &[]);
    probe(serve.listens(), &mailbox).await;
    serve.says(&["probe", "secret_unreadable"]);
    folder.write("c0.secret", &mailbox.app().secret);
    serve.says(&["credential file changed", "c0.secret"]);
    serve.says(&["probe", "outcome=\"success\""]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_secret_is_tried_at_once_whether_it_is_right_or_wrong() {
    let (sim, folder) = (Sim::start().await.unwrap(), Folder::new());
    let mailbox = sim.mailbox(Fault::None).await.unwrap();
    Yaml::new(&sim, &folder, RARELY).with(&mailbox, "checks: [imap]").write();
    folder.write("c0.secret", "wrong");
    let serve = Serve::start(&folder, &[], &[]);
    probe(serve.listens(), &mailbox).await;
    serve.says(&["probe", "secret_invalid"]);
    folder.write("c0.secret", &mailbox.app().secret);
    serve.says(&["credential file changed"]);
    serve.says(&["probe", "outcome=\"success\""]);
    folder.write("c0.secret", "wrong again");
    serve.says(&["credential file changed"]);
    serve.says(&["token request", "secret_invalid"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mounted_volume_is_followed_and_a_file_with_equal_content_costs_nothing() {
    let (sim, folder) = (Sim::start().await.unwrap(), Folder::new());
    let mailboxes = [sim.mailbox(Fault::None).await.unwrap(), sim.mailbox(Fault::None).await.unwrap()];
    let [stays, changes] = &mailboxes;
    Yaml::new(&sim, &folder, RARELY).with(stays, "checks: [imap]").with(changes, "checks: [imap]").write();
    let volume = folder.0.join("volume");
    fs::create_dir(&volume).unwrap();
    for file in ["c0.secret", "c1.secret"] {
        symlink(Path::new("..data").join(file), volume.join(file)).unwrap();
        fs::remove_file(folder.0.join(file)).unwrap();
        symlink(volume.join(file), folder.0.join(file)).unwrap();
    }
    let right = [stays.app().secret.as_str(), changes.app().secret.as_str()];
    swap(&volume, "1", [right[0], "wrong"]);
    let serve = Serve::start(&folder, &[], &[]);
    let address = serve.listens();
    probe(address, stays).await;
    probe(address, changes).await;
    serve.says(&["probe", "secret_invalid"]);
    let requests = stays.app().requests().len();
    // Each swap writes both files anew.
    for (version, secret) in [("2", right[1]), ("3", "wrong"), ("4", right[1])] {
        swap(&volume, version, [right[0], secret]);
        serve.says(&["credential file changed", "c1.secret", "files=1"]);
        let reason = if secret == right[1] { "outcome=\"success\"" } else { "secret_invalid" };
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
