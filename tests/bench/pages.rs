//! What the pages of a large fleet cost: processor time and memory of the agent that serves them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use flate2::read::GzDecoder;

use crate::counterpart::{Servers, Wanted};
use crate::meter::Process;
use crate::{Scale, mib, millis};

/// What grows with the fleet, and whether it is a page for people.
const PAGES: [(&str, bool); 6] = [
    ("/metrics", false),
    ("/api/v1/mailboxes", false),
    ("/", true),
    ("/?sort=-duration", true),
    ("/credentials", true),
    ("/readiness", true),
];
/// What a page for people may take of one core, and how long it may be, with ten thousand mailboxes.
const MOST_CPU: Duration = Duration::from_millis(100);
const LONGEST: usize = 300_000;
/// How often each is asked for.
const TURNS: u32 = 5;

pub(crate) fn run(scale: Scale) {
    let count = scale.mailboxes(10_000, 50);
    let servers = Servers::start(Wanted::idle(count));
    let agent = servers.agent();
    let process = Process(agent.id());
    println!("{count} mailboxes by two protocols, each probed once");
    wait_for_first_probes(agent.address, 2 * count);
    println!("{:<20} {:>9} {:>10} {:>10} {:>10}", "", "cpu ms", "more MiB", "text kB", "gzip kB");
    for (page, for_people) in PAGES {
        let (mut text, mut packed) = (0, 0);
        let _ = ask(agent.address, page);
        sleep(Duration::from_secs(1));
        let (before, begun) = (process.memory(), process.cpu());
        process.forget_peak();
        for _ in 0..TURNS {
            let gzip = ask(agent.address, page);
            packed = gzip.len();
            text = unpack(&gzip).len();
        }
        let (cpu, more) = ((process.cpu() - begun) / TURNS, process.peak().saturating_sub(before));
        let verdict = match cpu <= MOST_CPU && text <= LONGEST {
            _ if !for_people => "",
            true => "  as promised",
            false => "  MORE THAN PROMISED",
        };
        println!(
            "{page:<20} {:>9.0} {:>10.1} {:>10} {:>10}{verdict}",
            millis(cpu),
            mib(more),
            text / 1000,
            packed / 1000,
        );
    }
    println!(
        "promised: a page for people takes {} ms of one core at most, and {} kB",
        MOST_CPU.as_millis(),
        LONGEST / 1000
    );
    drop(agent);
}

/// First probes are spread over a minute.
pub(crate) fn wait_for_first_probes(agent: SocketAddr, checks: usize) {
    while probes(&unpack(&ask(agent, "/metrics"))) < checks as u64 {
        sleep(Duration::from_secs(5));
    }
}

/// How many probes a page of metrics counts.
pub(crate) fn probes(metrics: &str) -> u64 {
    let line =
        metrics.lines().find_map(|line| line.strip_prefix("mailbox_exporter_probe_lateness_seconds_count "));
    line.map_or(0, |count| count.parse().unwrap())
}

/// A page as gzip.
pub(crate) fn ask(agent: SocketAddr, page: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(agent).unwrap();
    // By HTTP/1.0: the end of the connection is the end of the body.
    write!(stream, "GET {page} HTTP/1.0\r\nHost: {agent}\r\nAccept-Encoding: gzip\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.0 200 "), "{page}");
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(head)
}

pub(crate) fn unpack(gzip: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(gzip).read_to_string(&mut text).unwrap();
    text
}
