//! When directories are read, and how often their faults are told: by a clock of the test's own.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use mailbox_exporter::sim::DirectoryFault;
use tokio::time::Instant;

use super::Tenant;
use crate::clock::Simulated;
use crate::support::world::World;

const HOUR: Duration = Duration::from_secs(60 * 60);

#[tokio::test(start_paused = true)]
async fn a_tenant_without_a_licence_is_told_once() {
    let tenant = Tenant::of(World::start_here().await, "expiry: false, interval: 6h").await;
    tenant.graph.set_licensed(false);
    let simulated = Simulated::start(&tenant.world.plan()).await;
    let told = || simulated.lines("directory not read: what was read before still counts");
    simulated.pass(Duration::from_secs(60 * 60)).await;
    assert_eq!(tenant.graph.requests().len(), 1);
    simulated.pass(Duration::from_secs(12 * 60 * 60)).await;
    assert_eq!(tenant.graph.requests().len(), 3);
    assert_eq!(told().len(), 1, "{:?}", told());
    assert!(told()[0].field("fault").contains("P1 or P2"), "{:?}", told());
    // A licence is bought; what is read later begins where the last reading did.
    tenant.graph.set_licensed(true);
    tenant.signs_in(1);
    simulated.pass(Duration::from_secs(12 * 60 * 60)).await;
    let requests = tenant.graph.requests();
    assert_eq!(simulated.lines("directory read").len(), 1, "{requests:?} {:?}", told());
    let since = |request: &String| -> Timestamp {
        let (_, since) = request.split_once("createdDateTime%20ge%20").unwrap();
        since
            .split('Z')
            .next()
            .map(|since| format!("{}Z", since.replace("%3A", ":")))
            .unwrap()
            .parse()
            .unwrap()
    };
    let [.., first, second] = &*requests else { panic!("{requests:?}") };
    let later = since(second).duration_since(since(first));
    assert!(later > SignedDuration::from_hours(29 * 24), "only what is new: {requests:?}");
    assert_eq!(requests.len(), 5);
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_fails_is_asked_again_less_and_less_often() {
    let tenant = Tenant::of(World::start_here().await, "expiry: false, interval: 1h").await;
    tenant.graph.faults(std::iter::repeat_n(Some(DirectoryFault::Html(200)), 100));
    let simulated = Simulated::start(&tenant.world.plan()).await;
    let minutes = async |minutes: u64| {
        simulated.pass(Duration::from_secs(minutes * 60)).await;
        tenant.graph.requests().len()
    };
    // After 1, 2, 4, 8, 16 and 32 minutes, and then at the interval.
    let counts = [minutes(0).await, minutes(4).await, minutes(60).await, minutes(125).await];
    assert!(counts[0] <= 1 && counts[1] == 3 && counts[2] == 7 && counts[3] == 9, "{counts:?}");
    assert_eq!(simulated.lines("directory not read: what was read before still counts").len(), 1);
    simulated.stop().await;
}

/// Lets time pass until Microsoft Graph has been asked so often; when that is.
async fn asked(simulated: &Simulated, tenant: &Tenant, count: usize) -> Instant {
    let begun = Instant::now();
    while tenant.graph.requests().len() < count {
        assert!(begun.elapsed() < 24 * HOUR, "not asked {count} times: {:?}", tenant.graph.requests());
        simulated.pass(Duration::from_secs(1)).await;
    }
    Instant::now()
}

#[tokio::test(start_paused = true)]
async fn graph_sets_the_pace_by_retry_after_and_within_bounds() {
    let tenant = Tenant::of(World::start_here().await, "expiry: false, interval: 6h").await;
    let throttled = |time| Some(DirectoryFault::Throttled(time));
    let waits = [HOUR / 30, HOUR * 3 / 2, HOUR * 24 * 3660];
    tenant.graph.faults(waits.map(throttled));
    let mut simulated = Simulated::start(&tenant.world.plan()).await;
    // The first wait is a part of the reading, whose connection stays open: one task of the client, two of the server.
    simulated.leave_hanging(&[], 3);
    let mut times = vec![asked(&simulated, &tenant, 1).await, asked(&simulated, &tenant, 2).await];
    // The second is longer than a reading may take and ends it; the third is ten years, and the interval is less.
    simulated.leave_hanging(&[], 0);
    times.extend([asked(&simulated, &tenant, 3).await, asked(&simulated, &tenant, 4).await]);
    for (pair, wait) in times.windows(2).zip([waits[0], waits[1], 6 * HOUR]) {
        let waited = pair[1] - pair[0];
        assert!(waited >= wait && waited < wait + Duration::from_secs(10), "{waited:?} instead of {wait:?}");
    }
    assert_eq!(simulated.lines("directory read").len(), 1);
    assert_eq!(simulated.lines("directory not read: what was read before still counts").len(), 1);
    simulated.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_directory_that_fails_is_not_rushed_and_not_stampeded() {
    for fault in [DirectoryFault::Close, DirectoryFault::TokenExpired] {
        let tenant = Tenant::of(World::start_here().await, "expiry: false, interval: 10m").await;
        let simulated = Simulated::start(&tenant.world.plan()).await;
        let minutes = async |count: usize| {
            let mut minutes = Vec::new();
            for _ in 0..count {
                let before = tenant.graph.requests().len();
                simulated.pass(Duration::from_secs(60)).await;
                minutes.push(tenant.graph.requests().len() - before);
            }
            minutes
        };
        minutes(10).await;
        let health = minutes(60).await;
        assert!(health.iter().all(|asked| *asked <= 1), "{fault:?}: {health:?}");
        tenant.graph.faults(std::iter::repeat_n(Some(fault.clone()), 1000));
        let outage = minutes(120).await;
        // A token that is refused is renewed once in a reading.
        assert!(outage.iter().all(|asked| *asked <= 3), "{fault:?}: {outage:?}");
        assert!(outage.iter().skip(30).sum::<usize>() <= 2 * 9, "{fault:?}: {outage:?}");
        tenant.graph.heal();
        let after = minutes(60).await;
        // The token that is kept may still be one that was refused: it is renewed in the first readings.
        assert!(after.iter().all(|asked| *asked <= 2), "{fault:?}: {after:?}");
        assert!((4..=8).contains(&after.iter().sum::<usize>()), "{fault:?}: {after:?}");
        simulated.stop().await;
    }
}
