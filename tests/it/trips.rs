//! The table of round trips: a fault at the sender or at the receiver → phase and reason, through the real probe.
//!
//! What becomes of a message between healthy servers is `round_trip`.

use std::collections::HashMap;

use mailbox_exporter::model::{Observation, Protocol};
use mailbox_exporter::sim::{Fault, Marks, PostFault, Route, SimFolders, SimMailbox};

use crate::probes::{self, is_silent, verdict, wanted};
use crate::support::world::World;
use crate::support::yaml::{Door, EXCHANGE};

use Side::{Receiver, Sender};

/// Where the fault is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Sender,
    Receiver,
}

/// Faults that only messages meet. What else can be wrong at either side has its rows in `probes`.
#[rustfmt::skip]
pub(crate) const TABLE: &[(PostFault, Side, &str)] = &[
    (PostFault::RecipientRefused, Sender, "send account_not_found"),
    (PostFault::RecipientLimit, Sender, "send throttled"),
    (PostFault::RecipientGreylisted, Sender, "send server_unavailable"),
    (PostFault::SilentRecipient, Sender, "send timeout"),
    (PostFault::ClosedRecipient, Sender, "send connection_closed"),
    (PostFault::ContentHeld, Sender, "send account_locked"),
    (PostFault::ContentDelayed, Sender, "send server_unavailable"),
    (PostFault::SilentContent, Sender, "send timeout"),
    (PostFault::ClosedContent, Sender, "send connection_closed"),
    (PostFault::ListRefused, Receiver, "up"),
    (PostFault::ListRefused, Sender, "up"),
    (PostFault::SilentList, Receiver, "deliver timeout"),
    (PostFault::SilentList, Sender, "clean timeout"),
    (PostFault::ClosedList, Receiver, "deliver connection_closed"),
    (PostFault::ClosedList, Sender, "clean connection_closed"),
    (PostFault::SearchUnavailable, Receiver, "deliver server_unavailable"),
    (PostFault::SearchUnavailable, Sender, "clean server_unavailable"),
    (PostFault::SilentSearch, Receiver, "deliver timeout"),
    (PostFault::SilentSearch, Sender, "clean timeout"),
    (PostFault::ClosedSearch, Receiver, "deliver connection_closed"),
    (PostFault::ClosedSearch, Sender, "clean connection_closed"),
    (PostFault::FetchUnavailable, Receiver, "deliver server_unavailable"),
    (PostFault::FetchUnavailable, Sender, "clean server_unavailable"),
    (PostFault::SilentFetch, Receiver, "deliver timeout"),
    (PostFault::SilentFetch, Sender, "clean timeout"),
    (PostFault::ClosedFetch, Receiver, "deliver connection_closed"),
    (PostFault::ClosedFetch, Sender, "clean connection_closed"),
    (PostFault::StoreRefused, Receiver, "clean mailbox_access_denied"),
    (PostFault::StoreRefused, Sender, "clean mailbox_access_denied"),
    (PostFault::SilentStore, Receiver, "clean timeout"),
    (PostFault::SilentStore, Sender, "clean timeout"),
    (PostFault::ClosedStore, Receiver, "clean connection_closed"),
    (PostFault::ClosedStore, Sender, "clean connection_closed"),
    (PostFault::ExpungeRefused, Receiver, "clean mailbox_access_denied"),
    (PostFault::ExpungeRefused, Sender, "clean mailbox_access_denied"),
    (PostFault::SilentExpunge, Receiver, "clean timeout"),
    (PostFault::SilentExpunge, Sender, "clean timeout"),
    (PostFault::ClosedExpunge, Receiver, "clean connection_closed"),
    (PostFault::ClosedExpunge, Sender, "clean connection_closed"),
];

/// What a round trip makes of a fault that other probes know as well: the sender's SMTP fails in its own phase; a
/// mailbox that cannot be read is told in the phase of the round trip.
fn expected(side: Side, imap: &str, smtp: &str) -> String {
    let (imap, smtp) = (wanted(Door::Imap, imap, smtp), wanted(Door::Smtp, imap, smtp));
    let reason = imap.split(' ').nth(1);
    match (side, reason) {
        (Sender, _) if smtp.starts_with("sender ") => smtp.replace("sender ", "send "),
        (Sender, _) if smtp != "up" => smtp.to_owned(),
        (Sender, Some(reason)) => format!("clean {reason}"),
        (Receiver, Some(reason)) => format!("deliver {reason}"),
        (_, None) => "up".to_owned(),
    }
}

/// Every row: those of the table here, and those of the other probes at either side.
fn rows() -> Vec<(Fault, Side, String)> {
    let own = TABLE.iter().map(|&(fault, side, says)| (Fault::Post(fault), side, says.to_owned()));
    let shared = probes::TABLE.iter().flat_map(|&(fault, imap, smtp)| {
        [Sender, Receiver].map(|side| (fault, side, expected(side, imap, smtp)))
    });
    own.chain(shared).collect()
}

fn key(fault: Fault, side: Side) -> String {
    format!("{}-{side:?}", fault.label())
}

/// Runs the round trips whose fault is one that only an end of patience tells, or all others.
async fn look(silent: bool) -> HashMap<String, Observation> {
    let mut world = World::start().await;
    let at_once = if silent { 200 } else { 16 };
    world.yaml.head = format!("limits: {{ concurrency: {at_once}, per_host: {at_once} }}");
    let app = world.app();
    let marked = SimFolders { marks: Marks::Extended, keeps_copies: true, ..SimFolders::default() };
    let timeout = if silent { "8s" } else { "60s" };
    let mut kept: Vec<SimMailbox> = Vec::new();
    for (fault, side, says) in rows() {
        // Three bytes a second are a round trip of minutes.
        if says.ends_with("timeout") != silent || fault == Fault::SlowDrip {
            continue;
        }
        let faulty = world.mailbox_of(&app, fault).await;
        let healthy = world.mailbox_of(&app, Fault::None).await;
        let (from, to) = if side == Sender { (&faulty, &healthy) } else { (&healthy, &faulty) };
        from.send_to(to, Route::Delivered);
        for mailbox in [from, to] {
            mailbox.set_folders(marked);
        }
        let name = key(fault, side);
        let trip = format!("checks: [round_trip], round_trip: {{ to: {name}-end, timeout: {timeout} }}");
        world.yaml.both(&name, from, EXCHANGE, &trip);
        world.yaml.both(&format!("{name}-end"), to, EXCHANGE, "checks: [imap], timeout: 5s");
        kept.extend([faulty, healthy]);
    }
    let mut seen = world.round().await;
    seen.retain(|_, observation| observation.check.protocol() == Protocol::RoundTrip);
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_at_either_side_has_its_phase_and_its_reason() {
    let mut wrong = Vec::new();
    for silent in [false, true] {
        let seen = look(silent).await;
        for (fault, side, says) in rows() {
            let Some(observation) = seen.get(&key(fault, side)) else { continue };
            let found = verdict(observation);
            if found != says {
                let detail = observation.outcome.failure().map(|failure| &failure.cause.detail);
                wrong.push(format!("{fault:?} at {side:?}: {says}, found {found} ({detail:?})"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_fault_of_messages_has_its_row() {
    for fault in PostFault::ALL {
        assert!(TABLE.iter().any(|(row, ..)| row == fault), "{fault:?}");
    }
    assert!(TABLE.iter().all(|(fault, _, says)| is_silent(Fault::Post(*fault)) == says.ends_with("timeout")));
}
