//! One connection: reads lines, sends bytes, starts TLS. Every read is bounded in bytes.
//!
//! Knows no protocol. The caller limits the time of the whole connection.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

/// The longest line or literal taken from a client: twice the largest token seen in the wild.
pub(super) const LINE_LIMIT: usize = 64 * 1024;
/// How long a handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(30);
/// How long a closing connection waits for the client to close its side too, so that no reset overtakes the last
/// line.
const LINGER: Duration = Duration::from_secs(1);
/// A fatal `protocol_version` alert in a TLS 1.0 record: RFC 8446, section 6.
const ALERT_PROTOCOL_VERSION: [u8; 7] = [21, 3, 1, 0, 2, 2, 70];

/// The stream under a connection, before and after TLS.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection as the server sees it.
pub(super) struct Wire {
    io: BufReader<Box<dyn Io>>,
    secured: bool,
    /// The pause after each single byte; `None` sends everything at once.
    pace: Option<Duration>,
}

impl Wire {
    /// A connection over this socket. With `pace`, every byte is sent alone and followed by that pause.
    pub(super) fn new(io: impl Io + 'static, pace: Option<Duration>) -> Self {
        Self { io: BufReader::new(Box::new(io)), secured: false, pace }
    }

    /// Whether TLS is up.
    pub(super) fn secured(&self) -> bool {
        self.secured
    }

    /// The next line without its end; `None` when the client has left.
    ///
    /// # Errors
    /// `InvalidData` for a line over [`LINE_LIMIT`], and whatever the socket says.
    pub(super) async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let limit = LINE_LIMIT as u64;
        (&mut self.io).take(limit).read_until(b'\n', &mut line).await?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client's line does not end"));
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(String::from_utf8_lossy(&line).into_owned()))
    }

    /// Exactly so many bytes, at most [`LINE_LIMIT`].
    pub(super) async fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        if count > LINE_LIMIT {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client's literal is too long"));
        }
        let mut bytes = vec![0; count];
        self.io.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    /// Sends all bytes, in one write unless there is a `pace`.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.pace {
            None => self.io.write_all(bytes).await?,
            Some(pace) => {
                for byte in bytes {
                    self.io.write_all(std::slice::from_ref(byte)).await?;
                    self.io.flush().await?;
                    sleep(pace).await;
                }
            }
        }
        self.io.flush().await
    }

    /// Performs the TLS handshake. Bytes that were received but not read before it are dropped.
    pub(super) async fn secure(&mut self, acceptor: &TlsAcceptor) -> io::Result<()> {
        let nothing: Box<dyn Io> = Box::new(tokio::io::empty());
        let plain = std::mem::replace(&mut self.io, BufReader::new(nothing)).into_inner();
        let tls = timeout(HANDSHAKE_LIMIT, acceptor.accept(plain)).await??;
        self.io = BufReader::new(Box::new(tls));
        self.secured = true;
        Ok(())
    }

    /// Waits for the first bytes of the client, and drops them.
    pub(super) async fn ignore_first(&mut self) -> io::Result<()> {
        let count = self.io.fill_buf().await?.len();
        self.io.consume(count);
        Ok(())
    }

    /// Refuses the client's TLS version and leaves.
    pub(super) async fn refuse_version(&mut self) -> io::Result<()> {
        self.ignore_first().await?;
        self.send(&ALERT_PROTOCOL_VERSION).await?;
        self.leave().await
    }

    /// Says nothing and reads on until the client leaves.
    pub(super) async fn wait_for_end(&mut self) -> io::Result<()> {
        loop {
            let count = self.io.fill_buf().await?.len();
            if count == 0 {
                return Ok(());
            }
            self.io.consume(count);
        }
    }

    /// Closes this side, then waits up to [`LINGER`] for the client to close its own.
    pub(super) async fn leave(&mut self) -> io::Result<()> {
        self.io.shutdown().await?;
        // The last line is sent, so a client that stays longer is left alone.
        timeout(LINGER, self.wait_for_end()).await.unwrap_or(Ok(()))
    }
}
