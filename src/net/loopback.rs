//! Hosts on this machine.

use std::net::IpAddr;

/// Whether traffic to this host, a name or an address without brackets, stays on this machine. Names are trusted
/// (RFC 6761 section 6.3).
pub fn is_loopback(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    match name.parse() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|address| address.is_loopback())
        }
        Err(_) => name == "localhost" || name.ends_with(".localhost"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_told_by_name_and_by_address() {
        for host in ["localhost", "LOCALHOST.", "idp.localhost", "127.8.0.1", "::1", "::ffff:127.0.0.1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "localhost.example", "notlocalhost", "128.0.0.1", "::2", "::ffff:10.0.0.1"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
