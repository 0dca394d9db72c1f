//! The listener: accepts, bounds and ends connections, in clear text or by TLS.
//!
//! Not here: the routes that answer, and the TLS settings.

use std::convert::Infallible;
use std::error::Error as _;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use axum::http::Request;
use axum::{Router, middleware};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::clock;
use crate::report::Dropped;

use super::places::{Doing, Place, Places};
use super::{Protection, Site, prefix, protection, router};

/// How long a client may take to send the head of a request, and how long it may be silent between two requests.
const HEAD: Duration = Duration::from_secs(30);

/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long a client may leave every byte of its answer unread.
const STALL: Duration = Duration::from_secs(10);

/// How long a client may take to read one answer: scrapers wait less.
const ANSWER: Duration = Duration::from_secs(60);

/// How often [`ANSWER`] is checked.
const READING_CHECK: Duration = Duration::from_secs(2);

/// The answer to a client that speaks without TLS on a TLS port.
const CLEAR_TEXT: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    This port speaks HTTPS: write https:// in front.\n";

/// The answer while the clock shows a time that HTTP cannot write. hyper would panic: it keeps a date ready whether
/// or not it sends one.
const NO_DATE: &[u8] =
    b"HTTP/1.0 503 Service Unavailable\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    The clock of this machine is before 1970 or after 9999. Set it right.\n";

/// How large the head of a request may be, in bytes.
const HEAD_BYTES: usize = 16 * 1024;

/// How long a connection may live before it is asked to end; scrapers simply open the next.
const LIFETIME: Duration = Duration::from_secs(120);

/// How long the answer that is under way may take after [`LIFETIME`]. A client that reads more slowly is cut off.
const LAST_ANSWER: Duration = Duration::from_secs(30);

/// How long the answers that are under way may take after the program was told to stop.
const STOP: Duration = Duration::from_secs(3);

/// The pause after a failed accept. Most likely there is no free file descriptor, and a busy loop frees none.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// The least time between two log lines about failed accepts.
const WARNING_INTERVAL: Duration = Duration::from_secs(10);

/// Serves the routes until `stop`; then `ready` is unset, and the answers under way have `STOP` to end.
///
/// Request bodies are never read. At most `max_connections` are open: when all are taken, the one that has been
/// idle for longest gives way to a new one. A client that is slow to ask or to read loses its connection.
pub async fn serve(
    listener: TcpListener,
    max_connections: usize,
    site: Site,
    protection: Protection,
    stop: CancellationToken,
) {
    let guarded = middleware::from_fn_with_state(protection.clone(), protection::guard);
    let routes = router(site.clone()).layer(guarded);
    let places = Places::new(max_connections);
    let mut warned_at = None;
    let mut open = JoinSet::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        while open.try_join_next().is_some() {}
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(fault) if client_went_away(&fault) => continue,
            Err(fault) => {
                if warned_at.is_none_or(|at: Instant| at.elapsed() > WARNING_INTERVAL) {
                    warn!(%fault, "cannot accept a connection");
                    warned_at = Some(Instant::now());
                }
                if places.make_room() {
                    site.report.connection_dropped(Dropped::Crowded);
                }
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let (place, crowded) = places.take();
        if crowded {
            site.report.connection_dropped(Dropped::Crowded);
        }
        let (site, routes, protection, stop) =
            (site.clone(), routes.clone(), protection.clone(), stop.clone());
        let prefix = Arc::clone(&site.prefix);
        let door = Door { routes, prefix, opened: SystemTime::now() };
        open.spawn(async move {
            let ended = tokio::select! {
                ended = receive(stream, door, &place, &protection, &stop) => ended,
                () = place.given_up() => Ended::Otherwise,
            };
            if ended == Ended::TooSlow {
                site.report.connection_dropped(Dropped::SlowReader);
            }
        });
    }
    site.ready.unset();
    drop(listener);
    let drained = timeout(STOP, async { while open.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        debug!(connections = open.len(), "connections cut off at the stop: their answers took too long");
    }
    open.shutdown().await;
}

/// Whether an accept failed because the client went away first.
fn client_went_away(fault: &io::Error) -> bool {
    matches!(fault.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// What is needed to answer the requests of one connection.
struct Door {
    routes: Router,
    prefix: Arc<str>,
    /// When the connection was accepted, by the clock of the machine.
    opened: SystemTime,
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Its client did not read, or read too slowly.
    TooSlow,
    Otherwise,
}

/// Serves one connection to its end, with a TLS handshake first if the listener has TLS.
async fn receive(
    stream: TcpStream,
    door: Door,
    place: &Arc<Place>,
    protection: &Protection,
    stop: &CancellationToken,
) -> Ended {
    // Each answer is written in one piece, so there is nothing to collect; without this option the last packet may
    // wait for 40 ms.
    let _ = stream.set_nodelay(true);
    let Some(tls) = protection.tls().await else {
        return converse(Box::pin(impatient(stream)), door, place, stop).await;
    };
    let handshake = async {
        if speaks_in_clear(&stream).await {
            return refuse(stream, CLEAR_TEXT).await.map(|()| None);
        }
        TlsAcceptor::from(tls).accept(Box::pin(impatient(stream))).await.map(Some)
    };
    match stop.run_until_cancelled(timeout(HANDSHAKE, handshake)).await {
        Some(Ok(Ok(Some(stream)))) => return converse(stream, door, place, stop).await,
        Some(Ok(Ok(None)) | Err(_)) | None => {}
        Some(Ok(Err(fault))) => debug!(%fault, "TLS handshake with a client failed"),
    }
    Ended::Otherwise
}

/// A stream on which writing fails when the other side takes nothing for [`STALL`].
fn impatient(stream: TcpStream) -> TimeoutStream<TcpStream> {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALL));
    stream
}

/// Whether a client begins as HTTP does, with a letter. TLS begins with the byte 22.
async fn speaks_in_clear(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first).await, Ok(1)) && first.iter().all(u8::is_ascii_uppercase)
}

/// Reads a request and sends this answer to it.
async fn refuse(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &[u8]) -> io::Result<()> {
    // If bytes are unread when a socket closes, the client gets a reset, and may lose the answer.
    if stream.read(&mut vec![0; HEAD_BYTES]).await? == 0 {
        return Ok(());
    }
    stream.write_all(answer).await?;
    stream.shutdown().await
}

/// Answers requests until the client leaves, is too slow, or the connection has to end.
async fn converse<S>(stream: S, door: Door, place: &Arc<Place>, stop: &CancellationToken) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Door { routes, prefix, opened } = door;
    if !clock::has_http_date(opened) {
        drop(timeout(HANDSHAKE, refuse(stream, NO_DATE)).await);
        return Ended::Otherwise;
    }
    let routes = TowerToHyperService::new(routes);
    let answer = service_fn(|request: Request<Incoming>| {
        place.set(Doing::Waiting);
        let answered = prefix::strip(&prefix, request).map(|request| routes.call(request));
        let place = Arc::clone(place);
        async move {
            let response = match answered {
                Ok(answered) => answered.await?,
                Err(elsewhere) => *elsewhere,
            };
            place.set(Doing::Reading);
            Ok::<_, Infallible>(response.map(|body| Answer { body, place }))
        }
    });
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), answer)
    );
    let end = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(LIFETIME) => {}
        }
    };
    tokio::select! {
        ended = connection.as_mut() => return judge(ended),
        () = overdue(place) => return Ended::TooSlow,
        () = end => connection.as_mut().graceful_shutdown(),
    }
    match timeout(LAST_ANSWER, connection).await {
        Ok(ended) => judge(ended),
        Err(_) if place.reads_longer_than(Duration::ZERO) => Ended::TooSlow,
        Err(_) => Ended::Otherwise,
    }
}

/// Ends when the client has been reading one answer for too long.
async fn overdue(place: &Place) {
    while !place.reads_longer_than(ANSWER) {
        sleep(READING_CHECK).await;
    }
}

/// How a connection ended. Its errors are the client's, so they are logged at debug level only.
fn judge(ended: Result<(), hyper::Error>) -> Ended {
    let Err(fault) = ended else { return Ended::Otherwise };
    debug!(%fault, "connection ended early");
    let cause = fault.source().and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause {
        Some(cause) if cause.kind() == io::ErrorKind::TimedOut => Ended::TooSlow,
        _ => Ended::Otherwise,
    }
}

/// The body of an answer. When it is dropped, all but its last pieces are written, or its client is gone: then the
/// connection is idle.
struct Answer {
    body: Body,
    place: Arc<Place>,
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.place.set(Doing::Idle);
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests;
