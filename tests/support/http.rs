//! HTTP as clients speak it: one request on a connection of its own; and clients by TLS.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use reqwest::Client;
use rustls::client::WantsClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::wait::PATIENCE;

/// More than any page of a test is long.
const LONGEST_PAGE: u64 = 8 << 20;

/// Status and body of one page.
pub(crate) fn get(server: SocketAddr, path: &str) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(request(server, &format!("GET {path}"), "").as_bytes())?;
    let mut answer = String::new();
    stream.take(LONGEST_PAGE).read_to_string(&mut answer)?;
    Ok(parse(&answer))
}

/// Status and body of the answer to a request such as `POST /-/reload`, without blocking the test's runtime.
pub(crate) async fn ask(server: SocketAddr, line: &str) -> (u16, String) {
    ask_with(server, line, "").await
}

/// The same with further header lines.
pub(crate) async fn ask_with(server: SocketAddr, line: &str, headers: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(server).await.unwrap();
    stream.write_all(request(server, line, headers).as_bytes()).await.unwrap();
    let mut answer = String::new();
    let mut stream = stream.take(LONGEST_PAGE);
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    parse(&answer)
}

/// By HTTP/1.0: the end of the connection is the end of the body.
fn request(server: SocketAddr, line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.0\r\nHost: {server}\r\nContent-Length: 0\r\n{headers}\r\n")
}

fn parse(answer: &str) -> (u16, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, body.to_owned())
}

/// A client with this TLS. The program must name its crypto provider wherever it needs one: none is
/// installed for the process here either.
pub(crate) fn client(tls: ClientConfig) -> Client {
    let builder = Client::builder().tls_backend_preconfigured(tls).no_proxy();
    builder.timeout(PATIENCE).build().unwrap()
}

/// TLS that trusts these certificates, in PEM.
pub(crate) fn trusting(pem: &str) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    builder.unwrap().with_root_certificates(roots)
}
