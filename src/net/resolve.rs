//! Names become addresses, with failures that tell "no such name" from "no resolver".

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::NetError;

use crate::model::{Cause, IpChoice, Reason};

/// How long one name server may be silent before the question is asked once more.
const PATIENCE: Duration = Duration::from_secs(2);
/// Questions in flight to one name server. The resolver's own 32 are fewer than our probes.
const QUESTIONS_IN_FLIGHT: usize = 1024;

/// Asks the system's name servers. Nothing is cached: the phase `resolve` always means a question asked.
#[derive(Default)]
pub struct Resolver {
    /// One for each address family, made when first needed: without name servers (a container
    /// with none, addresses as literals) the rest of the program works.
    asked: Mutex<Option<Families>>,
}

#[derive(Clone)]
struct Families {
    v4: TokioResolver,
    v6: TokioResolver,
}

impl Resolver {
    /// The one address to dial for a name or an IP literal.
    ///
    /// # Errors
    /// [`Reason::DnsNotFound`] where the name has no address of the chosen family,
    /// [`Reason::DnsFailure`] where nobody could be asked or the answer was a failure.
    pub async fn resolve(&self, host: &str, choice: IpChoice) -> Result<IpAddr, Cause> {
        if let Some(address) = without_asking(host, choice) {
            return fitting(host, address, choice);
        }
        let families = self.families()?;
        match choice {
            IpChoice::V4 => first(&families.v4, host, "IPv4").await,
            IpChoice::V6 => first(&families.v6, host, "IPv6").await,
            IpChoice::Auto => match first(&families.v4, host, "IPv4").await {
                Err(cause) if cause.reason == Reason::DnsNotFound => {
                    first(&families.v6, host, "IPv4 or IPv6").await
                }
                answered => answered,
            },
        }
    }

    fn families(&self) -> Result<Families, Cause> {
        let mut asked = self.asked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(families) = &*asked {
            return Ok(families.clone());
        }
        let build = |strategy| -> Result<TokioResolver, NetError> {
            let mut builder = TokioResolver::builder_tokio()?;
            let options = builder.options_mut();
            options.timeout = PATIENCE;
            options.attempts = 1;
            options.cache_size = 0;
            options.max_active_requests = QUESTIONS_IN_FLIGHT;
            options.ip_strategy = strategy;
            builder.build()
        };
        let both = build(LookupIpStrategy::Ipv4Only)
            .and_then(|v4| Ok(Families { v4, v6: build(LookupIpStrategy::Ipv6Only)? }))
            .map_err(|error| {
                Cause::new(Reason::DnsFailure, format!("the system's name servers are not known: {error}"))
            })?;
        *asked = Some(both.clone());
        Ok(both)
    }
}

/// IP literals and `localhost`, which RFC 6761 section 6.3 wants answered without a name server.
fn without_asking(host: &str, choice: IpChoice) -> Option<IpAddr> {
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    let name = host.strip_suffix('.').unwrap_or(host);
    name.eq_ignore_ascii_case("localhost").then_some(match choice {
        IpChoice::Auto | IpChoice::V4 => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpChoice::V6 => IpAddr::V6(Ipv6Addr::LOCALHOST),
    })
}

fn fitting(host: &str, address: IpAddr, choice: IpChoice) -> Result<IpAddr, Cause> {
    match (choice, address) {
        (IpChoice::V4, IpAddr::V6(_)) => {
            Err(Cause::new(Reason::DnsNotFound, format!("{host} is an IPv6 address, `ip: 4` is configured")))
        }
        (IpChoice::V6, IpAddr::V4(_)) => {
            Err(Cause::new(Reason::DnsNotFound, format!("{host} is an IPv4 address, `ip: 6` is configured")))
        }
        _ => Ok(address),
    }
}

async fn first(resolver: &TokioResolver, host: &str, family: &str) -> Result<IpAddr, Cause> {
    let none = || Cause::new(Reason::DnsNotFound, format!("{host} has no {family} address"));
    match resolver.lookup_ip(host).await {
        Ok(addresses) => addresses.iter().next().ok_or_else(none),
        Err(error) if error.is_nx_domain() => {
            Err(Cause::new(Reason::DnsNotFound, format!("{host} does not exist")))
        }
        Err(error) if error.is_no_records_found() => Err(none()),
        // What no name can look like cannot be found either.
        Err(NetError::Proto(error)) => {
            Err(Cause::new(Reason::DnsNotFound, format!("{host} is not a host name: {error}")))
        }
        Err(error) => Err(Cause::new(Reason::DnsFailure, format!("{host} could not be looked up: {error}"))),
    }
}

#[cfg(test)]
// A test that cannot go on should say so at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn literals_and_localhost_need_no_name_server() {
        let resolver = Resolver::default();
        let rows = [
            ("192.0.2.7", IpChoice::Auto, "192.0.2.7"),
            ("2001:db8::1", IpChoice::Auto, "2001:db8::1"),
            ("localhost", IpChoice::Auto, "127.0.0.1"),
            ("LOCALHOST.", IpChoice::V6, "::1"),
        ];
        for (host, choice, address) in rows {
            assert_eq!(resolver.resolve(host, choice).await.unwrap().to_string(), address);
        }
        assert!(resolver.asked.lock().unwrap().is_none());
    }

    #[tokio::test]
    async fn an_address_of_the_other_family_is_not_dialled() {
        let cause = Resolver::default().resolve("192.0.2.7", IpChoice::V6).await.unwrap_err();
        assert_eq!(cause.reason, Reason::DnsNotFound);
    }
}
