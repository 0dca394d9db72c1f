//! Storms of reloads: by signal, and by askers who do not wait for the answer.

use std::time::Duration;

use rustix::process::Signal;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::arena::{Arena, Turn};

/// The most signals of one turn.
const SIGNALS: usize = 3000;
/// Between two of them.
const SIGNAL_PAUSE: Duration = Duration::from_millis(1);
/// The most abandoned reloads of one turn.
const RELOADS: usize = 300;
/// How long an asker stays.
const STAYS: Duration = Duration::from_millis(3);
/// How long a connection attempt may take.
const CONNECT: Duration = Duration::from_secs(1);

/// Signals come together: behind a storm a reload is answered like any other.
pub(super) async fn hang_ups(arena: &Arena, turn: Turn) {
    for _ in 0..SIGNALS {
        if !turn.is_on() {
            break;
        }
        arena.open.agent.signal(Signal::HUP);
        turn.rest(SIGNAL_PAUSE).await;
    }
    arena
        .demand_reload("a reload behind a storm of SIGHUP", |answer| matches!(answer.status, 200 | 422))
        .await;
}

pub(super) async fn abandoned(arena: &Arena, turn: Turn) {
    let address = arena.open.door.address;
    let request = format!("POST /-/reload HTTP/1.1\r\nHost: {address}\r\nContent-Length: 0\r\n\r\n");
    for _ in 0..RELOADS {
        if !turn.is_on() {
            break;
        }
        let Ok(Ok(mut stream)) = timeout(CONNECT, TcpStream::connect(address)).await else { continue };
        // A connection that fails has been ended by the agent, as it may.
        let _ = timeout(CONNECT, stream.write_all(request.as_bytes())).await;
        turn.rest(STAYS).await;
    }
    arena.demand_reload("a reload behind abandoned ones", |answer| matches!(answer.status, 200 | 422)).await;
}
