//! Waiting for a condition, with one patience for all; and ports that stay free.
//!
//! No fixed sleeps: a condition is looked at again and again, and a failure says what did not come.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::thread;
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

/// Longer than anything takes on a busy machine: what has not come by then hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks.
const PACE: Duration = Duration::from_millis(20);

/// Looks until there is something to see, and fails with `what` if nothing comes.
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    soon(look).unwrap_or_else(|| panic!("still waiting after {PATIENCE:?}: {what}"))
}

/// Looks until there is something to see. For callers that can say better than `until` what is missing.
pub(crate) fn soon<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let seen = look();
        if seen.is_some() || began.elapsed() >= PATIENCE {
            return seen;
        }
        thread::sleep(PACE);
    }
}

/// The same as `until` for a condition that is found out on the test's own runtime.
pub(crate) async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "still waiting after {PATIENCE:?}: {what}");
        tokio::time::sleep(PACE).await;
    }
}

/// A port that no other process gets while this value lives, and on which no process listens.
pub(crate) struct Reserved(TcpSocket);

impl Reserved {
    /// Free on every IPv4 address of the machine.
    pub(crate) fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        Self(socket)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}
