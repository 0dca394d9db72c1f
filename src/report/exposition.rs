//! The page for Prometheus, written family by family, so that the page is never in memory as a whole.
//!
//! Not here: which families there are, their values, and how a sample is written (`sample`).

use std::io::{self, Write};
use std::time::Duration;

use jiff::Timestamp;
use prometheus::proto::Metric;

use super::families::Family;
use super::sample::{self, Form};

/// The page is passed on in blocks of this many bytes.
const BLOCK: usize = 64 * 1024;

/// Without this line a page of OpenMetrics counts as truncated.
const EOF: &[u8] = b"# EOF\n";

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
        Self { format, out, buffer: Vec::with_capacity(BLOCK + BLOCK / 8) }
    }

    /// Writes one family. A family without series writes nothing.
    pub(super) fn family(
        &mut self,
        family: &Family,
        fill: impl FnOnce(&mut Series<'_, 'w>) -> io::Result<()>,
    ) -> io::Result<()> {
        fill(&mut Series { page: self, family: *family, extra: Vec::new(), form: None })
    }

    /// Ends the page.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.format == Exposition::OpenMetrics {
            self.buffer.extend_from_slice(EOF);
        }
        self.pass_on(0)
    }

    /// Passes the buffer on if it holds at least so many bytes.
    fn pass_on(&mut self, at_least: usize) -> io::Result<()> {
        if self.buffer.len() >= at_least {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }
}

/// The series of one family.
pub(super) struct Series<'p, 'w> {
    page: &'p mut Page<'w>,
    family: Family,
    extra: Vec<String>,
    /// `None` until the first series, which writes the head of the family.
    form: Option<Form>,
}

impl Series<'_, '_> {
    /// Adds label names after those of the table: the operator's own on `mailbox_info`.
    pub(super) fn extra_labels(&mut self, names: &[String]) {
        self.extra = names.to_vec();
    }

    /// Adds a series; the values follow the order of the family's labels.
    pub(super) fn add(&mut self, values: &[&str], value: f64) -> io::Result<()> {
        debug_assert_eq!(self.family.labels.len() + self.extra.len(), values.len(), "{}", self.family.name);
        let Self { page, family, extra, form } = self;
        let form = form.get_or_insert_with(|| begin(page, family, extra));
        form.write(values, value, &mut page.buffer);
        page.pass_on(BLOCK)
    }

    /// Adds a series that the `prometheus` crate holds.
    pub(super) fn push(&mut self, metric: &Metric) -> io::Result<()> {
        let Self { page, family, extra, form } = self;
        form.get_or_insert_with(|| begin(page, family, extra));
        sample::metric(family, metric, page.format, &mut page.buffer);
        page.pass_on(BLOCK)
    }
}

/// Writes the head of a family.
fn begin(page: &mut Page<'_>, family: &Family, extra: &[String]) -> Form {
    sample::head(family, page.format, &mut page.buffer);
    Form::new(family.name, family.labels.iter().copied().chain(extra.iter().map(String::as_str)))
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
