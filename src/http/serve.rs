//! The listener: accepts, bounds and ends connections, in clear text or by TLS.
//!
//! Not here: what is answered; by which TLS.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Protection, Site, protection, router};

/// Connections at once. More wait in the system's queue.
const CONNECTIONS: usize = 256;

/// How long a client may take for the head of a request, and how long it may say nothing between two.
const HEAD: Duration = Duration::from_secs(30);

/// How long a client may take for the TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What is said to somebody who comes without TLS where it is due.
const CLEAR_TEXT: &[u8] =
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
    This port speaks HTTPS: write https:// in front.\n";

/// How large the head of a request may be, in bytes.
const HEAD_BYTES: usize = 16 * 1024;

/// How long a connection may live before it is asked to end; scrapers simply open the next.
const LIFETIME: Duration = Duration::from_secs(120);

/// How long the answer under way may take then. A client that reads slower is cut off.
const LAST_ANSWER: Duration = Duration::from_secs(30);

/// How long answers under way may take when the program stops.
const STOP: Duration = Duration::from_secs(3);

/// The pause after a failed accept: out of file descriptors, most likely, and a busy loop frees none.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves the routes until `stop`; then `ready` is unset and answers under way have 3 s.
///
/// Request bodies are never read. A client that is slow to ask or to read loses its connection.
pub async fn serve(listener: TcpListener, site: Site, protection: Protection, stop: CancellationToken) {
    let guarded = middleware::from_fn_with_state(protection.clone(), protection::guard);
    let routes = router(site.clone()).layer(guarded);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut open = JoinSet::new();
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &slots)).await {
        while open.try_join_next().is_some() {}
        let Some((stream, slot)) = accepted else { continue };
        let (routes, protection, stop) = (routes.clone(), protection.clone(), stop.clone());
        open.spawn(async move {
            receive(stream, routes, &protection, &stop).await;
            drop(slot);
        });
    }
    site.ready.unset();
    drop(listener);
    let drained = timeout(STOP, async { while open.join_next().await.is_some() {} }).await;
    if drained.is_err() {
        debug!(connections = open.len(), "cut off: their answers took too long");
    }
    open.shutdown().await;
}

/// The next connection and the right to serve it; nothing where it failed.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> Option<(TcpStream, impl Drop + use<>)> {
    // The semaphore is never closed, so that there is always a slot in the end.
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, slot)),
        Err(fault) => {
            if !is_the_clients(&fault) {
                warn!(%fault, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
            None
        }
    }
}

/// The client went away before it was accepted.
fn is_the_clients(fault: &io::Error) -> bool {
    matches!(fault.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

/// A handshake where one is due, then the conversation.
async fn receive(stream: TcpStream, routes: Router, protection: &Protection, stop: &CancellationToken) {
    // Answers leave in one piece anyway; without this option the last packet may wait for 40 ms.
    let _ = stream.set_nodelay(true);
    let Some(tls) = protection.tls().await else { return converse(stream, routes, stop).await };
    let handshake = async {
        if speaks_in_clear(&stream).await {
            return refuse_clear_text(stream).await.map(|()| None);
        }
        TlsAcceptor::from(tls).accept(stream).await.map(Some)
    };
    match stop.run_until_cancelled(timeout(HANDSHAKE, handshake)).await {
        Some(Ok(Ok(Some(stream)))) => converse(stream, routes, stop).await,
        Some(Ok(Ok(None)) | Err(_)) | None => {}
        Some(Ok(Err(fault))) => debug!(%fault, "no TLS with a client"),
    }
}

/// Whether a client begins as HTTP does, with a letter. TLS begins with the byte 22.
async fn speaks_in_clear(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first).await, Ok(1)) && first.iter().all(u8::is_ascii_uppercase)
}

async fn refuse_clear_text(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(CLEAR_TEXT).await?;
    stream.shutdown().await
}

async fn converse<S>(stream: S, routes: Router, stop: &CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(HEAD_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes))
    );
    let end = async {
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(LIFETIME) => {}
        }
    };
    tokio::select! {
        ended = connection.as_mut() => return note(ended),
        () = end => connection.as_mut().graceful_shutdown(),
    }
    if let Ok(ended) = timeout(LAST_ANSWER, connection).await {
        note(ended);
    }
}

/// What goes wrong on a connection is the client's business, and of interest only to who looks for it.
fn note(ended: Result<(), hyper::Error>) {
    if let Err(fault) = ended {
        debug!(%fault, "connection ended early");
    }
}
