//! Where people reach the pages, and below which path they are served.

use std::fmt;

/// An address by which people reach the pages from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalUrl {
    /// `https`, `http`.
    pub scheme: String,
    /// Host name in lower case or IP literal, without brackets.
    pub host: String,
    /// The port, where it is not the scheme's own.
    pub port: Option<u16>,
    /// The path without a slash at its end; empty at the root.
    pub path: String,
}

impl ExternalUrl {
    /// As a browser writes it into `Origin`.
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

/// How the pages are addressed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Address {
    /// Where people reach them; `None` where the configuration does not say.
    pub external: Option<ExternalUrl>,
    /// The path below which they are served as well, without a slash at its end; `None` means the external URL's.
    pub prefix: Option<String>,
}

impl Address {
    /// The path below which the pages are served, besides the root; empty where there is none.
    pub fn prefix(&self) -> &str {
        let external = self.external.as_ref().map(|external| external.path.as_str());
        self.prefix.as_deref().or(external).unwrap_or_default()
    }
}
