//! The metrics that accumulate: of servers, of token requests, of the program. Their number is bounded by
//! the plan, so the `prometheus` crate keeps them.
//!
//! Not here: metrics that are computed from the last observations (`per_check`, `per_credential`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use prometheus::core::Collector;
use prometheus::process_collector::ProcessCollector;
use prometheus::proto::{Metric, MetricFamily};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts};
use rustix::time::{ClockId, clock_gettime};

use crate::model::{Goal, Mechanism, Observation, Phase, Plan, Protocol, TokenReport};
use crate::spool;

use super::exposition::{Page, round, timestamp};
use super::families::{self, BUCKETS_SECONDS, FAMILIES, Family, TRIP_BUCKETS_SECONDS};
use super::{FAILURE, SUCCESS, locked};

/// The latest facts about a server, from any of its mailboxes.
#[derive(Debug, Clone)]
pub struct ServerRecord {
    /// `host:port` as configured.
    pub server: String,
    pub protocol: Protocol,
    /// When its own certificate expires.
    pub certificate_expiry: Option<Timestamp>,
    /// The mechanisms that it lists.
    pub mechanisms: Option<BTreeSet<Mechanism>>,
}

/// Why the agent closed an HTTP connection early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dropped {
    /// The connection was idle, and all places were taken.
    Crowded,
    /// The client did not read its answer in time.
    SlowReader,
}

impl Dropped {
    const ALL: [Self; 2] = [Self::Crowded, Self::SlowReader];

    const fn label(self) -> &'static str {
        match self {
            Self::Crowded => "crowded",
            Self::SlowReader => "slow_reader",
        }
    }
}

/// All metrics that accumulate.
pub(super) struct Metrics {
    server_phase: HistogramVec,
    trip_send: HistogramVec,
    trip_deliver: HistogramVec,
    token_requests: IntCounterVec,
    token_request_duration: HistogramVec,
    lateness: HistogramVec,
    skipped: IntCounterVec,
    dropped: IntCounterVec,
    servers: Mutex<BTreeMap<(String, Protocol), ServerRecord>>,
    process: ProcessCollector,
    scope: Mutex<Scope>,
}

/// The servers and tokens of the plan, which have series.
#[derive(Debug, Default)]
struct Scope {
    servers: BTreeSet<(String, Protocol)>,
    /// The sending mailbox and the receiving one.
    trips: BTreeSet<(Arc<str>, Arc<str>)>,
    /// Credential and resource.
    tokens: BTreeSet<(Arc<str>, String)>,
}

impl Scope {
    fn of(plan: &Plan) -> Self {
        let mut scope = Self::default();
        for check in &plan.checks {
            scope.servers.insert((check.endpoint.to_string(), check.protocol()));
            if let Goal::RoundTrip(trip) = &check.goal {
                scope.trips.insert((Arc::clone(&check.mailbox.name), Arc::clone(&trip.to().name)));
            }
        }
        for spec in plan.token_specs() {
            scope.tokens.insert((Arc::clone(&spec.credential), spec.resource().to_owned()));
        }
        scope
    }

    fn has_trip(&self, [mailbox, to]: [&str; 2]) -> bool {
        self.trips.iter().any(|(from, known)| &**from == mailbox && &**known == to)
    }
}

impl Metrics {
    /// Starts all counters; those with a defined zero export it.
    pub(super) fn new(plan: &Plan) -> Self {
        let (lateness, skipped) = (histogram(&families::LATENESS), counter(&families::SKIPPED));
        lateness.with_label_values::<&str>(&[]);
        skipped.with_label_values::<&str>(&[]);
        let dropped = counter(&families::CONNECTIONS_DROPPED);
        for cause in Dropped::ALL {
            dropped.with_label_values(&[cause.label()]);
        }
        let metrics = Self {
            server_phase: histogram(&families::SERVER_PHASE),
            trip_send: histogram_of(&families::ROUND_TRIP_SEND, TRIP_BUCKETS_SECONDS),
            trip_deliver: histogram_of(&families::ROUND_TRIP_DELIVER, TRIP_BUCKETS_SECONDS),
            token_requests: counter(&families::TOKEN_REQUESTS),
            token_request_duration: histogram(&families::TOKEN_REQUEST_DURATION),
            lateness,
            skipped,
            dropped,
            servers: Mutex::default(),
            process: ProcessCollector::for_self(),
            scope: Mutex::default(),
        };
        metrics.apply(plan);
        metrics
    }

    /// Switches to a new plan: removes the series of servers and tokens that it does not contain, and starts
    /// those of new ones.
    pub(super) fn apply(&self, plan: &Plan) {
        let next = Scope::of(plan);
        let mut scope = locked(&self.scope);
        let before = std::mem::replace(&mut *scope, next);
        // Removing a series fails only if it does not exist.
        for (credential, resource) in before.tokens.difference(&scope.tokens) {
            for outcome in [SUCCESS, FAILURE] {
                let labels = [&**credential, &**resource, outcome];
                let _ = self.token_requests.remove_label_values(&labels);
                let _ = self.token_request_duration.remove_label_values(&labels);
            }
        }
        for (credential, resource) in &scope.tokens {
            for outcome in [SUCCESS, FAILURE] {
                self.token_requests.with_label_values(&[&**credential, &**resource, outcome]);
            }
        }
        for (mailbox, to) in before.trips.difference(&scope.trips) {
            for legs in [&self.trip_send, &self.trip_deliver] {
                let _ = legs.remove_label_values(&[&**mailbox, &**to]);
            }
        }
        for (server, protocol) in before.servers.difference(&scope.servers) {
            for phase in Phase::ALL {
                for outcome in [SUCCESS, FAILURE] {
                    let labels = [&**server, protocol.label(), phase.label(), outcome];
                    let _ = self.server_phase.remove_label_values(&labels);
                }
            }
        }
        locked(&self.servers).retain(|server, _| scope.servers.contains(server));
    }

    /// Adds the facts that a probe learned about its server.
    pub(super) fn note_probe(&self, observation: &Observation) {
        self.lateness.with_label_values::<&str>(&[]).observe(observation.lateness.as_secs_f64());
        let (server, protocol) = (observation.check.endpoint.to_string(), observation.check.protocol());
        // The check may have moved to another server while this probe was running.
        let scope = locked(&self.scope);
        if !scope.servers.contains(&(server.clone(), protocol)) {
            return;
        }
        if let Goal::RoundTrip(trip) = &observation.check.goal {
            let labels = [&*observation.check.mailbox.name, &*trip.to().name];
            let (seen, in_plan) = (&observation.server.trip, scope.has_trip(labels));
            for (leg, took) in [(&self.trip_send, seen.send), (&self.trip_deliver, seen.deliver)] {
                if let Some(took) = took.filter(|_| in_plan) {
                    leg.with_label_values(&labels).observe(took.as_secs_f64());
                }
            }
        }
        let failed_in = observation.outcome.failure().map(|failure| failure.phase);
        // The receiving side of a round trip is another server's business.
        let of_server = |(phase, _): &(Phase, _)| !matches!(phase, Phase::Deliver | Phase::Clean);
        for (phase, took) in observation.timings.iter().filter(of_server) {
            let outcome = if failed_in == Some(phase) { FAILURE } else { SUCCESS };
            self.server_phase
                .with_label_values(&[&*server, protocol.label(), phase.label(), outcome])
                .observe(took.as_secs_f64());
        }
        let seen = &observation.server;
        if seen.certificate_expiry.is_none() && seen.mechanisms.is_none() {
            return;
        }
        let mut servers = locked(&self.servers);
        let known = servers.entry((server, protocol)).or_insert_with_key(|(server, protocol)| ServerRecord {
            server: server.clone(),
            protocol: *protocol,
            certificate_expiry: None,
            mechanisms: None,
        });
        // A probe that failed early learned less; facts that it did not learn stay unchanged.
        known.certificate_expiry = seen.certificate_expiry.or(known.certificate_expiry);
        if seen.mechanisms.is_some() {
            known.mechanisms.clone_from(&seen.mechanisms);
        }
    }

    /// Adds a request to an identity provider.
    pub(super) fn note_token(&self, report: &TokenReport) {
        if report.request_id.is_none() {
            // The secret could not be read: the credential fails, but no request was sent.
            return;
        }
        let outcome = if report.outcome.is_ok() { SUCCESS } else { FAILURE };
        let labels = [&*report.spec.credential, report.spec.resource(), outcome];
        self.token_requests.with_label_values(&labels).inc();
        self.token_request_duration.with_label_values(&labels).observe(report.duration.as_secs_f64());
    }

    pub(super) fn tick_skipped(&self) {
        self.skipped.with_label_values::<&str>(&[]).inc();
    }

    pub(super) fn skipped(&self) -> u64 {
        self.skipped.with_label_values::<&str>(&[]).get()
    }

    pub(super) fn connection_dropped(&self, cause: Dropped) {
        self.dropped.with_label_values(&[cause.label()]).inc();
    }

    /// The servers seen so far, ordered by name.
    pub(super) fn servers(&self) -> Vec<ServerRecord> {
        locked(&self.servers).values().cloned().collect()
    }

    /// Writes the two legs of round trips.
    pub(super) fn write_round_trips(&self, page: &mut Page<'_>) -> io::Result<()> {
        collected(&families::ROUND_TRIP_SEND, &self.trip_send, page)?;
        collected(&families::ROUND_TRIP_DELIVER, &self.trip_deliver, page)
    }

    /// Writes the metrics of the servers.
    pub(super) fn write_servers(&self, page: &mut Page<'_>) -> io::Result<()> {
        collected(&families::SERVER_PHASE, &self.server_phase, page)?;
        let servers = self.servers();
        page.family(&families::SERVER_CERTIFICATE_EXPIRY, |series| {
            servers.iter().try_for_each(|known| match known.certificate_expiry {
                Some(ends) => series.add(&[&known.server, known.protocol.label()], timestamp(ends)),
                None => Ok(()),
            })
        })?;
        page.family(&families::SERVER_MECHANISM, |series| {
            for known in &servers {
                let Some(offered) = &known.mechanisms else { continue };
                for mechanism in Mechanism::ALL {
                    let value = f64::from(u8::from(offered.contains(mechanism)));
                    series.add(&[&known.server, known.protocol.label(), mechanism.label()], value)?;
                }
            }
            Ok(())
        })
    }

    /// Writes the counts and durations of token requests.
    pub(super) fn write_tokens(&self, page: &mut Page<'_>) -> io::Result<()> {
        collected(&families::TOKEN_REQUESTS, &self.token_requests, page)?;
        collected(&families::TOKEN_REQUEST_DURATION, &self.token_request_duration, page)
    }

    /// Writes the metrics of the program itself. `in_flight` is the number of running probes.
    pub(super) fn write_program(&self, in_flight: usize, page: &mut Page<'_>) -> io::Result<()> {
        page.family(&families::IN_FLIGHT, |series| series.add(&[], in_flight as f64))?;
        collected(&families::LATENESS, &self.lateness, page)?;
        collected(&families::SKIPPED, &self.skipped, page)?;
        collected(&families::CONNECTIONS_DROPPED, &self.dropped, page)?;
        page.family(&families::LOG_LINES_LOST, |series| series.add(&[], spool::lost() as f64))?;
        for mut proto in self.process.collect() {
            // The crate defines these names; the table adds help texts of our own.
            let Some(family) = FAMILIES.iter().find(|family| family.name == proto.name()) else { continue };
            let metrics = proto.take_metric();
            page.family(family, |series| {
                if family.name == families::PROCESS_CPU.name {
                    return series.add(&[], processor_seconds());
                }
                metrics.into_iter().try_for_each(|metric| series.push(&metric))
            })?;
        }
        Ok(())
    }
}

/// The processor time of this process. The `prometheus` crate counts whole seconds, which looks like zero in
/// a rate over a few minutes.
fn processor_seconds() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 / 1e9
}

/// Writes the series that the `prometheus` crate holds for a family: sorted, because the crate's order is
/// that of a hash map, and rounded.
fn collected(family: &Family, collector: &impl Collector, page: &mut Page<'_>) -> io::Result<()> {
    let mut metrics: Vec<Metric> =
        collector.collect().iter_mut().flat_map(MetricFamily::take_metric).collect();
    let labels = |metric: &Metric| -> Vec<String> {
        metric.get_label().iter().map(|pair| pair.value().to_owned()).collect()
    };
    metrics.sort_by_cached_key(labels);
    page.family(family, |series| {
        for mut metric in metrics {
            if family.kind == families::Kind::Histogram {
                let mut values = metric.get_histogram().clone();
                values.set_sample_sum(round(values.get_sample_sum()));
                metric.set_histogram(values);
            }
            series.push(&metric)?;
        }
        Ok(())
    })
}

fn histogram(family: &Family) -> HistogramVec {
    histogram_of(family, BUCKETS_SECONDS)
}

#[expect(
    clippy::expect_used,
    reason = "names and buckets come from a table of constants, all of them tried by a test"
)]
fn histogram_of(family: &Family, buckets: &[f64]) -> HistogramVec {
    let options = HistogramOpts::new(family.name, family.help).buckets(buckets.to_vec());
    HistogramVec::new(options, family.labels).expect("a row of the table")
}

#[expect(clippy::expect_used, reason = "names come from a table of constants, all of them tried by a test")]
fn counter(family: &Family) -> IntCounterVec {
    IntCounterVec::new(Opts::new(family.name, family.help), family.labels).expect("a row of the table")
}
