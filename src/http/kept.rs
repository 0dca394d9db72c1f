//! Pages while they are being sent: each is made once, kept as gzip, shared by the clients that asked together.
//!
//! Owns the bound on the memory of all answers together. A page of ten thousand mailboxes takes 25 MB as text and
//! 1 MB as gzip, so for a client that does not accept gzip it is unpacked piece by piece while the client reads.
//! Not here: the content of a page.

use std::collections::HashMap;
use std::io::{self, BufWriter, Cursor, Read as _, Write};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use hyper::body::{Frame, SizeHint};
use tokio::sync::Mutex;
use tokio::task;
use tokio::time::Instant;
use tracing::error;

use crate::report::Exposition;

use super::negotiate;
use super::view::{Format, List};

/// The encoder gets blocks of this many bytes, because each call to it costs more than the bytes do.
const BLOCK: usize = 64 * 1024;
/// A body is handed over in pieces of this size, since every connection may hold one.
const PIECE: usize = 16 * 1024;
/// If the pages that are still being sent hold more than this many bytes, clients share older pages.
const BUDGET: usize = 16 * 1024 * 1024;
/// How old a page may be to be shared then.
const STALE: Duration = Duration::from_secs(5);

/// The pages that are the same for every client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Title {
    Metrics(Exposition),
    Index,
    Readiness,
    Credentials,
    Reasons,
    List(List, Format),
}

/// A page that is complete, as gzip.
pub(super) struct Page {
    status: StatusCode,
    packed: Vec<u8>,
    /// Its length as text.
    length: u64,
    /// The bytes that all pages hold together.
    held: Arc<AtomicUsize>,
}

impl Drop for Page {
    fn drop(&mut self) {
        self.held.fetch_sub(self.packed.len(), Ordering::Relaxed);
    }
}

/// A page that a client may still be reading.
struct Made {
    begun: Instant,
    page: Weak<Page>,
}

/// A lane makes one page at a time. Scrapes have a lane of their own, so that people who look at pages cannot delay
/// them.
type Lane = Arc<Mutex<HashMap<Title, Made>>>;

/// Every page that is being sent.
#[derive(Default)]
pub(super) struct Pages {
    scrapes: Lane,
    others: Lane,
    held: Arc<AtomicUsize>,
}

/// Why there is no page.
enum Missing {
    /// The answers under way hold all the memory they may have.
    Crowded,
    Fault(io::Error),
}

impl Pages {
    /// A page that is the same for every client. A client gets a page that was begun after it asked, so that clients
    /// that ask together share one page and none gets an old one. Only while pages hold more than [`BUDGET`] does a
    /// client get a page that is up to [`STALE`] old.
    pub(super) async fn shared(
        &self,
        title: Title,
        headers: &HeaderMap,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
    ) -> Response {
        let page = self.make(Some(title), |out| write(out).map(|()| StatusCode::OK)).await;
        answer(page, headers)
    }

    /// A page for one client. It is refused while pages hold more than [`BUDGET`].
    pub(super) async fn single(
        &self,
        headers: &HeaderMap,
        write: impl FnOnce(&mut dyn Write) -> io::Result<StatusCode> + Send + 'static,
    ) -> Response {
        answer(self.make(None, write).await, headers)
    }

    async fn make(
        &self,
        title: Option<Title>,
        write: impl FnOnce(&mut dyn Write) -> io::Result<StatusCode> + Send + 'static,
    ) -> Result<Arc<Page>, Missing> {
        let asked = Instant::now();
        let lane = match title {
            Some(Title::Metrics(_)) => &self.scrapes,
            _ => &self.others,
        };
        let mut made = Arc::clone(lane).lock_owned().await;
        let crowded = self.held.load(Ordering::Relaxed) > BUDGET;
        let known = title.and_then(|title| made.get(&title));
        let known = known.filter(|made| made.begun >= asked || crowded && made.begun.elapsed() < STALE);
        if let Some(page) = known.and_then(|made| made.page.upgrade()) {
            return Ok(page);
        }
        if crowded && title.is_none() {
            return Err(Missing::Crowded);
        }
        let held = Arc::clone(&self.held);
        // The lock moves into the task: if the client leaves now, the next one still waits for this page.
        let work = move || {
            let begun = Instant::now();
            let page = Arc::new(Page::pack(held, write)?);
            if let Some(title) = title {
                made.insert(title, Made { begun, page: Arc::downgrade(&page) });
            }
            Ok(page)
        };
        let packed = task::spawn_blocking(work).await;
        packed.map_err(io::Error::other).flatten().map_err(Missing::Fault)
    }
}

impl Page {
    fn pack(
        held: Arc<AtomicUsize>,
        write: impl FnOnce(&mut dyn Write) -> io::Result<StatusCode>,
    ) -> io::Result<Self> {
        let counter = Counter { out: GzEncoder::new(Vec::new(), Compression::fast()), length: 0 };
        let mut out = BufWriter::with_capacity(BLOCK, counter);
        let status = write(&mut out)?;
        let Counter { out, length } = out.into_inner().map_err(io::IntoInnerError::into_error)?;
        let mut packed = out.finish()?;
        packed.shrink_to_fit();
        held.fetch_add(packed.len(), Ordering::Relaxed);
        Ok(Self { status, packed, length, held })
    }
}

/// Counts the bytes that are written through it.
struct Counter<W> {
    out: W,
    length: u64,
}

impl<W: Write> Write for Counter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.length += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn answer(page: Result<Arc<Page>, Missing>, headers: &HeaderMap) -> Response {
    let page = match page {
        Ok(page) => page,
        Err(Missing::Crowded) => {
            let why = "Too many answers are still being read by other clients; ask again in a few seconds.\n";
            return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], why).into_response();
        }
        Err(Missing::Fault(fault)) => {
            error!(%fault, "a page could not be written");
            let why = "The page could not be written; the log says why.\n";
            return (StatusCode::INTERNAL_SERVER_ERROR, why).into_response();
        }
    };
    let gzip = negotiate::gzip(headers);
    let status = page.status;
    let mut response = Response::new(if gzip { packed(page) } else { unpacked(page) });
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if gzip {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// The bytes of a page that several answers send at once.
struct Packed(Arc<Page>);

impl AsRef<[u8]> for Packed {
    fn as_ref(&self) -> &[u8] {
        &self.0.packed
    }
}

/// A page in the form that its client accepts.
enum Sent {
    Packed(Bytes),
    Unpacked { text: Box<GzDecoder<Cursor<Packed>>>, left: u64 },
}

fn packed(page: Arc<Page>) -> Body {
    Body::new(Sent::Packed(Bytes::from_owner(Packed(page))))
}

fn unpacked(page: Arc<Page>) -> Body {
    let left = page.length;
    Body::new(Sent::Unpacked { text: Box::new(GzDecoder::new(Cursor::new(Packed(page)))), left })
}

impl Sent {
    const fn left(&self) -> u64 {
        match self {
            Self::Packed(bytes) => bytes.len() as u64,
            Self::Unpacked { left, .. } => *left,
        }
    }

    /// The next piece of a page that is not at its end.
    fn piece(&mut self) -> io::Result<Bytes> {
        let most = PIECE.min(usize::try_from(self.left()).unwrap_or(PIECE));
        match self {
            Self::Packed(bytes) => Ok(bytes.split_to(most)),
            Self::Unpacked { text, left } => {
                let mut piece = vec![0; most];
                text.read_exact(&mut piece)?;
                *left -= most as u64;
                Ok(piece.into())
            }
        }
    }
}

impl hyper::body::Body for Sent {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready((self.left() > 0).then(|| self.piece().map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}

#[cfg(test)]
mod tests;
