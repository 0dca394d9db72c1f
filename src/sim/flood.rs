//! Endless and huge answers: what a hostile server sends to a client that sets no bounds.
//!
//! Each one stops at its own bound and when the client closes. Short hostile texts are rows in `fault`.

use std::io;
use std::time::Duration;

use tokio::time::timeout;

use crate::sim::script::{Flood, HttpFlood, Service};
use crate::sim::wire::Wire;

/// The most one flood sends.
const BYTES: usize = 64 * 1024 * 1024;
/// The longest one flood lasts.
const TIME: Duration = Duration::from_secs(30);
/// The bytes of one write.
const CHUNK: usize = 16 * 1024;
/// Deep enough to end a parser that recurses without counting.
const DEPTH: usize = 20_000;

impl Flood {
    /// Sends until a bound is reached or the client is gone.
    pub(super) async fn run(self, service: Service, wire: &mut Wire) -> io::Result<()> {
        match self {
            Self::Nesting => {
                let line = format!("* 1 FETCH (BODYSTRUCTURE {}\r\n", "(".repeat(DEPTH));
                wire.send(line.as_bytes()).await?;
                wire.wait_for_end().await
            }
            Self::Line => {
                let start = match service {
                    Service::Imap => "* OK ",
                    Service::Smtp => "220-",
                    Service::Pop3 => "+OK ",
                };
                wire.send(start.as_bytes()).await?;
                pour(wire, &[b'a'; CHUNK]).await
            }
            Self::Lines => {
                let line = match service {
                    Service::Imap => "* OK still here\r\n",
                    Service::Smtp => "220-still here\r\n",
                    Service::Pop3 => "+OK still here\r\n",
                };
                pour(wire, line.repeat(CHUNK / line.len()).as_bytes()).await
            }
        }
    }
}

impl HttpFlood {
    /// Sends until a bound is reached or the client is gone.
    pub(super) async fn run(self, wire: &mut Wire) -> io::Result<()> {
        const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";
        const CHUNKED: &str = "Transfer-Encoding: chunked\r\n\r\n";
        let (start, more) = match self {
            Self::Interim => (String::new(), "HTTP/1.1 100 Continue\r\n\r\n"),
            Self::Header => (format!("{OK}X-Endless: "), "a"),
            Self::Headers => (OK.to_owned(), "X-Endless: a\r\n"),
            Self::Body => (format!("{OK}\r\n{{\"a\":\""), "a"),
            Self::ChunkSize => (format!("{OK}{CHUNKED}"), "0"),
            Self::ChunkBlanks => (format!("{OK}{CHUNKED}1"), " "),
            Self::ChunkExtension => (format!("{OK}{CHUNKED}1;"), "a"),
            Self::Trailers => (format!("{OK}{CHUNKED}2\r\n{{}}\r\n0\r\n"), "X-Endless: a\r\n"),
        };
        wire.send(start.as_bytes()).await?;
        pour(wire, more.repeat(CHUNK / more.len()).as_bytes()).await
    }
}

async fn pour(wire: &mut Wire, chunk: &[u8]) -> io::Result<()> {
    let all = async {
        for _ in 0..BYTES / CHUNK {
            wire.send(chunk).await?;
        }
        Ok(())
    };
    timeout(TIME, all).await.unwrap_or(Ok(()))
}
