//! A stream of HTTP that is remembered: the header of each answer as it came.
//!
//! Owns the limit on everything that arrives. Bodies are left to the reader of the answer, who puts chunks together. Mail
//! protocols, whose libraries limit and split nothing, have the [`Tap`](super::Tap).

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
    header: Header,
}

impl Recorded {
    /// Records a stream in a dialogue.
    pub fn over(inner: Box<dyn Io>, dialogue: Dialogue) -> Self {
        Self { inner, dialogue, total: 0, header: Header::default() }
    }

    fn failed(&self, error: io::Error) -> io::Error {
        let kind = error.kind();
        // An end without close_notify is accepted: what counts is the data before it.
        let end = if kind == io::ErrorKind::UnexpectedEof { End::Closed } else { End::Io(error) };
        self.dialogue.ended(end);
        kind.into()
    }
}

/// Where the headers of the answers to one request end: interim ones, which have nothing but a header, come first.
#[derive(Debug, Default)]
struct Header {
    /// The beginning of the line that arrives.
    line: Vec<u8>,
    /// Whether the status line has come, and is that of an interim answer.
    is_interim: Option<bool>,
    has_ended: bool,
}

impl Header {
    /// As much of a line as is looked at: `HTTP/1.1 100`.
    const LOOKED_AT: usize = 12;

    /// How many of these bytes belong to a header.
    fn take(&mut self, bytes: &[u8]) -> usize {
        for (place, byte) in bytes.iter().enumerate() {
            if self.has_ended {
                return place;
            }
            if *byte == b'\n' {
                self.line_ends();
            } else if self.line.len() < Self::LOOKED_AT {
                self.line.push(*byte);
            }
        }
        bytes.len()
    }

    fn line_ends(&mut self) {
        let line = std::mem::take(&mut self.line);
        match (self.is_interim, line.trim_ascii_end().is_empty()) {
            // Empty lines before a status line are skipped.
            (None, true) | (Some(_), false) => {}
            (None, false) => self.is_interim = Some(line.get(9) == Some(&b'1') && !line.ends_with(b" 101")),
            (Some(true), true) => self.is_interim = None,
            (Some(false), true) => self.has_ended = true,
        }
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
        let of_header = stream.header.take(arrived);
        stream.dialogue.server_said(arrived.get(..of_header).unwrap_or_default());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_ends_with_the_empty_line_of_the_last_answer() {
        for (header, body) in [
            ("HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "{}"),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
                "{}\r\n\r\n{}",
            ),
            ("\r\nHTTP/1.1 404 Not Found\n\n", "HTTP/1.1 200 OK\r\n\r\n"),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "x"),
            ("* OK ready\r\n", ""),
        ] {
            let all = format!("{header}{body}");
            assert_eq!(Header::default().take(all.as_bytes()), header.len(), "{all:?}");
            let mut single = Header::default();
            let taken: usize = all.bytes().map(|byte| single.take(&[byte])).sum();
            assert_eq!(taken, header.len(), "{all:?}, byte by byte");
        }
    }
}
