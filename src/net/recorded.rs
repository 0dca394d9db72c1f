//! A stream that is remembered, for libraries that limit and split what they read by themselves.
//!
//! Owns the way of every byte into the dialogue, and the limit on all of them together. Mail protocols, whose
//! libraries do neither, have the [`Tap`](super::Tap).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::guard::LARGEST_DIALOGUE;
use super::{Dialogue, End, Io, Violation};

/// A recorded stream.
pub struct Recorded {
    inner: Box<dyn Io>,
    dialogue: Dialogue,
    /// Bytes that the server has sent.
    total: usize,
}

impl Recorded {
    /// Records a stream in a dialogue.
    pub fn over(inner: Box<dyn Io>, dialogue: Dialogue) -> Self {
        Self { inner, dialogue, total: 0 }
    }

    fn failed(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        // An end without close_notify is accepted: what counts is the data before it.
        let end = if kind == io::ErrorKind::UnexpectedEof { End::Closed } else { End::Io(error) };
        self.dialogue.ended(end);
        kind.into()
    }
}

impl AsyncRead for Recorded {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = self.get_mut();
        let before = buffer.filled().len();
        if let Err(error) = ready!(Pin::new(&mut stream.inner).poll_read(context, buffer)) {
            return Poll::Ready(Err(stream.failed(error)));
        }
        let arrived = buffer.filled().get(before..).unwrap_or_default();
        if arrived.is_empty() {
            stream.dialogue.ended(End::Closed);
        }
        stream.total += arrived.len();
        if stream.total > LARGEST_DIALOGUE {
            stream.dialogue.ended(End::Violation(Violation::TooMuchData));
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        }
        stream.dialogue.server_said(arrived);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorded {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        let written = ready!(Pin::new(&mut stream.inner).poll_write(context, bytes));
        Poll::Ready(match written {
            Ok(count) => {
                stream.dialogue.client_said(bytes.get(..count).unwrap_or_default());
                Ok(count)
            }
            Err(error) => Err(stream.failed(error)),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}
