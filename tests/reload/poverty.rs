//! The real program with a log that nobody reads, and with too few file descriptors.

use std::fs;
use std::io::{Read, Write, pipe};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::world::{Folder, PATIENCE};

/// What a pipe holds on Linux, if nobody asks for another size.
const PIPE: usize = 64 * 1024;

/// A port that was free a moment ago.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// `serve` without mailboxes, started by a shell that runs this before.
fn serve(folder: &Folder, before: &str, address: SocketAddr, stderr: Stdio) -> Child {
    let file = folder.write("config.yaml", "mailboxes: []\nmailbox_files: [\"none-yet/*.yaml\"]\n");
    let script = format!("{before}; exec \"$0\" serve --config \"$1\" --listen {address}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_mailbox-exporter")]).arg(file);
    shell.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr);
    shell.spawn().unwrap()
}

/// The status line of an answer, once there is one.
fn healthy(address: SocketAddr) -> String {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Ok(mut stream) = TcpStream::connect(address) {
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            return text.lines().next().unwrap_or_default().to_owned();
        }
        assert!(Instant::now() < end, "nothing listens at {address}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Ends the program as a service manager does; its exit status.
fn terminate(child: &mut Child) -> Option<i32> {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    panic!("the program does not end");
}

#[test]
fn an_agent_whose_log_nobody_reads_serves_and_stops() {
    let (folder, address) = (Folder::new(), free());
    let (reader, mut writer) = pipe().unwrap();
    // The pipe is full before the first line is written.
    writer.write_all(&[b'x'; PIPE]).unwrap();
    let mut child = serve(&folder, ":", address, writer.into());
    assert_eq!(healthy(address), "HTTP/1.1 200 OK");
    assert_eq!(terminate(&mut child), Some(0));
    drop(reader);
}

#[test]
fn the_soft_limit_of_descriptors_is_raised_to_the_hard_one() {
    let (folder, address) = (Folder::new(), free());
    let mut child = serve(&folder, "ulimit -Sn 64; ulimit -Hn 900", address, Stdio::null());
    assert_eq!(healthy(address), "HTTP/1.1 200 OK");
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let soft = limits.split("Max open files").nth(1).unwrap().split_whitespace().next().unwrap();
    assert_eq!(soft, "900");
    assert_eq!(terminate(&mut child), Some(0));
}

#[test]
fn too_few_descriptors_are_said_with_their_number() {
    let (folder, address) = (Folder::new(), free());
    let mut child = serve(&folder, "ulimit -n 100", address, Stdio::piped());
    assert_eq!(healthy(address), "HTTP/1.1 200 OK");
    assert_eq!(terminate(&mut child), Some(0));
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("too few file descriptors") && log.contains("limit=100"), "{log}");

    let mut child = serve(&folder, "ulimit -n 8", address, Stdio::piped());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("8 file descriptors are too few") && !log.contains("panic"), "{log}");
}

#[test]
fn too_little_address_space_is_said_before_the_start() {
    let (folder, address) = (Folder::new(), free());
    let mut child = serve(&folder, "ulimit -v 61440", address, Stdio::piped());
    assert_eq!(child.wait().unwrap().code(), Some(1));
    let mut log = String::new();
    child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("60 MiB of address space are too few") && !log.contains("abort"), "{log}");
}
