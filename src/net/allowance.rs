//! How many bytes the other side may send, counted as they arrive from the network.
//!
//! The libraries above limit what they keep, not what they skip: interim responses and padding of chunk sizes in HTTP,
//! records and messages without content in TLS. Here everything counts.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::guard::LARGEST_DIALOGUE;

/// The bytes that may still arrive. Clones share them.
#[derive(Clone)]
pub struct Allowance(Arc<Bytes>);

struct Bytes {
    granted: AtomicUsize,
    left: AtomicUsize,
}

impl Allowance {
    /// So many bytes.
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Bytes { granted: bytes.into(), left: bytes.into() }))
    }

    /// Enough for a dialogue with a mail server, its handshakes included.
    pub fn for_dialogue() -> Self {
        Self::of(4 * LARGEST_DIALOGUE)
    }

    /// So many bytes from now on, whatever is left.
    pub fn renew(&self, bytes: usize) {
        self.0.granted.store(bytes, Ordering::Relaxed);
        self.0.left.store(bytes, Ordering::Relaxed);
    }

    /// So many bytes from now on, unless more than the allowance was sent already: another task may read the
    /// connection ahead.
    pub fn renew_unless_exceeded(&self, bytes: usize) {
        let of_rest = |left| (left > 0).then_some(bytes);
        if self.0.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, of_rest).is_ok() {
            self.0.granted.store(bytes, Ordering::Relaxed);
        }
    }

    /// Whether more was sent.
    pub fn is_exceeded(&self) -> bool {
        self.0.left.load(Ordering::Relaxed) == 0
    }

    fn spend(&self, bytes: usize) {
        let less = |left: usize| Some(left.saturating_sub(bytes));
        let _ = self.0.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }
}

/// As an error says it.
impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "more than {} bytes", self.0.granted.load(Ordering::Relaxed))
    }
}

/// A TCP connection that fails as soon as its allowance is exceeded.
pub struct Metered {
    inner: TcpStream,
    allowance: Allowance,
}

impl Metered {
    pub(super) const fn over(inner: TcpStream, allowance: Allowance) -> Self {
        Self { inner, allowance }
    }

    /// Our end of the connection.
    ///
    /// # Errors
    /// The system's error.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        let before = buffer.filled().len();
        ready!(Pin::new(&mut stream.inner).poll_read(context, buffer))?;
        stream.allowance.spend(buffer.filled().len() - before);
        if stream.allowance.is_exceeded() {
            let sentence = format!("the server sent {}", stream.allowance);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, sentence)));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allowance_that_was_exceeded_is_not_renewed() {
        let allowance = Allowance::of(10);
        allowance.spend(9);
        allowance.renew_unless_exceeded(20);
        assert!(!allowance.is_exceeded());
        allowance.spend(20);
        allowance.renew_unless_exceeded(1000);
        assert!(allowance.is_exceeded());
        assert_eq!(allowance.to_string(), "more than 20 bytes");
    }
}
