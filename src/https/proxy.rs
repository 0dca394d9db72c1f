//! The proxy between this machine and a service, taken from the environment.
//!
//! Owns its display name. The HTTP client finds the proxy on its own, by the same rules.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;

/// A proxy's host and port. The user name and password before an `@` are never kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    host: String,
    port: Option<u16>,
}

impl Proxy {
    /// The proxy that requests to this URL go through, if any.
    pub(super) fn before(url: &str) -> Option<Self> {
        Self::of(&Matcher::from_system(), url)
    }

    fn of(environment: &Matcher, url: &str) -> Option<Self> {
        let intercept = environment.intercept(&url.parse().ok()?)?;
        let uri = intercept.uri();
        Some(Self { host: uri.host()?.to_owned(), port: uri.port_u16() })
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_named_without_its_user_and_only_where_it_is_asked() {
        let environment =
            Matcher::builder().https("http://user:hunter22@proxy.example:3128").no("idp.local").build();
        let named = |url| Proxy::of(&environment, url).map(|proxy| proxy.to_string());
        assert_eq!(named("https://idp.example/token").as_deref(), Some("proxy.example:3128"));
        assert_eq!(named("https://idp.local/token"), None);
        assert_eq!(named("http://idp.example/token"), None);
    }
}
