//! The page for Prometheus, written family by family, so that the page is never in memory as values.
//!
//! Not here: which families there are, and their values.

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily};
use prometheus::{Encoder, TextEncoder};

use super::families::{Family, Kind};
use super::openmetrics;

/// Maximum number of series in memory. A family of ten thousand mailboxes is written in pieces; only the
/// first one carries HELP and TYPE.
const PIECE: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Exposition {
    /// Prometheus text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.
    OpenMetrics,
}

impl Exposition {
    /// The `Content-Type` of the format.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// A page that is being written.
pub(super) struct Page<'w> {
    format: Exposition,
    out: &'w mut dyn Write,
    buffer: Vec<u8>,
}

impl<'w> Page<'w> {
    pub(super) fn new(format: Exposition, out: &'w mut dyn Write) -> Self {
        Self { format, out, buffer: Vec::new() }
    }

    /// Writes one family. A family without series writes nothing.
    pub(super) fn family(
        &mut self,
        family: &Family,
        fill: impl FnOnce(&mut Series<'_, 'w>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut series =
            Series { page: self, family: *family, extra: Vec::new(), piece: Vec::new(), begun: false };
        fill(&mut series)?;
        series.flush()
    }

    /// Ends the page.
    pub(super) fn finish(self) -> io::Result<()> {
        match self.format {
            Exposition::Text => Ok(()),
            Exposition::OpenMetrics => self.out.write_all(openmetrics::EOF.as_bytes()),
        }
    }

    fn write(&mut self, proto: &MetricFamily, first: bool) -> io::Result<()> {
        self.buffer.clear();
        match self.format {
            Exposition::Text => {
                TextEncoder::new()
                    .encode(std::slice::from_ref(proto), &mut self.buffer)
                    .map_err(io::Error::other)?;
                let header = if first { 0 } else { end_of_first_line(&self.buffer) };
                self.out.write_all(self.buffer.get(header..).unwrap_or_default())
            }
            Exposition::OpenMetrics => {
                openmetrics::encode(proto, first, &mut self.buffer)?;
                self.out.write_all(&self.buffer)
            }
        }
    }
}

/// Without a help text the encoder's header is only the TYPE line.
fn end_of_first_line(text: &[u8]) -> usize {
    text.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

/// The series of one family.
pub(super) struct Series<'p, 'w> {
    page: &'p mut Page<'w>,
    family: Family,
    extra: Vec<String>,
    piece: Vec<Metric>,
    begun: bool,
}

impl Series<'_, '_> {
    /// Adds label names after those of the table: the operator's own on `mailbox_info`.
    pub(super) fn extra_labels(&mut self, names: &[String]) {
        self.extra = names.to_vec();
    }

    /// Adds a series; the values follow the order of the family's labels.
    pub(super) fn add(&mut self, values: &[&str], value: f64) -> io::Result<()> {
        let names = self.family.labels.iter().copied().chain(self.extra.iter().map(String::as_str));
        debug_assert_eq!(self.family.labels.len() + self.extra.len(), values.len(), "{}", self.family.name);
        let mut metric =
            Metric::from_label(names.zip(values).map(|(name, value)| pair(name, value)).collect());
        match self.family.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            Kind::Gauge | Kind::Histogram => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        self.push(metric)
    }

    /// Adds a complete series.
    pub(super) fn push(&mut self, metric: Metric) -> io::Result<()> {
        self.piece.push(metric);
        if self.piece.len() < PIECE { Ok(()) } else { self.flush() }
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let mut proto = MetricFamily::default();
        proto.set_name(self.family.name.to_owned());
        proto.set_field_type(self.family.kind.proto());
        if !self.begun {
            proto.set_help(self.family.help.to_owned());
        }
        proto.set_metric(std::mem::take(&mut self.piece));
        self.page.write(&proto, !self.begun)?;
        self.begun = true;
        self.piece = proto.take_metric();
        self.piece.clear();
        Ok(())
    }
}

fn pair(name: &str, value: &str) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name(name.to_owned());
    pair.set_value(value.to_owned());
    pair
}

/// Seconds, to the microsecond: more digits are noise that costs bytes in every scrape.
pub(super) fn seconds(duration: Duration) -> f64 {
    round(duration.as_secs_f64())
}

/// Seconds since 1970, to the microsecond.
pub(super) fn timestamp(at: Timestamp) -> f64 {
    at.as_microsecond() as f64 / 1e6
}

/// To the microsecond.
pub(super) fn round(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e6
}
