//! The tap: the stream that the mail libraries are given.
//!
//! Owns the crossing between network and parsers: every byte passes the guard before a parser sees
//! it and enters the dialogue before anybody can lose it. TLS and sockets are below, protocols above.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Dialogue, End, Grammar, Guard};

/// A connection of any kind: TCP, or TLS over it.
pub trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Io for T {}

/// A guarded and remembered stream.
pub struct Tap {
    inner: Box<dyn Io>,
    peer: SocketAddr,
    guard: Guard,
    dialogue: Dialogue,
}

impl Tap {
    /// Puts the tap over a stream. After STARTTLS there is a new one over the same dialogue.
    pub fn over(inner: Box<dyn Io>, peer: SocketAddr, grammar: Grammar, dialogue: Dialogue) -> Self {
        Self { inner, peer, guard: Guard::new(grammar), dialogue }
    }

    /// The stream below, for the TLS handshake.
    pub fn into_inner(self) -> Box<dyn Io> {
        self.inner
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        let before = buffer.filled().len();
        match Pin::new(&mut tap.inner).poll_read(context, buffer) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Err(error)) => {
                let kind = error.kind();
                // The end without a close_notify is an end: what matters is what was said before.
                tap.dialogue.ended(if kind == io::ErrorKind::UnexpectedEof {
                    End::Closed
                } else {
                    End::Io(error)
                });
                return Poll::Ready(Err(kind.into()));
            }
            Poll::Ready(Ok(())) => {}
        }
        let Some(arrived) = buffer.filled_mut().get_mut(before..) else { return Poll::Ready(Ok(())) };
        if arrived.is_empty() {
            tap.dialogue.ended(End::Closed);
            return Poll::Ready(Ok(()));
        }
        if let Err(violation) = tap.guard.admit(arrived) {
            // What led here is worth quoting; the parser gets none of it.
            tap.dialogue.server_said(&arrived[..arrived.len().min(QUOTED)]);
            tap.dialogue.ended(End::Violation(violation));
            buffer.set_filled(before);
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, violation)));
        }
        tap.dialogue.server_said(arrived);
        Poll::Ready(Ok(()))
    }
}

/// Bytes that are remembered of what overstepped a bound.
const QUOTED: usize = 512;

impl AsyncWrite for Tap {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tap = self.get_mut();
        let written = Pin::new(&mut tap.inner).poll_write(context, bytes);
        match &written {
            Poll::Ready(Ok(count)) => tap.dialogue.client_said(&bytes[..*count]),
            Poll::Ready(Err(error)) => tap.dialogue.ended(End::Io(error.kind().into())),
            Poll::Pending => {}
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

/// What lettre asks of a stream.
impl AsyncTokioStream for Tap {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

/// By hand: behind it lies a dialogue.
impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tap({})", self.peer)
    }
}
