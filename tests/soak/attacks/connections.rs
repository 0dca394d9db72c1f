//! Connections that are held: they say nothing, say it slowly, or do not listen to the answer.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::arena::{Arena, Turn};

/// How long a connection attempt may take before it is given up.
const CONNECT: Duration = Duration::from_secs(1);
/// Between two looks at which connections the agent has ended.
const LOOK: Duration = Duration::from_secs(1);
/// Each connection is replaced at most this often in one turn.
const REPLACED: usize = 5;
/// The receive buffer of a client that does not read: the rest of an answer waits in the agent.
const SMALL_BUFFER: u32 = 4096;
/// Between two bytes of a slow head, or two looks at a slowly read answer.
const SLOW_BYTE: Duration = Duration::from_millis(500);
/// What a slow reader reads at once, in bytes.
const SIP: usize = 64;
/// Between two connection attempts: 1,000 take a second.
const PACE: Duration = Duration::from_millis(1);

/// What a held connection does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Sends its request at once and reads nothing.
    ReadsNothing,
    /// Sends its request byte by byte and reads nothing.
    SendsSlowly,
    /// Sends its request at once and reads some bytes now and then.
    ReadsSlowly,
}

use Manner::{ReadsNothing, ReadsSlowly, SendsSlowly};

pub(super) async fn idle(arena: &Arena, turn: Turn) {
    hold(arena.open.door.address, &turn, 1000, b"", ReadsNothing).await;
}

pub(super) async fn silent_tls(arena: &Arena, turn: Turn) {
    hold(arena.guarded.door.address, &turn, 300, b"", ReadsNothing).await;
}

pub(super) async fn unread_metrics(arena: &Arena, turn: Turn) {
    let request = request(arena, "/metrics");
    hold(arena.open.door.address, &turn, 30, request.as_bytes(), ReadsNothing).await;
}

pub(super) async fn slow_readers(arena: &Arena, turn: Turn) {
    let request = request(arena, "/metrics");
    hold(arena.open.door.address, &turn, 60, request.as_bytes(), ReadsSlowly).await;
}

pub(super) async fn unread_api(arena: &Arena, turn: Turn) {
    let request = request(arena, "/api/v1/mailboxes");
    hold(arena.open.door.address, &turn, 20, request.as_bytes(), ReadsNothing).await;
}

pub(super) async fn slow_headers(arena: &Arena, turn: Turn) {
    let request = format!("GET /metrics HTTP/1.1\r\nX: {}", "y".repeat(4000));
    hold(arena.open.door.address, &turn, 200, request.as_bytes(), SendsSlowly).await;
}

fn request(arena: &Arena, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", arena.open.door.address)
}

/// A connection, and how much of its request has been sent.
struct Held {
    stream: TcpStream,
    sent: usize,
}

/// Holds so many connections until the end of the turn. One that the agent ends is replaced.
async fn hold(address: SocketAddr, turn: &Turn, count: usize, request: &[u8], manner: Manner) {
    let mut held: Vec<Held> = Vec::new();
    let mut attempts = 0;
    while turn.is_on() {
        held.retain(|one| !has_ended(&one.stream));
        while held.len() < count && attempts < count * REPLACED && turn.is_on() {
            attempts += 1;
            let Some(mut stream) = connect(address).await else { break };
            if manner != SendsSlowly && send(&mut stream, request).await.is_err() {
                continue;
            }
            held.push(Held { stream, sent: 0 });
            turn.rest(PACE).await;
        }
        if manner == SendsSlowly {
            for one in &mut held {
                let next = request.get(one.sent..=one.sent).unwrap_or_default();
                // A connection that is gone is noticed at the next look.
                if send(&mut one.stream, next).await.is_ok() {
                    one.sent += 1;
                }
            }
        }
        if manner == ReadsSlowly {
            for one in &held {
                // Nothing to read, or a connection that is gone: both show at the next look.
                let _ = one.stream.try_read(&mut [0; SIP]);
            }
        }
        turn.rest(if manner == ReadsNothing { LOOK } else { SLOW_BYTE }).await;
    }
}

async fn connect(address: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.set_recv_buffer_size(SMALL_BUFFER).ok()?;
    timeout(CONNECT, socket.connect(address)).await.ok()?.ok()
}

async fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    timeout(CONNECT, stream.write_all(bytes)).await?
}

/// Whether the agent has closed or reset the connection. What it has sent stays unread.
fn has_ended(stream: &TcpStream) -> bool {
    use std::task::{Context, Poll, Waker};
    let mut first = [0];
    let mut buffer = tokio::io::ReadBuf::new(&mut first);
    let mut context = Context::from_waker(Waker::noop());
    match stream.poll_peek(&mut context, &mut buffer) {
        Poll::Ready(Ok(count)) => count == 0,
        Poll::Ready(Err(_)) => true,
        Poll::Pending => false,
    }
}
