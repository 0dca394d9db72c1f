//! Questions to an agent as an honest client asks them: a new connection each time, the right `Host`, a bound of time.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use rustls::ClientConfig;

use crate::support::http::trusting;

/// The most that is read of an answer.
const BODY: usize = 64 * 1024 * 1024;

/// An answer, and how long it took to its last byte.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
    pub(crate) took: Duration,
}

/// The way to an agent.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) base: String,
    /// Where raw connections go.
    pub(crate) address: SocketAddr,
    tls: ClientConfig,
    client: Client,
    user: Option<(&'static str, &'static str)>,
}

impl Door {
    /// To an agent at `base`, trusting `authority`, as `user` where the agent asks for a password.
    pub(crate) fn new(base: &str, authority: &str, user: Option<(&'static str, &'static str)>) -> Self {
        let tls = trusting(authority).with_no_client_auth();
        let address = base.rsplit_once('/').unwrap().1.parse().unwrap();
        Self { base: base.to_owned(), address, client: client(&tls, 0), tls, user }
    }

    /// A client that keeps its connections, for attackers that ask again and again.
    pub(crate) fn keeping_client(&self) -> Client {
        client(&self.tls, usize::MAX)
    }

    /// The same way for a client that brings headers of its own.
    pub(crate) fn without_user(&self) -> Self {
        Self { user: None, ..self.clone() }
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str, within: Duration) -> Result<Answer, String> {
        self.ask(Method::GET, path, &[], within).await
    }

    /// Asks with further headers; the sentence says why there was no answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        within: Duration,
    ) -> Result<Answer, String> {
        let begun = Instant::now();
        let mut request = self.client.request(method, format!("{}{path}", self.base)).timeout(within);
        if let Some((user, password)) = self.user {
            request = request.basic_auth(user, Some(password));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let describe = |error: reqwest::Error| {
            let what = if error.is_timeout() { "no answer" } else { "connection failed" };
            format!("{what} after {:.1} s", begun.elapsed().as_secs_f64())
        };
        let mut response = request.send().await.map_err(describe)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(describe)? {
            if body.len() + chunk.len() > BODY {
                return Err(format!("more than {BODY} bytes"));
            }
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status, body, took: begun.elapsed() })
    }
}

fn client(tls: &ClientConfig, idle: usize) -> Client {
    Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .no_proxy()
        .pool_max_idle_per_host(idle)
        .build()
        .unwrap()
}
