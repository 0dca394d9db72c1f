//! The public address of the pages, and the path prefix under which they are served.

use std::fmt;

/// The address of the pages as browsers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalUrl {
    /// `https` or `http`.
    pub scheme: String,
    /// Lower-case host name, or IP literal without brackets.
    pub host: String,
    /// The port, if it is not the default of the scheme.
    pub port: Option<u16>,
    /// The path without a trailing slash; empty at the root.
    pub path: String,
}

impl ExternalUrl {
    /// The value that a browser sends in `Origin`.
    pub fn origin(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        match self.port {
            Some(port) => format!("{}://{host}:{port}", self.scheme),
            None => format!("{}://{host}", self.scheme),
        }
    }
}

impl fmt::Display for ExternalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/", self.origin(), self.path)
    }
}

/// How clients address the pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// The public address; `None` if not configured.
    pub external: Option<ExternalUrl>,
    /// A further path prefix without a trailing slash; `None` uses the path of the external URL.
    pub prefix: Option<String>,
}

impl Address {
    /// The path prefix under which the pages are served, besides the root; empty without one.
    pub fn prefix(&self) -> &str {
        let external = self.external.as_ref().map(|external| external.path.as_str());
        self.prefix.as_deref().or(external).unwrap_or_default()
    }
}
