//! Lends the stream to lettre, which never gives one back and insists on greeting and EHLO at once.
//!
//! The connection object is made over a canned greeting and a canned answer to its EHLO, so that both
//! can then be done for real, each in its own phase; and the stream lies in a shared place, from
//! where it is taken back for TLS. lettre's own STARTTLS believes bytes that came in clear text before it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Tap;

/// The owner's side: where the stream lies.
pub(super) struct Loan(Arc<Mutex<Option<Tap>>>);

impl Loan {
    /// Makes lettre's connection over a stream, without a byte of traffic.
    ///
    /// # Errors
    /// lettre's, should it not take its canned answers.
    pub(super) async fn connect(
        tap: Tap,
        name: &ClientId,
    ) -> Result<(AsyncSmtpConnection, Self), lettre::transport::smtp::Error> {
        let place = Arc::new(Mutex::new(Some(tap)));
        let lent = Lent { place: Arc::clone(&place), opening: Opening::Greeting };
        let connection = AsyncSmtpConnection::connect_with_transport(Box::new(lent), name).await?;
        Ok((connection, Self(place)))
    }

    /// Takes the stream back; lettre's object is useless from here on.
    pub(super) fn take_back(self) -> Option<Tap> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The step that lettre has reached before it may talk to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Opening {
    /// It waits for a greeting.
    Greeting,
    /// It writes its EHLO, which is not sent on.
    Ehlo,
    /// It waits for the answer.
    Answer,
    /// From here on it talks to the server.
    Done,
}

struct Lent {
    place: Arc<Mutex<Option<Tap>>>,
    opening: Opening,
}

impl Lent {
    fn with<T>(&self, act: impl FnOnce(Pin<&mut Tap>) -> Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match &mut *self.place.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(tap) => act(Pin::new(tap)),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl AsyncRead for Lent {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (canned, next): (&[u8], _) = match self.opening {
            Opening::Greeting => (b"220 canned\r\n", Opening::Ehlo),
            Opening::Answer => (b"250 canned\r\n", Opening::Done),
            Opening::Ehlo | Opening::Done => return self.with(|tap| tap.poll_read(context, buffer)),
        };
        if buffer.remaining() < canned.len() {
            return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
        }
        buffer.put_slice(canned);
        self.opening = next;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Lent {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.opening == Opening::Done {
            return self.with(|tap| tap.poll_write(context, bytes));
        }
        if bytes.contains(&b'\n') {
            self.opening = Opening::Answer;
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|tap| tap.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|tap| tap.poll_shutdown(context))
    }
}

impl AsyncTokioStream for Lent {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        match &*self.place.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(tap) => tap.peer_addr(),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

/// Written by hand, because it contains a dialogue.
impl std::fmt::Debug for Lent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lent({:?})", self.opening)
    }
}
