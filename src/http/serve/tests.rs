//! Clients that only sit there, over a real listener.
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use tokio::time::Instant;

use crate::http::CONNECTIONS;
use crate::http::tests::{Answer, PATIENCE, World, small};
use crate::model::Plan;
use crate::report::samples::{credential, mailbox, plan};

use super::*;

/// Enough mailboxes for a page of some 14 MB.
fn large() -> Plan {
    let shared = credential("contoso", None);
    let mailboxes: Vec<_> = (0..20_000).map(|n| mailbox(&format!("mailbox-{n}"), &shared, &[])).collect();
    plan(&mailboxes)
}

/// A client that asks for more than the sockets between us hold, and then sits there.
async fn ask_and_do_not_read(world: &World) -> TcpStream {
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    stream.readable().await.unwrap();
    stream
}

/// How often connections were ended early for this cause.
async fn dropped(world: &World, cause: &str) -> u64 {
    let page = world.ask("GET /metrics HTTP/1.1").await.text();
    let series = format!("mailbox_exporter_http_connections_dropped_total{{cause=\"{cause}\"}} ");
    page.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_within_its_bound_also_with_idle_clients() {
    let world = World::new(&large()).await;
    world.ready.set();
    assert_eq!(world.ask("GET /-/ready HTTP/1.1").await.status(), "200");
    let idle = TcpStream::connect(world.address).await.unwrap();
    let mut half = TcpStream::connect(world.address).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
    let unread = ask_and_do_not_read(&world).await;
    let begun = Instant::now();
    world.stop.cancel();
    timeout(PATIENCE, world.server).await.unwrap().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(!world.ready.is_set());
    drop((idle, half, unread));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_slow_to_ask_is_cut_off() {
    let world = World::new(&small()).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
    let begun = Instant::now();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert!(begun.elapsed() <= Duration::from_secs(31), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_request_head_without_end_is_cut_off() {
    let world = World::new(&small()).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(64 * 1024));
    // The server may close while this is still being written.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 431"), "{}", String::from_utf8_lossy(&answer));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_no_byte_is_cut_off_in_ten_seconds() {
    let world = World::new(&large()).await;
    let mut stream = ask_and_do_not_read(&world).await;
    sleep(STALL + Duration::from_secs(5)).await;
    let mut bytes = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.unwrap();
    let answer = Answer::new(&bytes);
    let length = answer.head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    assert!(answer.body.len() < length.parse().unwrap(), "the whole answer came");
    assert_eq!(dropped(&world, "slow_reader").await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_a_little_now_and_then_is_cut_off_too() {
    let world = World::new(&large()).await;
    let mut stream = ask_and_do_not_read(&world).await;
    let begun = Instant::now();
    let mut piece = vec![0; 256 * 1024];
    while !matches!(stream.read(&mut piece).await, Ok(0) | Err(_)) {
        sleep(STALL / 2).await;
        assert!(begun.elapsed() < 3 * ANSWER, "still served");
    }
    assert_eq!(dropped(&world, "slow_reader").await, 1);
}

#[tokio::test]
async fn a_thousand_idle_connections_keep_no_newcomer_waiting() {
    let world = World::new(&small()).await;
    let mut idle = Vec::new();
    for _ in 0..1_000 {
        idle.push(TcpStream::connect(world.address).await.unwrap());
    }
    let begun = Instant::now();
    assert_eq!(world.ask("GET /-/healthy HTTP/1.1").await.status(), "200");
    let dropped = dropped(&world, "crowded").await;
    assert!(begun.elapsed() < HEAD / 2, "{:?}", begun.elapsed());
    assert!(dropped >= 1_000 - CONNECTIONS as u64, "{dropped}");
    let end = timeout(PATIENCE, idle[0].read(&mut [0])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "the oldest gave way: {end:?}");
}

#[tokio::test]
async fn a_clock_without_an_http_date_is_answered_by_a_sentence() {
    let far = Duration::from_secs(9_000_000_000_000_000_000);
    let epoch = SystemTime::UNIX_EPOCH;
    for opened in [epoch.checked_sub(Duration::from_secs(1)), epoch.checked_add(far)].into_iter().flatten() {
        let (mut client, server) = tokio::io::duplex(1024);
        client.write_all(b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let door = Door { routes: Router::new(), prefix: Arc::from(""), opened };
        let place = Places::new(1).take().0;
        converse(server, door, &place, &CancellationToken::new()).await;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.0 503 Service Unavailable\r\n"), "{answer}");
        assert!(answer.contains("clock of this machine"), "{answer}");
    }
}
