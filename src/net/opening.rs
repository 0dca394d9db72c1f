//! A connection during its TLS handshake.
//!
//! A server that ends the handshake with a `close_notify` alert has closed the connection, but rustls and
//! tokio-rustls keep waiting for the end of the TCP connection. This stream ends at the alert.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Io;

/// Bytes of a record's header (RFC 8446 section 5.1): type, version, length.
const HEADER: usize = 5;
/// Content types before encryption starts.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// The closing alert (RFC 8446 section 6.1). The level in the byte before it is irrelevant.
const CLOSE_NOTIFY: u8 = 0;

/// The stream below TLS.
pub struct Opening {
    inner: Box<dyn Io>,
    records: Records,
}

impl Opening {
    pub(super) fn over(inner: Box<dyn Io>) -> Self {
        Self { inner, records: Records::Header { seen: [0; HEADER], count: 0 } }
    }
}

/// The position in the server's unencrypted records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Records {
    Header {
        seen: [u8; HEADER],
        count: usize,
    },
    /// In a body with this many bytes left.
    Body {
        left: usize,
    },
    /// In the two bytes of an alert; `level_seen` after the first.
    Alert {
        level_seen: bool,
    },
    /// The server has closed.
    Closed,
    /// The rest is encrypted, or is not TLS.
    Opaque,
}

impl Records {
    /// The position after these bytes.
    fn after(self, bytes: &[u8]) -> Self {
        let (mut state, mut rest) = (self, bytes);
        while let Some((&byte, behind)) = rest.split_first() {
            state = match state {
                Self::Closed | Self::Opaque => return state,
                Self::Body { left } => {
                    let step = left.min(rest.len());
                    rest = rest.get(step..).unwrap_or_default();
                    state = if step == left { Self::start() } else { Self::Body { left: left - step } };
                    continue;
                }
                Self::Alert { level_seen: false } => Self::Alert { level_seen: true },
                Self::Alert { level_seen: true } if byte == CLOSE_NOTIFY => Self::Closed,
                Self::Alert { level_seen: true } => Self::start(),
                Self::Header { mut seen, count } => {
                    if let Some(place) = seen.get_mut(count) {
                        *place = byte;
                    }
                    if count + 1 < HEADER { Self::Header { seen, count: count + 1 } } else { Self::of(seen) }
                }
            };
            rest = behind;
        }
        state
    }

    const fn start() -> Self {
        Self::Header { seen: [0; HEADER], count: 0 }
    }

    fn of([kind, _, _, high, low]: [u8; HEADER]) -> Self {
        match (kind, usize::from(u16::from_be_bytes([high, low]))) {
            (ALERT, 2) => Self::Alert { level_seen: false },
            (HANDSHAKE, 0) => Self::start(),
            (HANDSHAKE, left) => Self::Body { left },
            _ => Self::Opaque,
        }
    }
}

impl AsyncRead for Opening {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let opening = self.get_mut();
        if opening.records == Records::Closed {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut opening.inner).poll_read(context, buffer);
        opening.records = opening.records.after(buffer.filled().get(before..).unwrap_or_default());
        read
    }
}

impl AsyncWrite for Opening {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write(context, bytes)
    }

    /// rustls hands over several records at once. Written one by one, each would be a packet of its own.
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().inner).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::AsyncWriteExt;

    use super::*;

    const CLOSING: [u8; 7] = [21, 3, 3, 0, 2, 1, 0];

    #[test]
    fn a_close_notify_before_encryption_ends_the_stream() {
        let hello = [22, 3, 3, 0, 3, 9, 9, 9];
        let warning = [21, 3, 3, 0, 2, 1, 90];
        for before in [&[][..], &hello, &warning, &[hello.as_slice(), &warning].concat()] {
            let bytes = [before, &CLOSING].concat();
            for cut in 0..=bytes.len() {
                let (head, tail) = bytes.split_at(cut);
                assert_eq!(Records::start().after(head).after(tail), Records::Closed);
            }
        }
    }

    /// A stream that counts how often it is written to.
    struct Counting(Arc<AtomicUsize>);

    impl AsyncRead for Counting {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Counting {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            parts: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Ok(parts.iter().map(|part| part.len()).sum()))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn records_that_belong_together_are_written_at_once() {
        let writes = Arc::new(AtomicUsize::new(0));
        let mut opening = Opening::over(Box::new(Counting(Arc::clone(&writes))));
        assert!(opening.is_write_vectored());
        let parts = [&CLOSING[..], &CLOSING].map(IoSlice::new);
        assert_eq!(opening.write_vectored(&parts).await.ok(), Some(2 * CLOSING.len()));
        assert_eq!(writes.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn behind_the_first_encrypted_record_nothing_is_read() {
        for kind in [20, 23, 128, b'*'] {
            let bytes = [&[kind, 3, 3, 0, 1, 1], CLOSING.as_slice()].concat();
            assert_eq!(Records::start().after(&bytes), Records::Opaque, "{kind}");
        }
    }
}
