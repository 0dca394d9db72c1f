//! The real program with a log that no process reads, and with too few file descriptors.

use std::fs;
use std::io::{Write, pipe};
use std::net::{SocketAddr, TcpListener};

use crate::support::folder::Folder;
use crate::support::http::get;
use crate::support::process::Program;
use crate::support::wait::until;

/// What a pipe holds on Linux unless another size is asked for.
const PIPE: usize = 64 * 1024;

/// A port that was free a moment ago.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// `serve` without mailboxes, started by a shell that runs `before` first.
fn serve(folder: &Folder, before: &str, address: SocketAddr) -> Program {
    let file = folder.write("config.yaml", "mailboxes: []\nmailbox_files: [\"none-yet/*.yaml\"]\n");
    Program::after(before, &["serve", "--listen", &address.to_string()]).config(&file)
}

/// Waits until the agent listens and is well. The log may be unreadable, so the port is what tells.
fn healthy(address: SocketAddr) {
    let answer = until("an answer of /-/healthy", || get(address, "/-/healthy").ok());
    assert_eq!(answer.0, 200);
}

#[test]
fn an_agent_whose_log_is_not_read_serves_and_stops() {
    let (folder, address) = (Folder::new(), free());
    let (reader, mut writer) = pipe().unwrap();
    // The pipe is full before the first line is written.
    writer.write_all(&[b'x'; PIPE]).unwrap();
    let agent = serve(&folder, ":", address).log_to(writer).start();
    healthy(address);
    assert_eq!(agent.terminate().status, Some(0));
    drop(reader);
}

#[test]
fn the_soft_limit_of_descriptors_is_raised_to_the_hard_one() {
    let (folder, address) = (Folder::new(), free());
    let agent = serve(&folder, "ulimit -Sn 64; ulimit -Hn 900", address).start();
    healthy(address);
    let limits = fs::read_to_string(format!("/proc/{}/limits", agent.id())).unwrap();
    let soft = limits.split("Max open files").nth(1).unwrap().split_whitespace().next().unwrap();
    assert_eq!(soft, "900");
    assert_eq!(agent.terminate().status, Some(0));
}

#[test]
fn too_few_descriptors_are_said_with_their_number() {
    let (folder, address) = (Folder::new(), free());
    let agent = serve(&folder, "ulimit -n 100", address).start();
    healthy(address);
    let run = agent.terminate();
    assert_eq!(run.status, Some(0));
    let log = run.stderr;
    assert!(log.contains("too few file descriptors") && log.contains("limit=100"), "{log}");

    let run = serve(&folder, "ulimit -n 8", address).run();
    assert_eq!(run.status, Some(1));
    let log = run.stderr;
    assert!(log.contains("8 file descriptors are too few") && !log.contains("panic"), "{log}");
}

#[test]
fn too_little_address_space_is_said_before_the_start() {
    let (folder, address) = (Folder::new(), free());
    let run = serve(&folder, "ulimit -v 61440", address).run();
    assert_eq!(run.status, Some(1));
    let log = run.stderr;
    assert!(log.contains("60 MiB of address space are too few") && !log.contains("abort"), "{log}");
}

#[test]
fn limited_address_space_is_not_spent_on_arenas() {
    let (folder, address) = (Folder::new(), free());
    let agent = serve(&folder, "ulimit -v 614400", address).start();
    healthy(address);
    let environment = fs::read(format!("/proc/{}/environ", agent.id())).unwrap();
    assert!(environment.split(|byte| *byte == 0).any(|variable| variable == b"MALLOC_ARENA_MAX=1"));
    assert_eq!(agent.terminate().status, Some(0));
}
