//! Name resolution, with failures that distinguish "no such name" from "no resolver".

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::{IntoName, Name, RData, RecordType};
use tokio::sync::OnceCell;

use super::name_servers::NameServers;
use crate::model::{Cause, IpChoice, Reason};

/// How long to wait for all name servers. In this time the library sends a query that stays without an answer three times,
/// as a datagram may be lost.
const PATIENCE: Duration = Duration::from_secs(4);
/// How many name servers the library asks at once.
const SERVERS_AT_ONCE: usize = 2;
/// Concurrent queries to one name server. The resolver's default of 32 is less than our concurrent probes.
const QUESTIONS_IN_FLIGHT: usize = 1024;

/// Queries the system's name servers. Nothing is cached, so the phase `resolve` always includes a real
/// query.
#[derive(Default)]
pub struct Resolver {
    /// One resolver per address family, created at first use: without name servers (a minimal container, IP
    /// literals) the rest of the program still works.
    asked: OnceCell<Families>,
}

struct Families {
    v4: TokioResolver,
    v6: TokioResolver,
}

impl Families {
    fn asking(servers: &NameServers) -> Result<Self, NetError> {
        // A second round repeats even a refusal, which helps only if it reaches name servers that the first left out.
        let further_rounds = usize::from(servers.count() > SERVERS_AT_ONCE);
        let of = |strategy| {
            servers.resolver(|options| {
                options.num_concurrent_reqs = SERVERS_AT_ONCE;
                options.attempts = further_rounds;
                options.timeout = if further_rounds == 0 { PATIENCE } else { PATIENCE / 2 };
                options.cache_size = 0;
                options.max_active_requests = QUESTIONS_IN_FLIGHT;
                options.ip_strategy = strategy;
            })
        };
        Ok(Self { v4: of(LookupIpStrategy::Ipv4Only)?, v6: of(LookupIpStrategy::Ipv6Only)? })
    }
}

impl Resolver {
    /// Resolves a name or an IP literal to the one address to connect to.
    ///
    /// # Errors
    /// [`Reason::DnsNotFound`] if the name has no address of the chosen family, [`Reason::DnsFailure`] if no
    /// server could be queried or the answer was a failure.
    pub async fn resolve(&self, host: &str, choice: IpChoice) -> Result<IpAddr, Cause> {
        if let Some(address) = without_asking(host, choice) {
            return fitting(host, address, choice);
        }
        let families = self.asked.get_or_try_init(of_system).await?;
        match choice {
            IpChoice::V4 => first(&families.v4, host).await?.ok_or_else(|| none(host, "IPv4")),
            IpChoice::V6 => first(&families.v6, host).await?.ok_or_else(|| none(host, "IPv6")),
            IpChoice::Auto => match first(&families.v4, host).await? {
                Some(address) => Ok(address),
                None => first(&families.v6, host).await?.ok_or_else(|| none(host, "IPv4 or IPv6")),
            },
        }
    }
}

fn none(host: &str, family: &str) -> Cause {
    Cause::new(Reason::DnsNotFound, format!("{host} has no {family} address"))
}

async fn of_system() -> Result<Families, Cause> {
    let servers = NameServers::of_system(Path::new("/etc")).await?;
    Families::asking(&servers)
        .map_err(|error| Cause::new(Reason::DnsFailure, format!("the name servers cannot be asked: {error}")))
}

/// IP literals, and `localhost`, which RFC 6761 section 6.3 resolves without a name server.
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

/// `None` if the name exists and has no address of this family. A name that does not exist has none of any family, and
/// is not asked for again.
async fn first(resolver: &TokioResolver, host: &str) -> Result<Option<IpAddr>, Cause> {
    let name = host
        .into_name()
        .map_err(|error| Cause::new(Reason::DnsNotFound, format!("{host} is not a host name: {error}")))?;
    match resolver.lookup_ip(name.clone()).await {
        Ok(addresses) => Ok(addresses.iter().next()),
        Err(error) if error.is_nx_domain() => {
            Err(Cause::new(Reason::DnsNotFound, format!("{host} does not exist")))
        }
        Err(error) if error.is_no_records_found() && leads_back(resolver, name).await => {
            Err(Cause::new(Reason::DnsFailure, format!("{host} is an alias that leads back to itself")))
        }
        Err(error) if error.is_no_records_found() => Ok(None),
        Err(error) => Err(Cause::new(Reason::DnsFailure, format!("{host} could not be looked up: {error}"))),
    }
}

/// Maximum number of aliases to follow from one name.
const MOST_ALIASES: usize = 8;

/// Whether a name without an address is a circular alias. That is a fault of the zone, but the resolver
/// reports it as a missing address.
async fn leads_back(resolver: &TokioResolver, mut name: Name) -> bool {
    let mut passed = Vec::new();
    while passed.len() < MOST_ALIASES {
        let Ok(found) = resolver.lookup(name.clone(), RecordType::CNAME).await else { return false };
        passed.push(name);
        let alias = found.answers().iter().find_map(|record| match &record.data {
            RData::CNAME(alias) => Some(alias.0.clone()),
            _ => None,
        });
        match alias {
            Some(alias) if passed.contains(&alias) => return true,
            Some(alias) => name = alias,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
// A test that cannot continue must fail at once.
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
    use tokio::net::UdpSocket;

    use super::*;

    /// Length of the header of a message (RFC 1035 section 4.1.1).
    const HEADER: usize = 12;
    /// Record types (RFC 1035 section 3.2.2, RFC 3596 section 2.1).
    const A: u8 = 1;
    const AAAA: u8 = 28;

    /// The answer to a query: a code and at most one address. `None` sends no answer.
    fn zone(name: &str, kind: u8) -> Option<(u8, Vec<u8>)> {
        let v6 = || Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9).octets().to_vec();
        Some(match (name, kind) {
            ("both.test" | "four.test", A) => (0, vec![192, 0, 2, 7]),
            ("both.test" | "six.test", AAAA) => (0, v6()),
            ("both.test" | "four.test" | "six.test" | "bare.test", _) => (0, Vec::new()),
            ("servfail.test", _) => (2, Vec::new()),
            ("refused.test", _) => (5, Vec::new()),
            ("silent.test", _) => return None,
            _ => (3, Vec::new()),
        })
    }

    /// A message that answers another one.
    fn answer(question: &[u8]) -> Option<Vec<u8>> {
        let mut labels = Vec::new();
        let mut at = HEADER;
        while question[at] > 0 {
            let end = at + 1 + usize::from(question[at]);
            labels.push(String::from_utf8_lossy(&question[at + 1..end]).to_lowercase());
            at = end;
        }
        let (code, address) = zone(&labels.join("."), question[at + 2])?;
        let name = labels.join(".");
        if name == "loop.test" {
            // CNAME to itself, by a pointer to the question's name.
            let record = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 2, 0xc0, 12];
            let header = [&question[..2], &[0x81, 0x80], &[0, 1, 0, 1, 0, 0, 0, 0]].concat();
            return Some([&header, &question[HEADER..at + 5], &record].concat());
        }
        if name == "cut.test" {
            // One answer is announced, TC is set (RFC 1035 section 4.1.1), and nothing follows.
            let header = [&question[..2], &[0x83, 0x80], &[0, 1, 0, 1, 0, 0, 0, 0]].concat();
            return Some([&header, &question[HEADER..at + 5]].concat());
        }
        // A response to a recursive question, of one question and as many answers as there are addresses.
        let counts = [0, 1, 0, u8::from(!address.is_empty()), 0, 0, 0, 0];
        let mut message = [&question[..2], &[0x81, 0x80 | code], &counts, &question[HEADER..at + 5]].concat();
        if !address.is_empty() {
            // The name by a pointer to the question, the type asked for, class IN, a minute to live.
            message.extend([0xc0, 12, 0, question[at + 2], 0, 1, 0, 0, 0, 60, 0]);
            message.push(u8::try_from(address.len()).unwrap());
            message.extend(address);
        }
        Some(message)
    }

    /// A resolver that asks a name server of this test.
    async fn asking() -> Resolver {
        counted().await.0
    }

    /// The same, and how many queries have arrived.
    async fn counted() -> (Resolver, Arc<AtomicUsize>) {
        let (server, arrived) = name_server(true).await;
        (of(vec![server]), arrived)
    }

    fn of(servers: Vec<NameServerConfig>) -> Resolver {
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let families = Families::asking(&NameServers::these(config)).unwrap();
        Resolver { asked: OnceCell::new_with(Some(families)) }
    }

    /// A name server, and how many queries have arrived at it.
    async fn name_server(sound: bool) -> (NameServerConfig, Arc<AtomicUsize>) {
        let arrived = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&arrived);
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut question = [0; 512];
            while let Ok((length, client)) = socket.recv_from(&mut question).await {
                counter.fetch_add(1, Ordering::SeqCst);
                if let Some(answer) = answer(&question[..length]).filter(|_| sound) {
                    socket.send_to(&answer, client).await.unwrap();
                }
            }
        });
        let mut connection = ConnectionConfig::udp();
        connection.port = port;
        (NameServerConfig::new(Ipv4Addr::LOCALHOST.into(), true, vec![connection]), arrived)
    }

    #[tokio::test]
    async fn a_name_server_that_fails_is_asked_no_more_than_a_sound_one() {
        let (resolver, arrived) = counted().await;
        // Network faults never change a check's interval, so a minute brings as many names as in health.
        for host in ["four.test", "servfail.test", "refused.test", "missing.test", "four.test"] {
            let before = arrived.load(Ordering::SeqCst);
            for _ in 0..20 {
                let _ = resolver.resolve(host, IpChoice::Auto).await;
            }
            assert_eq!(arrived.load(Ordering::SeqCst) - before, 20, "{host}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_name_server_is_sent_three_datagrams_at_most() {
        let (resolver, arrived) = counted().await;
        for _ in 0..10 {
            let before = arrived.load(Ordering::SeqCst);
            let _ = resolver.resolve("silent.test", IpChoice::Auto).await;
            let sent = arrived.load(Ordering::SeqCst) - before;
            assert!((1..=3).contains(&sent), "a datagram may be lost: {sent}");
        }
    }

    /// Not by simulated time, which the library's deadline does not follow.
    #[tokio::test]
    async fn a_third_name_server_answers_when_two_are_silent() {
        let mut resolutions = tokio::task::JoinSet::new();
        // The library asks them in an order of chance: one of these resolvers asks the sound one last.
        for _ in 0..12 {
            let servers = [name_server(false).await.0, name_server(false).await.0, name_server(true).await.0];
            let resolver = of(servers.to_vec());
            resolutions.spawn(async move { resolver.resolve("four.test", IpChoice::Auto).await });
        }
        for resolved in resolutions.join_all().await {
            assert_eq!(resolved.unwrap().to_string(), "192.0.2.7");
        }
    }

    #[tokio::test]
    async fn a_name_has_an_address_of_the_chosen_family_or_a_cause() {
        let resolver = asking().await;
        let rows = [
            ("both.test", IpChoice::Auto, Ok("192.0.2.7")),
            ("both.test", IpChoice::V6, Ok("2001:db8::9")),
            ("six.test", IpChoice::Auto, Ok("2001:db8::9")),
            ("six.test", IpChoice::V4, Err(Reason::DnsNotFound)),
            ("four.test", IpChoice::V6, Err(Reason::DnsNotFound)),
            ("bare.test", IpChoice::Auto, Err(Reason::DnsNotFound)),
            ("missing.test", IpChoice::Auto, Err(Reason::DnsNotFound)),
            ("no..name", IpChoice::Auto, Err(Reason::DnsNotFound)),
            ("servfail.test", IpChoice::Auto, Err(Reason::DnsFailure)),
            ("refused.test", IpChoice::Auto, Err(Reason::DnsFailure)),
            ("cut.test", IpChoice::Auto, Err(Reason::DnsFailure)),
            ("loop.test", IpChoice::Auto, Err(Reason::DnsFailure)),
            ("nul.\0.test", IpChoice::Auto, Err(Reason::DnsNotFound)),
        ];
        for (host, choice, expected) in rows {
            let resolved = resolver.resolve(host, choice).await;
            let found = resolved.map(|address| address.to_string()).map_err(|cause| cause.reason);
            assert_eq!(found, expected.map(str::to_owned), "{host} {choice:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_name_server_is_a_failure_before_the_phase_is_over() {
        let resolver = asking().await;
        let begun = tokio::time::Instant::now();
        let cause = resolver.resolve("silent.test", IpChoice::Auto).await.unwrap_err();
        assert_eq!(cause.reason, Reason::DnsFailure, "{}", cause.detail);
        assert!(begun.elapsed() < crate::model::Phase::Resolve.row().bound, "{:?}", begun.elapsed());
    }

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
        assert!(resolver.asked.get().is_none());
    }

    #[tokio::test]
    async fn an_address_of_the_other_family_is_not_dialled() {
        let cause = Resolver::default().resolve("192.0.2.7", IpChoice::V6).await.unwrap_err();
        assert_eq!(cause.reason, Reason::DnsNotFound);
    }
}
