//! The listener: accepts, bounds and ends connections.
//!
//! Not here: what is answered; TLS.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::{Site, router};

/// Connections at once. More wait in the system's queue.
const CONNECTIONS: usize = 256;

/// How long a client may take for the head of a request, and how long it may say nothing between two.
const HEAD: Duration = Duration::from_secs(30);

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
pub async fn serve(listener: TcpListener, site: Site, stop: CancellationToken) {
    let routes = router(site.clone());
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut open = JoinSet::new();
    while let Some(accepted) = stop.run_until_cancelled(accept(&listener, &slots)).await {
        while open.try_join_next().is_some() {}
        let Some((stream, slot)) = accepted else { continue };
        let (routes, stop) = (routes.clone(), stop.clone());
        open.spawn(async move {
            converse(stream, routes, &stop).await;
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

async fn converse(stream: TcpStream, routes: Router, stop: &CancellationToken) {
    // Answers leave in one piece anyway; without this option the last packet may wait for 40 ms.
    let _ = stream.set_nodelay(true);
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
