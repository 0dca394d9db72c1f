//! The network: name resolution, connections, TLS, timing, and the guarded stream for the mail libraries.
//!
//! The only place that opens mail sockets. Errors are interpreted by `diagnosis`; the conversation is
//! `probe`.

mod allowance;
mod authorities;
mod clients;
mod dialogue;
mod framing;
mod guard;
mod http_time;
mod loopback;
mod name_servers;
mod opening;
mod pinned;
mod recorded;
mod resolve;
mod server;
mod sights;
mod stopwatch;
mod tap;
mod tls;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use tokio::net::TcpStream;

pub use allowance::{Allowance, Metered};
pub use dialogue::{Dialogue, End};
pub use framing::{Bounds, Framing, Step, Syntax};
pub use guard::{Guard, Violation};
pub use http_time::{http_date, retry_after};
pub use loopback::is_loopback;
pub use recorded::Recorded;
pub use resolve::Resolver;
pub use server::{ServerTlsFault, server_tls};
pub use stopwatch::Stopwatch;
pub use tap::{Io, Tap};
pub use tls::{TlsFacts, Trust, Trusts};

use crate::model::{Cause, IpChoice};

/// Everything that is needed to reach a server, shared by all probes.
#[derive(Default)]
pub struct Dialer {
    resolver: Resolver,
    trusts: Trusts,
}

impl Dialer {
    /// The address of a host; see [`Resolver::resolve`].
    ///
    /// # Errors
    /// See [`Resolver::resolve`].
    pub async fn resolve(&self, host: &str, choice: IpChoice) -> Result<IpAddr, Cause> {
        self.resolver.resolve(host, choice).await
    }

    /// Opens a TCP connection without Nagle's algorithm. Everything that arrives counts against the allowance.
    ///
    /// # Errors
    /// The system's error.
    pub async fn connect(&self, address: SocketAddr, allowance: Allowance) -> io::Result<Metered> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Metered::over(stream, allowance))
    }

    /// The trust for a `ca_file`; see [`Trusts::with`].
    ///
    /// # Errors
    /// See [`Trusts::with`].
    pub async fn trust(&self, ca_file: Option<&Path>) -> Result<Trust, Cause> {
        self.trusts.with(ca_file).await
    }
}
