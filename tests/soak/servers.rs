//! Hostile servers that the simulator does not have: scripted, on loopback, bounded in time.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::support::pki::Pair;

/// How long a connection may last.
const LASTS: Duration = Duration::from_secs(30);

/// What a server does with every connection.
#[derive(Clone)]
pub(crate) enum Deed {
    /// Completes the TLS handshake and ends TLS at once, in good order; the connection stays.
    CloseNotify(TlsAcceptor),
    /// Says everything in one packet, answers included, before it was asked anything.
    AnswersFirst(&'static str),
}

/// The replies of a whole successful IMAP session.
pub(crate) const IMAP_ANSWERS: &str = "* OK ready\r\n\
    * CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2\r\nA0001 OK done\r\n\
    A0002 OK logged in\r\n* 3 EXISTS\r\nA0003 OK [READ-WRITE] done\r\n* BYE\r\nA0004 OK done\r\n";

/// The replies of a whole successful SMTP session.
pub(crate) const SMTP_ANSWERS: &str = "220 ready\r\n250-localhost\r\n250 AUTH XOAUTH2\r\n235 2.7.0 accepted\r\n250 2.0.0 fine\r\n221 2.0.0 bye\r\n";

/// TLS by this certificate.
pub(crate) fn acceptor(pair: &Pair) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

/// Serves until the runtime ends; the port.
pub(crate) async fn serve(deed: Deed) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let deed = deed.clone();
            // However the client takes it, there is nothing to report.
            tokio::spawn(async move { timeout(LASTS, act(stream, deed)).await });
        }
    });
    port
}

async fn act(mut stream: TcpStream, deed: Deed) -> io::Result<()> {
    match deed {
        Deed::CloseNotify(acceptor) => {
            let mut tls = acceptor.accept(stream).await?;
            tls.get_mut().1.send_close_notify();
            tls.flush().await?;
            let (stream, _) = tls.into_inner();
            wait_for_end(stream).await
        }
        Deed::AnswersFirst(text) => {
            stream.write_all(text.as_bytes()).await?;
            wait_for_end(stream).await
        }
    }
}

/// Reads on until the client leaves.
async fn wait_for_end(stream: TcpStream) -> io::Result<()> {
    copy(&mut stream.take(1024 * 1024), &mut sink()).await.map(drop)
}
