//! Waiting for a condition, with an end; the free ports to wait at; one HTTP GET.
//!
//! No fixed sleeps: what is waited for is looked at again and again, and the wait says what it missed.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

/// Between two looks.
const PACE: Duration = Duration::from_millis(20);

/// One read or write of a test's own connection.
pub(crate) const IO_PATIENCE: Duration = Duration::from_secs(10);

/// More than any page of a test is long.
const MAX_PAGE: u64 = 8 << 20;

/// Looks until there is something to see, and fails after `patience` with `what` was awaited.
pub(crate) fn until<T>(patience: Duration, what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(patience, look).unwrap_or_else(|| panic!("still waiting after {patience:?}: {what}"))
}

/// Looks until there is something to see, at most for `patience`.
pub(crate) fn within<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let seen = look();
        if seen.is_some() || began.elapsed() >= patience {
            return seen;
        }
        sleep(PACE);
    }
}

/// A port that nobody else gets while this value lives, and on which nobody listens.
pub(crate) struct Reserved(TcpSocket);

impl Reserved {
    /// Free on every IPv4 address of the machine.
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into()).expect("a free port");
        Self(socket)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().expect("a bound socket has an address").port()
    }
}

/// Status and body of one page, by HTTP/1.0: the connection's end is the body's end.
pub(crate) fn get(server: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&server, IO_PATIENCE)?;
    stream.set_read_timeout(Some(IO_PATIENCE))?;
    stream.set_write_timeout(Some(IO_PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: {server}\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(MAX_PAGE).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    Ok((status, body.to_owned()))
}
