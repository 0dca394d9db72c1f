//! Where a request goes: the part of its address that decides the connection.

use std::fmt;

use http::Uri;
use http::uri::Scheme;

/// Scheme, host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) is_secure: bool,
    /// An IPv6 literal has no brackets here.
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// That of an absolute address.
    pub(super) fn of(uri: &Uri) -> Option<Self> {
        let is_secure = uri.scheme() == Some(&Scheme::HTTPS);
        let host = uri.host()?.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Self { is_secure, host, port: uri.port_u16().unwrap_or(usual_port(is_secure)) })
    }

    /// Host and port, as a request to a proxy names them.
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

const fn usual_port(is_secure: bool) -> u16 {
    if is_secure { 443 } else { 80 }
}

/// As `Host` has it: without the port that everybody knows.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.authority();
        let usual = format!(":{}", usual_port(self.is_secure));
        f.write_str(authority.strip_suffix(&usual).unwrap_or(&authority))
    }
}

#[cfg(test)]
// A test that cannot continue must fail at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_names_its_port_where_it_is_not_the_usual_one() {
        for (address, host, authority) in [
            ("https://idp.example/a?b", "idp.example", "idp.example:443"),
            ("https://idp.example:443/a", "idp.example", "idp.example:443"),
            ("https://idp.example:80/", "idp.example:80", "idp.example:80"),
            ("http://127.0.0.1/", "127.0.0.1", "127.0.0.1:80"),
            ("https://[::1]/", "[::1]", "[::1]:443"),
            ("http://[::1]:8080/", "[::1]:8080", "[::1]:8080"),
        ] {
            let origin = Origin::of(&address.parse().unwrap()).unwrap();
            assert_eq!((origin.to_string(), origin.authority()), (host.to_owned(), authority.to_owned()));
        }
        assert_eq!(Origin::of(&"/a".parse().unwrap()), None);
    }
}
