//! The tap: the stream that the mail libraries read from and write to.
//!
//! Owns the path from the network to the parsers: every byte passes the guard before a parser sees it, and
//! enters the dialogue before it can get lost. Parsers get one answer at a time, so the tap can tell which
//! answers came before their question. TLS and sockets are below, protocols above.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::framing::{Framing, Step};
use super::{Bounds, Dialogue, End, Guard, Violation};

/// A connection of any kind: TCP, or TLS over it.
pub trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Io for T {}

/// Bytes per read: more than a server's usual answer.
const CHUNK: usize = 4 * 1024;
/// Bytes to keep of the data that exceeded a limit.
const QUOTED: usize = 512;

/// Whose turn it is. The protocols are dialogues: data that arrives before the client has spoken cannot
/// answer its next command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    Server,
    Client,
}

/// A guarded and recorded stream.
pub struct Tap {
    inner: Box<dyn Io>,
    peer: SocketAddr,
    guard: Guard,
    framing: Box<dyn Framing>,
    dialogue: Dialogue,
    turn: Turn,
    waiting: Waiting,
    fit: Fit,
}

/// Bytes that have arrived, but are not part of an answer yet.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Bytes already taken from the front.
    taken: usize,
    /// Bytes at the front that contain no line end.
    searched: usize,
}

impl Waiting {
    fn rest(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    /// The range of the first complete line.
    fn line(&mut self) -> Option<std::ops::Range<usize>> {
        let from = self.searched.max(self.taken);
        let Some(end) = self.bytes.get(from..)?.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return None;
        };
        let line = self.taken..from + end + 1;
        self.taken = line.end;
        Some(line)
    }

    fn push(&mut self, bytes: &[u8]) {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.searched = self.searched.saturating_sub(self.taken);
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }
}

/// One answer on its way to the parser.
#[derive(Default)]
struct Fit {
    bytes: Vec<u8>,
    /// Bytes the parser may read: none until the answer is complete.
    whole: usize,
    /// Bytes the parser has read.
    given: usize,
}

impl Fit {
    fn give(&mut self, buffer: &mut ReadBuf<'_>) -> bool {
        let left = self.bytes.get(self.given..self.whole).unwrap_or_default();
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(left.get(..count).unwrap_or_default());
        self.given += count;
        if self.given == self.whole {
            self.bytes.drain(..self.whole);
            (self.whole, self.given) = (0, 0);
        }
        count > 0
    }
}

impl Tap {
    /// A tap over a stream. After STARTTLS a new tap continues the same dialogue.
    pub fn over(
        inner: Box<dyn Io>,
        peer: SocketAddr,
        (bounds, framing): (Box<dyn Bounds>, Box<dyn Framing>),
        dialogue: Dialogue,
    ) -> Self {
        let guard = Guard::new(bounds);
        let (waiting, fit) = (Waiting::default(), Fit::default());
        Self { inner, peer, guard, framing, dialogue, turn: Turn::Server, waiting, fit }
    }

    /// Whether the server has sent data beyond the last answer.
    pub fn has_more(&self) -> bool {
        !self.waiting.rest().is_empty() || !self.fit.bytes.is_empty()
    }

    /// The stream below, for the TLS handshake.
    pub fn into_inner(self) -> Box<dyn Io> {
        self.inner
    }

    /// Reads available data; returns the number of bytes, 0 at the end of the stream.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = [MaybeUninit::uninit(); CHUNK];
        let mut buffer = ReadBuf::uninit(&mut space);
        if let Err(error) = ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer)) {
            let kind = error.kind();
            // An end without close_notify is accepted: what counts is the data before it.
            let end = if kind == io::ErrorKind::UnexpectedEof { End::Closed } else { End::Io(error) };
            self.dialogue.ended(end);
            return Poll::Ready(Err(kind.into()));
        }
        let arrived = buffer.filled_mut();
        if arrived.is_empty() {
            self.dialogue.ended(End::Closed);
            return Poll::Ready(Ok(0));
        }
        if let Err(violation) = self.guard.admit(arrived) {
            // The dialogue may quote the data that broke a rule; the parser gets none of it.
            self.dialogue.server_said(arrived.get(..QUOTED).unwrap_or(arrived));
            return Poll::Ready(Err(self.violated(violation)));
        }
        self.dialogue.server_said(arrived);
        self.waiting.push(arrived);
        Poll::Ready(Ok(arrived.len()))
    }

    /// Passes the next complete answer to the parser; false if there is none.
    fn frame(&mut self) -> io::Result<bool> {
        while let Some(range) = self.waiting.line() {
            let line = self.waiting.bytes.get(range).unwrap_or_default();
            match self.framing.line(line, &mut self.fit.bytes) {
                Ok(Step::More | Step::Skipped) => {}
                Ok(Step::Answer) => {
                    self.fit.whole = self.fit.bytes.len();
                    return Ok(true);
                }
                Err(violation) => return Err(self.violated(violation)),
            }
        }
        Ok(false)
    }

    /// Before the client speaks, checks for answers that came too early.
    fn poll_turn(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        if self.turn == Turn::Client {
            return Ok(());
        }
        loop {
            match self.poll_fill(context) {
                Poll::Pending => break,
                // The dialogue records the end of the stream, and the data before it.
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::BrokenPipe.into()),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Err(error),
            }
        }
        if let Some(early) = self.framing.early(self.waiting.rest()) {
            let violation = Violation::Early(Violation::quote(early));
            return Err(self.violated(violation));
        }
        self.turn = Turn::Client;
        Ok(())
    }

    fn violated(&self, violation: Violation) -> io::Error {
        self.dialogue.ended(End::Violation(violation));
        io::ErrorKind::InvalidData.into()
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        tap.turn = Turn::Server;
        loop {
            if tap.fit.give(buffer) {
                return Poll::Ready(Ok(()));
            }
            if !tap.frame()? && ready!(tap.poll_fill(context))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for Tap {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let tap = self.get_mut();
        tap.poll_turn(context)?;
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

/// The interface that lettre requires of a stream.
impl AsyncTokioStream for Tap {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}

/// Written by hand, because it contains a dialogue.
impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tap({})", self.peer)
    }
}
